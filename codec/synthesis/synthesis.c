#include "synthesis/synthesis.h"

#include "base/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A row's sum s and offset o are worth ((s x mantissa << up) + (o << down)) x 2^unit. */
typedef struct row_terms {
    uint32_t mantissa; /* 0 for a scale of 0 */
    int32_t up, down, unit;
} row_terms;

#define TERM_BITS 61 /* of either term, so that 64 bits hold both */

static row_terms terms_of(const code_model *m, const row_norm *n)
{
    const bool offset = m->cb->norm == ROW_NORM_SCALE_OFFSET;
    row_terms t = {.unit = m->norm.offset_exponent};

    if (n->zero)
        return t;
    t.mantissa = row_scale_mantissa(m->cb->survival, n->scale, m->norm.scale_bits);
    t.unit = m->params.step.exponent + row_scale_octave(n->scale, m->norm.scale_bits) -
             ROW_MANTISSA_BITS;
    if (offset && t.unit > m->norm.offset_exponent) {
        t.up = t.unit - m->norm.offset_exponent;
        t.unit = m->norm.offset_exponent;
    } else if (offset) {
        t.down = m->norm.offset_exponent - t.unit;
    }
    return t;
}

static bool term_fits(uint64_t magnitude, int32_t shift)
{
    return shift <= TERM_BITS && magnitude <= (UINT64_C(1) << TERM_BITS) >> shift;
}

bool synthesis_fits(const code_model *m, const row_code *code)
{
    uint64_t sum = 0, largest = 0, most;

    for (uint32_t i = 0; i < code->count; i++) {
        const uint64_t part =
            (uint64_t)m->coefficient[abs(code->level[i])] * m->cb->atom_peak[code->feature[i]];

        sum += part;
        largest = part > largest ? part : largest;
    }
    most = m->bias_peak + (m->cb->basis.kind == CODEBOOK_IDENTITY ? largest : sum);
    if (most > INT32_MAX || !m->norm.coded)
        return most <= INT32_MAX;

    const row_terms t = terms_of(m, &code->norm);
    const int64_t offset = code->norm.offset;

    return t.unit >= ROW_UNIT_LEAST && t.unit <= ROW_UNIT_MOST &&
           term_fits((most > 0 ? most : 1) * t.mantissa, t.up) &&
           term_fits((uint64_t)(offset < 0 ? -offset : offset), t.down);
}

/* sum[d] += coefficient x atom[d] for two atoms at once: pairs of products halve the traffic on
 * sum. */
KERNEL_CLONES
static void add_two(int32_t *restrict sum, const int16_t *restrict first, int32_t first_coefficient,
                    const int16_t *restrict second, int32_t second_coefficient, uint32_t dims)
{
    for (uint32_t d = 0; d < dims; d++)
        sum[d] += first_coefficient * first[d] + second_coefficient * second[d];
}

KERNEL_CLONES
static void add_one(int32_t *restrict sum, const int16_t *restrict atom, int32_t coefficient,
                    uint32_t dims)
{
    for (uint32_t d = 0; d < dims; d++)
        sum[d] += coefficient * atom[d];
}

KERNEL_CLONES
static void to_float(const int32_t *restrict sum, float unit, float *restrict out, uint32_t dims)
{
    /* The conversion rounds; the product with a power of two is exact (exponents keep clear of
     * subnormals). */
    for (uint32_t d = 0; d < dims; d++)
        out[d] = (float)sum[d] * unit;
}

KERNEL_CLONES
static void scaled_to_float(const int32_t *restrict sum, int64_t factor, int64_t offset, float unit,
                            float *restrict out, uint32_t dims)
{
    for (uint32_t d = 0; d < dims; d++)
        out[d] = (float)(sum[d] * factor + offset) * unit;
}

static void add_atoms(const code_model *m, const row_code *code, int32_t *sum)
{
    const uint32_t dims = m->cb->dims;
    const int16_t *atoms = m->cb->atoms;
    uint32_t i = 0;

    for (; i + 2 <= code->count; i += 2)
        add_two(sum, atoms + (size_t)code->feature[i] * dims,
                code_model_coefficient(m, code->level[i]),
                atoms + (size_t)code->feature[i + 1] * dims,
                code_model_coefficient(m, code->level[i + 1]), dims);
    if (i < code->count)
        add_one(sum, atoms + (size_t)code->feature[i] * dims,
                code_model_coefficient(m, code->level[i]), dims);
}

void synthesis_row(const code_model *m, const row_code *code, int32_t *accumulator, float *out)
{
    const uint32_t dims = m->cb->dims;

    memcpy(accumulator, m->bias, dims * sizeof *accumulator);
    if (m->cb->basis.kind == CODEBOOK_IDENTITY)
        for (uint32_t i = 0; i < code->count; i++)
            accumulator[code->feature[i]] +=
                code_model_coefficient(m, code->level[i]) * (1 << ATOM_SCALE_BITS);
    else
        add_atoms(m, code, accumulator);
    if (m->norm.coded) {
        const row_terms t = terms_of(m, &code->norm);

        scaled_to_float(accumulator, (int64_t)t.mantissa * (INT64_C(1) << t.up),
                        code->norm.offset * (INT64_C(1) << t.down), ldexpf(1.0f, t.unit), out,
                        dims);
    } else {
        to_float(accumulator, ldexpf(1.0f, m->params.step.exponent), out, dims);
    }
}
