/* A training's life around its steps: memory, the first atoms, the threshold at the end, the SAE.
 */
#include "train/state.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/matmul.h"

#include <math.h>
#include <string.h>

/* The first atoms are data rows, turned away by noise of NOISE times their length; encoder runs are
 * the atoms, short, so that the first reconstructions are small rather than large. */
#define FIRST_NOISE 1.0f
#define FIRST_ENCODER 0.1f
#define FIRST_PENALTY 0.1f

/* Standard errors that the calibrated mean L0 stays below the one asked for, so that other rows
 * keep to it. They are of batches as if independent: within a batch rows are neighbours, which
 * makes them large enough. */
#define CAUTION 1.0

static bool weights_open(const mdla_allocator *al, size_t count, train_weights *weights)
{
    weights->count = count;
    weights->w = alloc_zeroed(al, count, sizeof *weights->w);
    weights->m = alloc_zeroed(al, count, sizeof *weights->m);
    weights->v = alloc_zeroed(al, count, sizeof *weights->v);
    return weights->w != NULL && weights->m != NULL && weights->v != NULL;
}

static void weights_close(const mdla_allocator *al, train_weights *weights)
{
    alloc_free(al, weights->w);
    alloc_free(al, weights->m);
    alloc_free(al, weights->v);
}

uint64_t trainer_nbytes(const trainer_params *p, size_t workers)
{
    const double model = 6.0 * p->width * p->dims * sizeof(float);
    const double rows = 3.0 * p->batch * p->dims * sizeof(float);
    const double candidates = 2.0 * p->batch * p->width * sizeof(code_entry);
    const double scratch =
        (double)workers * (TILE_ROWS * TILE_FEATURES + 2.0 * p->dims) * sizeof(float);

    return (uint64_t)(model + rows + candidates + scratch);
}

static bool arrays_open(trainer *t)
{
    const mdla_allocator *al = t->al;
    const size_t dims = t->p.dims, width = t->p.width, batch = t->p.batch;
    const size_t workers = parallel_workers(t->pool);
    size_t weights;

    if (!checked_mul_size(width, dims, &weights))
        return false;
    t->mean = alloc_zeroed(al, dims, sizeof *t->mean);
    t->fired = alloc_zeroed(al, width, sizeof *t->fired);
    t->x = alloc_zeroed(al, batch * dims, sizeof *t->x);
    t->error = alloc_zeroed(al, 2 * batch * dims, sizeof *t->error);
    t->row_loss = alloc_zeroed(al, batch, sizeof *t->row_loss);
    t->row_error = alloc_zeroed(al, batch, sizeof *t->row_error);
    t->pre = alloc_zeroed(al, workers * TILE_ROWS * TILE_FEATURES, sizeof *t->pre);
    t->gradient = alloc_zeroed(al, workers * 2 * dims, sizeof *t->gradient);
    t->dead = alloc_zeroed(al, width, sizeof *t->dead);
    return weights_open(al, weights, &t->enc) && weights_open(al, weights, &t->dec) &&
           weights_open(al, width, &t->b_enc) && weights_open(al, dims, &t->b_dec) &&
           t->mean != NULL && t->fired != NULL && t->x != NULL && t->error != NULL &&
           t->row_loss != NULL && t->row_error != NULL && t->pre != NULL && t->gradient != NULL &&
           t->dead != NULL;
}

mdla_status trainer_open(const mdla_allocator *al, const trainer_params *params,
                         parallel_pool *pool, trainer **out)
{
    trainer *t = alloc_zeroed(al, 1, sizeof *t);

    *out = NULL;
    if (t == NULL)
        return MDLA_ERR_MEMORY;
    t->al = al;
    t->p = *params;
    t->pool = pool;
    if (!arrays_open(t) || codes_open(al, params->batch, params->width, &t->codes) != MDLA_OK) {
        trainer_close(t);
        return MDLA_ERR_MEMORY;
    }
    matmul_init();
    rng_seed(&t->now.rng, params->seed);
    t->now.scale = 1.0f;
    t->now.penalty = params->arch == TRAINER_RELU ? FIRST_PENALTY : 0.0f;
    *out = t;
    return MDLA_OK;
}

