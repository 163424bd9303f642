/* An adaptive binary context (spec section 6.1): the estimate of P(1), pulled towards what was seen,
 * fast at first and slower later. Both sides; integers alone.
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

/* Steps of 2/3, 2/5, 2/7 ... of the distance: the mean of what was seen, with half a symbol of prior. */
static inline void adaptive_bit_update(adaptive_bit *b, unsigned bit)
{
    const uint32_t divisor = 2 * b->count + 3;

    if (bit != 0)
        b->p += (uint32_t)((uint64_t)(UINT32_MAX - b->p) * 2 / divisor);
    else
        b->p -= (uint32_t)((uint64_t)b->p * 2 / divisor);
    if (b->count < ADAPTIVE_BIT_LIMIT)
        b->count++;
}

#endif
