/* Inside mdla_codes_writer: what the layouts share.
 *
 * Rows come once, and every layout begins with counts that are known at the end alone. So the rows
 * go to temporary files as they come (how many features a row has; the features; the strengths),
 * from which the layout is put together when the writer is closed. Memory doesn't grow with rows.
 */
#ifndef MDLA_CODES_OUT_H
#define MDLA_CODES_OUT_H

#include "mdla/mdla.h"

#include <stdbool.h>

#define CODES_BUFFER ((size_t)1 << 14) /* words */

/* 32-bit words in a temporary file, in the machine's own order. */
typedef struct codes_stream {
    mdla_sink sink;
    mdla_source source;
    size_t used, filled; /* words of buffer: next to write or read; there to be read */
    uint32_t buffer[CODES_BUFFER];
} codes_stream;

enum {
    CODES_COUNTS = 0,
    CODES_FEATURES = 1,
    CODES_STRENGTHS = 2,
    CODES_TOKENS = 3, /* two words an id, the lower one first */
    CODES_STREAMS = 4
};

struct mdla_codes_writer {
    const mdla_allocator *al;
    mdla_codes_options options;
    char *model, *hook, *note; /* the options', copied; or NULL */
    mdla_sink sink;
    mdla_folder folder; /* of the delphi layout alone */
    uint64_t rows, active, token_count;
    mdla_status failed;
    struct codes_pair *pairs; /* a row's code in ascending order */
    size_t pair_room;
    codes_stream stream[CODES_STREAMS];
};

mdla_status codes_stream_put(codes_stream *s, uint32_t word);
/* From the first word on, any number of times, after the last was put. */
mdla_status codes_stream_rewind(codes_stream *s);
mdla_status codes_stream_get(codes_stream *s, uint32_t *word);

/* Little-endian numbers through a buffer to a callback; the first failure sticks. */
typedef struct codes_bytes {
    mdla_status (*write)(void *ctx, const void *src, size_t nbytes);
    void *ctx;
    mdla_status status;
    size_t used;
    uint8_t buffer[1 << 15];
} codes_bytes;

void codes_bytes_start(codes_bytes *b, mdla_status (*write)(void *, const void *, size_t),
                       void *ctx);
void codes_bytes_put(codes_bytes *b, uint64_t value, unsigned nbytes);
mdla_status codes_bytes_flush(codes_bytes *b);

/* One strength as it stands in a file: puts 2 or 4 bytes. */
void codes_put_strength(const mdla_codes_writer *w, codes_bytes *b, uint32_t word);

/* Walks over all (row, feature, strength), in order, from the temporary files. */
typedef struct codes_walk {
    mdla_codes_writer *w;
    uint64_t left; /* pairs */
    uint64_t row;  /* of the pair last given */
    uint32_t left_of_row;
    bool with_strengths;
} codes_walk;

mdla_status codes_walk_start(codes_walk *walk, mdla_codes_writer *w, bool with_strengths);
/* *more is false at the end. */
mdla_status codes_walk_next(codes_walk *walk, bool *more, uint32_t *feature, uint32_t *strength);

/* The layouts. Bare statuses: MDLA_OK, MDLA_ERR_MEMORY, MDLA_ERR_IO, MDLA_ERR_LIMIT. */
mdla_status codes_csr_write(mdla_codes_writer *w);
mdla_status codes_coo_write(mdla_codes_writer *w);
mdla_status codes_delphi_write(mdla_codes_writer *w, mdla_error *err);

#endif
