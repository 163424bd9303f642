/* What reconstruction lost: squared errors and the rows' own variance, summed in double, row by row. */
#ifndef MDLA_TOOL_DISTORTION_H
#define MDLA_TOOL_DISTORTION_H

#include <stddef.h>
#include <stdint.h>

typedef struct distortion {
    uint32_t dims;
    uint64_t rows;
    double error;    /* R: sum over rows of the squared error */
    double *mean;    /* [dims] */
    double *squares; /* [dims] V by dimension: squared deviations from the mean of the rows so far */
} distortion;

/** Returns 0, or -1: no memory. */
int distortion_start(distortion *d, uint32_t dims);
void distortion_end(distortion *d);

/** rows and decoded are float32 [row_count][dims]. */
void distortion_add(distortion *d, const float *rows, const float *decoded, size_t row_count);

/** R / V; NaN where V is 0. */
double distortion_fvu(const distortion *d);
/** R / (rows x dims); NaN where there are no rows. */
double distortion_mse(const distortion *d);

#endif
