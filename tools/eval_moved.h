/* How far a file's code has moved from the code that the SAE's own encoder gives. */
#ifndef MDLA_EVAL_MOVED_H
#define MDLA_EVAL_MOVED_H

#include "mdla/mdla.h"

/** The SAE's own code of a tile of rows, and sums over all rows seen. */
typedef struct eval_moved {
    const mdla_sae *sae;
    uint8_t *on;       /* [width] the SAE's features of the row at hand */
    uint32_t *feature; /* of the tile's rows, one after the other */
    size_t *start;     /* [rows + 1] */
    size_t capacity, row_capacity;
    int out_of_memory;
    uint64_t own, coded, shared; /* features: the SAE's, the file's, those of both */
} eval_moved;

/** sae NULL: everything below does nothing. Returns 0, or -1: no memory. */
int moved_start(eval_moved *moved, const mdla_sae *sae);
void moved_end(eval_moved *moved);

/** The next tile: values float32 [row_count][dims]. */
mdla_status moved_tile(eval_moved *moved, const mdla_config *config, const float *values,
                       size_t row_count, mdla_error *err);

/** The code of row `at` of the tile. */
void moved_row(eval_moved *moved, size_t at, const uint32_t *feature, size_t count);

#endif
