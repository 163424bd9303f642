/* FVU in one pass: the mean and the squared deviations of each dimension are kept up by Welford's update, which
 * doesn't cancel where the mean is far from zero. */
#include "common/distortion.h"

#include <math.h>
#include <stdlib.h>

int distortion_start(distortion *d, uint32_t dims)
{
    *d = (distortion){.dims = dims};
    d->mean = calloc(dims, sizeof *d->mean);
    d->squares = calloc(dims, sizeof *d->squares);
    if (d->mean && d->squares)
        return 0;
    distortion_end(d);
    return -1;
}

void distortion_end(distortion *d)
{
    free(d->mean);
    free(d->squares);
    d->mean = NULL;
    d->squares = NULL;
}

void distortion_add(distortion *d, const float *rows, const float *decoded, size_t row_count)
{
    for (size_t r = 0; r < row_count; r++, rows += d->dims, decoded += d->dims) {
        const double share = 1.0 / (double)++d->rows;
        double error = 0;

        for (uint32_t i = 0; i < d->dims; i++) {
            const double x = (double)rows[i];
            const double before = x - d->mean[i];
            const double lost = x - (double)decoded[i];

            d->mean[i] += before * share;
            d->squares[i] += before * (x - d->mean[i]);
            error += lost * lost;
        }
        d->error += error;
    }
}

double distortion_fvu(const distortion *d)
{
    double variance = 0;

    for (uint32_t i = 0; i < d->dims; i++)
        variance += d->squares[i];
    return variance > 0 ? d->error / variance : (double)NAN;
}

double distortion_mse(const distortion *d)
{
    return d->rows ? d->error / ((double)d->rows * (double)d->dims) : (double)NAN;
}
