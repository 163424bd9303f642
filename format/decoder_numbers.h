/* What token ids and passage numbers of a decoder have in common. */
#ifndef MDLA_DECODER_NUMBERS_H
#define MDLA_DECODER_NUMBERS_H

#include "container/passage_numbers.h"
#include "decoder.h"

/* Another chunk of the trailer, at the reader's position: keeps its place and passes it. Not
 * MDLA_OK where it can't stand there. */
mdla_status numbers_pass(mdla_decoder *d, number_directory *n, uint32_t rows, mdla_dtype dtype,
                         uint32_t nbytes, mdla_error *err);
/* The chunk, of one at least, that holds a row. */
const number_entry *numbers_find(const number_directory *n, uint64_t row);
/* Reads a chunk into d->scratch. */
mdla_status numbers_read_chunk(mdla_decoder *d, const number_entry *entry, uint32_t type,
                               mdla_error *err);
mdla_status numbers_damaged(const mdla_decoder *d, uint64_t offset, mdla_error *err);

/* Are there these rows, and can what stands beside them be read? */
mdla_status numbers_check_range(const mdla_decoder *d, uint64_t first, uint64_t count,
                                mdla_error *err);
/* Memory for the numbers of a chunk. */
mdla_status numbers_new(const mdla_decoder *d, int64_t **out, mdla_error *err);

/* Takes numbers in order. */
typedef mdla_status (*number_taker)(void *ctx, const int64_t *numbers, size_t count);

/* To a caller's memory: ctx is int64_t **, which moves on. */
mdla_status numbers_copy(void *ctx, const int64_t *numbers, size_t count);

/* To a .npy file. */
typedef struct number_file {
    mdla_sink sink;
    size_t value_nbytes;
} number_file;

mdla_status number_file_begin(number_file *f, mdla_sink sink, mdla_dtype dtype, uint64_t count,
                              mdla_error *err);
mdla_status number_file_put(void *ctx, const int64_t *numbers, size_t count); /* ctx: the file */
mdla_status number_file_end(mdla_sink sink, mdla_status status, mdla_error *err);

#endif
