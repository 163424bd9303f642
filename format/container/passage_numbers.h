/* Passage numbers in chunks of their own (spec section 4.10): how many rows, then as token ids are,
 * the differences between the numbers of the passages in these rows. */
#ifndef MDLA_PASSAGE_NUMBERS_H
#define MDLA_PASSAGE_NUMBERS_H

#include "container/tokens.h"

#define PASSAGES_HEAD_NBYTES (4 + TOKENS_HEAD_NBYTES)

typedef struct passages_head {
    uint32_t rows;     /* 1 .. TOKENS_ROWS_MAX */
    uint32_t passages; /* 1 .. rows */
    mdla_dtype dtype;
} passages_head;

/* MDLA_ERR_CORRUPT for a head that no encoder writes. */
mdla_status passages_head_get(const uint8_t bytes[PASSAGES_HEAD_NBYTES], passages_head *out);

/* The numbers of a chunk's payload: dst [TOKENS_ROWS_MAX]. MDLA_ERR_CORRUPT, MDLA_ERR_MEMORY. */
mdla_status passages_unpack(const mdla_allocator *al, const uint8_t *payload, size_t nbytes,
                            passages_head *head, int64_t *dst);

/* A chunk of head's rows and numbers, which become their differences: as tokens_pack. */
mdla_status passages_pack(const mdla_allocator *al, const passages_head *head, int64_t *numbers,
                          uint8_t bytes[PASSAGES_HEAD_NBYTES], uint8_t **stream, size_t *nbytes);

#endif
