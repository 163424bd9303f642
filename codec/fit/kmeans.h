/* Codewords for rows: k-means (encoder side). */
#ifndef MDLA_KMEANS_H
#define MDLA_KMEANS_H

#include "base/parallel.h"

#include <stddef.h>

/* Finds codewords [count][dims] for rows [row_count][dims], each the mean of the rows that are
 * nearest to it, by falling number of these. Seeds are drawn by squared distance from those before
 * (k-means++, in batches), then Lloyd's iteration, first over some of the rows. Where there are as
 * many codewords as rows, they are the rows.
 *
 * code   out: [row_count] the nearest codeword of each row; of equally near ones the first.
 * used   out: [count] rows of each.
 * Same result for any number of threads; count is 1 .. row_count. MDLA_ERR_MEMORY. */
mdla_status kmeans_fit(const mdla_allocator *al, parallel_pool *pool, const float *rows,
                       size_t row_count, uint32_t dims, uint32_t count, uint64_t seed,
                       float *codewords, uint32_t *code, uint64_t *used);

#endif
