/* The arithmetic behind a sweep's answers: which explanation is shortest for how many rows, and
 * where rate-distortion curves cross. Between measured points curves are interpolated and never
 * continued beyond them. */
#ifndef MDLA_SWEEP_CURVES_H
#define MDLA_SWEEP_CURVES_H

#include <stddef.h>

/** One codebook's files: a row takes marginal bits, and all rows share codebook bits. */
typedef struct rate_line {
    double marginal, codebook;
} rate_line;

/** marginal + codebook / rows, of the cheapest of an explanation's codebooks, since any of them
 * will do for any number of rows. NaN where there are none. */
double curves_total(const rate_line *lines, size_t count, double rows);

/** Numbers of rows that the optimum is looked for between. */
#define SWEEP_ROWS_LOW 1e3
#define SWEEP_ROWS_HIGH 1e12

enum { SWEEP_OPTIMA_MAX = 64 };

/** A stretch of numbers of rows for which one explanation is shortest. */
typedef struct optimum {
    double from, to; /* rows */
    size_t explanation;
} optimum;

/** What an explanation's codebooks cost. */
typedef struct explanation_lines {
    const rate_line *lines;
    size_t count;
} explanation_lines;

/** The stretches between low and high rows, rising; at most max of them. Returns how many. */
size_t curves_optima(const explanation_lines *explanations, size_t count, double low, double high,
                     optimum *out, size_t max);

/** A measured point of a rate-distortion curve. */
typedef struct rd_point {
    double fvu, bits;
} rd_point;

/** Bits at an FVU, by interpolation of bits over log FVU; points fall in FVU. NaN outside. */
double curves_bits(const rd_point *points, size_t count, double fvu);

/** Where curves a and b cross, as FVUs from high to low; at most max. Returns how many. */
size_t curves_crossings(const rd_point *a, size_t a_count, const rd_point *b, size_t b_count,
                        rd_point *out, size_t max);

#endif
