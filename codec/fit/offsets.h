/* Reconstruction points: where levels should lie for the least error, all features alike (least
 * squares). */
#ifndef MDLA_OFFSETS_H
#define MDLA_OFFSETS_H

#include "block/code_model.h"
#include "search/search.h"

/* Normal equations of the offsets of levels 1, 2, 3 and above, in units of levels. */
typedef struct offset_sums {
    double product[LEVEL_OFFSETS][LEVEL_OFFSETS];
    double target[LEVEL_OFFSETS];
} offset_sums;

/* Adds rows (offset and bias taken off) [row_count][dims] and their codes, which count in units of
 * scale [row_count]. atoms: float [width][dims]. scratch: float [LEVEL_OFFSETS + 1][dims]. */
void offset_sums_add(offset_sums *s, const code_model *m, const float *atoms, const float *rows,
                     const float *scale, const code_rows *codes, float *scratch);

/* The same of signed codes and their coefficients [row_count][width], atoms being orthonormal. */
void offset_sums_add_scalars(offset_sums *s, const code_model *m, const float *coefficients,
                             const code_rows *codes);

/* The best offsets, rounded to their grid and kept in range; those of levels hardly seen stay as
 * they were. */
void offset_sums_solve(const offset_sums *s, int8_t offset[LEVEL_OFFSETS]);

#endif
