/* Scales and offsets of rows as they are coded (encoder side; spec section 9.5). */
#ifndef MDLA_NORMS_H
#define MDLA_NORMS_H

#include "block/row_norm.h"

/* How finely scales and offsets are told where a bit is worth lambda of squared error. */
norm_grid norm_grid_for(const codebook *cb, double lambda);

/* A row's scale and offset on the grid. */
typedef struct chosen_norm {
    row_norm norm;
    double scale, offset; /* what norm is worth */
    bool fits;            /* false: beyond what a file can hold */
} chosen_norm;

chosen_norm norm_choose(const codebook *cb, const norm_grid *grid, double lambda, const float *row);

/* The scale that a codebook refers to; 1 where its rows aren't normalised. */
double norm_reference(const codebook *cb);
/* On the grid of codebooks. */
int32_t norm_reference_of(double scale);

#endif
