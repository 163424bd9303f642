/* A codebook from an SAE and rows: priors from the codes that a search under these very priors
 * finds, atoms with the precision that their use deserves. */
#include "base/alloc.h"
#include "base/matmul.h"
#include "encode/fit_job.h"
#include "fit/norms.h"
#include "fit/priors_fit.h"
#include "handles.h"
#include "saes/sae_handle.h"

#include <math.h>
#include <string.h>

#define START_ACTIVE 16.0       /* features a row that prices assume before anything is known */
#define ERROR_BITS_AT_START 150 /* a row's error over lambda, typically 50 to 400 */
#define LAMBDA_LEAST 1e-8       /* of a row's deviation: nothing is gained below */
#define WARM_UP 3               /* rounds in which prices settle before lambda moves */
#define ROUNDS_MAX 20
#define OFFSET_ROUNDS                                                                              \
    8 /* rounds in which reconstruction points move too: they would creep on for ever */
#define TOGETHER_WIDTH_MAX                                                                         \
    4096 /* up to here atoms are quantised with regard to each other: width^3 steps */
#define BASIS_ROWS_LEAST                                                                           \
    16 /* a dim: with the precision that fewer pay for, a basis doesn't come to the loss asked */
#define BIAS_STEPS 1024.0 /* steps of the bias in one standard deviation of the data */

mdla_status fit_no_memory(fit_job *j)
{
    return error_set(j->err, MDLA_ERR_MEMORY, "no memory to fit %u features x %u dims",
                     j->sae->width, j->sae->dims);
}

static bool is_choices(const fit_job *j)
{
    return j->basis != NULL && j->basis->kind == CODEBOOK_CHOICES;
}

double fit_expected_rows(const fit_job *j)
{
    const double rows =
        (double)(j->options->expected_rows != 0 ? j->options->expected_rows : j->survey.rows);

    return j->basis != NULL && !is_choices(j) ? fmax(rows, BASIS_ROWS_LEAST * (double)j->sae->dims)
                                              : rows;
}

static void unit_atoms(const sae *s, float *atoms)
{
    for (uint32_t k = 0; k < s->width; k++) {
        const float *from = s->w_dec + (size_t)k * s->dims;
        double norm = 0.0;

        for (uint32_t d = 0; d < s->dims; d++)
            norm += (double)from[d] * from[d];
        norm = norm > 0.0 ? 1.0 / sqrt(norm) : 0.0;
        for (uint32_t d = 0; d < s->dims; d++)
            atoms[(size_t)k * s->dims + d] = (float)(from[d] * norm);
    }
}

/* Codewords in units of a power of two that leaves room for coarse steps above them, fine ones
 * below, and which levels and reconstruction points can say exactly. */
static mdla_status scale_codewords(fit_job *j)
{
    const size_t values = (size_t)j->sae->width * j->sae->dims;
    float peak = 0.0f;
    int exponent;

    for (size_t i = 0; i < values; i++)
        peak = fmaxf(peak, fabsf(j->sae->w_dec[i]));
    (void)frexpf(peak, &exponent);
    const double unit = ldexp(1.0, exponent + 1);

    for (size_t i = 0; i < values; i++)
        j->atoms[i] = (float)((double)j->sae->w_dec[i] / unit);
    j->cb->fit.step = quant_step_of(unit, STEP_BITS_MOST);
    return isfinite(peak) && quant_step_value(j->cb->fit.step) == unit
               ? MDLA_OK
               : error_set(j->err, MDLA_ERR_DATA,
                           "values up to %g are too large or too small to be coded", (double)peak);
}

static mdla_status quantise_bias(fit_job *j)
{
    const double deviation =
        sqrt(j->survey.deviation_sum / ((double)j->survey.rows * j->survey.dims)) /
        (norm_reference(j->cb) * BIAS_STEPS);
    int exponent;

    (void)frexp(deviation, &exponent);
    j->cb->bias_exponent = exponent < -150 ? -150 : exponent > 100 ? 100 : exponent;
    for (uint32_t d = 0; d < j->sae->dims; d++) {
        const double value = round(ldexp(j->sae->b_dec[d], -j->cb->bias_exponent));

        if (fabs(value) >= (double)(1 << 30))
            return error_set(
                j->err, MDLA_ERR_DATA,
                "the SAE's bias of %g in column %u is far outside the data: is it for other rows?",
                j->sae->b_dec[d], d);
        j->cb->bias[d] = (int32_t)value;
    }
    return MDLA_OK;
}

