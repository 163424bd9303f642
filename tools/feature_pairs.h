/* The pairs of features that carry the independence gap: those that the joint model has a weight
 * for, by what knowing one of the two saves on the other. */
#ifndef MDLA_FEATURE_PAIRS_H
#define MDLA_FEATURE_PAIRS_H

#include "mdla/mdla.h"

typedef struct feature_pair {
    uint32_t from, to;
    double octaves;
    uint64_t both; /* rows where both are active */
    double bits;   /* mutual information of the two flags, times the rows */
} feature_pair;

typedef struct feature_pairs {
    feature_pair *pairs; /* [count] by from, then to; in the end by falling bits */
    size_t count, room;
    size_t *start;       /* [width + 1] where a feature's pairs begin */
    uint64_t *rows;      /* [width] where a feature is active */
    uint64_t rows_count; /* rows counted */
    int out_of_memory;
} feature_pairs;

/** Reads the pairs of the decoder's codebook; count 0: it has no joint model. Free them in any
 * case. */
mdla_status feature_pairs_open(mdla_decoder *decoder, feature_pairs *out, mdla_error *err);
/** Counts one row's code, as mdla_row_visitor gets it. */
void feature_pairs_add(feature_pairs *pairs, const mdla_coded_feature *code, size_t count);
/** All rows were counted: finds the bits and sorts by them. */
void feature_pairs_rank(feature_pairs *pairs);
void feature_pairs_free(feature_pairs *pairs); /* a zeroed one is fine */

#endif
