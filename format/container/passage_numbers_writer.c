#include "container/passage_numbers.h"

#include "container/bytes.h"

mdla_status passages_pack(const mdla_allocator *al, const passages_head *head, int64_t *numbers,
                          uint8_t bytes[PASSAGES_HEAD_NBYTES], uint8_t **stream, size_t *nbytes)
{
    uint64_t before = 0;

    for (uint32_t i = 0; i < head->passages; i++) {
        const uint64_t number = (uint64_t)numbers[i], difference = number - before;
        const uint64_t folded = difference << 1 ^ (0 - (difference >> 63));

        numbers[i] = folded <= INT64_MAX ? (int64_t)folded : -(int64_t)~folded - 1;
        before = number;
    }
    return tokens_pack(al, numbers, head->passages, head->dtype, bytes_put(bytes, head->rows, 4),
                       stream, nbytes);
}