/* How the SAE's rows are normalised, and the scale that the codebook's step refers to: a root mean
 * square, as the error of a row grows with the square of its scale. */
static mdla_status choose_norm(fit_job *j)
{
    j->cb->norm = sae_handle_norm(j->sae);
    if (j->cb->norm == ROW_NORM_NONE)
        return MDLA_OK;
    const double square = j->survey.squared_scale[j->cb->norm == ROW_NORM_SCALE_OFFSET];

    if (!(square > 0.0))
        return error_set(j->err, MDLA_ERR_DATA,
                         "every row is constant: normalised, there is nothing to explain");
    j->cb->reference_scale = norm_reference_of(sqrt(square));
    return MDLA_OK;
}

/* What the engine looks for codes with. */
static mdla_status prepare_engine(fit_job *j)
{
    if (is_choices(j)) {
        j->choices = choice_atoms_new(j->al, j->engine.pool, j->atoms, j->sae->width, j->sae->dims,
                                      j->basis->stages);
        if (j->choices == NULL)
            return fit_no_memory(j);
    }
    if (j->basis == NULL) {
        j->search = search_atoms_new(j->al, j->engine.pool, j->atoms, j->sae->width, j->sae->dims);
        if (j->search == NULL)
            return fit_no_memory(j);
        j->engine.start = j->options->code == MDLA_CODE_SAE ? j->sae : NULL;
        j->engine.fixed = j->engine.start != NULL;
    }
    j->engine.atoms = j->search;
    j->engine.choices = j->choices;
    j->engine.directions = j->atoms;
    j->engine.dims = j->sae->dims;
    j->engine.code = (code_options){.passages = mdla_rows_has_passages(j->rows) != 0,
                                    .codes = codebook_codes(j->cb)};
    j->engine.span = j->options->block_rows != 0 ? j->options->block_rows : BLOCK_ROWS_DEFAULT;
    search_engine_effort(&j->engine, j->options->effort);
    return MDLA_OK;
}

static mdla_status prepare(fit_job *j, const mdla_config *config)
{
    const bool columns = j->basis != NULL && j->basis->kind == CODEBOOK_IDENTITY;
    const size_t values = columns ? 0 : (size_t)j->sae->width * j->sae->dims;

    if (mdla_rows_dims(j->rows) != j->sae->dims)
        return error_set(j->err, MDLA_ERR_ARGUMENT, "rows of %u values don't fit an SAE of %u dims",
                         mdla_rows_dims(j->rows), j->sae->dims);
    if (j->basis == NULL)
        MDLA_TRY(sae_handle_check_codable(j->sae, j->options->code, j->err));
    if (j->survey.rows == 0)
        MDLA_TRY(row_survey_take(config, j->rows, &j->survey, j->err));
    if (!(j->survey.deviation_sum > 0.0))
        return error_set(j->err, MDLA_ERR_DATA,
                         "all rows are the same: there is nothing to explain");
    j->cb = codebook_new(j->al, j->sae->dims, j->sae->width, j->basis);
    if (j->cb == NULL)
        return fit_no_memory(j);
    j->atoms = columns ? NULL : alloc_array(j->al, values, sizeof *j->atoms);
    j->counts = code_counts_new(j->al, j->sae->width, j->cb->signs);
    j->step_index = alloc_zeroed(j->al, j->sae->width, sizeof *j->step_index);
    j->q = alloc_zeroed(j->al, values, sizeof *j->q);
    j->offset_scratch =
        alloc_array(j->al, (size_t)(LEVEL_OFFSETS + 1) * j->sae->dims, sizeof(float));
    if ((j->atoms == NULL && !columns) || j->offset_scratch == NULL || j->counts == NULL ||
        j->step_index == NULL || j->q == NULL)
        return fit_no_memory(j);
    if (is_choices(j))
        MDLA_TRY(scale_codewords(j));
    else if (!columns)
        unit_atoms(j->sae, j->atoms);
    if (j->basis == NULL)
        MDLA_TRY(choose_norm(j));
    MDLA_TRY(quantise_bias(j));
    return prepare_engine(j);
}

