#include "fit/engine.h"

#include "base/alloc.h"
#include "fit/norms.h"

#include <math.h>

/* Weights a feature from which on the joint model decides what is found. */
#define PAIRS_THAT_COUNT 4

/* At high rate a uniform quantiser's optimum is step = sqrt(6 lambda / ln 2) = 2.94 sqrt(lambda).
 * With few and small levels a larger step is better: under additive prices 3.5 takes the fewest
 * bits on the train rows of an image and a transformer set, 3.0 and 4.0 within 0.5 % of it. Under
 * joint prices on test rows of the image set, FVU 0.188: 2.4 takes 46.6 bits a
 * row, 2.6 46.1, 2.8 46.2, 3.2 46.5; where few rows pay for few weights, 2.8 takes 4 % more
 * than 3.5. Signed codes of columns or principal axes take the same bits from 2.6 to 4.0, within
 * 0.9 % and 0.2 %. */
static double step_per_root_lambda(const search_engine *e, const codebook *cb)
{
    const joint_model *m = e->code.joint && !e->fixed && !e->plain_prices ? cb->joint : NULL;

    if (cb->signs == 2)
        return 2.8;
    return m != NULL && m->within.count + m->before.count >= PAIRS_THAT_COUNT * (uint64_t)m->width
               ? 2.8
               : 3.5;
}

double search_engine_lambda(const search_engine *e, const codebook *cb, double step)
{
    if (cb->basis.kind == CODEBOOK_CHOICES)
        return 0.0;
    const double root = step * norm_reference(cb) / step_per_root_lambda(e, cb);

    return root * root;
}

double search_engine_step(const search_engine *e, const codebook *cb, double lambda)
{
    if (cb->basis.kind == CODEBOOK_CHOICES)
        return quant_step_value(cb->fit.step);
    return step_per_root_lambda(e, cb) * sqrt(lambda) / norm_reference(cb);
}

quant_step quant_step_of(double value, unsigned bits)
{
    int exponent;
    const double fraction = frexp(value, &exponent); /* [1/2, 1) */
    quant_step step = {(uint32_t)lround(ldexp(fraction, (int)bits)),
                       exponent - (int)bits + 8 - ATOM_SCALE_BITS};

    step.exponent = step.exponent < -120 ? -120 : step.exponent > 80 ? 80 : step.exponent;
    return step;
}

unsigned quant_step_bits(quant_step step)
{
    unsigned bits = 0;

    while (step.mantissa >> bits > 1)
        bits++;
    bits++;
    return bits < STEP_BITS_LEAST ? STEP_BITS_LEAST : bits > STEP_BITS_MOST ? STEP_BITS_MOST : bits;
}

unsigned quant_step_bits_for(double step, double strength)
{
    unsigned bits = STEP_BITS_MOST;

    while (bits > STEP_BITS_LEAST && ldexp(1.0, 23 - (int)bits) * step < strength)
        bits--;
    return bits;
}

void search_engine_free(search_engine *e)
{
    if (e->al == NULL)
        return;
    code_model_free(e->model);
    joint_pairs_free(e->pairs);
    alloc_free(e->al, e->feature_bits);
    alloc_free(e->al, e->level_bits);
    alloc_free(e->al, e->level_offset);
    alloc_free(e->al, e->sign_bits);
    alloc_free(e->al, e->centred);
    alloc_free(e->al, e->norms);
    alloc_free(e->al, e->scale);
    alloc_free(e->al, e->unsearched);
    alloc_free(e->al, e->coefficients);
    alloc_free(e->al, e->distortion);
    code_rows_free(e->al, &e->codes);
    sae_codes_free(e->al, &e->sae_codes);
}

/* Under joint prices a level's bits depend on how likely its feature is. */
static unsigned level_tables(const search_engine *e)
{
    return e->pairs != NULL ? JOINT_LEVEL_CLASSES : 1;
}

/* Bits of each codeword in its stage. */
static void fill_choice_prices(search_engine *e, const codebook *cb)
{
    const uint32_t codewords = cb->width / cb->basis.stages;
    const double unit = 1.0 / ((double)(UINT32_C(1) << COST_BITS));

    for (uint32_t j = 0; j < cb->width; j++) {
        const double before = (double)(cb->rate_cum[j] - cb->rate_cum[j - j % codewords]) * unit;
        const double own = (double)(cb->rate_cum[j + 1] - cb->rate_cum[j]) * unit;
        const bool last = j % codewords == codewords - 1; /* chosen where no other is */

        e->feature_bits[j] = (float)(before - (last ? 0.0 : log2(1.0 - exp2(-own))));
    }
}

