/* Principal axes of rows (encoder side). */
#ifndef MDLA_AXES_H
#define MDLA_AXES_H

#include "base/parallel.h"

#include <stddef.h>

typedef struct axes_sums {
    const mdla_allocator *al;
    uint32_t dims;
    const double *mean; /* [dims], the caller's */
    double *product;    /* [dims][dims] of deviations from it, the lower triangle */
    double *tile;       /* [AXES_ROWS][dims] */
} axes_sums;

/* Zeroed. MDLA_ERR_MEMORY leaves nothing to free. */
mdla_status axes_start(axes_sums *s, const mdla_allocator *al, uint32_t dims, const double *mean);

/* Adds rows [row_count][dims]. Bits don't depend on threads. */
void axes_add(axes_sums *s, parallel_pool *pool, const float *rows, size_t row_count);

/* The axes by falling variance: [dims][dims] into axes, each of norm 1. Uses the sums up.
 * MDLA_ERR_MEMORY; MDLA_ERR_DATA where no axes are found. */
mdla_status axes_finish(axes_sums *s, float *axes);

void axes_free(axes_sums *s); /* accepts a zeroed one */

#endif