/* Room for levels that explain the largest row by one feature, twice over; of a basis also for a
 * row that all features share: its sum of strengths is at most sqrt(width) times its norm, and the
 * decoder's sums have room for four times the strength that one feature has. */
static unsigned step_bits(const fit_job *j)
{
    double largest = j->survey.largest_distance;
    const double spread = j->basis != NULL ? sqrt(j->sae->width) / 4.0 : 0.0;

    if (j->cb->norm != ROW_NORM_NONE) { /* all rows are of one length */
        largest = matmul_dot(j->sae->dims, j->sae->b_dec, j->sae->b_dec);
        largest = sqrt(largest) + sqrt(j->sae->dims);
    }
    return quant_step_bits_for(search_engine_step(&j->engine, j->cb, j->lambda),
                               fmax(2.0, spread) * largest);
}

/* The bias stands in integers of a step's fractions: a step can be too fine for it, most often
 * where the rows aren't on the scale that the SAE was trained on. */
static mdla_status step_out_of_range(const fit_job *j)
{
    const double step = search_engine_step(&j->engine, j->cb, j->lambda);
    double bias = 0.0;

    for (uint32_t d = 0; d < j->sae->dims; d++)
        bias = fmax(bias, fabs((double)j->sae->b_dec[d]));
    if (j->basis == NULL && j->cb->norm == ROW_NORM_NONE && bias > j->survey.largest_distance)
        return error_set(j->err, MDLA_ERR_DATA,
                         "the rows don't seem to be on the SAE's scale: its bias is up to %.3g, no "
                         "row is farther than %.3g from the first, and a step of %.3g is too fine "
                         "beside that bias; say by what rows were multiplied in training (act "
                         "scale), or multiply them",
                         bias, j->survey.largest_distance, step);
    return error_set(j->err, MDLA_ERR_TARGET,
                     "step %.3g is out of range; give a larger step or FVU, or fewer bits a row",
                     step);
}

mdla_status fit_set_lambda(fit_job *j)
{
    code_params params = j->cb->fit;

    if (j->options->target.step > 0.0)
        j->lambda = search_engine_lambda(&j->engine, j->cb, j->options->target.step);
    if (!is_choices(j))
        params.step = quant_step_of(search_engine_step(&j->engine, j->cb, j->lambda), step_bits(j));
    const mdla_status status = search_engine_set(&j->engine, j->cb, &params, j->lambda);

    if (status == MDLA_ERR_MEMORY)
        return fit_no_memory(j);
    return status == MDLA_OK ? MDLA_OK : step_out_of_range(j);
}

mdla_status fit_priors(fit_job *j)
{
    j->cb->fit.step = j->engine.model->params.step;
    return priors_fit(j->cb, j->counts) == MDLA_OK ? MDLA_OK : fit_no_memory(j);
}

/* Prices and lambda together, on the sample: each round searches under the prices of the codes
 * before. */
static mdla_status settle_on_sample(fit_job *j)
{
    const mdla_target *target = &j->options->target;
    const double error = j->survey.deviation_sum / (double)j->survey.rows;
    const bool charge = target->bits_per_row > 0.0;
    size_t stride = j->survey.sample_rows >= 8192 ? 4 : 1;
    const file_shape shape = {j->survey.rows, (uint32_t)j->engine.span, 0};
    rate_control control;
    rate_trial trial;

    rate_control_start(&control, target,
                       target->step > 0.0
                           ? search_engine_lambda(&j->engine, j->cb, target->step)
                           : error * (target->fvu > 0.0 ? target->fvu : 0.2) / ERROR_BITS_AT_START,
                       true);
    j->lambda = control.lambda;
    j->cb->fit.step = quant_step_of(search_engine_step(&j->engine, j->cb, j->lambda), step_bits(j));
    if (priors_start(j->cb, j->basis != NULL ? j->sae->width / 2.0
                                             : fmin(START_ACTIVE, j->sae->width / 4.0)) != MDLA_OK)
        return fit_no_memory(j);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        pass_sums sums = {.counts = j->counts,
                          .charge = charge,
                          .offsets = round < OFFSET_ROUNDS ? &j->offsets : NULL,
                          .atoms = j->atoms,
                          .scratch = j->offset_scratch};
        bool reached;

        code_counts_clear(j->counts);
        j->offsets = (offset_sums){0};
        MDLA_TRY(fit_set_lambda(j));
        MDLA_TRY(pass_try_sample(&j->engine, &j->survey, stride, &sums, &shape, &trial, j->err));
        MDLA_TRY(fit_priors(j));
        if (round < OFFSET_ROUNDS)
            offset_sums_solve(&j->offsets, j->cb->fit.level_offset);
        if (j->options->progress != NULL &&
            j->options->progress(j->options->progress_ctx, "fit prices", round + 1, MDLA_UNKNOWN) !=
                0)
            return error_set(j->err, MDLA_ERR_INTERRUPTED, "interrupted");
        if (round + 1 < WARM_UP)
            continue;
        reached = target->step > 0.0
                      ? round >= 2 * WARM_UP
                      : rate_control_step(&control, &trial, stride == 1 ? 0.01 : 0.03);
        j->lambda = control.lambda;
        if (reached && stride == 1)
            return MDLA_OK;
        if (reached)
            stride = 1;
        if (j->lambda < LAMBDA_LEAST * error)
            break;
    }
    if (target->fvu > 0.0 && trial.fvu > 1.05 * target->fvu)
        return error_set(j->err, MDLA_ERR_TARGET,
                         "FVU %g can't be reached: these atoms came to %.4g; "
                         "give a larger FVU, another SAE, or more expected rows for finer atoms",
                         target->fvu, trial.fvu);
    return MDLA_OK;
}

