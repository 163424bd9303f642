/* Contexts of the coded priors and bias, shared by both sides (spec section 7.2). */
#ifndef MDLA_PRIORS_COMMON_H
#define MDLA_PRIORS_COMMON_H

#include "codebook/codebook.h"
#include "rangecoder/number_common.h"

typedef struct priors_contexts {
    golomb_context bias; /* magnitude of the difference from the entry before */
    adaptive_bit bias_sign;
    byte_context rate;
    byte_context hazard[3];      /* level 1, level 2, those above */
    byte_context level_class[2]; /* of levels above zero, below */
    byte_context negative;
    golomb_context reference; /* of the reference scale */
    adaptive_bit reference_sign;
    golomb_context edge; /* of a cache: how many bins, and from edge to edge */
} priors_contexts;

static inline void priors_contexts_init(priors_contexts *c)
{
    golomb_context_init(&c->bias);
    c->bias_sign = adaptive_bit_initial();
    byte_context_init(&c->rate);
    for (unsigned i = 0; i < 3; i++)
        byte_context_init(&c->hazard[i]);
    for (unsigned i = 0; i < 2; i++)
        byte_context_init(&c->level_class[i]);
    byte_context_init(&c->negative);
    golomb_context_init(&c->reference);
    c->reference_sign = adaptive_bit_initial();
    golomb_context_init(&c->edge);
}

#endif