void trainer_close(trainer *t)
{
    if (t == NULL)
        return;
    weights_close(t->al, &t->enc);
    weights_close(t->al, &t->dec);
    weights_close(t->al, &t->b_enc);
    weights_close(t->al, &t->b_dec);
    alloc_free(t->al, t->mean);
    alloc_free(t->al, t->fired);
    alloc_free(t->al, t->x);
    alloc_free(t->al, t->error);
    alloc_free(t->al, t->row_loss);
    alloc_free(t->al, t->row_error);
    alloc_free(t->al, t->pre);
    alloc_free(t->al, t->gradient);
    alloc_free(t->al, t->dead);
    codes_close(t->al, &t->codes);
    alloc_free(t->al, t);
}

/* ---- First state ------------------------------------------------------------------------------
 */

static mdla_status set_origin(trainer *t, const float *rows, size_t row_count)
{
    const size_t dims = t->p.dims;
    double *sum = alloc_zeroed(t->al, dims, sizeof *sum);
    double square = 0.0;

    if (sum == NULL)
        return MDLA_ERR_MEMORY;
    for (size_t r = 0; r < row_count; r++)
        for (size_t i = 0; i < dims; i++)
            sum[i] += (double)rows[r * dims + i];
    for (size_t i = 0; i < dims; i++)
        t->mean[i] = (float)(sum[i] / (double)row_count);
    alloc_free(t->al, sum);
    for (size_t r = 0; r < row_count; r++)
        for (size_t i = 0; i < dims; i++) {
            const double off = (double)(rows[r * dims + i] - t->mean[i]);
            square += off * off;
        }
    t->now.scale = (float)sqrt(square / ((double)row_count * (double)dims));
    return t->now.scale > 0.0f && isfinite(t->now.scale) ? MDLA_OK : MDLA_ERR_DATA;
}

mdla_status trainer_begin(trainer *t, const float *rows, size_t row_count)
{
    const size_t dims = t->p.dims;
    const float noise = FIRST_NOISE / sqrtf((float)dims);

    if (row_count == 0)
        return MDLA_ERR_DATA;
    MDLA_TRY(set_origin(t, rows, row_count));
    for (size_t f = 0; f < t->p.width; f++) {
        float *atom = t->dec.w + f * dims, *run = t->enc.w + f * dims;

        kernel_centre(dims, rows + rng_below(&t->now.rng, row_count) * dims, t->mean, 1.0f, atom);
        kernel_normalise(dims, atom);
        for (size_t i = 0; i < dims; i++)
            atom[i] += noise * rng_normal(&t->now.rng);
        kernel_normalise(dims, atom);
        kernel_axpy(dims, FIRST_ENCODER, atom, run);
    }
    return MDLA_OK;
}

/* ---- Last state -------------------------------------------------------------------------------
 */

/* Candidates of many batches. */
typedef struct calibration {
    float *values;
    size_t count, capacity;
    size_t *end; /* [rounds]: where a batch's values end */
    size_t rounds;
} calibration;

static mdla_status collect(trainer *t, const float *rows, calibration *c)
{
    const size_t dims = t->p.dims, batch = t->p.batch;

    for (size_t round = 0; round < c->rounds; round++) {
        for (size_t r = 0; r < batch; r++)
            kernel_centre(dims, rows + (round * batch + r) * dims, t->mean, 1.0f / t->now.scale,
                          t->x + r * dims);
        train_find_candidates(t);
        if (c->count + codes_candidates(&t->codes) > c->capacity) {
            const size_t capacity = 2 * (c->count + codes_candidates(&t->codes));
            float *grown = alloc_grown(t->al, c->values, c->count, capacity, sizeof *grown);

            if (grown == NULL)
                return MDLA_ERR_MEMORY;
            c->values = grown;
            c->capacity = capacity;
        }
        c->count += codes_values(&t->codes, c->values + c->count);
        c->end[round] = c->count;
    }
    return MDLA_OK;
}

/* The standard error of the mean number of values above threshold, a batch. */
static double count_error(const calibration *c, float threshold)
{
    double sum = 0.0, squares = 0.0;
    const double n = (double)c->rounds;

    if (c->rounds < 2)
        return 0.0;
    for (size_t round = 0, i = 0; round < c->rounds; round++) {
        size_t above = 0;
        for (; i < c->end[round]; i++)
            above += c->values[i] > threshold;
        sum += (double)above;
        squares += (double)above * (double)above;
    }
    return sqrt(fmax(0.0, squares - sum * sum / n) / (n - 1.0) / n);
}

