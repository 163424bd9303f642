/* Owns codewords: k-means on rows, and again on what each stage leaves. */
#include "base/alloc.h"
#include "base/matmul.h"
#include "encode/fit_job.h"
#include "fit/kmeans.h"

#include <math.h>
#include <string.h>

#define TRAIN_VALUES ((size_t)1 << 26) /* of rows that k-means sees, about */
#define TRAIN_ROWS_LEAST 4             /* a codeword, where there are as many */
#define CHECK_ROWS 4096                /* on which the stages needed are counted */
#define CHECK_PATHS 8
#define STAGES_MOST 256 /* that are tried for a target */
#define REACH 0.97      /* of the FVU asked: the rest is for codewords in integers, and for bits */
#define CODEWORDS_MOST 1024 /* of a stage, where none are asked for */
#define CODEWORDS_LEAST 16
#define ROWS_A_CODEWORD 64 /* where there are fewer, there are fewer codewords */
#define WIDTH_MOST (UINT32_C(1) << 20)

typedef struct training {
    fit_job *job;
    uint32_t codewords; /* of a stage */
    float *left;        /* [rows][dims] what the stages so far leave, of rows evenly spread */
    size_t rows, wanted;
    uint64_t seen;   /* rows of the data set */
    uint32_t *code;  /* [rows] of the last stage */
    uint64_t *used;  /* [stages][codewords] rows of each */
    float *words;    /* [stages][codewords][dims] */
    uint32_t stages; /* there are */
    double error;    /* of all rows of left, squared */
    double bits;     /* a row's, by the entropy of each stage */
    float *check;    /* [check_rows][dims] rows to try stages on */
    size_t check_rows;
    double check_deviation;
} training;

static mdla_status no_memory(const training *t)
{
    return error_set(t->job->err, MDLA_ERR_MEMORY, "no memory for %u codewords of %u values",
                     t->codewords, t->job->survey.dims);
}

static void keep_rows(void *ctx, parallel_pool *pool, const float *rows, size_t row_count)
{
    training *t = ctx;
    const uint32_t dims = t->job->survey.dims;
    const double share = (double)t->wanted / (double)t->job->survey.rows;

    (void)pool;
    for (size_t r = 0; r < row_count; r++, t->seen++) {
        if (t->rows == t->wanted ||
            floor((double)(t->seen + 1) * share) <= floor((double)t->seen * share))
            continue;
        for (uint32_t d = 0; d < dims; d++)
            t->left[t->rows * dims + d] =
                (float)((double)rows[r * dims + d] - t->job->survey.mean[d]);
        t->rows++;
    }
}

static mdla_status take_rows(training *t)
{
    const row_survey *s = &t->job->survey;
    const size_t most = TRAIN_VALUES / s->dims, least = TRAIN_ROWS_LEAST * (size_t)t->codewords;
    const size_t wanted = most > least ? most : least;
    const size_t every = (s->sample_rows + CHECK_ROWS - 1) / CHECK_ROWS;
    const mdla_allocator *al = t->job->al;

    t->wanted = wanted < s->rows ? wanted : (size_t)s->rows;
    t->left = alloc_array(al, t->wanted * s->dims, sizeof *t->left);
    t->code = alloc_array(al, t->wanted, sizeof *t->code);
    t->check = alloc_array(al, CHECK_ROWS * (size_t)s->dims, sizeof *t->check);
    if (t->left == NULL || t->code == NULL || t->check == NULL)
        return no_memory(t);
    for (size_t r = 0; r < s->sample_rows; r += every, t->check_rows++) {
        for (uint32_t d = 0; d < s->dims; d++) {
            const double x = (double)s->sample[r * s->dims + d] - s->mean[d];

            t->check[t->check_rows * s->dims + d] = (float)x;
            t->check_deviation += x * x;
        }
    }
    return fit_over_rows(t->job, "rows for codewords", keep_rows, t);
}