static void fill_prices(search_engine *e, const codebook *cb)
{
    const code_model *m = e->model;
    const double unit = 1.0 / ((double)(UINT32_C(1) << COST_BITS));

    if (cb->basis.kind == CODEBOOK_CHOICES) {
        fill_choice_prices(e, cb);
        return;
    }
    for (uint32_t j = 0; j < cb->width; j++)
        e->feature_bits[j] =
            (float)(cb->rate_index[j] - RATE_INDEX_EVEN) / 8.0f; /* log2 of the odds against */
    for (uint32_t j = 0; j < cb->width && cb->signs == 2; j++) {
        const double odds = exp2((RATE_INDEX_EVEN - cb->negative[j]) / 8.0);

        e->sign_bits[2 * (size_t)j] = (float)log2(1.0 + odds);
        e->sign_bits[2 * (size_t)j + 1] = (float)log2(1.0 + 1.0 / odds);
    }
    for (uint32_t l = 1; l <= m->max_level; l++)
        e->level_offset[l] =
            (float)m->coefficient[l] * 256.0f / (float)m->params.step.mantissa - (float)l;
    for (unsigned i = 0; i < level_tables(e); i++) {
        /* How many are active isn't known before the row is done: as if it didn't matter. */
        const double scale =
            e->pairs == NULL ? 1.0 : (cb->joint->level_by_logit[i] + 1) / (JOINT_LEVEL_EVEN + 1.0);

        for (uint32_t k = 0; k < cb->class_count; k++) {
            const uint64_t *cum = m->level_cum + (size_t)k * (m->max_level + 1);
            float *bits = e->level_bits + (i * cb->class_count + k) * (m->max_level + 1);

            for (uint32_t l = 1; l <= m->max_level; l++)
                bits[l] = (float)((double)cum[l - 1] * unit * scale -
                                  log2(1.0 - exp2(-(double)(cum[l] - cum[l - 1]) * unit * scale)));
        }
    }
}

mdla_status search_engine_set(search_engine *e, const codebook *cb, const code_params *params,
                              double lambda)
{
    code_model_free(e->model);
    joint_pairs_free(e->pairs);
    e->pairs = NULL;
    alloc_free(e->al, e->feature_bits);
    alloc_free(e->al, e->level_bits);
    alloc_free(e->al, e->level_offset);
    alloc_free(e->al, e->sign_bits);
    e->feature_bits = e->level_bits = e->level_offset = e->sign_bits = NULL;
    e->model = NULL;
    e->code.norm = norm_grid_for(cb, lambda);
    MDLA_TRY(code_model_new(e->al, cb, params, &e->code, &e->model));
    if (e->code.joint && !e->fixed && !e->plain_prices) {
        e->pairs = joint_pairs_new(e->al, cb->joint, cb->order, cb->rate_index);
        if (e->pairs == NULL)
            return MDLA_ERR_MEMORY;
    }
    e->feature_bits = alloc_array(e->al, cb->width, sizeof(float));
    const size_t table = (size_t)cb->class_count * (e->model->max_level + 1);

    e->level_bits = alloc_zeroed(e->al, level_tables(e) * table, sizeof(float));
    e->sign_bits = alloc_array(e->al, 2 * (size_t)cb->width, sizeof(float));
    e->level_offset = alloc_zeroed(e->al, (size_t)e->model->max_level + 1, sizeof(float));
    if (e->feature_bits == NULL || e->level_bits == NULL || e->level_offset == NULL ||
        e->sign_bits == NULL)
        return MDLA_ERR_MEMORY;
    fill_prices(e, cb);
    e->prices = (search_prices){.lambda = (float)lambda,
                                .step = (float)quant_step_value(params->step),
                                .max_level = e->model->max_level,
                                .level_offset = e->level_offset,
                                .feature_bits = e->feature_bits,
                                .level_bits = e->level_bits,
                                .level_stride = e->pairs != NULL ? table : 0,
                                .level_class = cb->level_class,
                                .pairs = e->pairs,
                                .checks = e->checks,
                                .sweeps = e->sweeps,
                                .beam = e->choices != NULL ? e->paths : e->beam};
    return MDLA_OK;
}

static mdla_status reserve(search_engine *e, size_t rows)
{
    if (rows <= e->capacity)
        return MDLA_OK;
    const codebook *cb = e->model->cb;

    alloc_free(e->al, e->centred);
    alloc_free(e->al, e->norms);
    alloc_free(e->al, e->scale);
    alloc_free(e->al, e->unsearched);
    alloc_free(e->al, e->coefficients);
    alloc_free(e->al, e->distortion);
    e->capacity = 0;
    e->centred = alloc_array(e->al, rows * e->dims, sizeof *e->centred);
    e->coefficients =
        alloc_array(e->al, cb->signs == 2 ? rows * cb->width : 0, sizeof *e->coefficients);
    e->distortion = alloc_array(e->al, rows, sizeof *e->distortion);
    e->norms = alloc_zeroed(e->al, rows, sizeof *e->norms);
    e->scale = alloc_array(e->al, rows, sizeof *e->scale);
    e->unsearched = alloc_array(e->al, rows, sizeof *e->unsearched);
    if (e->centred == NULL || e->coefficients == NULL || e->norms == NULL || e->scale == NULL ||
        e->unsearched == NULL || e->distortion == NULL)
        return MDLA_ERR_MEMORY;
    e->capacity = rows;
    return MDLA_OK;
}

