#include "synthesis/synthesis.h"

#include "base/kernel.h"

#include <math.h>
#include <string.h>

bool synthesis_fits(const code_model *m, const row_code *code)
{
    uint64_t most = m->bias_peak;

    for (uint32_t i = 0; i < code->count; i++)
        most += (uint64_t)m->coefficient[code->level[i]] * m->cb->atom_peak[code->feature[i]];
    return most <= INT32_MAX;
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

void synthesis_row(const code_model *m, const row_code *code, int32_t *accumulator, float *out)
{
    const uint32_t dims = m->cb->dims;
    const int16_t *atoms = m->cb->atoms;
    uint32_t i = 0;

    memcpy(accumulator, m->bias, dims * sizeof *accumulator);
    for (; i + 2 <= code->count; i += 2)
        add_two(accumulator, atoms + (size_t)code->feature[i] * dims,
                m->coefficient[code->level[i]], atoms + (size_t)code->feature[i + 1] * dims,
                m->coefficient[code->level[i + 1]], dims);
    if (i < code->count)
        add_one(accumulator, atoms + (size_t)code->feature[i] * dims,
                m->coefficient[code->level[i]], dims);
    to_float(accumulator, ldexpf(1.0f, m->params.step.exponent), out, dims);
}
