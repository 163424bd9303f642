#include "fit/joint_fit.h"

#include "base/alloc.h"
#include "fit/joint_kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE 0.1f /* of the first step; falls by FALL over the passes */
#define FALL 0.8f
#define REFIT_RATE 0.04f /* after pruning: what is left takes over */
#define BASE_RATE 3.0f   /* of a base, over a weight's: else all weights stand in for it */
#define PACE_FIRST 1.8f  /* 1 / root of 0.3: what a weight is taken to have seen at first */
#define CALIBRATIONS 2

#define ENTRY_BITS 9.0 /* what a weight costs in the codebook, about */
#define NOISE 0.1      /* of w^2 F: below it hardly anything is lost, and most weights are */
#define PROBES 4       /* blocks that priors are tried on */
#define HELD_RUN 64    /* rows of a run, of which ... */
#define HELD_EVERY 16  /* ... one in so many is held out */
#define THRESHOLDS 4   /* multiples 1, 4, 16, 64 of the pruning threshold are tried */
#define OCTAVE_NATS 0.693147181
#define SCRATCH_NBYTES ((size_t)288 << 20) /* of all workers: two at 131,072 features */

/* Inverse variances of weights, nats^-2, to choose from: how far weights shrink where rows are few
 * depends on the data. */
static const float priors[] = {0.3f, 1.5f, 6.0f};
#define PRIORS (sizeof priors / sizeof priors[0])

/* Rows by rank, ascending, as the blocks read them. */
typedef struct fit_rows {
    size_t row_count;
    size_t *start;
    uint32_t *rank;
    const uint8_t *starts;
    size_t stride; /* rows are visited in steps of it, coprime to their number: a shuffle */
} fit_rows;

/* One kind of weights of a block, dense over the sources that can bear on it. */
typedef struct dense_weights {
    float *weight; /* [live][JOINT_TARGETS], nats */
    float *pace;   /* [live][JOINT_TARGETS]; while pruning, the Fisher information */
    size_t values; /* of the block under way */
} dense_weights;

typedef struct block_scratch {
    dense_weights within, before;
} block_scratch;

/* What a block came to: entries source << 32 | target << 8 | weight as a byte, ascending. */
typedef struct block_result {
    uint64_t *within, *before;
    size_t within_count, before_count;
    mdla_status status;
} block_result;

typedef struct fit_job {
    const mdla_allocator *al;
    const codebook *cb;
    joint_fit_options *options;
    fit_rows rows;
    joint_model *model;
    uint32_t live; /* all ranks that fire in the rows are below it */
    float *decay;  /* [width] prior over the rows that a source is active in */
    double probe_cost[PRIORS][PROBES];
    block_scratch *scratch; /* [workers] */
    size_t workers;         /* no more than their scratch has memory for */
    block_result *results;  /* [blocks] */
    float prior;
    double threshold;     /* of w^2 F */
    double gain_per_cost; /* expected rows over fitted rows: bits saved here against bits spent */
} fit_job;

/* A block under way. */
typedef struct fit_block {
    const fit_job *job;
    block_scratch *s;
    uint32_t first; /* target */
    float prior;
    float base[JOINT_TARGETS], base_pace[JOINT_TARGETS];
    float logit[JOINT_TARGETS], p[JOINT_TARGETS];
    joint_sources within, before; /* of the row under way */
} fit_block;

static bool held_out(size_t row)
{
    return row / HELD_RUN % HELD_EVERY == HELD_EVERY - 1;
}

/* The sources of a row: its own features, and the row before's. */
static joint_sources within_sources(const fit_block *b, size_t row)
{
    const fit_rows *rows = &b->job->rows;

    return (joint_sources){rows->rank + rows->start[row], rows->start[row + 1] - rows->start[row],
                           b->first};
}

static joint_sources before_sources(const fit_block *b, size_t row)
{
    const fit_rows *rows = &b->job->rows;

    if (!b->job->options->before || row == 0 || rows->starts[row])
        return (joint_sources){rows->rank, 0, JOINT_ALL_TARGETS};
    return (joint_sources){rows->rank + rows->start[row - 1],
                           rows->start[row] - rows->start[row - 1], JOINT_ALL_TARGETS};
}

/* Subtracts what was active from v, or adds up its logits where v is NULL. */
static double active_targets(const fit_block *b, size_t row, float *v)
{
    const fit_rows *rows = &b->job->rows;
    double sum = 0.0;

    for (size_t i = rows->start[row]; i < rows->start[row + 1]; i++) {
        const uint32_t target = rows->rank[i] - b->first; /* wraps below the first */

        if (target >= JOINT_TARGETS)
            continue;
        if (v != NULL)
            v[target] -= 1.0f;
        else
            sum += b->logit[target];
    }
    return sum;
}

