/* Which features are active in which rows of a batch: found tile by tile while the dense product is
 * in cache, then listed by row (for decoding) and by feature (for the gradients). */
#ifndef MDLA_TRAIN_CODES_H
#define MDLA_TRAIN_CODES_H

#include "mdla/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TILE_FEATURES 256u
#define TILE_ROWS 256u

typedef struct code_entry {
    float value;
    uint16_t row;     /* in the tile */
    uint16_t feature; /* in the tile */
} code_entry;

/* One tile of the product: rows x features, with what passed the first look. */
typedef struct code_tile {
    size_t first_row, row_count, first_feature, feature_count;
    code_entry *entries; /* capacity row_count x feature_count; by row, then feature */
    size_t count;
    code_entry *dead; /* the same for dead features, where there are any */
    size_t dead_count;
} code_tile;

/* Rows 0 .. batch-1 hold the code, rows batch .. 2 batch - 1 the auxiliary code of the same rows.
 */
typedef struct code_lists {
    code_tile *tiles;
    size_t tile_count;
    size_t row_count;  /* lists by row: 2 batch */
    size_t *row_start; /* [row_count + 1] */
    size_t capacity;   /* of the five below */
    uint32_t *feature;
    uint32_t *row;
    float *strength;
    float *gradient;      /* of the loss by the strength */
    uint32_t *by_feature; /* positions in the lists above, feature after feature, rows ascending */
    size_t active_count;  /* features in any row's list */
    uint32_t *active;     /* [width], ascending */
    size_t *active_start; /* [width + 1], into by_feature */
    size_t *tally;        /* [width] scratch */
    float *values;        /* scratch for selections */
    size_t value_capacity;
} code_lists;

mdla_status codes_open(const mdla_allocator *al, size_t batch, size_t width, code_lists *codes);
void codes_close(const mdla_allocator *al, code_lists *codes);

/* How many candidates all tiles have. */
size_t codes_candidates(const code_lists *codes);
size_t codes_values(const code_lists *codes, float *values); /* theirs; returns how many */

/* The k-th largest of them; 0 where there are fewer. */
mdla_status codes_threshold(const mdla_allocator *al, code_lists *codes, size_t k, float *out);

/* Lists candidates of at least threshold by row, at most the per_row largest of a row; of dead
 * features' at most the dead_per_row largest. Of equal ones the first are kept. */
mdla_status codes_list_rows(const mdla_allocator *al, code_lists *codes, float threshold,
                            size_t per_row, size_t dead_per_row);

/* The same by feature. */
void codes_list_features(code_lists *codes, size_t width);

/* The k-th largest (k from 1) of n values, which are reordered. */
float codes_kth_largest(float *values, size_t n, size_t k);

#endif
