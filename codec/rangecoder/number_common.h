/* Adaptive whole numbers (spec section 5.4): bit trees and Exp-Golomb codes over adaptive contexts.
 */
#ifndef MDLA_NUMBER_COMMON_H
#define MDLA_NUMBER_COMMON_H

#include "rangecoder/adaptive_bit.h"

#include <stdint.h>

/* 0 .. 255, most significant bit first; node 1 is the root. */
typedef struct byte_context {
    adaptive_bit node[256];
} byte_context;

/* 0 .. 2^32 - 2: the number of bits of value + 1 in unary (adaptive), then its lower bits; the
 * highest two of these are adaptive by length, the others even. */
typedef struct golomb_context {
    adaptive_bit length[32];
    adaptive_bit high[32][2];
} golomb_context;

static inline void byte_context_init(byte_context *c)
{
    for (unsigned i = 0; i < 256; i++)
        c->node[i] = adaptive_bit_initial();
}

static inline void golomb_context_init(golomb_context *c)
{
    for (unsigned i = 0; i < 32; i++) {
        c->length[i] = adaptive_bit_initial();
        c->high[i][0] = c->high[i][1] = adaptive_bit_initial();
    }
}

#define NUMBER_EVEN (UINT32_C(1) << (RANGE_BIT_BITS - 1)) /* a bit of probability 1/2 */

#endif