/* A row under way: its sources, its logits and the probabilities of its targets. */
static void predict(fit_block *b, size_t row)
{
    b->within = within_sources(b, row);
    b->before = before_sources(b, row);
    memcpy(b->logit, b->base, sizeof b->logit);
    joint_kernel_add(b->s->within.weight, &b->within, b->logit);
    joint_kernel_add(b->s->before.weight, &b->before, b->logit);
    joint_kernel_probability(b->logit, b->p);
}

static void train(fit_block *b, float rate_first, float rate_last, unsigned passes)
{
    static const float no_decay[1] = {0.0f};
    static const uint32_t base_source[1] = {0};
    const joint_sources base = {base_source, 1, JOINT_ALL_TARGETS};
    const fit_rows *rows = &b->job->rows;
    const size_t steps = rows->row_count * passes;

    for (size_t t = 0, row = 0; t < steps; t++, row = (row + rows->stride) % rows->row_count) {
        const float done = (float)t / (float)steps;
        const float rate = rate_first + (rate_last - rate_first) * done;

        if (held_out(row))
            continue;
        predict(b, row);
        (void)active_targets(b, row, b->p);
        joint_kernel_learn(b->s->within.weight, b->s->within.pace, &b->within, b->p, rate, b->prior,
                           b->job->decay);
        joint_kernel_learn(b->s->before.weight, b->s->before.pace, &b->before, b->p, rate, b->prior,
                           b->job->decay);
        joint_kernel_learn(b->base, b->base_pace, &base, b->p, BASE_RATE * rate, 0.0f, no_decay);
    }
}

static void inform(fit_block *b)
{
    memset(b->s->within.pace, 0, b->s->within.values * sizeof(float));
    memset(b->s->before.pace, 0, b->s->before.values * sizeof(float));
    for (size_t row = 0; row < b->job->rows.row_count; row++) {
        if (held_out(row))
            continue;
        predict(b, row);
        joint_kernel_fisher(b->p, &b->within, b->s->within.pace);
        joint_kernel_fisher(b->p, &b->before, b->s->before.pace);
    }
}

static double weight_unit(const joint_model *m)
{
    return OCTAVE_NATS / JOINT_UNIT * (double)(1 << m->shift);
}

/* A weight on its grid. */
static int rounded(const fit_job *j, float weight)
{
    const double value = rint((double)weight / weight_unit(j->model));

    return (int)fmin(fmax(value, -JOINT_WEIGHT_MOST), JOINT_WEIGHT_MOST);
}

static bool pays(const dense_weights *w, size_t at, double threshold)
{
    return (double)w->weight[at] * w->weight[at] * w->pace[at] > threshold;
}

/* Nats of the held-out rows where weights below a threshold don't count. */
static double held_out_cost(fit_block *b, double threshold)
{
    const block_scratch *s = b->s;
    double cost = 0.0;

    for (size_t row = 0; row < b->job->rows.row_count; row++) {
        if (!held_out(row))
            continue;
        b->within = within_sources(b, row);
        b->before = before_sources(b, row);
        memcpy(b->logit, b->base, sizeof b->logit);
        joint_kernel_add_paying(s->within.weight, s->within.pace, (float)threshold, &b->within,
                                b->logit);
        joint_kernel_add_paying(s->before.weight, s->before.pace, (float)threshold, &b->before,
                                b->logit);
        cost += joint_kernel_cost(b->logit) - active_targets(b, row, NULL);
    }
    return cost;
}

/* Adds up how many weights are worth more than each threshold; they ascend. */
static void count_paying(const dense_weights *w, const double *threshold, size_t *count)
{
    for (size_t i = 0; i < w->values; i++)
        for (unsigned t = 0; t <= THRESHOLDS && pays(w, i, threshold[t]); t++)
            count[t]++;
}

/* The threshold at which held-out rows, scaled to those expected, and the weights' own bits come to
 * least. */
static double best_threshold(fit_block *b)
{
    const fit_job *j = b->job;
    double best = INFINITY, chosen = INFINITY, threshold[THRESHOLDS + 1];
    size_t count[THRESHOLDS + 1] = {0};

    for (unsigned i = 0; i <= THRESHOLDS; i++)
        threshold[i] = i < THRESHOLDS ? ldexp(j->threshold, 2 * (int)i) : INFINITY;
    count_paying(&b->s->within, threshold, count);
    count_paying(&b->s->before, threshold, count);
    for (unsigned i = 0; i <= THRESHOLDS; i++) {
        const double saved = held_out_cost(b, threshold[i]) / OCTAVE_NATS * (HELD_EVERY - 1);
        const double cost = saved + (double)count[i] * ENTRY_BITS / j->gain_per_cost;

        if (cost < best) {
            best = cost;
            chosen = threshold[i];
        }
    }
    return chosen;
}

