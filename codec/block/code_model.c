#include "block/code_model.h"

#include "base/alloc.h"
#include "block/strengths.h"

#include <stdbool.h>

/* Coefficient of a level: mantissa / 256 x (level + offset / 128), rounded half up; 1 at least. */
static uint64_t coefficient_of(const code_params *p, uint32_t level)
{
    const int64_t offset = p->level_offset[level < LEVEL_OFFSETS ? level - 1 : LEVEL_OFFSETS - 1];

    const uint64_t value =
        ((uint64_t)p->step.mantissa * (uint64_t)(128 * (int64_t)level + offset) + 16384) >> 15;

    return value > 0 ? value : 1;
}

/* Cost of levels 1 .. up to the real position x (units of 2^-16 level), linear between whole
 * levels. */
static uint64_t hazard_cost(const uint8_t *hazard, uint32_t hazards, uint64_t x)
{
    const uint64_t whole = x >> 16, fraction = x & 65535;
    const uint64_t last = survival_cost[hazard[hazards - 1]];
    uint64_t cost = 0;

    for (uint64_t l = 0; l < whole && l < hazards; l++)
        cost += survival_cost[hazard[l]];
    if (whole >= hazards)
        return cost + (whole - hazards) * last + (last * fraction >> 16);
    return cost + (survival_cost[hazard[whole]] * fraction >> 16);
}

/* Steps of file and codebook differ: level l of the file reaches up to (l + 1/2) ratio - 1/2 of the
 * codebook's levels. ratio in units of 2^-16. */
static uint64_t position_of(uint64_t ratio, uint32_t level)
{
    const uint64_t twice = (2 * (uint64_t)level + 1) * ratio; /* 2^-17 levels */

    return twice > 65536 ? (twice - 65536) / 2 : 0;
}

/* ratio: of the steps, where levels are no bins. */
static void fill_level_costs(code_model *m, uint64_t ratio)
{
    const codebook *cb = m->cb;

    for (uint32_t k = 0; k < cb->class_count; k++) {
        uint64_t *cum = m->level_cum + (size_t)k * (m->max_level + 1);

        cum[0] = 0;
        for (uint32_t l = 1; l <= m->max_level; l++) {
            const uint64_t position = !m->options.cache  ? position_of(ratio, l)
                                      : m->options.exact ? (uint64_t)l << 16
                                                         : strength_position(m, l);
            const uint64_t cost = hazard_cost(cb->hazard[k], cb->hazard_count, position);

            cum[l] = cost > cum[l - 1] + COST_MIN ? cost : cum[l - 1] + COST_MIN;
        }
    }
}

static uint64_t step_ratio(quant_step file, quant_step fit)
{
    const int32_t shift = 16 + file.exponent - fit.exponent;
    const uint64_t most = (uint64_t)1 << 26;
    uint64_t ratio;

    if (shift > 36)
        return most;
    if (shift < -23)
        return 1;
    ratio = shift >= 0 ? ((uint64_t)file.mantissa << shift) / fit.mantissa
                       : ((uint64_t)file.mantissa >> -shift) / fit.mantissa;
    return ratio < 1 ? 1 : ratio > most ? most : ratio;
}

/* value x 2^shift, rounded half away from zero; false where it leaves |result| < 2^30. */
static bool shifted(int32_t value, int32_t shift, int32_t *out)
{
    const uint64_t magnitude = (uint64_t)(value < 0 ? -(int64_t)value : value);
    uint64_t result;

    if (magnitude == 0 || shift <= -32) {
        *out = 0;
        return true;
    }
    if (shift > 30)
        return false;
    result =
        shift >= 0 ? magnitude << shift : (magnitude + (UINT64_C(1) << (-shift - 1))) >> -shift;
    if (result >= UINT64_C(1) << 30)
        return false;
    *out = value < 0 ? -(int32_t)result : (int32_t)result;
    return true;
}

