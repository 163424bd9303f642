/* What a sweep wrote down: FOLDER/results.csv, a line a measurement. */
#ifndef MDLA_REPORT_SWEEP_RESULTS_H
#define MDLA_REPORT_SWEEP_RESULTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct sweep_result {
    double fvu, l0; /* NaN: the target isn't reached, and nothing else stands */
    double marginal, indices, levels, gap; /* bits a row */
    double codebook_nbytes;
} sweep_result;

typedef struct swept_explanation {
    char *name;
    uint32_t width;
    int on_train; /* a codeword for every train row: only these share its codebook */
} swept_explanation;

typedef struct sweep_results {
    char *folder;
    swept_explanation *explanations;
    double *targets; /* FVU */
    uint64_t *rows;  /* that share a codebook */
    size_t explanation_count, target_count, rows_count;
    sweep_result *results; /* [explanation][target][rows] */
} sweep_results;

/** Nonzero where the path is a folder, or called results.csv: then it should be a sweep's. */
int sweep_results_meant(const char *path);

/** path: the sweep's folder or the results.csv in it. Returns 0, or -1: reported. */
int sweep_results_read(const char *path, sweep_results *out);
void sweep_results_free(sweep_results *r); /* a zeroed one is fine */

const sweep_result *sweep_results_at(const sweep_results *r, size_t explanation, size_t target,
                                     size_t rows);

#endif