/* What doesn't pay is taken out and stays out: its pace is 0. */
static void prune(dense_weights *w, double threshold)
{
    for (size_t i = 0; i < w->values; i++) {
        const bool stays = pays(w, i, threshold);

        w->pace[i] = stays ? 1.0f / sqrtf(w->pace[i] + 0.3f) : 0.0f;
        w->weight[i] = stays ? w->weight[i] : 0.0f;
    }
}

static void round_weights(const fit_block *b, dense_weights *w)
{
    const double unit = weight_unit(b->job->model);

    for (size_t i = 0; i < w->values; i++)
        if (w->weight[i] != 0.0f) /* few are left */
            w->weight[i] = (float)(rounded(b->job, w->weight[i]) * unit);
}

/* Bases by Newton's method, so that each target fires as often as it is expected to. */
static void calibrate(fit_block *b)
{
    double slope[JOINT_TARGETS] = {0.0}, curvature[JOINT_TARGETS] = {0.0};

    for (size_t row = 0; row < b->job->rows.row_count; row++) {
        predict(b, row);
        for (size_t t = 0; t < JOINT_TARGETS; t++)
            curvature[t] += (double)b->p[t] * (1.0f - b->p[t]);
        (void)active_targets(b, row, b->p);
        for (size_t t = 0; t < JOINT_TARGETS; t++)
            slope[t] += b->p[t];
    }
    /* Half a hit and half a miss more keep a feature that never fires finite. */
    for (size_t t = 0; t < JOINT_TARGETS; t++)
        b->base[t] -= (float)fmin(fmax(slope[t] / (curvature[t] + 0.25), -1.0), 1.0);
}

static mdla_status collect(const fit_block *b, const dense_weights *w, uint64_t **out,
                           size_t *count)
{
    const fit_job *j = b->job;
    size_t wanted = 0, at = 0;

    for (size_t i = 0; i < w->values; i++)
        wanted += w->weight[i] != 0.0f;
    *out = alloc_array(j->al, wanted, sizeof **out);
    if (*out == NULL)
        return MDLA_ERR_MEMORY;
    for (size_t i = 0; i < w->values; i++) {
        const uint64_t source = i / JOINT_TARGETS;
        const uint32_t target = b->first + (uint32_t)(i % JOINT_TARGETS);

        if (w->weight[i] != 0.0f && target < j->cb->width)
            (*out)[at++] = source << 32 | joint_entry(target, rounded(j, w->weight[i]));
    }
    *count = at;
    return MDLA_OK;
}

static void start_weights(dense_weights *w, uint32_t sources)
{
    w->values = (size_t)sources * JOINT_TARGETS;
    memset(w->weight, 0, w->values * sizeof *w->weight);
    for (size_t i = 0; i < w->values; i++)
        w->pace[i] = PACE_FIRST;
}

static void start_block(fit_block *b)
{
    const fit_job *j = b->job;
    const uint32_t behind = b->first + JOINT_TARGETS;

    start_weights(&b->s->within, j->live < behind ? j->live : behind);
    start_weights(&b->s->before, j->options->before ? j->live : 0);
    for (uint32_t t = 0; t < JOINT_TARGETS; t++) {
        const uint32_t rank = b->first + t;
        const int octaves8 = rank < j->cb->width
                                 ? RATE_INDEX_EVEN - j->cb->rate_index[j->cb->order[rank]]
                                 : JOINT_BASE_LEAST;

        b->base[t] = (float)(octaves8 / 8.0 * OCTAVE_NATS);
        b->base_pace[t] = 1.0f;
    }
}

static void keep_bases(const fit_block *b)
{
    joint_model *m = b->job->model;

    for (uint32_t t = 0; t < JOINT_TARGETS && b->first + t < m->width; t++) {
        const double eighths = rint((double)b->base[t] / OCTAVE_NATS * 8.0);

        m->base[b->first + t] =
            (int16_t)(fmin(fmax(eighths, JOINT_BASE_LEAST), JOINT_BASE_MOST) * JOINT_BASE_UNIT);
    }
}

