/* Contexts of a coded joint model, shared by both sides (spec section 7.4). */
#ifndef MDLA_JOINT_WEIGHTS_COMMON_H
#define MDLA_JOINT_WEIGHTS_COMMON_H

#include "joint/joint_model.h"
#include "rangecoder/number_common.h"

/* u8 shift, u8 flags, u16 reserved, u32 entries within a row, u32 of the row before, u32 reserved,
 * the level scales by logit and by count */
#define JOINT_HEADER_NBYTES (16 + 2 * JOINT_LEVEL_CLASSES)

#define JOINT_GAP_CONTEXTS 21 /* by the bits of the gap that is expected */

/* One set for the weights within a row, one for those of the row before. */
typedef struct joint_list_contexts {
    golomb_context count;
    golomb_context gap[JOINT_GAP_CONTEXTS];
    golomb_context magnitude;
    adaptive_bit negative;
} joint_list_contexts;

typedef struct joint_contexts {
    golomb_context base; /* magnitude of the difference from the feature's rate */
    adaptive_bit base_negative;
    joint_list_contexts within, before;
} joint_contexts;

static inline void joint_list_contexts_init(joint_list_contexts *c)
{
    golomb_context_init(&c->count);
    for (unsigned i = 0; i < JOINT_GAP_CONTEXTS; i++)
        golomb_context_init(&c->gap[i]);
    golomb_context_init(&c->magnitude);
    c->negative = adaptive_bit_initial();
}

static inline void joint_contexts_init(joint_contexts *c)
{
    golomb_context_init(&c->base);
    c->base_negative = adaptive_bit_initial();
    joint_list_contexts_init(&c->within);
    joint_list_contexts_init(&c->before);
}

/* The context of a gap: places that are left, over the entries that are to come. */
static inline unsigned joint_gap_context(uint32_t places, uint32_t entries)
{
    uint32_t expected = places / entries;
    unsigned bits = 0;

    while (expected != 0) {
        expected >>= 1;
        bits++;
    }
    return bits < JOINT_GAP_CONTEXTS ? bits : JOINT_GAP_CONTEXTS - 1;
}

#endif
