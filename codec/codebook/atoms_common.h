/* Atoms of a codebook as integers: what encoder and decoder share (spec section 8).
 *
 * Entry d of feature j's unit-norm atom is about q[j][d] x 2^(step_index[j] / 4 - 14): an int16 and a step on
 * a logarithmic grid, one a feature. The decoder expands them once to int16 in units of 2^-14.
 */
#ifndef MDLA_ATOMS_COMMON_H
#define MDLA_ATOMS_COMMON_H

#include <stdint.h>

#define ATOM_SCALE_BITS 14    /* expanded entries: 2^14 stands for 1.0 */
#define ATOM_STEP_INDEX_MAX 56 /* step 2^(56/4 - 14) = 1.0, the coarsest */
#define ATOM_ENTRY_MAX 32767   /* |q| and |expanded| at most */

/* Entry q at step_index in units of 2^-14, rounded half away from zero; |result| may exceed int16, the
 * caller checks. 0 <= step_index <= ATOM_STEP_INDEX_MAX, |q| <= ATOM_ENTRY_MAX. */
static inline int64_t atom_expand(int32_t q, unsigned step_index)
{
    static const uint32_t mantissa[4] = {65536, 77936, 92682, 110218}; /* 2^(16 + i/4), rounded */
    const uint64_t magnitude = (uint64_t)(q < 0 ? -(int64_t)q : q);
    const uint64_t scaled =
        (((magnitude * mantissa[step_index & 3]) << (step_index >> 2)) + 32768) >> 16;

    return q < 0 ? -(int64_t)scaled : (int64_t)scaled;
}

#endif