/* The held-out cost of a block under a prior. */
static void probe_one(void *ctx, size_t task, size_t worker)
{
    fit_job *j = ctx;
    const size_t blocks = (j->cb->width + JOINT_TARGETS - 1) / JOINT_TARGETS;
    const size_t prior = task / PROBES, probe = task % PROBES;
    fit_block b = {.job = j,
                   .s = &j->scratch[worker],
                   .first = (uint32_t)(blocks * probe * probe / (PROBES * PROBES)) * JOINT_TARGETS,
                   .prior = priors[prior]};

    start_block(&b);
    train(&b, RATE, RATE * (1.0f - FALL), j->options->passes);
    memset(b.s->within.pace, 0x7f, b.s->within.values * sizeof(float));
    memset(b.s->before.pace, 0x7f, b.s->before.values * sizeof(float));
    j->probe_cost[prior][probe] = held_out_cost(&b, 0.0);
}

/* The prior that suits the held-out rows of some blocks best, frequent features first. */
static void choose_prior(fit_job *j, parallel_pool *pool)
{
    double least = INFINITY;

    parallel_run_few(pool, j->workers, PRIORS * PROBES, probe_one, j);
    for (size_t i = 0; i < PRIORS; i++) {
        double cost = 0.0;

        for (size_t k = 0; k < PROBES; k++)
            cost += j->probe_cost[i][k];
        if (cost < least) {
            least = cost;
            j->prior = priors[i];
        }
    }
}

static void fit_one(void *ctx, size_t task, size_t worker)
{
    fit_job *j = ctx;
    block_result *result = &j->results[task];
    fit_block b = {.job = j,
                   .s = &j->scratch[worker],
                   .first = (uint32_t)task * JOINT_TARGETS,
                   .prior = j->prior};

    start_block(&b);
    train(&b, RATE, RATE * (1.0f - FALL), j->options->passes);
    inform(&b);
    const double threshold = best_threshold(&b);

    prune(&b.s->within, threshold);
    prune(&b.s->before, threshold);
    if (!j->options->rough)
        train(&b, REFIT_RATE, REFIT_RATE * (1.0f - FALL), 1);
    round_weights(&b, &b.s->within);
    round_weights(&b, &b.s->before);
    for (unsigned i = 0; i < (j->options->rough ? 1 : CALIBRATIONS); i++)
        calibrate(&b);
    keep_bases(&b);
    result->status = collect(&b, &b.s->within, &result->within, &result->within_count);
    if (result->status == MDLA_OK)
        result->status = collect(&b, &b.s->before, &result->before, &result->before_count);
}

