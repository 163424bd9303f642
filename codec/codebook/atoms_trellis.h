/* The best path of an atom's entries through the trellis (encoder side). */
#ifndef MDLA_ATOMS_TRELLIS_H
#define MDLA_ATOMS_TRELLIS_H

#include "codebook/atoms_model.h"

typedef struct atom_trellis atom_trellis;

atom_trellis *atom_trellis_new(const mdla_allocator *al, uint32_t dims, uint32_t stride);
void atom_trellis_free(const mdla_allocator *al, atom_trellis *t); /* accepts NULL */

/* Entries q [dims] on the trellis that minimise error_bits x sum of (target / step - q)^2 + bits, the bits
 * those of the model as it stands. target: in units of 1; m->step_index is the atom's. */
void atom_trellis_round(atom_trellis *t, atom_model *m, const float *target, double error_bits, int16_t *q);

#endif
