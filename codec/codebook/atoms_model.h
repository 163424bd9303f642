/* What is expected of the next entry of an atom, and the probabilities that follow (spec
 * section 8.2). Both sides run it on the same values in the same order; integers alone.
 *
 * An entry is a run of binary decisions: zero or not, the sign, the magnitude in unary. Each
 * decision has an adaptive context, or three whose estimates are mixed in the logistic domain by
 * weights that learn as they go. Mixing is worth 5 % on images; on atoms that look like noise it
 * costs 0.1 % and half the speed. Right shifts of negative numbers round down, as all compilers we
 * know of do.
 */
#ifndef MDLA_ATOMS_MODEL_H
#define MDLA_ATOMS_MODEL_H

#include "codebook/atoms_common.h"

/* Decisions of an entry. */
#define ATOM_SLOT_ZERO 0
#define ATOM_SLOT_SIGN 1
#define ATOM_SLOT_UNARY 2 /* .. + ATOM_UNARY_MAX - 1: (|q| - 1) >> shift above 0, 1, 2, ... */
#define ATOM_UNARY_MAX 18
#define ATOM_SLOTS_MIXED 6 /* with set.mixed the first so many decisions mix three contexts */
#define ATOM_SLOTS (ATOM_SLOT_UNARY + ATOM_UNARY_MAX)

#define ATOM_ESCAPE_BITS_MAX 15 /* of the Exp-Golomb code behind a full unary run */

#define ATOM_INPUTS 3
#define ATOM_LOGIT_MAX 3584    /* 14.0 in units of 1/256: P from 2^-20.2 */
#define ATOM_MIX_RATE 21       /* mixing weights, in units of 2^-16, move by logit x error / 2^21 */
#define ATOM_MIX_MAX (1 << 20) /* and stay within +-16: a bound for hostile payloads alone */
#define ATOM_CONTEXT_VALUE (2 * 64) /* the first by expected magnitude alone, */
#define ATOM_CONTEXT_NEAR                                                                          \
    (ATOM_CONTEXT_VALUE + 2 * 256)                 /* then by expected value and magnitude,        \
                                                    */
#define ATOM_CONTEXTS (ATOM_CONTEXT_NEAR + 32 * 4) /* then by usual and neighbours' magnitude */

/* The neighbours that predict an entry: six of the same atom (left, second left, upper left, upper,
 * upper right, second upper), and what the dimension held in earlier atoms. */
#define ATOM_NEIGHBOURS 6
#define ATOM_TERMS (ATOM_NEIGHBOURS + 1)
#define ATOM_WEIGHT_BITS 6 /* weights in units of 1/64 */

/* What the encoder chooses for a group and sends ahead. */
typedef struct atom_settings {
    unsigned trellis;         /* 1: dependent quantisation, 0: levels are entries */
    unsigned mixed;           /* 1: the first decisions mix three contexts, 0: one context each */
    int8_t value[ATOM_TERMS]; /* weights of the signed terms for the expected value */
    int8_t size[ATOM_TERMS];  /* weights of their magnitudes, none negative, for the expected
                                 magnitude */
} atom_settings;

typedef struct atom_dim {
    int32_t mean;      /* of the entries of earlier atoms, units 2^-18 */
    int32_t magnitude; /* of |entry| likewise */
} atom_dim;

/* What is expected of one entry. */
typedef struct atom_expected {
    uint32_t context[ATOM_INPUTS];
    unsigned shift;    /* low bits of the magnitude that are sent as they are */
    unsigned negative; /* the sign that is expected */
} atom_expected;

typedef struct atom_model {
    uint32_t dims, stride;
    atom_settings set;
    atom_dim *dim;       /* [dims] */
    uint32_t seen;       /* atoms coded, up to a limit */
    unsigned step_index; /* of the atom at hand; at first the middle of the grid */
    int16_t stretch[4096];
    int32_t mix[ATOM_SLOTS][ATOM_INPUTS];
    adaptive_bit context[ATOM_CONTEXTS][ATOM_SLOTS];
    adaptive_bit step_changed, step_sign, step_more[ATOM_STEP_INDEX_MAX];
    /* The decision at hand. */
    adaptive_bit *input[ATOM_INPUTS];
    int32_t *mixing;
    int32_t stretched[ATOM_INPUTS];
    uint32_t p;
} atom_model;

