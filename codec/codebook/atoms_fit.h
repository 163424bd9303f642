/* Settings that suit a group (encoder side). */
#ifndef MDLA_ATOMS_FIT_H
#define MDLA_ATOMS_FIT_H

#include "codebook/atoms_model.h"

/* All settings: the linear weights, whether the entries lie on the trellis, whether mixing pays. */
mdla_status atoms_settings_fit(const mdla_allocator *al, const atom_group *group,
                               const uint8_t *step_index, const int16_t *q, atom_settings *set);

/* Linear weights alone: least squares. */
void atom_weights_fit(const atom_group *group, const int16_t *q, atom_settings *set);

/* Whether every atom is a path through the trellis. */
bool atom_trellis_holds(const atom_group *group, const int16_t *q);

#endif