mdla_status fit_run(fit_job *j, const mdla_config *config)
{
    const mdla_target *t = &j->options->target;

    const int targets = (t->fvu > 0.0) + (t->bits_per_row > 0.0) + (t->step > 0.0);

    if (targets != 1 && (targets != 0 || !is_choices(j)))
        return error_set(j->err, MDLA_ERR_ARGUMENT, "give exactly one of FVU, bits a row and step");
    MDLA_TRY(prepare(j, config));
    MDLA_TRY(is_choices(j) ? fit_choices(j) : settle_on_sample(j));
    if (atom_moments_start(&j->moments, j->al, j->sae->width, NULL,
                           j->basis == NULL && j->sae->width <= TOGETHER_WIDTH_MAX) != MDLA_OK)
        return fit_no_memory(j);
    MDLA_TRY(fit_rounds(j));
    MDLA_TRY(mdla_rows_rewind(j->rows, j->err));
    return fit_atoms_make(j);
}

mdla_status fit_open(fit_job *j, const mdla_config *config)
{
    matmul_init();
    j->engine.al = j->al;
    j->engine.pool = parallel_open(j->al, config != NULL ? config->threads : 0);
    return j->engine.pool != NULL
               ? MDLA_OK
               : error_set(j->err, MDLA_ERR_MEMORY, "no memory to fit a codebook");
}

mdla_status fit_close(fit_job *j, mdla_status status, mdla_codebook **out)
{
    const mdla_allocator *al = j->al;

    search_engine_free(&j->engine);
    search_atoms_free(j->search);
    choice_atoms_free(j->choices);
    alloc_free(al, j->word_rows);
    parallel_close(j->engine.pool);
    row_survey_free(&j->survey);
    code_counts_free(j->counts);
    atom_moments_free(&j->moments);
    alloc_free(al, j->atoms);
    alloc_free(al, j->offset_scratch);
    code_rows_free(al, &j->kept);
    alloc_free(al, j->kept_starts);
    alloc_free(al, j->pull);
    alloc_free(al, j->pull_weight);
    alloc_free(al, j->step_index);
    alloc_free(al, j->q);
    *out = status == MDLA_OK ? alloc_zeroed(al, 1, sizeof **out) : NULL;
    if (status == MDLA_OK && *out == NULL)
        status = error_set(j->err, MDLA_ERR_MEMORY, "no memory for a codebook");
    if (status == MDLA_OK)
        (*out)->cb = j->cb;
    else
        codebook_free(j->cb);
    return status;
}

mdla_status mdla_codebook_fit(const mdla_config *config, const mdla_sae *given, mdla_rows *rows,
                              const mdla_fit_options *options, mdla_codebook **out, mdla_error *err)
{
    fit_job j = {
        .al = alloc_of(config), .options = options, .err = err, .sae = given->model, .rows = rows};
    mdla_status status = fit_open(&j, config);

    if (status == MDLA_OK)
        status = fit_run(&j, config);
    return fit_close(&j, status, out);
}
