#include "block/strengths.h"

#include <math.h>
#include <string.h>

/* Float32 bits of value x 2^exponent, rounded down. The result must be a normal number. */
static uint32_t float_bits(uint64_t value, int32_t exponent)
{
    const int32_t n = 64 - __builtin_clzll(value);

    return ((uint32_t)(exponent + n + 126) << 23) +
           (uint32_t)((n > 24 ? value >> (n - 24) : value << (24 - n)) - (UINT32_C(1) << 23));
}

uint32_t strength_bin(const codebook *cb, uint32_t magnitude)
{
    uint32_t low = 0, high = cb->hazard_count; /* edge[low] <= magnitude < edge[high] */

    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;

        if (cb->edge[middle] <= magnitude)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t strength_position(const code_model *m, uint32_t level)
{
    const codebook *cb = m->cb;
    const quant_step step = m->params.step;
    const uint32_t bits =
        float_bits((2 * (uint64_t)level + 1) * step.mantissa, step.exponent + ATOM_SCALE_BITS - 9);
    const uint32_t b = strength_bin(cb, bits);

    return (uint64_t)b << 16 |
           ((uint64_t)(bits - cb->edge[b]) << 16) / (cb->edge[b + 1] - cb->edge[b]);
}

float strength_value(const code_model *m, uint32_t word)
{
    const uint64_t product = (uint64_t)(word & ~STRENGTH_SIGN) * m->params.step.mantissa;
    float value;

    if (m->options.exact) {
        memcpy(&value, &word, sizeof value);
        return value;
    }
    /* Exact as a double, below 2^35; rounded once. */
    value = (float)ldexp((double)product, m->params.step.exponent + ATOM_SCALE_BITS - 8);
    return (word & STRENGTH_SIGN) != 0 ? -value : value;
}
