/* An adaptive binary context (spec section 5.3): the estimate of P(1), pulled towards what was
 * seen, fast at first and slower later. Both sides; integers alone.
 */
#ifndef MDLA_ADAPTIVE_BIT_H
#define MDLA_ADAPTIVE_BIT_H

#include "rangecoder/range_common.h"

#include <stdint.h>

typedef struct adaptive_bit {
    uint32_t p;     /* P(1) in units of 2^-32 */
    uint32_t count; /* symbols seen, up to ADAPTIVE_BIT_LIMIT */
} adaptive_bit;

#define ADAPTIVE_BIT_LIMIT 127 /* count stops here: steps are never below 2 / 257 */

/* [count] = 2^17 / (2 count + 3), rounded down: a table, since a division a symbol would halve the
 * speed. */
static const uint16_t adaptive_bit_rate[ADAPTIVE_BIT_LIMIT + 1] = {
    43690, 26214, 18724, 14563, 11915, 10082, 8738, 7710, 6898, 6241, 5698, 5242, 4854, 4519, 4228,
    3971,  3744,  3542,  3360,  3196,  3048,  2912, 2788, 2674, 2570, 2473, 2383, 2299, 2221, 2148,
    2080,  2016,  1956,  1899,  1846,  1795,  1747, 1702, 1659, 1618, 1579, 1542, 1506, 1472, 1440,
    1409,  1379,  1351,  1323,  1297,  1272,  1248, 1224, 1202, 1180, 1159, 1139, 1120, 1101, 1083,
    1065,  1048,  1032,  1016,  1000,  985,   970,  956,  942,  929,  916,  903,  891,  879,  868,
    856,   845,   834,   824,   814,   804,   794,  784,  775,  766,  757,  748,  740,  732,  724,
    716,   708,   700,   693,   686,   679,   672,  665,  658,  652,  645,  639,  633,  627,  621,
    615,   609,   604,   598,   593,   587,   582,  577,  572,  567,  562,  557,  553,  548,  543,
    539,   534,   530,   526,   522,   518,   514,  510};

static inline adaptive_bit adaptive_bit_initial(void)
{
    return (adaptive_bit){UINT32_C(1) << 31, 0};
}

/* P(1) in units of 2^-22, kept from 1 to 2^22 - 1. */
static inline uint32_t adaptive_bit_p(const adaptive_bit *b)
{
    const uint32_t p = b->p >> (32 - RANGE_BIT_BITS);

    return p != 0 ? p : 1;
}

/* Steps of 2/3, 2/5, 2/7 ... of the distance: the mean of what was seen, with half a symbol of
 * prior. */
static inline void adaptive_bit_update(adaptive_bit *b, unsigned bit)
{
    const uint64_t rate = adaptive_bit_rate[b->count];

    if (bit != 0)
        b->p += (uint32_t)((UINT32_MAX - b->p) * rate >> 16);
    else
        b->p -= (uint32_t)(b->p * rate >> 16);
    if (b->count < ADAPTIVE_BIT_LIMIT)
        b->count++;
}

#endif