static mdla_status fill(code_model *m)
{
    const codebook *cb = m->cb;

    if (cb->cache) {
        fill_level_costs(m, 0);
        return MDLA_OK;
    }
    for (uint32_t l = 1; l <= m->max_level; l++)
        m->coefficient[l] = (uint16_t)coefficient_of(&m->params, l);
    for (uint32_t d = 0; d < cb->dims; d++) {
        if (!shifted(cb->bias[d], cb->bias_exponent - m->params.step.exponent, &m->bias[d]))
            return MDLA_ERR_CORRUPT;
        const uint32_t magnitude = (uint32_t)(m->bias[d] < 0 ? -m->bias[d] : m->bias[d]);
        m->bias_peak = magnitude > m->bias_peak ? magnitude : m->bias_peak;
    }
    fill_level_costs(m, step_ratio(m->params.step, cb->fit.step));
    return MDLA_OK;
}

static uint32_t last_level(const code_model *m)
{
    uint32_t level = 0;

    if (m->options.cache)
        return m->options.exact ? m->cb->hazard_count : CODEBOOK_LEVEL_MAX;
    while (level < CODEBOOK_LEVEL_MAX && coefficient_of(&m->params, level + 1) <= 32767)
        level++;
    return level;
}

mdla_status code_model_new(const mdla_allocator *al, const codebook *cb, const code_params *params,
                           const code_options *options, code_model **out)
{
    code_model *m;
    mdla_status status;

    *out = NULL;
    if ((!options->exact && !code_params_in_range(params)) ||
        (options->joint && cb->joint == NULL) || options->cache != cb->cache ||
        !norm_grid_in_range(&options->norm) || options->norm.coded != (cb->norm != ROW_NORM_NONE) ||
        (cb->norm != ROW_NORM_SCALE_OFFSET && options->norm.offset_exponent != 0) ||
        (!options->cache && options->codes != codebook_codes(cb)))
        return MDLA_ERR_CORRUPT;
    m = alloc_zeroed(al, 1, sizeof *m);
    if (m == NULL)
        return MDLA_ERR_MEMORY;
    m->al = al;
    m->cb = cb;
    m->params = *params;
    m->joint = options->joint ? cb->joint : NULL;
    m->options = *options;
    m->norm = options->norm;
    m->max_level = last_level(m);
    m->coefficient =
        alloc_zeroed(al, cb->cache ? 0 : (size_t)m->max_level + 1, sizeof *m->coefficient);
    m->level_cum =
        alloc_zeroed(al, (size_t)cb->class_count * (m->max_level + 1), sizeof *m->level_cum);
    m->bias = alloc_zeroed(al, cb->dims, sizeof *m->bias);
    if (m->coefficient == NULL || m->level_cum == NULL || m->bias == NULL)
        status = MDLA_ERR_MEMORY;
    else
        status = m->max_level >= 1 ? fill(m) : MDLA_ERR_CORRUPT;
    if (status != MDLA_OK) {
        code_model_free(m);
        return status;
    }
    *out = m;
    return MDLA_OK;
}

void code_model_free(code_model *m)
{
    if (m == NULL)
        return;
    alloc_free(m->al, m->coefficient);
    alloc_free(m->al, m->level_cum);
    alloc_free(m->al, m->bias);
    alloc_free(m->al, m);
}

mdla_status row_context_new(const mdla_allocator *al, const code_model *m, row_context *c)
{
    *c = (row_context){.al = al};
    if (m->joint == NULL)
        return MDLA_OK;
    c->active = alloc_array(al, m->cb->width, sizeof *c->active);
    c->logit_class = alloc_array(al, m->cb->width, 1);
    MDLA_TRY(joint_row_new(al, m->joint, &c->row));
    return c->active != NULL && c->logit_class != NULL ? MDLA_OK : MDLA_ERR_MEMORY;
}

void row_context_free(row_context *c)
{
    if (c->al == NULL)
        return;
    joint_row_free(&c->row);
    alloc_free(c->al, c->active);
    alloc_free(c->al, c->logit_class);
}
