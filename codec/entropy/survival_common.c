#include "entropy/survival_common.h"

const uint32_t survival_cost[RATE_INDEX_MAX + 1] = {
#include "entropy/cost_table.inc"
};

/* High 64 bits of a product, by halves: the decoder must not depend on 128-bit integers. */
static uint64_t mul_high(uint64_t a, uint64_t b)
{
    const uint64_t a_low = a & UINT32_MAX, a_high = a >> 32;
    const uint64_t b_low = b & UINT32_MAX, b_high = b >> 32;
    const uint64_t cross = a_high * b_low + (a_low * b_low >> 32);
    const uint64_t middle = a_low * b_high + (cross & UINT32_MAX);

    return a_high * b_high + (cross >> 32) + (middle >> 32);
}

void survival_table_init(survival_table *t)
{
    const uint64_t ratio = UINT64_C(18443622680442407998); /* 2^(64 - 1/4096), rounded */
    uint64_t power = UINT64_C(1) << 63;

    for (uint32_t i = 0; i < 1u << SURVIVAL_EXP2_BITS; i++) {
        t->exp2[i] = power >> (63 - SURVIVAL_BITS);
        power = mul_high(power, ratio);
    }
    t->exp2[1u << SURVIVAL_EXP2_BITS] = UINT64_C(1) << (SURVIVAL_BITS - 1);
}

uint64_t survival_window(uint32_t scale)
{
    /* The largest cost for which cost x scale / 4,096, rounded down, is at most 8 bits. */
    return ((((uint64_t)SURVIVAL_WINDOW << COST_BITS) + 1) * SURVIVAL_SCALE_ONE - 1) / scale;
}

uint32_t survival_window_end(const survival_line *line, uint32_t start)
{
    /* The last end with cum[end] <= limit, by bisection: cum rises strictly. */
    const uint64_t limit = line->cum[start] + line->window;
    uint32_t low = start + 1, high = line->count;

    while (low < high) {
        const uint32_t middle = low + (high - low + 1) / 2;

        if (line->cum[middle] <= limit)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}