/* Room for a stage more. */
static mdla_status make_room(training *t)
{
    const mdla_allocator *al = t->job->al;
    const size_t have = (size_t)t->stages * t->codewords, dims = t->job->survey.dims;
    float *words = alloc_array(al, (have + t->codewords) * dims, sizeof *words);
    uint64_t *used = alloc_array(al, have + t->codewords, sizeof *used);

    if (words == NULL || used == NULL) {
        alloc_free(al, words);
        alloc_free(al, used);
        return no_memory(t);
    }
    if (have != 0) {
        memcpy(words, t->words, have * dims * sizeof *words);
        memcpy(used, t->used, have * sizeof *used);
    }
    alloc_free(al, t->words);
    alloc_free(al, t->used);
    t->words = words;
    t->used = used;
    return MDLA_OK;
}

static mdla_status add_stage(training *t)
{
    const uint32_t dims = t->job->survey.dims;
    const size_t have = (size_t)t->stages * t->codewords;
    const mdla_fit_options *o = t->job->options;

    MDLA_TRY(make_room(t));

    float *stage = t->words + have * dims;
    uint64_t *used = t->used + have;

    if (kmeans_fit(t->job->al, t->job->engine.pool, t->left, t->rows, dims, t->codewords,
                   t->stages + 1, stage, t->code, used) != MDLA_OK)
        return no_memory(t);
    t->stages++;
    t->error = 0.0;
    for (size_t r = 0; r < t->rows; r++) {
        float *left = t->left + r * dims;

        matmul_axpy(dims, -1.0f, stage + (size_t)t->code[r] * dims, left);
        t->error += (double)matmul_dot(dims, left, left);
    }
    for (uint32_t k = 0; k < t->codewords && used[k] != 0; k++) {
        const double share = (double)used[k] / (double)t->rows;

        t->bits -= share * log2(share);
    }
    if (o->progress != NULL &&
        o->progress(o->progress_ctx, "stages of codewords", t->stages, MDLA_UNKNOWN) != 0)
        return error_set(t->job->err, MDLA_ERR_INTERRUPTED, "interrupted");
    return MDLA_OK;
}

/* FVU of the stages so far, of some rows, each by the nearest sum of codewords that a beam finds.
 */
static mdla_status check_stages(const training *t, double *fvu)
{
    const mdla_allocator *al = t->job->al;
    const uint32_t width = t->stages * t->codewords;
    float *free_of_charge = alloc_zeroed(al, width, sizeof *free_of_charge);
    float *distortion = alloc_array(al, t->check_rows, sizeof *distortion);
    choice_atoms *atoms =
        choice_atoms_new(al, t->job->engine.pool, t->words, width, t->job->survey.dims, t->stages);
    const search_prices prices = {
        .step = 1.0f, .feature_bits = free_of_charge, .beam = CHECK_PATHS};
    code_rows codes = {0};
    mdla_status status = MDLA_ERR_MEMORY;

    if (free_of_charge != NULL && distortion != NULL && atoms != NULL)
        status = choice_codes(al, atoms, &prices, t->job->engine.pool, t->check, t->check_rows,
                              &codes, distortion);
    *fvu = 0.0;
    for (size_t r = 0; status == MDLA_OK && r < t->check_rows; r++)
        *fvu += (double)distortion[r] / t->check_deviation;
    code_rows_free(al, &codes);
    choice_atoms_free(atoms);
    alloc_free(al, free_of_charge);
    alloc_free(al, distortion);
    return status == MDLA_OK ? MDLA_OK : no_memory(t);
}

/* Whether the stages there are suffice for the target. */
static mdla_status suffices(const training *t, bool *enough)
{
    const mdla_target *target = &t->job->options->target;
    double fvu;

    if (target->bits_per_row > 0.0) {
        *enough = t->bits >= target->bits_per_row;
        return MDLA_OK;
    }
    MDLA_TRY(check_stages(t, &fvu));
    *enough = fvu <= REACH * target->fvu;
    return MDLA_OK;
}

