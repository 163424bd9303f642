/* Token ids in chunks of their own (spec section 4.8): a head, then a zlib stream. */
#ifndef MDLA_TOKENS_H
#define MDLA_TOKENS_H

#include "container/chunk.h"
#include "mdla/mdla.h"

#define TOKENS_HEAD_NBYTES 8
#define TOKENS_ROWS_MAX 65536 /* of one chunk */

typedef struct tokens_head {
    uint32_t rows; /* 1 .. TOKENS_ROWS_MAX */
    mdla_dtype dtype;
    unsigned value_nbytes; /* 1, 2, 4 or 8 in the stream */
} tokens_head;

/* MDLA_ERR_CORRUPT for a head that no encoder writes. */
mdla_status tokens_head_get(const uint8_t bytes[TOKENS_HEAD_NBYTES], tokens_head *out);

/* The ids of a chunk's payload: dst [TOKENS_ROWS_MAX]. MDLA_ERR_CORRUPT, MDLA_ERR_MEMORY. */
mdla_status tokens_unpack(const mdla_allocator *al, const uint8_t *payload, size_t nbytes,
                          tokens_head *head, int64_t *dst);

/* A chunk of count ids, 1 .. TOKENS_ROWS_MAX, of a type: head and stream, *stream to be released by
 * alloc_free. MDLA_ERR_MEMORY. */
mdla_status tokens_pack(const mdla_allocator *al, const int64_t *ids, size_t count,
                        mdla_dtype dtype, uint8_t head[TOKENS_HEAD_NBYTES], uint8_t **stream,
                        size_t *nbytes);

#endif
