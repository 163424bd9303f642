#include "eval_saebench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double least_top = 100; /* SAEBench's bins reach this far at least */

unsigned saebench_bins(int size)
{
    return 8u << size;
}

int saebench_start(saebench *s, uint32_t width)
{
    *s = (saebench){.width = width};
    s->counts = calloc((size_t)width * SAEBENCH_BINS, sizeof *s->counts);
    s->below = calloc(width, sizeof *s->below);
    s->top = calloc(2 * (size_t)width, sizeof *s->top);
    if (!s->counts || !s->below || !s->top) {
        saebench_end(s);
        return -1;
    }
    s->largest = s->top + width;
    for (uint32_t f = 0; f < width; f++)
        s->top[f] = s->largest[f] = least_top;
    return 0;
}

void saebench_end(saebench *s)
{
    free(s->counts);
    free(s->below);
    free(s->top);
    *s = (saebench){0};
}

void saebench_add(saebench *s, uint32_t feature, double strength, uint64_t count)
{
    const double bin = strength / s->top[feature] * SAEBENCH_BINS;

    if (strength > s->largest[feature])
        s->largest[feature] = strength;
    if (strength < 0)
        s->below[feature] += count;
    else /* the last bin holds its upper edge */
        s->counts[(size_t)feature * SAEBENCH_BINS +
                  (bin < SAEBENCH_BINS ? (size_t)bin : SAEBENCH_BINS - 1)] += count;
}

int saebench_again(saebench *s)
{
    int again = 0;

    for (uint32_t f = 0; f < s->width; f++) {
        again |= s->largest[f] > s->top[f];
        s->top[f] = s->largest[f];
    }
    if (again) {
        memset(s->counts, 0, (size_t)s->width * SAEBENCH_BINS * sizeof *s->counts);
        memset(s->below, 0, s->width * sizeof *s->below);
    }
    return again;
}

static double plogp(double count, double sum)
{
    return count > 0 ? count / sum * log2(sum / count) : 0;
}

/* Entropy of a feature's histogram in bins groups, zeros rows of 0 in the first. */
static double entropy_of_bins(const uint64_t counts[SAEBENCH_BINS], unsigned bins, double zeros)
{
    double sum = zeros, entropy = 0;

    for (int i = 0; i < SAEBENCH_BINS; i++)
        sum += (double)counts[i];
    for (unsigned b = 0; b < bins && sum > 0; b++) {
        double in_bin = b == 0 ? zeros : 0;

        for (unsigned i = 0; i < SAEBENCH_BINS / bins; i++)
            in_bin += (double)counts[b * (SAEBENCH_BINS / bins) + i];
        entropy += plogp(in_bin, sum);
    }
    return entropy;
}

void saebench_finish(const saebench *s, uint64_t rows, saebench_bits *out)
{
    const double n = rows ? (double)rows : (double)NAN;

    for (int size = 0; size < SAEBENCH_SIZES; size++) {
        out->published[size] = out->active[size] = 0;
        for (uint32_t f = 0; f < s->width; f++) {
            const uint64_t *counts = s->counts + (size_t)f * SAEBENCH_BINS;
            double positive = 0, flag;

            for (int i = 0; i < SAEBENCH_BINS; i++)
                positive += (double)counts[i];
            flag = plogp(positive, n) + plogp(n - positive, n);
            out->published[size] += flag + positive / n *
                                               entropy_of_bins(counts, saebench_bins(size),
                                                               n - positive - (double)s->below[f]);
            out->active[size] +=
                flag + positive / n * entropy_of_bins(counts, saebench_bins(size), 0);
        }
    }
}