static mdla_status train(training *t, uint32_t stages)
{
    const mdla_target *target = &t->job->options->target;
    bool enough = false;

    MDLA_TRY(take_rows(t));
    while (!enough) {
        if (t->stages != 0 && ((uint64_t)(t->stages + 1) * t->codewords > WIDTH_MOST ||
                               (stages == 0 && t->stages == STAGES_MOST)))
            return error_set(t->job->err, MDLA_ERR_TARGET,
                             "%u stages of %u codewords don't reach the target; give more "
                             "codewords, or a target that is easier to reach",
                             t->stages, t->codewords);
        MDLA_TRY(add_stage(t));
        if (stages != 0)
            enough = t->stages == stages;
        else if (!(t->error > 0.0))
            enough = true;
        else
            MDLA_TRY(suffices(t, &enough));
    }
    if (stages == 0 && target->bits_per_row > 0.0 && t->bits > target->bits_per_row &&
        t->stages > 1)
        t->stages--; /* as many as the bits pay for */
    return MDLA_OK;
}

/* What is asked for, as far as it can't be; codewords gets what stands for 0. */
static mdla_status check(const fit_job *j, mdla_basis kind, uint32_t *codewords)
{
    const mdla_fit_options *o = j->options;
    const uint64_t rows = j->survey.rows, share = rows / ROWS_A_CODEWORD;

    if (o->target.step > 0.0)
        return error_set(j->err, MDLA_ERR_ARGUMENT,
                         "codewords have no levels and so no step: give an FVU, bits a row, or "
                         "neither for what the codewords come to");
    if (kind == MDLA_BASIS_ONEHOT && o->codewords == 0)
        return error_set(j->err, MDLA_ERR_ARGUMENT,
                         "onehot needs to be told how many codewords it is to have");
    if (kind == MDLA_BASIS_RVQ && o->stages == 0 && !(o->target.fvu > 0.0) &&
        !(o->target.bits_per_row > 0.0))
        return error_set(j->err, MDLA_ERR_ARGUMENT,
                         "rvq needs its stages, or an FVU or bits a row that decide them");
    *codewords = o->codewords;
    if (*codewords == 0) {
        const uint64_t least = rows < CODEWORDS_LEAST ? rows : CODEWORDS_LEAST;

        *codewords = (uint32_t)(share > CODEWORDS_MOST ? CODEWORDS_MOST
                                : share < least        ? least
                                                       : share);
    }
    if (*codewords > rows)
        return error_set(j->err, MDLA_ERR_ARGUMENT,
                         "%u codewords are more than the %llu rows: give at most as many",
                         *codewords, (unsigned long long)rows);
    if ((uint64_t)*codewords * (o->stages != 0 ? o->stages : 1) > WIDTH_MOST)
        return error_set(j->err, MDLA_ERR_LIMIT, "%u stages of %u codewords are more than %u",
                         o->stages, *codewords, WIDTH_MOST);
    return MDLA_OK;
}

mdla_status fit_codewords(fit_job *j, mdla_basis kind, codebook_basis *basis, sae *features)
{
    const uint32_t stages = kind == MDLA_BASIS_ONEHOT ? 1 : j->options->stages;
    training t = {.job = j};
    mdla_status status;

    MDLA_TRY(check(j, kind, &t.codewords));
    status = train(&t, stages);
    if (status == MDLA_OK) {
        *basis = (codebook_basis){CODEBOOK_CHOICES, t.stages};
        features->width = t.stages * t.codewords;
        features->w_dec = t.words;
        j->word_rows = t.used;
        j->trained_rows = t.rows;
    } else {
        alloc_free(j->al, t.words);
        alloc_free(j->al, t.used);
    }
    alloc_free(j->al, t.left);
    alloc_free(j->al, t.code);
    alloc_free(j->al, t.check);
    return status;
}
