/* Values of one type, one after the other, rows first: what .npy in C order, IDX and raw floats
 * have in common behind their headers. */
#ifndef MDLA_DENSE_H
#define MDLA_DENSE_H

#include "arrays/rows.h"

/* The rows begin at rows->in's position. Needs rows->dims and row_count; checks the source's size
 * against them where it is known. Sets dtype and ops. */
mdla_status dense_open(mdla_rows *rows, mdla_dtype dtype, bool big_endian, mdla_error *err);

/* The same for an array that `after` bytes of other arrays follow; the file's layout was checked by
 * whoever knows of them. Needs a known row_count. */
mdla_status dense_open_among(mdla_rows *rows, mdla_dtype dtype, uint64_t after, mdla_error *err);

/* The bytes of rows->row_count x dims values against the bytes that a source of known size has
 * left. */
mdla_status dense_check_size(const mdla_rows *rows, mdla_dtype dtype, mdla_error *err);

/* count values from bytes to where read puts them, from value `at` on. Returns how many; fewer
 * where one is a double that float32 can't hold. */
size_t dense_put(const mdla_rows *rows, bool big_endian, const uint8_t *src, size_t count,
                 void *dst, size_t at);

/* The sentence for a double that float32 can't hold. */
mdla_status dense_overflow(const mdla_rows *rows, uint64_t row, size_t column, mdla_error *err);

#endif
