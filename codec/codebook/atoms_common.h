/* Atoms of a codebook as integers: what encoder and decoder share (spec section 8).
 *
 * Entry d of feature j's unit-norm atom is about q[j][d] x 2^(step_index[j] / 4 - 14): an int16 and
 * a step on a logarithmic grid, one a feature. The decoder expands them once to int16 in units of
 * 2^-14.
 *
 * The context rule stands here once, so that the two sides can't drift apart: atoms_model.h says
 * what is expected of the next entry and how the model learns what it was.
 */
#ifndef MDLA_ATOMS_COMMON_H
#define MDLA_ATOMS_COMMON_H

#include "mdla/base.h"
#include "rangecoder/adaptive_bit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATOM_SCALE_BITS 14     /* expanded entries: 2^14 stands for 1.0 */
#define ATOM_STEP_INDEX_MAX 56 /* step 2^(56/4 - 14) = 1.0, the coarsest */
#define ATOM_ENTRY_MAX 32767   /* |q| and |expanded| at most */

/* Entry q at step_index in units of 2^-14, rounded half away from zero; |result| may exceed int16,
 * the caller checks. 0 <= step_index <= ATOM_STEP_INDEX_MAX, |q| <= ATOM_ENTRY_MAX. */
static inline int64_t atom_expand(int32_t q, unsigned step_index)
{
    static const uint32_t mantissa[4] = {65536, 77936, 92682, 110218}; /* 2^(16 + i/4), rounded */
    const uint64_t magnitude = (uint64_t)(q < 0 ? -(int64_t)q : q);
    const uint64_t scaled =
        (((magnitude * mantissa[step_index & 3]) << (step_index >> 2)) + 32768) >> 16;

    return q < 0 ? -(int64_t)scaled : (int64_t)scaled;
}

/* Largest |q| at step_index whose expansion fits ATOM_ENTRY_MAX. */
int32_t atom_entry_limit(unsigned step_index);

/* A group of atoms that is coded by itself. order names the features of the group, frequent ones
 * first. */
typedef struct atom_group {
    uint32_t dims;
    uint32_t
        stride; /* entries d - stride and d are neighbours (rows of an image); 0: no such thing */
    const uint32_t *order; /* [count] feature numbers */
    size_t count;
} atom_group;

#endif
