/* A codebook in memory: integer atoms, bias and priors, ready for coding (spec sections 7 and 8).
 *
 * The decoder fills the coded fields from a file, the encoder from an SAE and counts; both then
 * derive the rest by codebook_derive_order and codebook_derive_peaks. Read-only afterwards, so any
 * number of threads may share one.
 */
#ifndef MDLA_CODEBOOK_H
#define MDLA_CODEBOOK_H

#include "codebook/atoms_common.h"
#include "entropy/survival_common.h"
#include "joint/joint_model.h"
#include "mdla/base.h"

#include <stdbool.h>

#define CODEBOOK_CLASSES_MAX 64
#define CODEBOOK_HAZARDS 24  /* levels with hazards of their own; the last goes on above */
#define CODEBOOK_BINS_MAX 64 /* of strengths, in a cache's codebook */
#define STRENGTH_END UINT32_C(0x7F800000) /* behind the bits of the largest finite float32 */
#define CODEBOOK_LEVEL_MAX 4095

/* A step: mantissa / 256 units of a coefficient, 2^exponent the value of one unit of the
 * accumulator. One level of a unit-norm atom is worth mantissa / 256 x 2^14 x 2^exponent. */
typedef struct quant_step {
    uint32_t mantissa; /* 2^8 .. 2^23 - 1 */
    int32_t exponent;  /* -120 .. 80 */
} quant_step;

#define LEVEL_OFFSETS 4 /* reconstruction points of levels 1, 2, 3, and 4 and above */
#define LEVEL_OFFSET_LEAST -96

/* What a file says beside its codebook; a codebook suggests it. */
typedef struct code_params {
    quant_step step;
    int8_t level_offset[LEVEL_OFFSETS]; /* level l counts as l + offset / 128; LEVEL_OFFSET_LEAST ..
                                           127 */
} code_params;

/* What rows are coded in: as they are, or each in units of a scale of its own, and about an offset
 * of its own (what normalisation in an SAE's forward pass takes off). */
typedef enum row_norm_kind { ROW_NORM_NONE, ROW_NORM_SCALE, ROW_NORM_SCALE_OFFSET } row_norm_kind;

#define REFERENCE_SCALE_BITS 4
#define REFERENCE_SCALE_MAX (128 << REFERENCE_SCALE_BITS)

/* What features are, and how rows use them (spec section 7.2). */
typedef enum codebook_kind {
    CODEBOOK_SPARSE = 0,   /* those of an SAE: a few a row, levels above zero */
    CODEBOOK_IDENTITY = 1, /* feature d is column d: no atoms; signed levels */
    CODEBOOK_SIGNED = 2,   /* atoms with signed levels: principal axes */
    CODEBOOK_CHOICES = 3   /* stages of codewords: of each stage one a row, at level 1 */
} codebook_kind;

typedef struct codebook_basis {
    codebook_kind kind;
    uint32_t stages; /* of choices, each of width / stages features; else 1 */
} codebook_basis;

/* How a file's rows are coded: values are those of its header. */
typedef enum code_kind {
    CODES_SPARSE = 0, /* which features, and their levels above zero */
    CODES_SIGNED = 2, /* likewise, with the signs of levels */
    CODES_CHOICES = 3 /* a feature a stage */
} code_kind;

typedef struct codebook {
    const mdla_allocator *al;
    bool cache; /* of codes without atoms: no bias, no atoms, dims 0; levels are bins of
                   strengths */
    uint32_t dims, width;
    codebook_basis basis;
    uint32_t signs; /* 2 where levels are signed, else 1 */

    /* coded */
    code_params
        fit; /* the step that the level distributions refer to, and offsets that suited it */
    int32_t bias_exponent; /* bias[d] x 2^bias_exponent */
    int32_t *bias;         /* [dims], |bias| < 2^30 */
    uint32_t stride;       /* row length of the images that atoms look like; 0: none */
    uint8_t *rate_index;   /* [width], 0 .. RATE_INDEX_MAX */
    uint32_t class_count;  /* 1 .. CODEBOOK_CLASSES_MAX */
    uint8_t *level_class;  /* [width][signs]: of levels above zero, of those below */
    uint8_t *negative; /* [width] rate index of "below zero, given it isn't zero"; signed alone */
    uint32_t hazard_count; /* CODEBOOK_HAZARDS, or a cache's bins */
    uint8_t hazard[CODEBOOK_CLASSES_MAX]
                  [CODEBOOK_BINS_MAX]; /* rate index of "level l, given l or more" */
    /* Of a cache: bin b holds the magnitudes whose float32 bits are edge[b] .. edge[b + 1] - 1; all
     * finite ones but 0 lie in one. */
    uint32_t edge[CODEBOOK_BINS_MAX + 1];
    row_norm_kind norm;
    int32_t reference_scale; /* of the rows that it was fitted to: log2, in 1/16 octave;
                                |.| <= REFERENCE_SCALE_MAX. 0 without norm */
    joint_model *joint;      /* which features go together; NULL: nothing is known */
    int16_t *atoms; /* [width][dims], expanded: units of 2^-14; of CODEBOOK_IDENTITY none */

    /* derived */
    uint32_t *order;     /* [width] coding order: features by falling rate, ties by number; choices
                            by number */
    uint32_t *rank;      /* [width] its inverse */
    uint64_t *rate_cum;  /* [width + 1] cumulated costs in coding order */
    uint16_t *atom_peak; /* [width] largest |entry| */
    survival_table *survival;

    /* identity: canonical bytes, as they stand in a file, and what they are made of */
    uint8_t *bytes;
    size_t nbytes;
    uint8_t sha256[32];
    double atom_bits, bias_bits, prior_bits, weight_bits, framing_bits; /* sum: 8 x nbytes */
} codebook;

/* Arrays of the given shape, zeroed but for the atoms; dims 0: a cache's. basis: NULL for an SAE's
 * and a cache's. NULL: no memory. */
codebook *codebook_new(const mdla_allocator *al, uint32_t dims, uint32_t width,
                       const codebook_basis *basis);
void codebook_free(codebook *cb); /* accepts NULL */

/* Coding order, its inverse and cumulated rates, from rate_index; needed before atoms are coded. */
mdla_status codebook_derive_order(codebook *cb);
/* Peaks, from the expanded atoms. */
void codebook_derive_peaks(codebook *cb);

/* sha256 of the canonical bytes. */
void codebook_name(codebook *cb);

/* Bytes of memory that codebook_new takes, for limits. */
uint64_t codebook_memory(uint32_t dims, uint32_t width, const codebook_basis *basis);

code_kind codebook_codes(const codebook *cb);

bool code_params_in_range(const code_params *p);

/* Value of one level of a unit-norm atom. */
double quant_step_value(quant_step step);

#endif
