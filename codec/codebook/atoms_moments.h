/* Which features fire how strongly, and together: what the quantiser of atoms weighs (encoder
 * side). */
#ifndef MDLA_ATOMS_MOMENTS_H
#define MDLA_ATOMS_MOMENTS_H

#include "sae/sae.h"

/* Sums over rows, with strengths in units of unit-norm atoms. Divide by the rows at the end. */
typedef struct atom_moments {
    const mdla_allocator *al;
    uint32_t width;
    uint64_t rows;
    const float *norm; /* [width] of the SAE's atoms; the caller's. NULL: all 1 */
    double *energy;    /* [width] strength^2 */
    float *product;    /* [width][width] strength_i x strength_j, i > j alone; or NULL */
} atom_moments;

/* together: whether to keep products, width^2 floats. MDLA_ERR_MEMORY leaves nothing to free. */
mdla_status atom_moments_start(atom_moments *m, const mdla_allocator *al, uint32_t width,
                               const float *norm, int together);

/* Adds one row, features in any order, each once. */
void atom_moments_add_row(atom_moments *m, const uint32_t *feature, const float *strength,
                          size_t count);

/* Adds all rows of codes. */
void atom_moments_add(atom_moments *m, const sae_codes *codes);

/* Sums become means over rows. */
void atom_moments_finish(atom_moments *m);

void atom_moments_free(atom_moments *m); /* accepts a zeroed one */

#endif
