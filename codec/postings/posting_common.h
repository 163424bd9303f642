/* Posting lists (spec section 4.7): for each feature and block the class of the highest level that
 * the feature has there. Exact up to 7, then four classes an octave: what a top query needs to
 * leave blocks out, in a few bits. */
#ifndef MDLA_POSTING_COMMON_H
#define MDLA_POSTING_COMMON_H

#include "rangecoder/adaptive_bit.h"

#include <stdint.h>

enum { POSTING_CLASS_MAX = 43 }; /* of level 4,095 */

/* 0: the feature is nowhere in the block. level 0 .. 4,095; rises with the level. */
static inline uint8_t posting_class(uint32_t level)
{
    unsigned bits = 0;

    if (level < 8)
        return (uint8_t)level;
    while (level >> bits != 0)
        bits++;
    return (uint8_t)(4 * (bits - 2) + (level >> (bits - 3) & 3));
}

/* The highest level of a class. */
static inline uint32_t posting_class_top(unsigned posting)
{
    return posting < 8 ? posting : ((4 + (posting & 3) + 1) << (posting / 4 - 1)) - 1;
}

/* A class is coded in unary: usual[n], of all features of a chunk so far, says whether it goes on
 * past n. A feature starts from there, as if it had seen one symbol. */
typedef struct posting_model {
    adaptive_bit usual[POSTING_CLASS_MAX];
    adaptive_bit own[POSTING_CLASS_MAX];
} posting_model;

static inline void posting_model_init(posting_model *m)
{
    for (unsigned n = 0; n < POSTING_CLASS_MAX; n++)
        m->usual[n] = adaptive_bit_initial();
}

static inline void posting_model_feature(posting_model *m)
{
    for (unsigned n = 0; n < POSTING_CLASS_MAX; n++) {
        m->own[n] = m->usual[n];
        if (m->own[n].count > 1)
            m->own[n].count = 1;
    }
}

#endif
