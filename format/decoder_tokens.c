/* Token ids beside the rows. */
#include "base/alloc.h"
#include "decoder_numbers.h"

mdla_status decoder_pass_tokens(mdla_decoder *d, uint32_t nbytes, mdla_error *err)
{
    const uint64_t offset = d->r.offset;
    uint8_t bytes[8 + TOKENS_HEAD_NBYTES];
    tokens_head head;

    if (nbytes < TOKENS_HEAD_NBYTES)
        return numbers_damaged(d, offset, err);
    MDLA_TRY(chunk_read_bytes(&d->r, bytes, sizeof bytes, err));
    if (tokens_head_get(bytes + 8, &head) != MDLA_OK)
        return numbers_damaged(d, offset, err);
    MDLA_TRY(chunk_seek(&d->r, offset, err));
    return numbers_pass(d, &d->tokens, head.rows, head.dtype, nbytes, err);
}

static mdla_status check_tokens(const mdla_decoder *d, uint64_t first, uint64_t count,
                                mdla_error *err)
{
    MDLA_TRY(numbers_check_range(d, first, count, err));
    if (d->tokens.count == 0 && d->tail.rows != 0)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "%s: holds no token ids: none were given when it was encoded", d->name);
    return MDLA_OK;
}

/* All ids of a chunk into ids [TOKENS_ROWS_MAX]. */
static mdla_status read_chunk(mdla_decoder *d, const number_entry *entry, int64_t *ids,
                              mdla_error *err)
{
    tokens_head head;
    mdla_status status;

    MDLA_TRY(numbers_read_chunk(d, entry, CHUNK_TOKENS, err));
    status = tokens_unpack(d->al, d->scratch.payload, d->scratch.nbytes, &head, ids);
    if (status == MDLA_ERR_MEMORY)
        return error_set(err, status, "%s: no memory for its token ids", d->name);
    if (status != MDLA_OK || head.rows != entry->rows || head.dtype != d->tokens.dtype)
        return numbers_damaged(d, entry->offset, err);
    return MDLA_OK;
}

static mdla_status each_token(mdla_decoder *d, uint64_t first, uint64_t count, number_taker taker,
                              void *ctx, mdla_error *err)
{
    int64_t *ids;
    mdla_status status;

    MDLA_TRY(check_tokens(d, first, count, err));
    status = numbers_new(d, &ids, err);
    while (status == MDLA_OK && count != 0) {
        const number_entry *entry = numbers_find(&d->tokens, first);
        const size_t skip = (size_t)(first - entry->first_row), left = entry->rows - skip;
        const size_t take = left < count ? left : (size_t)count;

        status = read_chunk(d, entry, ids, err);
        if (status == MDLA_OK && taker(ctx, ids + skip, take) != MDLA_OK)
            status = error_set(err, MDLA_ERR_IO, "the output can't be written");
        first += take;
        count -= take;
    }
    alloc_free(d->al, ids);
    return status;
}

mdla_status mdla_decoder_read_tokens(mdla_decoder *d, uint64_t first, size_t count, int64_t *dst,
                                     mdla_error *err)
{
    return each_token(d, first, count, numbers_copy, &dst, err);
}

mdla_status mdla_decoder_write_tokens(mdla_decoder *d, uint64_t first, uint64_t count,
                                      mdla_sink sink, mdla_error *err)
{
    const mdla_dtype dtype = d->tokens.count != 0 ? d->tokens.dtype : MDLA_I64;
    mdla_status status = check_tokens(d, first, count, err);
    number_file f;

    if (status == MDLA_OK)
        status = number_file_begin(&f, sink, dtype, count, err);
    if (status == MDLA_OK)
        status = each_token(d, first, count, number_file_put, &f, err);
    return number_file_end(sink, status, err);
}