/* The threshold that the given number of values are above: reorders a copy. */
static mdla_status cut(const trainer *t, const calibration *c, double above, float *threshold)
{
    float *sorted;

    if (above < 1.0 || above >= (double)c->count)
        return MDLA_OK;
    sorted = alloc_array(t->al, c->count, sizeof *sorted);
    if (sorted == NULL)
        return MDLA_ERR_MEMORY;
    memcpy(sorted, c->values, c->count * sizeof *sorted);
    *threshold = codes_kth_largest(sorted, c->count, (size_t)above + 1);
    alloc_free(t->al, sorted);
    return MDLA_OK;
}

static mdla_status calibrate(trainer *t, const float *rows, calibration *c)
{
    const double wanted = (double)t->p.batch * t->p.l0; /* a batch */
    const double rounds = (double)c->rounds;
    float threshold = t->now.threshold;

    t->now.bound = 0.5f * t->now.threshold; /* far enough below it, yet few values */
    memset(t->dead, 0, t->p.width);
    MDLA_TRY(collect(t, rows, c));
    MDLA_TRY(cut(t, c, wanted * rounds, &threshold));
    MDLA_TRY(cut(t, c, (wanted - CAUTION * count_error(c, threshold)) * rounds, &threshold));
    t->now.threshold = threshold;
    return MDLA_OK;
}

mdla_status trainer_calibrate(trainer *t, const float *rows, size_t row_count)
{
    calibration c = {.rounds = row_count / t->p.batch};
    mdla_status status;

    if (t->p.arch != TRAINER_BATCHTOPK || c.rounds == 0)
        return MDLA_OK;
    c.end = alloc_zeroed(t->al, c.rounds, sizeof *c.end);
    if (c.end == NULL)
        return MDLA_ERR_MEMORY;
    status = calibrate(t, rows, &c);
    alloc_free(t->al, c.values);
    alloc_free(t->al, c.end);
    return status;
}

/* Undoes centring and scaling: with raw row y, model row (y - mean) / scale and strengths in raw
 * units, encoder runs stay as they are. */
mdla_status trainer_export(const trainer *t, sae **out)
{
    static const sae_activation kinds[] = {SAE_JUMPRELU, SAE_TOPK, SAE_RELU};
    const size_t dims = t->p.dims;
    const float scale = t->now.scale;
    sae *s = sae_new(t->al, t->p.dims, t->p.width, kinds[t->p.arch]);

    *out = s;
    if (s == NULL)
        return MDLA_ERR_MEMORY;
    if (s->activation == SAE_TOPK)
        s->k = t->p.l0;
    memcpy(s->w_enc, t->enc.w, t->enc.count * sizeof *s->w_enc);
    memcpy(s->w_dec, t->dec.w, t->dec.count * sizeof *s->w_dec);
    for (size_t f = 0; f < t->p.width; f++) {
        s->b_enc[f] = scale * t->b_enc.w[f] - kernel_dot(dims, t->mean, t->enc.w + f * dims);
        if (s->threshold != NULL)
            s->threshold[f] = scale * t->now.threshold;
    }
    for (size_t i = 0; i < dims; i++)
        s->b_dec[i] = scale * t->b_dec.w[i] + t->mean[i];
    return MDLA_OK;
}

uint64_t trainer_steps_done(const trainer *t)
{
    return t->now.step;
}

void trainer_state(trainer *t, trainer_part parts[TRAINER_PARTS])
{
    train_weights *const all[] = {&t->enc, &t->dec, &t->b_enc, &t->b_dec};
    size_t n = 0;

    for (size_t i = 0; i < 4; i++) {
        const size_t nbytes = all[i]->count * sizeof(float);
        parts[n++] = (trainer_part){all[i]->w, nbytes};
        parts[n++] = (trainer_part){all[i]->m, nbytes};
        parts[n++] = (trainer_part){all[i]->v, nbytes};
    }
    parts[n++] = (trainer_part){t->mean, t->p.dims * sizeof *t->mean};
    parts[n++] = (trainer_part){t->fired, t->p.width * sizeof *t->fired};
    parts[n++] = (trainer_part){&t->now, sizeof t->now};
}
