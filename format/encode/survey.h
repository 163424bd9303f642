/* One look at all rows: their number, mean and deviation, and a sample spread evenly over them. */
#ifndef MDLA_SURVEY_H
#define MDLA_SURVEY_H

#include "mdla/mdla.h"

#include <stdbool.h>

/* Rows of a sample come in runs, so that neighbours stay neighbours. */
#define SAMPLE_RUN 64

typedef struct row_survey {
    const mdla_allocator *al;
    uint32_t dims;
    uint64_t rows;
    double *mean;            /* [dims] */
    double deviation_sum;    /* squared deviation from the mean, over rows and dims */
    double largest_distance; /* of a row from the first */
    double squared_scale[2]; /* means over rows of what each would be normalised by, squared: its
                                mean square, its variance */
    float *sample;           /* [sample_rows][dims] */
    uint8_t *sample_starts;  /* [sample_rows] rows that no row before bears on */
    size_t sample_rows;      /* all rows where they are few enough */
    double sample_deviation; /* of the sample, from the mean of all */
} row_survey;

/* Reads all rows from the first and rewinds. MDLA_ERR_DATA: a NaN or infinity, or no rows. */
mdla_status row_survey_take(const mdla_config *config, mdla_rows *rows, row_survey *out,
                            mdla_error *err);
void row_survey_free(row_survey *s);

/* MDLA_ERR_DATA with row and column where values aren't finite; first is the number of the first
 * row. */
mdla_status rows_check_finite(const float *values, size_t row_count, uint32_t dims, uint64_t first,
                              mdla_error *err);

/* Rows to read at a time: about 4 MiB, a multiple of 64, at most 1,024. */
size_t rows_per_tile(uint32_t dims);

/* Running sums for a deviation from the per-dimension mean: exact enough since values are taken
 * relative to the first row. */
typedef struct deviation_sums {
    const mdla_allocator *al;
    uint32_t dims;
    uint64_t rows;
    double *origin, *sum;    /* [dims] */
    double squares, largest; /* sum, and largest of a row */
} deviation_sums;

mdla_status deviation_sums_new(const mdla_allocator *al, uint32_t dims, deviation_sums *s);
void deviation_sums_free(deviation_sums *s);
void deviation_sums_add(deviation_sums *s, const float *values, size_t row_count);
double deviation_sums_total(const deviation_sums *s);

#endif