static int compare_ranks(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

/* Steps of about the golden ratio, coprime to the number of rows. */
static size_t shuffle_stride(size_t rows)
{
    size_t stride = (size_t)(0.6180339887 * (double)rows) | 1;

    for (;; stride++) {
        size_t a = rows, b = stride;

        while (b != 0) {
            const size_t rest = a % b;

            a = b;
            b = rest;
        }
        if (a == 1)
            return stride;
    }
}

static mdla_status take_rows(fit_job *j, const joint_rows *rows)
{
    const code_rows *codes = rows->codes;
    const size_t pairs = codes->start[codes->row_count];
    fit_rows *f = &j->rows;

    f->row_count = codes->row_count;
    f->start = codes->start;
    f->starts = rows->starts;
    f->stride = shuffle_stride(f->row_count);
    f->rank = alloc_array(j->al, pairs, sizeof *f->rank);
    if (f->rank == NULL)
        return MDLA_ERR_MEMORY;
    j->decay = alloc_zeroed(j->al, j->cb->width, sizeof *j->decay);
    if (j->decay == NULL)
        return MDLA_ERR_MEMORY;
    for (size_t i = 0; i < pairs; i++) {
        f->rank[i] = j->cb->rank[codes->feature[i]];
        j->decay[f->rank[i]] += 1.0f;
        if (f->rank[i] >= j->live)
            j->live = f->rank[i] + 1;
    }
    for (uint32_t s = 0; s < j->cb->width; s++)
        j->decay[s] = 1.0f / (j->decay[s] + 1.0f);
    for (size_t r = 0; r < f->row_count; r++)
        qsort(f->rank + f->start[r], f->start[r + 1] - f->start[r], sizeof *f->rank, compare_ranks);
    return MDLA_OK;
}

static mdla_status make_scratch(fit_job *j)
{
    const size_t within = (size_t)j->live * JOINT_TARGETS;
    const size_t before = j->options->before ? within : 0;
    const size_t nbytes = 2 * sizeof(float) * (within + before);

    while (j->workers > 1 && j->workers * nbytes > SCRATCH_NBYTES)
        j->workers--;
    j->scratch = alloc_zeroed(j->al, j->workers, sizeof *j->scratch);
    for (size_t w = 0; j->scratch != NULL && w < j->workers; w++) {
        block_scratch *b = &j->scratch[w];

        b->within.weight = alloc_array(j->al, within, sizeof(float));
        b->within.pace = alloc_array(j->al, within, sizeof(float));
        b->before.weight = alloc_array(j->al, before, sizeof(float));
        b->before.pace = alloc_array(j->al, before, sizeof(float));
        if (b->within.weight == NULL || b->within.pace == NULL || b->before.weight == NULL ||
            b->before.pace == NULL)
            return MDLA_ERR_MEMORY;
    }
    return j->scratch != NULL ? MDLA_OK : MDLA_ERR_MEMORY;
}

/* Weights by source from the blocks' entries; blocks ascend, so targets do. */
static mdla_status assemble(fit_job *j, size_t blocks, bool within, joint_weights *w)
{
    uint32_t *entry = alloc_array(j->al, j->cb->width, sizeof *entry);
    size_t *at = alloc_zeroed(j->al, blocks, sizeof *at); /* [blocks] entries that are taken */
    mdla_status status = entry != NULL && at != NULL ? MDLA_OK : MDLA_ERR_MEMORY;

    for (uint32_t source = 0; status == MDLA_OK && source < j->cb->width; source++) {
        uint32_t count = 0;

        for (size_t b = 0; b < blocks; b++) {
            const block_result *r = &j->results[b];
            const uint64_t *entries = within ? r->within : r->before;
            const size_t end = within ? r->within_count : r->before_count;

            for (; at[b] < end && entries[at[b]] >> 32 == source; at[b]++)
                entry[count++] = (uint32_t)entries[at[b]];
        }
        status = joint_weights_append(j->al, w, entry, count);
    }
    alloc_free(j->al, entry);
    alloc_free(j->al, at);
    return status;
}

static mdla_status run(fit_job *j, parallel_pool *pool, const joint_rows *rows)
{
    const size_t blocks = (j->cb->width + JOINT_TARGETS - 1) / JOINT_TARGETS;

    MDLA_TRY(take_rows(j, rows));
    MDLA_TRY(make_scratch(j));
    j->model = joint_model_new(j->al, j->cb->width);
    j->results = alloc_zeroed(j->al, blocks, sizeof *j->results);
    if (j->model == NULL || j->results == NULL)
        return MDLA_ERR_MEMORY;
    j->gain_per_cost = j->options->expected_rows / (double)j->rows.row_count;
    j->threshold = NOISE + 2.0 * OCTAVE_NATS * ENTRY_BITS / j->gain_per_cost;
    /* Finer weights where more rows share them. */
    j->model->shift = j->gain_per_cost >= 100.0 ? 0 : j->gain_per_cost >= 10.0 ? 1 : 2;
    j->model->has_before = j->options->before;
    j->prior = j->options->prior;
    if (!(j->prior > 0.0f))
        choose_prior(j, pool);
    j->options->prior = j->prior;
    parallel_run_few(pool, j->workers, blocks, fit_one, j);
    for (size_t b = 0; b < blocks; b++)
        MDLA_TRY(j->results[b].status);
    MDLA_TRY(assemble(j, blocks, true, &j->model->within));
    MDLA_TRY(assemble(j, blocks, false, &j->model->before));
    if (j->model->before.count == 0)
        j->model->has_before = false;
    return MDLA_OK;
}

mdla_status joint_fit(codebook *cb, parallel_pool *pool, const joint_rows *rows,
                      joint_fit_options *options)
{
    const size_t blocks = (cb->width + JOINT_TARGETS - 1) / JOINT_TARGETS;
    fit_job j = {.al = cb->al, .cb = cb, .options = options, .workers = parallel_workers(pool)};
    const mdla_status status = run(&j, pool, rows);

    joint_model_free(cb->joint);
    cb->joint = NULL;
    if (status == MDLA_OK && j.model->within.count + j.model->before.count != 0) {
        cb->joint = j.model;
        j.model = NULL;
    }
    joint_model_free(j.model);
    alloc_free(j.al, j.rows.rank);
    alloc_free(j.al, j.decay);
    for (size_t w = 0; j.scratch != NULL && w < j.workers; w++) {
        alloc_free(j.al, j.scratch[w].within.weight);
        alloc_free(j.al, j.scratch[w].within.pace);
        alloc_free(j.al, j.scratch[w].before.weight);
        alloc_free(j.al, j.scratch[w].before.pace);
    }
    alloc_free(j.al, j.scratch);
    for (size_t b = 0; j.results != NULL && b < blocks; b++) {
        alloc_free(j.al, j.results[b].within);
        alloc_free(j.al, j.results[b].before);
    }
    alloc_free(j.al, j.results);
    return status;
}