/* What the SAE's own encoder switches on, as a support to start from. */
static mdla_status find_support(search_engine *e, const float *rows, size_t row_count,
                                code_rows *initial)
{
    MDLA_TRY(sae_forward(e->start, e->pool, rows, row_count, &e->sae_codes));
    *initial = (code_rows){
        .row_count = row_count, .start = e->sae_codes.start, .feature = e->sae_codes.feature};
    return MDLA_OK;
}

void search_engine_effort(search_engine *e, int effort)
{
    static const unsigned checks[] = {1, 1, 2, 3, 4, 6, 8, 12, 16};
    static const unsigned beam[] = {1, 1, 1, 1, 1, 2, 3, 6, 12};
    static const unsigned paths[] = {1, 1, 2, 4, 8, 8, 12, 16, 32};
    static const unsigned sweeps[] = {0, 0, 0, 1, 1, 2, 2, 3, 4};
    const int at = (effort < 1 || effort > 9 ? EFFORT_DEFAULT : effort) - 1;

    e->plain_prices = at < 2;
    e->checks = checks[at];
    e->sweeps = sweeps[at];
    e->beam = beam[at];
    e->paths = paths[at];
}

/* What is left of a row for its atoms to explain, and at which scale they do. */
static void centre_row(search_engine *e, size_t r, const float *row)
{
    const code_model *m = e->model;
    const float unit = ldexpf(1.0f, m->params.step.exponent);
    float *centred = e->centred + r * e->dims;

    if (!m->norm.coded) {
        e->scale[r] = 1.0f;
        for (uint32_t d = 0; d < e->dims; d++)
            centred[d] = row[d] - (float)m->bias[d] * unit;
        return;
    }
    const chosen_norm c = norm_choose(m->cb, &m->norm, (double)e->prices.lambda, row);
    const double bias = c.scale * (double)unit;
    double rest = 0.0; /* a row of scale 0 is its offset: there is nothing to search */

    for (uint32_t d = 0; d < e->dims; d++) {
        const double left = (double)row[d] - c.offset;

        centred[d] = c.norm.zero ? 0.0f : (float)(left - bias * m->bias[d]);
        rest += left * left;
    }
    e->norms[r] = c.norm;
    e->scale[r] = c.norm.zero ? 1.0f : (float)c.scale;
    e->unsearched[r] = c.fits ? (float)rest : INFINITY;
}

/* After the search, which saw rows of zeros and of scale 1 where there was nothing to find. */
static void settle_unsearched(search_engine *e, size_t row_count)
{
    for (size_t r = 0; e->model->norm.coded && r < row_count; r++) {
        if (e->norms[r].zero)
            e->scale[r] = 0.0f;
        if (e->norms[r].zero || isinf(e->unsearched[r]))
            e->distortion[r] = e->unsearched[r];
    }
}

mdla_status search_engine_run(search_engine *e, const float *rows, const uint8_t *starts,
                              size_t row_count, size_t span)
{
    search_sequence sequence = {starts, e->pairs != NULL ? span : 0, NULL};
    code_rows initial;

    e->starts = starts;
    MDLA_TRY(reserve(e, row_count));
    if (e->start != NULL)
        MDLA_TRY(find_support(e, rows, row_count, &initial));
    for (size_t r = 0; r < row_count; r++)
        centre_row(e, r, rows + r * e->dims);
    if (e->model->cb->signs == 2) {
        const scalar_basis basis = {e->directions, e->model->cb->width, e->dims, e->sign_bits};

        return scalar_codes(e->al, &basis, &e->prices, e->pool, e->centred, row_count,
                            e->coefficients, &e->codes, e->distortion);
    }
    if (e->choices != NULL)
        return choice_codes(e->al, e->choices, &e->prices, e->pool, e->centred, row_count,
                            &e->codes, e->distortion);
    sequence.scale = e->model->norm.coded ? e->scale : NULL;
    MDLA_TRY(search_rows(e->atoms, &e->prices, e->pool, e->centred, row_count, &sequence,
                         e->fixed ? SEARCH_FIXED : SEARCH_FREE, e->start != NULL ? &initial : NULL,
                         &e->codes, e->distortion));
    settle_unsearched(e, row_count);
    return MDLA_OK;
}
