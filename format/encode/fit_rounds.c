/* Owns the rounds of a fit: codes under prices, prices from codes, and again. */
#include "base/alloc.h"
#include "encode/fit_job.h"
#include "fit/joint_fit.h"
#include "fit/level_scales.h"

#include <math.h>
#include <string.h>

#define JOINT_ROWS_MAX ((double)(1 << 20))  /* that a joint model is fitted to, about */
#define JOINT_PAIRS_MAX ((double)(1 << 25)) /* features and levels of these rows, about */
#define EARLY_ROWS 150000 /* of the rounds before the last, about: they only settle prices */
#define JOINT_ROUNDS 3    /* under the joint model's prices */
#define ADAPT_ROUNDS 3    /* more, in which atoms move */
#define LAMBDA_TRIALS 8
/* Passes of the joint fit over its rows: more where they are few, fewer while prices only settle.
 */
#define JOINT_PASSES_MOST 8
#define JOINT_PASSES_LEAST 3
#define JOINT_STEPS 480000.0

/* Lambda alone, on the sample, once prices have changed. */
static mdla_status settle_lambda(fit_job *j)
{
    const mdla_target *target = &j->options->target;
    const file_shape shape = {j->survey.rows, (uint32_t)j->engine.span, 0};
    const size_t stride = j->survey.sample_rows >= 8192 ? 2 : 1;
    rate_control control;
    rate_trial trial;

    if (target->step > 0.0)
        return MDLA_OK;
    rate_control_start(&control, target, j->lambda, false);
    for (unsigned trials = 0; trials < LAMBDA_TRIALS; trials++) {
        pass_sums sums = {.charge = target->bits_per_row > 0.0};

        j->lambda = control.lambda;
        MDLA_TRY(fit_set_lambda(j));
        MDLA_TRY(pass_try_sample(&j->engine, &j->survey, stride, &sums, &shape, &trial, j->err));
        if (rate_control_step(&control, &trial, 0.005))
            break;
    }
    return MDLA_OK;
}

/* What a pass over all rows gathers. */
typedef struct full_pass {
    fit_job *job;
    pass_sums sums;
    bool keep; /* codes, for the joint model */
} full_pass;

fit_share fit_share_of(uint64_t rows, double active, uint32_t block_rows)
{
    const double most = fmin(JOINT_ROWS_MAX, JOINT_PAIRS_MAX / fmax(active, 1.0));

    if ((double)rows <= most)
        return (fit_share){1.0, (size_t)rows};
    return (fit_share){most / (double)rows, (size_t)most + 2 * (size_t)block_rows};
}

bool fit_share_keeps(const fit_share *s, uint64_t block)
{
    return s->blocks >= 1.0 ||
           floor((double)(block + 1) * s->blocks) > floor((double)block * s->blocks);
}

unsigned fit_joint_passes(size_t rows)
{
    const double wanted = JOINT_STEPS / (double)(rows + 1);

    return wanted > JOINT_PASSES_MOST    ? JOINT_PASSES_MOST
           : wanted < JOINT_PASSES_LEAST ? JOINT_PASSES_LEAST
                                         : (unsigned)wanted;
}

static mdla_status keep_codes(fit_job *j, const search_engine *e, uint64_t first)
{
    const code_rows *codes = &e->codes;
    code_rows *kept = &j->kept;

    for (size_t r = 0; r < codes->row_count; r++) {
        const size_t count = codes->start[r + 1] - codes->start[r];
        const size_t have = kept->row_count != 0 ? kept->start[kept->row_count] : 0;

        if (!fit_share_keeps(&j->share, (first + r) / e->span))
            continue;
        MDLA_TRY(code_rows_reserve(j->al, kept, kept->row_count + 1, have + count));
        memcpy(kept->feature + have, codes->feature + codes->start[r],
               count * sizeof *kept->feature);
        memcpy(kept->level + have, codes->level + codes->start[r], count * sizeof *kept->level);
        kept->start[kept->row_count] = have;
        j->kept_starts[kept->row_count] =
            (first + r) % e->span == 0 || (e->starts != NULL && e->starts[r] != 0);
        kept->start[++kept->row_count] = have + count;
    }
    return MDLA_OK;
}

static mdla_status take_tile(void *ctx, search_engine *e, const float *rows, size_t row_count,
                             uint64_t first, mdla_error *err)
{
    full_pass *p = ctx;

    MDLA_TRY(pass_sum_tile(&p->sums, e, rows, row_count, first, err));
    if (p->job->pull != NULL)
        fit_atoms_pull(p->job, e, row_count);
    return !p->keep || keep_codes(p->job, e, first) == MDLA_OK ? MDLA_OK : fit_no_memory(p->job);
}

