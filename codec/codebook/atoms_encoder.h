/* Atoms of a codebook, encoder side: entropy coding, and the choice of steps and entries. */
#ifndef MDLA_ATOMS_ENCODER_H
#define MDLA_ATOMS_ENCODER_H

#include "codebook/atoms_common.h"
#include "rangecoder/range_encoder.h"

/* Where a group's bits went: -log2 p of what was sent. */
typedef struct atom_bits {
    double steps, entries;
} atom_bits;

/* Codes the group's rows of q [width][dims] and step_index [width]. bits may be NULL. */
mdla_status atoms_encode(const mdla_allocator *al, range_encoder *e, const atom_group *group,
                         const uint8_t *step_index, const int16_t *q, atom_bits *bits);

/* The row length of images, where atoms look like such: the lag of strongest correlation. 0: none
 * is strong. */
uint32_t atoms_stride_fit(uint32_t dims, uint32_t width, const float *atoms);

/* What the quantiser is to weigh. */
typedef struct atom_precision {
    double lambda;        /* squared error of the data that is worth one bit */
    double expected_rows; /* rows that will be coded with this codebook */
    double least_energy;  /* stands in for less: a feature that never fired is kept coarsely, not
                             lost. Half an  occurrence in all rows: sum of energies / sum of rates x
                             0.5 / rows is apt */
} atom_precision;

/* What is known of the atoms; all values finite. energy and moments: see atoms_moments.h. */
typedef struct atom_source {
    uint32_t dims, width;
    uint32_t stride;       /* as in the group that will be coded */
    const uint32_t *order; /* [width] coding order */
    const float *atoms;    /* [width][dims], unit norm */
    const double *energy;  /* [width] mean of squared strength over all rows */
    const float *moments;  /* [width][width] mean of strength_i x strength_j over all rows, i > j
                            * alone;  NULL: errors of different atoms are taken to be unrelated */
} atom_source;

/* Chooses step_index [width] and q [width][dims]. With moments it takes width^2 floats of scratch
 * memory and width^3 / 3 multiply-adds, and spends 5 to 10 % fewer bits at equal error. */
mdla_status atoms_quantise(const mdla_allocator *al, const atom_source *source,
                           const atom_precision *precision, uint8_t *step_index, int16_t *q);

#endif
