/* Survival coding (spec section 6): the one way in which positions are coded, be it the next active
 * feature of a row or a feature's level.
 *
 * Candidates stand in a line; candidate k is "it" with probability p_k given that none before was.
 * Not being it costs -log2(1 - p_k) bits, kept cumulated in units of 2^-28 bit. The chance that the
 * next hit lies past k is then 2^-(cum[k + 1] - cum[s]), so a hit at k owns the interval between
 * two survivals, found by bisection: a row costs O(L0 log width), never O(width). Where 8 bits of
 * survival are used up, "none so far" is a symbol of its own and coding goes on from there, so that
 * intervals keep their precision.
 */
#ifndef MDLA_SURVIVAL_COMMON_H
#define MDLA_SURVIVAL_COMMON_H

#include <stdint.h>

#define COST_BITS 28            /* costs are in units of 2^-28 bit */
#define COST_MIN 369            /* of p = 2^-20: the smallest probability of a candidate */
#define RATE_INDEX_EVEN 80      /* odds 1 : 1; every index more is 2^(-1/8) times the odds */
#define RATE_INDEX_MAX 240      /* p = 2^-20 */
#define SURVIVAL_BITS 40        /* survivals are in units of 2^-40 */
#define SURVIVAL_WINDOW 8       /* bits of cost that one symbol may span */
#define SURVIVAL_EXP2_BITS 12   /* table entries an octave: 4,096 */
#define SURVIVAL_SCALE_ONE 4096 /* a block's correction of costs, 1.0 */

/* What not being active costs at a rate index, in units of 2^-28 bit: log2(1 + 1 / odds'). */
extern const uint32_t survival_cost[RATE_INDEX_MAX + 1];

/* 2^-(i / 4096) in units of 2^-40; entry 4,096 is exactly 2^39. */
typedef struct survival_table {
    uint64_t exp2[(1 << SURVIVAL_EXP2_BITS) + 1];
} survival_table;

void survival_table_init(survival_table *t);

/* A line of candidates: cum[k + 1] - cum[k] is the cost of candidate k, COST_MIN at least. */
typedef struct survival_line {
    const survival_table *table;
    const uint64_t *cum; /* [count + 1] */
    uint32_t count;      /* at most 2^20 */
    uint32_t scale;      /* costs are multiplied by scale / 4,096; 1 .. 65,535 */
    uint64_t window;     /* largest unscaled cost of one symbol: survival_window(scale) */
} survival_line;

uint64_t survival_window(uint32_t scale);

/* 2^40 x 2^-cost, linear between table entries; cost above 16 bits counts as 16. Falls weakly. */
static inline uint64_t survival_of(const survival_table *t, uint64_t cost)
{
    const uint64_t capped = cost < (uint64_t)16 << COST_BITS ? cost : (uint64_t)16 << COST_BITS;
    const unsigned octave = (unsigned)(capped >> COST_BITS);
    const uint32_t fraction = (uint32_t)capped & ((UINT32_C(1) << COST_BITS) - 1);
    const uint32_t entry = fraction >> (COST_BITS - SURVIVAL_EXP2_BITS);
    const uint64_t between = fraction & ((1u << (COST_BITS - SURVIVAL_EXP2_BITS)) - 1);
    const uint64_t above = t->exp2[entry], below = t->exp2[entry + 1];

    return (above - ((above - below) * between >> (COST_BITS - SURVIVAL_EXP2_BITS))) >> octave;
}

/* The upper end of candidate k's interval in a window [start, end): falls strictly with k, is below
 * 2^40 at k = start, and at k = end is the size of "none of these". */
static inline uint64_t survival_bound(const survival_line *line, uint32_t start, uint32_t end,
                                      uint32_t k)
{
    const uint64_t cost = (line->cum[k] - line->cum[start]) * line->scale / SURVIVAL_SCALE_ONE;
    const uint64_t survival = survival_of(line->table, cost);

    return survival - (survival >> 19) + (end - k);
}

/* The end of the window that begins at start < count: one candidate at least. */
uint32_t survival_window_end(const survival_line *line, uint32_t start);

#endif