/* A pass over every stride-th block at the lambda that was found: counts, moments, kept codes. */
static mdla_status count_rows(fit_job *j, size_t stride, atom_moments *moments, bool keep)
{
    const pass_progress progress = {j->options->progress, j->options->progress_ctx,
                                    stride == 1 ? "fit all rows" : "fit some rows", j->survey.rows};
    full_pass pass = {j, {.counts = j->counts, .moments = moments}, keep};

    code_counts_clear(j->counts);
    j->kept.row_count = 0;
    if (j->pull != NULL) {
        memset(j->pull, 0, (size_t)j->sae->width * j->sae->dims * sizeof *j->pull);
        memset(j->pull_weight, 0, j->sae->width * sizeof *j->pull_weight);
    }
    MDLA_TRY(fit_set_lambda(j));
    MDLA_TRY(mdla_rows_rewind(j->rows, j->err));
    MDLA_TRY(pass_over_blocks(&j->engine, j->rows, stride, &progress, take_tile, &pass, j->err));
    return fit_priors(j);
}

/* The joint model from the codes that are kept; prices follow it from now on. */
static mdla_status fit_joint(fit_job *j, bool last)
{
    const joint_rows rows = {&j->kept, j->kept_starts};
    const unsigned passes = fit_joint_passes(j->kept.row_count);
    joint_fit_options options = {.expected_rows = fit_expected_rows(j),
                                 .before = true,
                                 .rough = !last,
                                 .passes = last ? passes : (passes + 1) / 2,
                                 .prior = j->prior};

    if (joint_fit(j->cb, j->engine.pool, &rows, &options) != MDLA_OK)
        return fit_no_memory(j);
    if (j->cb->joint != NULL && level_scales_fit(j->cb, &rows) != MDLA_OK)
        return fit_no_memory(j);
    j->prior = options.prior;
    j->engine.code.joint = j->cb->joint != NULL;
    return MDLA_OK;
}

/* Everything that a round's codes change but the joint model. */
static mdla_status move_atoms(fit_job *j, atom_moments *moments, bool prune)
{
    if (j->pull != NULL)
        MDLA_TRY(fit_atoms_adapt(j, moments));
    return prune ? fit_atoms_prune(j, moments) : MDLA_OK;
}

static mdla_status one_round(fit_job *j, bool first, bool before_last, bool last)
{
    const bool joint = j->options->model == MDLA_MODEL_JOINT;
    const bool moves = !last && (j->pull != NULL || (before_last && j->options->prune));
    const size_t early = (size_t)(j->survey.rows / EARLY_ROWS);
    atom_moments some = {0};
    mdla_status status = MDLA_OK;

    if (!first)
        MDLA_TRY(settle_lambda(j));
    if (moves && atom_moments_start(&some, j->al, j->sae->width, NULL, 0) != MDLA_OK)
        return fit_no_memory(j);
    status = count_rows(j, last || early < 1 ? 1 : early,
                        last    ? &j->moments
                        : moves ? &some
                                : NULL,
                        joint);
    if (status == MDLA_OK && moves)
        status = move_atoms(j, &some, before_last && j->options->prune);
    if (status == MDLA_OK && joint)
        status = fit_joint(j, last);
    atom_moments_free(&some);
    return status;
}

mdla_status fit_rounds(fit_job *j)
{
    const bool joint = j->options->model == MDLA_MODEL_JOINT;
    const bool moves = j->options->adapt_atoms || j->options->prune;
    unsigned rounds = joint && !j->engine.fixed && !j->engine.plain_prices ? JOINT_ROUNDS : 0;

    if (!joint && j->choices == NULL && j->survey.sample_rows != j->survey.rows)
        rounds = 1; /* prices come from a sample so far */
    if (moves)
        rounds += ADAPT_ROUNDS;
    j->share =
        fit_share_of(j->survey.rows, (double)j->counts->active / fmax((double)j->counts->rows, 1.0),
                     (uint32_t)j->engine.span);
    j->kept_starts = alloc_array(j->al, j->share.rows_most, 1);
    if (j->options->adapt_atoms) {
        j->pull = alloc_array(j->al, (size_t)j->sae->width * j->sae->dims, sizeof *j->pull);
        j->pull_weight = alloc_array(j->al, j->sae->width, sizeof *j->pull_weight);
    }
    if (j->kept_starts == NULL ||
        (j->options->adapt_atoms && (j->pull == NULL || j->pull_weight == NULL)))
        return fit_no_memory(j);
    for (unsigned round = 0; round <= rounds; round++)
        MDLA_TRY(one_round(j, round == 0, round + 1 == rounds, round == rounds));
    return MDLA_OK;
}
