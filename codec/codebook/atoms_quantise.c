/* Precision by use: how finely each atom is kept. */
#include "codebook/atoms_encoder.h"

#include <math.h>

/* The step that minimises rows x added squared error / lambda + bits: an entry of step s adds energy x s^2 / 12 a
 * row, and costs -log2 s bits. */
static unsigned best_step_index(double energy, const atom_precision *p)
{
    const double squared = 6 * p->lambda / (log(2.0) * p->expected_rows * energy);
    const double index = rint(4 * (0.5 * log2(squared) + ATOM_SCALE_BITS));

    return index > 0 ? (index < ATOM_STEP_INDEX_MAX ? (unsigned)index : ATOM_STEP_INDEX_MAX) : 0;
}

void atoms_quantise(uint32_t dims, uint32_t width, const float *atoms, const double *energy,
                    const atom_precision *precision, uint8_t *step_index, int16_t *q)
{
    for (uint32_t j = 0; j < width; j++) {
        const double used = fmax(energy[j], precision->least_energy);
        const unsigned index = used > 0 ? best_step_index(used, precision) : ATOM_STEP_INDEX_MAX;
        const double inverse = exp2(ATOM_SCALE_BITS - index / 4.0);
        const double limit = atom_entry_limit(index);

        step_index[j] = (uint8_t)index;
        for (uint32_t d = 0; d < dims; d++) {
            const double entry = rint((double)atoms[(size_t)j * dims + d] * inverse);

            q[(size_t)j * dims + d] = (int16_t)fmin(fmax(entry, -limit), limit);
        }
    }
}
