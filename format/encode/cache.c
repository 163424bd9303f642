#include "encode/cache.h"

#include "base/alloc.h"
#include "block/code_model.h"

#include <string.h>

uint32_t cache_bits(float strength)
{
    uint32_t bits;

    memcpy(&bits, &strength, sizeof bits);
    return bits;
}

void cache_survey(const mdla_codes *codes, unsigned *zeros, bool *has_signs)
{
    uint32_t all = UINT32_C(1) << STRENGTH_ZEROS_MAX;

    *has_signs = false;
    for (size_t i = 0; i < codes->count; i++) {
        const uint32_t bits = cache_bits(codes->entries[i].strength);

        all |= bits;
        *has_signs = *has_signs || bits >> 31 != 0;
    }
    *zeros = (unsigned)__builtin_ctz(all);
}

mdla_status cache_blocks(const mdla_codes *codes, uint32_t block_rows, code_rows *rows,
                         cache_block_visitor visitor, void *ctx)
{
    size_t at = 0;

    for (uint64_t first = 0; first < codes->rows; first += rows->row_count) {
        const uint64_t left = codes->rows - first;
        const size_t count = left < block_rows ? (size_t)left : block_rows, begin = at;
        size_t end = at;

        while (end < codes->count && codes->entries[end].row < first + count)
            end++;
        rows->row_count = 0;
        MDLA_TRY(code_rows_reserve(codes->al, rows, count, end - begin));
        for (size_t r = 0; r < count; r++) {
            rows->start[r] = at - begin;
            for (; at < end && codes->entries[at].row == first + r; at++)
                rows->feature[at - begin] = codes->entries[at].feature;
        }
        rows->start[count] = end - begin;
        rows->row_count = count;
        MDLA_TRY(visitor(ctx, first, rows, end != begin ? codes->entries + begin : NULL));
    }
    return MDLA_OK;
}
