/* Passes of a search engine over rows: a sample in memory, or all rows in tiles. */
#ifndef MDLA_PASSES_H
#define MDLA_PASSES_H

#include "codebook/atoms_moments.h"
#include "encode/rate_control.h"
#include "encode/survey.h"
#include "fit/counts.h"
#include "fit/engine.h"
#include "fit/offsets.h"

/* Who is told how far a long call has come. */
typedef struct pass_progress {
    mdla_progress report; /* may be NULL */
    void *ctx;
    const char *what;
    uint64_t total;
} pass_progress;

/* Takes every tile after its search: e->codes and e->distortion belong to rows first .. first +
 * row_count - 1. */
typedef mdla_status (*tile_consumer)(void *ctx, search_engine *e, const float *rows,
                                     size_t row_count, uint64_t first, mdla_error *err);

/* Searches all rows from the current position of the stream, in tiles that depend on dims alone. */
mdla_status pass_over_rows(search_engine *e, mdla_rows *rows, const pass_progress *progress,
                           tile_consumer consumer, void *ctx, mdla_error *err);

/* The same over every stride-th block, for rows that can be gone to. */
mdla_status pass_over_blocks(search_engine *e, mdla_rows *rows, size_t stride,
                             const pass_progress *progress, tile_consumer consumer, void *ctx,
                             mdla_error *err);

/* The same over rows in memory, every stride-th run of 16. */
mdla_status pass_over_sample(search_engine *e, const row_survey *s, size_t stride,
                             tile_consumer consumer, void *ctx, mdla_error *err);

/* MDLA_ERR_DATA where a level reached the last: the row would be cut short. */
mdla_status pass_check_levels(const search_engine *e, uint64_t first, mdla_error *err);

/* Sums of a pass that rate control looks at, and counts where they are wanted. */
typedef struct pass_sums {
    double distortion, charged;
    uint64_t rows;
    double deviation;      /* of the rows passed, where mean is given */
    const double *mean;    /* [dims] or NULL */
    code_counts *counts;   /* or NULL */
    atom_moments *moments; /* or NULL; of the strengths that a decoder will see,
                              at full size */
    offset_sums *offsets;  /* or NULL; then with atoms and scratch as offset_sums_add wants them */
    const float *atoms;
    float *scratch;
    bool charge; /* count the bits that the model charges */
} pass_sums;

/* A tile_consumer: adds to a pass_sums. */
mdla_status pass_sum_tile(void *ctx, search_engine *e, const float *rows, size_t row_count,
                          uint64_t first, mdla_error *err);

/* What a file's size depends on beside its codes. */
typedef struct file_shape {
    uint64_t rows; /* of the whole file */
    uint32_t block_rows;
    uint32_t other_nbytes; /* codebook's name and note, with their frames */
} file_shape;

/* Trial of a lambda over the sample (every stride-th run). sums says what to count and is added to.
 */
mdla_status pass_try_sample(search_engine *e, const row_survey *s, size_t stride, pass_sums *sums,
                            const file_shape *shape, rate_trial *out, mdla_error *err);

/* File bits a row, all but an embedded codebook, where the model charged so much for so many rows.
 */
double pass_file_bits(double charged, uint64_t rows, const file_shape *shape);

#endif
