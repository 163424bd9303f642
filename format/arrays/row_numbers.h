/* Integers that stand beside rows, one a row: passage numbers, token ids. */
#ifndef MDLA_ROW_NUMBERS_H
#define MDLA_ROW_NUMBERS_H

#include "mdla/mdla.h"

typedef struct row_numbers row_numbers;

/* Over an array that was opened with mdla_array_options.numbers. what: how messages call them;
 * static. Takes over the array, also on failure. MDLA_ERR_ARGUMENT where it was opened as rows. */
mdla_status row_numbers_new(mdla_rows *array, const char *what, row_numbers **out, mdla_error *err);
void row_numbers_close(row_numbers *n); /* accepts NULL */

mdla_dtype row_numbers_dtype(const row_numbers *n);
/* Goes to a row; out: the number of the row before it, 0 for row 0. */
mdla_status row_numbers_before(row_numbers *n, uint64_t row, int64_t *out, mdla_error *err);

/* MDLA_ERR_DATA where there aren't as many numbers as rows (MDLA_UNKNOWN: any). */
mdla_status row_numbers_check(const row_numbers *n, uint64_t row_count, mdla_error *err);

/* MDLA_ERR_UNSUPPORTED where they can be read just once. */
mdla_status row_numbers_check_rewindable(const row_numbers *n, mdla_error *err);

/* The next count numbers, those of 64 bits without a sign as their bit patterns. MDLA_ERR_DATA
 * where there are fewer. */
mdla_status row_numbers_read(row_numbers *n, int64_t *dst, size_t count, mdla_error *err);

mdla_status row_numbers_seek(row_numbers *n, uint64_t row, mdla_error *err);

#endif