/* Dependent quantisation: in even states a level stands for an even multiple of the step, in odd
 * states for an odd one or zero; the level's parity leads to the next state. Each atom starts at
 * state 0. Paths through the eight states are packed more densely than a scalar quantiser's grid:
 * about 1 dB for nothing but this. */
#define ATOM_STATES 8

static inline unsigned atom_next_state(const atom_settings *set, unsigned state, int32_t level)
{
    static const uint8_t next[ATOM_STATES][2] = {{0, 1}, {3, 2}, {5, 4}, {6, 7},
                                                 {1, 0}, {2, 3}, {4, 5}, {7, 6}};

    return set->trellis ? next[state][level & 1] : 0;
}

/* The entry that a level stands for. */
static inline int32_t atom_entry(const atom_settings *set, unsigned state, int32_t level)
{
    const int32_t odd = (int32_t)(state & 1);

    return set->trellis ? 2 * level - (level > 0 ? odd : level < 0 ? -odd : 0) : level;
}

extern const uint32_t atom_squash_knots[58];

/* P(1) in units of 2^-22 of a logit in units of 1/256, |x| <= ATOM_LOGIT_MAX. */
static inline uint32_t atom_squash(int32_t x)
{
    const uint32_t a = (uint32_t)(x < 0 ? -x : x);
    const uint32_t low = atom_squash_knots[a >> 6];
    const uint32_t high = atom_squash_knots[(a >> 6) + 1];
    const uint32_t p = low + ((high - low) * (a & 63) >> 6);

    return x < 0 ? (UINT32_C(1) << RANGE_BIT_BITS) - p : p;
}

atom_model *atom_model_new(const mdla_allocator *al, uint32_t dims, uint32_t stride);
void atom_model_free(const mdla_allocator *al, atom_model *m);

/* The expectation of entry d of the atom whose entries before d stand in q, at the trellis' state.
 */
void atom_expect(const atom_model *m, const int16_t *q, uint32_t d, unsigned state,
                 atom_expected *x);

/* The neighbours of entry d: their values; entries outside the image are 0. */
void atom_neighbours(const int16_t *q, uint32_t d, uint32_t stride, int32_t value[ATOM_NEIGHBOURS]);

/* The atom is complete: its entries enter the means of the dimensions. */
void atom_seen(atom_model *m, const int16_t *q);

static inline bool atom_mixes(const atom_model *m, unsigned slot)
{
    return m->set.mixed && slot < ATOM_SLOTS_MIXED;
}

/* P(1) of a decision in units of 2^-22. */
static inline uint32_t atom_decision(atom_model *m, const atom_expected *x, unsigned slot)
{
    int64_t sum = 0;

    m->input[0] = &m->context[x->context[0]][slot];
    if (!atom_mixes(m, slot))
        return m->p = adaptive_bit_p(m->input[0]);
    m->input[1] = &m->context[x->context[1]][slot];
    m->input[2] = &m->context[x->context[2]][slot];
    m->mixing = m->mix[slot];
    for (int i = 0; i < ATOM_INPUTS; i++) {
        m->stretched[i] = m->stretch[m->input[i]->p >> 20];
        sum += (int64_t)m->mixing[i] * m->stretched[i];
    }
    sum >>= 16;
    m->p = atom_squash(sum < -ATOM_LOGIT_MAX  ? -ATOM_LOGIT_MAX
                       : sum > ATOM_LOGIT_MAX ? ATOM_LOGIT_MAX
                                              : (int32_t)sum);
    return m->p;
}

/* What the decision came to. */
static inline void atom_learn(atom_model *m, unsigned slot, unsigned bit)
{
    const int32_t error = (int32_t)(bit << RANGE_BIT_BITS) - (int32_t)m->p;

    adaptive_bit_update(m->input[0], bit);
    if (!atom_mixes(m, slot))
        return;
    adaptive_bit_update(m->input[1], bit);
    adaptive_bit_update(m->input[2], bit);
    for (int i = 0; i < ATOM_INPUTS; i++) {
        const int32_t w =
            m->mixing[i] + (int32_t)((int64_t)m->stretched[i] * error >> ATOM_MIX_RATE);

        m->mixing[i] = w < -ATOM_MIX_MAX ? -ATOM_MIX_MAX : w > ATOM_MIX_MAX ? ATOM_MIX_MAX : w;
    }
}

#endif
