/* SAEBench's description_length as its code computes it (sae_bench/evals/mdl), and the form that
 * was meant.
 *
 * For feature f, equal bins on [0, max(100, largest strength of f)]; H the entropy of the histogram
 * of all rows' strengths, zeros included; the sum over features of h(p) + p H, p the share of rows
 * where f > 0. The zeros fill the first bin, so that p H all but vanishes. What describes the
 * strengths is H of the rows where f is active, over the same bins. */
#ifndef MDLA_EVAL_SAEBENCH_H
#define MDLA_EVAL_SAEBENCH_H

#include <stdint.h>

/** The numbers of bins that SAEBench runs with: 8, 16, 32, 64. */
enum { SAEBENCH_SIZES = 4, SAEBENCH_BINS = 64 };
unsigned saebench_bins(int size);

/** Bits a row, by number of bins; NaN where there are no rows. */
typedef struct saebench_bits {
    double published[SAEBENCH_SIZES]; /* as SAEBench prints it */
    double active[SAEBENCH_SIZES];    /* with the entropy of active strengths */
} saebench_bits;

typedef struct saebench {
    uint32_t width;
    uint64_t *counts;      /* [width][SAEBENCH_BINS] strengths that aren't 0, in [0, top] */
    uint64_t *below;       /* [width] strengths below 0, which SAEBench's histogram leaves out */
    double *top, *largest; /* [width] of the bins; of the strengths seen */
} saebench;

/** Returns 0, or -1: no memory. */
int saebench_start(saebench *s, uint32_t width);
void saebench_end(saebench *s); /* a zeroed one is fine */

/** A strength of a feature, not 0, that count rows have. */
void saebench_add(saebench *s, uint32_t feature, double strength, uint64_t count);

/** Nonzero where strengths were above the bins: these now reach them and are empty, and everything
 * is to be added once more. */
int saebench_again(saebench *s);

void saebench_finish(const saebench *s, uint64_t rows, saebench_bits *out);

#endif
