/* What the tools of the field print about a reconstruction and a sparse code, each by its own
 * formula and under its own name.
 *
 * Two passes over the rows: the first for their mean, the second beside what was decoded. Codes may
 * come with the second pass or after it. All sums in double, over all rows. */
#ifndef MDLA_EVAL_METRICS_H
#define MDLA_EVAL_METRICS_H

#include <stddef.h>
#include <stdint.h>

typedef enum eval_metric {
    METRIC_L0,
    METRIC_FVU,
    METRIC_MSE,
    METRIC_EXPLAINED_VARIANCE,
    METRIC_EXPLAINED_VARIANCE_LEGACY,
    METRIC_FRAC_VARIANCE_EXPLAINED,
    METRIC_EXPLAINED_VARIANCE_SAELENS_EVAL,
    METRIC_L2_LOSS,
    METRIC_L2_NORM_ERROR,
    METRIC_L2_NORM_ERROR_RATIO,
    METRIC_NORMALIZED_MSE,
    METRIC_NORMALIZED_L1,
    METRIC_COSSIM,
    METRIC_L1,
    METRIC_L2_NORM_IN,
    METRIC_L2_NORM_OUT,
    METRIC_L2_RATIO,
    METRIC_RELATIVE_RECONSTRUCTION_BIAS,
    METRIC_DEAD_FEATURES,
    METRIC_FRAC_ALIVE,
    METRIC_FREQ_OVER_1_PERCENT,
    METRIC_FREQ_OVER_10_PERCENT,
    METRIC_NORMALIZED_FREQ_OVER_1_PERCENT,
    METRIC_NORMALIZED_FREQ_OVER_10_PERCENT,
    METRIC_ZERO_ROWS,
    METRICS
} eval_metric;

/** "explained_variance_legacy" ...; as formats know it. */
const char *metric_name(eval_metric metric);
/** Whether it counts something: a whole number. */
int metric_is_count(eval_metric metric);

/** Feature densities: log10(density + 1e-10) lies in -10 (never) .. 0, in bins of a half. */
enum { DENSITY_BINS = 20 };
/** The lower edge of a bin; bin DENSITY_BINS: the upper edge of the last. */
double density_edge(int bin);

typedef struct eval_metrics {
    uint32_t dims, width;
    uint64_t seen, rows, coded;         /* rows of the first pass, of the second, and with codes */
    double *mean;                       /* [dims] */
    double variance;                    /* V */
    double *error_mean, *error_squares; /* [dims] Welford's of what was lost */
    double error, square;               /* R and S */
    double error_norm, norm_in, norm_out, ratio, cosine, decoded_square, product;
    double relative_error; /* sum of |e|^2 / |x|^2 */
    double legacy;         /* sum of 1 - |e|^2 / |x - mean|^2 */
    uint64_t zero_rows, cosine_rows, legacy_rows;
    double l1, relative_l1;
    uint64_t active, relative_rows;
    uint64_t *fired, *positive; /* [width] rows where f != 0, f > 0 */
    int by_passage;             /* passages are known */
    uint64_t passage;           /* of the row shown last, from 1 on; 0: not known */
    uint64_t *passages, *last;  /* [width] passages where it fired; the last of them, from 1 on */
} eval_metrics;

/** Returns 0, or -1: no memory. by_passage != 0: it will be said where passages start. */
int metrics_start(eval_metrics *m, uint32_t dims, uint32_t width, int by_passage);
void metrics_end(eval_metrics *m); /* a zeroed one is fine */

/** First pass. rows: float32 [row_count][dims]. */
void metrics_see(eval_metrics *m, const float *rows, size_t row_count);
/** Second pass. */
void metrics_add(eval_metrics *m, const float *rows, const float *decoded, size_t row_count);
/** The code of the next row, the row itself, and whether a passage starts with it. */
void metrics_code(eval_metrics *m, const float *row, int starts, const uint32_t *feature,
                  const double *strength, size_t count);

/** NaN where a metric is undefined. */
void metrics_finish(const eval_metrics *m, double out[METRICS]);
/** How many features have their density in each bin. */
void metrics_histogram(const eval_metrics *m, uint64_t bins[DENSITY_BINS]);

double metrics_density(const eval_metrics *m, uint32_t feature);
double metrics_log10_density(const eval_metrics *m, uint32_t feature);
/** Rows where it fired over passages where it fired; NaN where it never did or none are known. */
double metrics_consistency(const eval_metrics *m, uint32_t feature);

#endif
