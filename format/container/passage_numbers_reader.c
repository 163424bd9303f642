#include "container/passage_numbers.h"

#include "base/alloc.h"
#include "container/bytes.h"

mdla_status passages_head_get(const uint8_t bytes[PASSAGES_HEAD_NBYTES], passages_head *out)
{
    bytes_in in = {bytes, bytes + 4, false};
    const uint32_t rows = bytes_u32(&in);
    tokens_head numbers;

    MDLA_TRY(tokens_head_get(bytes + 4, &numbers));
    if (rows > TOKENS_ROWS_MAX || numbers.rows > rows)
        return MDLA_ERR_CORRUPT;
    *out = (passages_head){rows, numbers.rows, numbers.dtype};
    return MDLA_OK;
}

mdla_status passages_unpack(const mdla_allocator *al, const uint8_t *payload, size_t nbytes,
                            passages_head *head, int64_t *dst)
{
    tokens_head numbers;
    uint64_t number = 0;

    if (nbytes < PASSAGES_HEAD_NBYTES)
        return MDLA_ERR_CORRUPT;
    MDLA_TRY(passages_head_get(payload, head));
    MDLA_TRY(tokens_unpack(al, payload + 4, nbytes - 4, &numbers, dst));
    for (uint32_t i = 0; i < head->passages; i++) {
        const uint64_t folded = (uint64_t)dst[i];

        number += folded >> 1 ^ (0 - (folded & 1));
        dst[i] = number <= INT64_MAX ? (int64_t)number : -(int64_t)~number - 1;
    }
    return MDLA_OK;
}
