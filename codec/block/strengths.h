/* Strengths of a cache, a code without atoms (spec section 9.5). Both sides; integers alone.
 *
 * A strength's magnitude is known by the low 31 bits of its float32, which rise with it. The
 * codebook divides them into bins, so that one set of priors serves strengths exactly (a bin, then
 * the place within it, all places alike) and any step (a level reaches as far as it does in bins).
 */
#ifndef MDLA_STRENGTHS_H
#define MDLA_STRENGTHS_H

#include "block/code_model.h"

/* A strength in a cache's code: exact, its float32 bits; else its level, 1 or more, with bit 31 set
 * below zero. */
#define STRENGTH_SIGN UINT32_C(0x80000000)

/* The bin that a magnitude lies in. */
uint32_t strength_bin(const codebook *cb, uint32_t magnitude);

/* Up to which place among the bins (units of 2^-16) a level reaches: to half a step above it. */
uint64_t strength_position(const code_model *m, uint32_t level);

/* The places that bin b holds: multiples of 2^zeros from *first (in units of these) on; may be 0.
 */
static inline uint32_t strength_places(const code_model *m, uint32_t b, uint32_t *first)
{
    const uint64_t up = (UINT64_C(1) << m->options.zeros) - 1;

    *first = (uint32_t)((m->cb->edge[b] + up) >> m->options.zeros);
    return (uint32_t)((m->cb->edge[b + 1] + up) >> m->options.zeros) - *first;
}

/* A strength of a word. */
float strength_value(const code_model *m, uint32_t word);

#endif
