/* Scale and offset of a row that was normalised by itself (spec section 9.5): how they are told and
 * what they are worth. Both sides; integers alone.
 */
#ifndef MDLA_ROW_NORM_H
#define MDLA_ROW_NORM_H

#include "codebook/codebook.h"
#include "rangecoder/number_common.h"

/* A row is (sum of coefficients x atoms) x scale + offset. */
typedef struct row_norm {
    bool zero;      /* the scale is 0, and scale below has no meaning */
    int32_t scale;  /* log2, in units of 2^-scale_bits; |scale| <= 128 x 2^scale_bits */
    int32_t offset; /* units of 2^offset_exponent, below ROW_OFFSET_LIMIT */
} row_norm;

/* How finely a file tells them. */
typedef struct norm_grid {
    bool coded;              /* rows have a scale; else the rest is 0 */
    uint8_t scale_bits;      /* 0 .. NORM_SCALE_BITS_MAX */
    int16_t offset_exponent; /* ROW_UNIT_LEAST .. ROW_UNIT_MOST; 0 where rows have no offset */
} norm_grid;

#define NORM_SCALE_BITS_MAX SURVIVAL_EXP2_BITS
#define NORM_OCTAVES 128
#define ROW_OFFSET_LIMIT (INT32_C(1) << 30)
#define ROW_MANTISSA_BITS 15 /* a scale's mantissa is 2^15 .. 2^16 - 1 */
/* Exponents of the unit in which a row is summed: its float32 values stay clear of subnormals and
 * infinity. */
#define ROW_UNIT_LEAST (-126)
#define ROW_UNIT_MOST 64

static inline bool norm_grid_in_range(const norm_grid *g)
{
    return g->scale_bits <= NORM_SCALE_BITS_MAX && g->offset_exponent >= ROW_UNIT_LEAST &&
           g->offset_exponent <= ROW_UNIT_MOST;
}

/* 2^(scale / 2^bits) is mantissa x 2^(octave - ROW_MANTISSA_BITS). */
static inline uint32_t row_scale_mantissa(const survival_table *t, int32_t scale, unsigned bits)
{
    const uint32_t part = (uint32_t)scale & ((UINT32_C(1) << bits) - 1);
    const uint32_t entry = (1u << SURVIVAL_EXP2_BITS) - (part << (SURVIVAL_EXP2_BITS - bits));

    return (uint32_t)(t->exp2[entry] >> (SURVIVAL_BITS - 1 - ROW_MANTISSA_BITS));
}

static inline int32_t row_scale_octave(int32_t scale, unsigned bits)
{
    return scale >> bits;
}

/* A number that is told by its difference from the mean of those before. */
typedef struct tracked_number {
    golomb_context size;
    adaptive_bit sign;
    int64_t mean; /* units of 2^-8 */
    uint32_t seen;
} tracked_number;

#define TRACKED_BITS 8
#define TRACKED_SEEN_MAX 31 /* a mean of about the last 32 */

static inline int64_t tracked_expected(const tracked_number *n)
{
    return (n->mean + (1 << (TRACKED_BITS - 1))) >> TRACKED_BITS;
}

static inline void tracked_update(tracked_number *n, int64_t value)
{
    const int64_t rate = 65536 / (n->seen + 1);

    n->mean += (value * (1 << TRACKED_BITS) - n->mean) * rate >> 16;
    n->seen += n->seen < TRACKED_SEEN_MAX ? 1 : 0;
}

/* A block's state: [1] for rows that a passage starts with, which are often unlike the others. */
typedef struct row_norm_model {
    adaptive_bit zero[2];
    tracked_number scale[2], offset[2];
} row_norm_model;

static inline void row_norm_model_init(row_norm_model *m, const codebook *cb, const norm_grid *g)
{
    /* The codebook's scale in units of 2^-scale_bits octaves, and those in 1/256. */
    const int64_t scale = (int64_t)cb->reference_scale *
                          (INT32_C(1) << (g->scale_bits + TRACKED_BITS - REFERENCE_SCALE_BITS));

    for (unsigned i = 0; i < 2; i++) {
        tracked_number *const both[] = {&m->scale[i], &m->offset[i]};

        m->zero[i] = (adaptive_bit){UINT32_C(1) << 27, 15}; /* 1 in 32 at first */
        for (unsigned k = 0; k < 2; k++) {
            golomb_context_init(&both[k]->size);
            both[k]->sign = adaptive_bit_initial();
            both[k]->mean = k == 0 ? scale : 0;
            both[k]->seen = 0;
        }
    }
}

#endif
