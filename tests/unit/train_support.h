/* What the trainer's tests share: rows from a planted dictionary. */
#ifndef MDLA_TEST_TRAIN_SUPPORT_H
#define MDLA_TEST_TRAIN_SUPPORT_H

#include "support.h"

#include "base/alloc.h"
#include "train/kernels.h"
#include "train/rng.h"

/* Rows [row_count][dims] that are sums of `active` of `atoms` random directions with strengths 1 ..
 * 2, times scale, plus an origin far from 0. Freed by the caller. */
static inline float *planted_rows(size_t row_count, size_t dims, size_t atoms, size_t active,
                                  float scale)
{
    float *dictionary = malloc(atoms * dims * sizeof *dictionary);
    float *rows = malloc(row_count * dims * sizeof *rows);
    train_rng rng;

    assert_non_null(dictionary);
    assert_non_null(rows);
    rng_seed(&rng, 7);
    for (size_t i = 0; i < atoms * dims; i++)
        dictionary[i] = rng_normal(&rng);
    for (size_t a = 0; a < atoms; a++)
        kernel_normalise(dims, dictionary + a * dims);
    for (size_t r = 0; r < row_count; r++) {
        for (size_t i = 0; i < dims; i++)
            rows[r * dims + i] = scale * (3.0f + (float)(i % 5));
        for (size_t n = 0; n < active; n++) {
            const float strength = 1.0f + (float)rng_below(&rng, 1000) / 1000.0f;
            kernel_axpy(dims, scale * strength, dictionary + rng_below(&rng, atoms) * dims,
                        rows + r * dims);
        }
    }
    free(dictionary);
    return rows;
}

#endif
