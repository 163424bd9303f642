/* Writes the parts of a .mdla file in their order, without seeking back (spec section 3). */
#ifndef MDLA_FILE_WRITER_H
#define MDLA_FILE_WRITER_H

#include "container/header.h"
#include "container/passage_numbers.h"

typedef struct file_writer {
    chunk_writer out;
    const mdla_allocator *al;
    uint8_t *index; /* the row index so far: rows and bytes of each block as varints */
    size_t index_nbytes, index_capacity;
    uint64_t rows, blocks;
    uint64_t index_offset;
    uint64_t codebook_nbytes; /* embedded, framing included */
    uint64_t tokens_nbytes, passages_nbytes, hook_nbytes, note_nbytes; /* likewise */
} file_writer;

/* Writes magic, header and codebook (or its name). The sink stays the caller's to close. */
mdla_status file_writer_start(file_writer *w, const mdla_allocator *al, mdla_sink sink,
                              const file_header *header, const codebook *cb);

/* Of the file, whose posting lists take so many bytes, what mdla_account calls marginal_nbytes. */
uint64_t file_writer_marginal_nbytes(const file_writer *w, uint64_t postings_nbytes);

/* A block of rows: its header, then the coder's payload. */
mdla_status file_writer_block(file_writer *w, uint32_t rows,
                              const uint8_t header[BLOCK_HEADER_NBYTES], const uint8_t *payload,
                              size_t nbytes);

/* Whether note and hook (NULL: none) are texts that a file can hold; else MDLA_ERR_ARGUMENT. */
mdla_status file_writer_check_texts(const char *note, const char *hook, mdla_error *err);

/* What stands between the row index and the tail: INDX, statistics, note and hook (NULL: none of
 * it). Other ancillary chunks may follow, written to w->out. */
mdla_status file_writer_index(file_writer *w, const file_stats *stats, const char *note,
                              const char *hook);

/* The tail, after file_writer_index. */
mdla_status file_writer_finish(file_writer *w);

/* Token ids of the next rows, 1 .. TOKENS_ROWS_MAX; after the index, for all rows or none. */
mdla_status file_writer_tokens(file_writer *w, const int64_t *ids, size_t count, mdla_dtype dtype);

/* Numbers of the passages in the next rows, likewise; they are changed. */
mdla_status file_writer_passages(file_writer *w, const passages_head *head, int64_t *numbers);

void file_writer_free(file_writer *w);

#endif
