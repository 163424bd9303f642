/* Signed codes: the level of each coefficient in turn (encoder side). The best where atoms are
 * orthonormal, since then neither errors nor prices know of each other. */
#ifndef MDLA_SCALAR_H
#define MDLA_SCALAR_H

#include "search/search.h"

typedef struct scalar_basis {
    const float *atoms; /* [width][dims]; NULL: feature d is column d */
    uint32_t width, dims;
    const float *sign_bits; /* [width][2] of a level above zero, below */
} scalar_basis;

/* Codes rows [row_count][dims] (bias taken off). Of the prices level_class is [width][2]; pairs and
 * effort don't count.
 *
 * coefficients  out: [row_count][width] of what the levels before leave; undefined where an atom is
 * zero.
 * codes         out: replaced, its memory reused.
 * distortion    out: [row_count] squared error of each row with float arithmetic.
 * Same result for any number of threads. MDLA_ERR_MEMORY. */
mdla_status scalar_codes(const mdla_allocator *al, const scalar_basis *basis,
                         const search_prices *prices, parallel_pool *pool, const float *rows,
                         size_t row_count, float *coefficients, code_rows *codes,
                         float *distortion);

#endif
