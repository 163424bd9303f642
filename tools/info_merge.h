/* What a set of features takes in a file, and what one feature in its place would. */
#ifndef MDLA_INFO_MERGE_H
#define MDLA_INFO_MERGE_H

#include "info_flags.h"

/** Features of a set, at most. */
enum { MERGE_MAX = 16 };

/** Features as they are: what they cost, and their atoms. */
typedef struct merge_costs {
    const held_flags *held;
    uint32_t dims, used;
    uint32_t *feature;    /* [used] that are active anywhere, ascending */
    uint32_t *place;      /* [width] in `feature` */
    float *atom;          /* [used][dims] of length 1 */
    double *norm;         /* [used] that they had */
    double *energy;       /* [used] sum over rows of what it adds, squared */
    double *atom_bits;    /* [width] */
    double *flag_bits;    /* [used] */
    double prior_bits;    /* of a feature, on average */
    double bits_a_octave; /* by which an atom grows where the energy doubles */
    double lambda;        /* squared error that is worth a bit */
    double scale;         /* rows of the file for each that is counted */
    uint8_t *member;      /* [width] 1 + its place in the set being measured, else 0 */
} merge_costs;

/** Returns an exit code, and has reported what went wrong. To be ended in any case. */
int merge_costs_start(merge_costs *costs, const info_subject *subject, const held_flags *held);
void merge_costs_end(merge_costs *costs);

/** Cosine of two used features' atoms, by their places. */
double merge_cosine(const merge_costs *costs, uint32_t a, uint32_t b);

/** Bits that the file has less without the feature, its error counted; often below 0. */
double merge_dropped(const merge_costs *costs, uint32_t place);

/** A merge: bits saved, but error_bits, which it costs. Over all rows of the file. */
typedef struct merge {
    double atom_bits, prior_bits, flag_bits, level_bits, error_bits, saved;
    double rows;              /* counted ones where any of the features is active */
    double weight[MERGE_MAX]; /* the merged atom is the sum of weight x atom */
    double cosine[MERGE_MAX]; /* of each atom with the merged one */
} merge;

/** Measures the merge of count (2 .. MERGE_MAX) used features, given by their places. */
void merge_measure(merge_costs *costs, const uint32_t *place, size_t count, merge *out);

/** The same for two features that are never active together, and only what it saves. */
double merge_saved_apart(const merge_costs *costs, uint32_t a, uint32_t b, double cosine);

#endif
