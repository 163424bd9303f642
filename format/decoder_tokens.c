/* Token ids beside the rows, and passage numbers from the starts that are coded with them. */
#include "decoder.h"

#include "arrays/npy_write.h"
#include "base/alloc.h"
#include "container/tokens.h"

#include <string.h>

static mdla_status damaged(const mdla_decoder *d, uint64_t offset, mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT, "%s: token ids at byte %llu are damaged", d->name,
                     (unsigned long long)offset);
}

mdla_status decoder_pass_tokens(mdla_decoder *d, uint32_t nbytes, mdla_error *err)
{
    const uint64_t offset = d->r.offset;
    uint8_t bytes[8 + TOKENS_HEAD_NBYTES];
    tokens_head head;

    if (nbytes < TOKENS_HEAD_NBYTES)
        return damaged(d, offset, err);
    MDLA_TRY(chunk_read_bytes(&d->r, bytes, sizeof bytes, err));
    if (tokens_head_get(bytes + 8, &head) != MDLA_OK || d->tail.rows - d->token_rows < head.rows ||
        (d->token_chunks != 0 && head.dtype != d->token_dtype))
        return damaged(d, offset, err);
    if (d->token_chunks == d->token_capacity) {
        const size_t capacity = 2 * d->token_capacity + 16;
        token_entry *grown =
            alloc_grown(d->al, d->tokens, d->token_chunks, capacity, sizeof *grown);

        if (grown == NULL)
            return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its token ids", d->name);
        d->tokens = grown;
        d->token_capacity = capacity;
    }
    d->tokens[d->token_chunks++] = (token_entry){offset, d->token_rows, head.rows};
    d->token_dtype = head.dtype;
    d->token_rows += head.rows;
    d->tokens_nbytes += (uint64_t)nbytes + CHUNK_FRAME_NBYTES;
    return chunk_seek(&d->r, offset + nbytes + CHUNK_FRAME_NBYTES, err);
}

static mdla_status check_range(const mdla_decoder *d, uint64_t first, uint64_t count,
                               mdla_error *err)
{
    if (!d->seekable)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: what stands beside the rows can't be read from a pipe: save it to a "
                         "file",
                         d->name);
    if (first > d->tail.rows || count > d->tail.rows - first)
        return error_set(err, MDLA_ERR_ARGUMENT, "%s: rows %llu to %llu: there are %llu", d->name,
                         (unsigned long long)first, (unsigned long long)(first + count),
                         (unsigned long long)d->tail.rows);
    return MDLA_OK;
}

static mdla_status check_tokens(const mdla_decoder *d, uint64_t first, uint64_t count,
                                mdla_error *err)
{
    MDLA_TRY(check_range(d, first, count, err));
    if (d->token_chunks == 0 && d->tail.rows != 0)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "%s: holds no token ids: none were given when it was encoded", d->name);
    return MDLA_OK;
}

/* The chunk that holds a row. */
static size_t find_chunk(const mdla_decoder *d, uint64_t row)
{
    size_t low = 0, high = d->token_chunks;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;

        if (d->tokens[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* All ids of a chunk into ids [TOKENS_ROWS_MAX]. */
static mdla_status read_chunk(mdla_decoder *d, const token_entry *entry, int64_t *ids,
                              mdla_error *err)
{
    tokens_head head;
    mdla_status status;

    MDLA_TRY(chunk_seek(&d->r, entry->offset, err));
    MDLA_TRY(chunk_read(&d->r, &d->scratch, NULL, err));
    if (d->scratch.type != CHUNK_TOKENS)
        return damaged(d, entry->offset, err);
    status = tokens_unpack(d->al, d->scratch.payload, d->scratch.nbytes, &head, ids);
    if (status == MDLA_ERR_MEMORY)
        return error_set(err, status, "%s: no memory for its token ids", d->name);
    if (status != MDLA_OK || head.rows != entry->rows || head.dtype != d->token_dtype)
        return damaged(d, entry->offset, err);
    return MDLA_OK;
}

/* Takes ids in order; rows of one call belong together. */
typedef mdla_status (*number_taker)(void *ctx, const int64_t *ids, size_t count);

static mdla_status each_token(mdla_decoder *d, uint64_t first, uint64_t count, number_taker taker,
                              void *ctx, mdla_error *err)
{
    int64_t *ids;
    mdla_status status;

    MDLA_TRY(check_tokens(d, first, count, err));
    ids = alloc_array(d->al, TOKENS_ROWS_MAX, sizeof *ids);
    status = ids != NULL
                 ? MDLA_OK
                 : error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its token ids", d->name);
    for (size_t at = count != 0 ? find_chunk(d, first) : 0; status == MDLA_OK && count != 0; at++) {
        const token_entry *entry = &d->tokens[at];
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

static mdla_status copy_ids(void *ctx, const int64_t *ids, size_t count)
{
    int64_t **dst = ctx;

    memcpy(*dst, ids, count * sizeof *ids);
    *dst += count;
    return MDLA_OK;
}

mdla_status mdla_decoder_read_tokens(mdla_decoder *d, uint64_t first, size_t count, int64_t *dst,
                                     mdla_error *err)
{
    return each_token(d, first, count, copy_ids, &dst, err);
}

/* ---- As .npy files --------------------------------------------------------------------------- */

typedef struct number_file {
    mdla_sink sink;
    size_t value_nbytes;
} number_file;

static mdla_status put_numbers(void *ctx, const int64_t *ids, size_t count)
{
    const number_file *f = ctx;
    uint8_t bytes[512 * 8], *at = bytes;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < f->value_nbytes; k++)
            *at++ = (uint8_t)((uint64_t)ids[i] >> 8 * k);
        if (i + 1 == count || at == bytes + 512 * f->value_nbytes) {
            MDLA_TRY(f->sink.write(f->sink.ctx, bytes, (size_t)(at - bytes)));
            at = bytes;
        }
    }
    return MDLA_OK;
}

static mdla_status begin_file(number_file *f, mdla_sink sink, mdla_dtype dtype, uint64_t count,
                              mdla_error *err)
{
    char header[NPY_HEADER_ROOM];

    *f = (number_file){sink, mdla_dtype_nbytes(dtype)};
    if (sink.write(sink.ctx, header, npy_header_write(npy_descr(dtype), 1, &count, header)) !=
        MDLA_OK)
        return error_set(err, MDLA_ERR_IO, "the output can't be written");
    return MDLA_OK;
}

static mdla_status end_file(mdla_sink sink, mdla_status status, mdla_error *err)
{
    const mdla_status closed = sink.close(sink.ctx, status == MDLA_OK);

    return status == MDLA_OK && closed != MDLA_OK
               ? error_set(err, closed, "the output can't be written")
               : status;
}

mdla_status mdla_decoder_write_tokens(mdla_decoder *d, uint64_t first, uint64_t count,
                                      mdla_sink sink, mdla_error *err)
{
    const mdla_dtype dtype = d->token_chunks != 0 ? d->token_dtype : MDLA_I64;
    mdla_status status = check_tokens(d, first, count, err);
    number_file f;

    if (status == MDLA_OK)
        status = begin_file(&f, sink, dtype, count, err);
    if (status == MDLA_OK)
        status = each_token(d, first, count, put_numbers, &f, err);
    return end_file(sink, status, err);
}

typedef struct passage_count {
    number_file *file;
    uint64_t first, end;
    int64_t number;
    bool failed;
} passage_count;

static void count_passage(void *ctx, const bit_visit *v, uint64_t row)
{
    passage_count *p = ctx;

    if (row < p->first || row >= p->end)
        return;
    if (row != p->first && v->code.starts_passage)
        p->number++;
    p->failed = p->failed || put_numbers(p->file, &p->number, 1) != MDLA_OK;
}

static mdla_status write_passages(mdla_decoder *d, passage_count *p, mdla_error *err)
{
    bit_visit v = {0};
    mdla_status status = bit_visit_start(&v, d, err);

    for (uint64_t b = 0; status == MDLA_OK && b < d->tail.blocks; b++) {
        const block_entry *entry = &d->index[b];

        if (entry->first_row < p->end && entry->first_row + entry->rows > p->first)
            status = bit_visit_check(&v, entry, count_passage, p, err);
        if (status == MDLA_OK && p->failed)
            status = error_set(err, MDLA_ERR_IO, "the output can't be written");
    }
    bit_visit_end(&v);
    return status;
}

mdla_status mdla_decoder_write_passages(mdla_decoder *d, uint64_t first, uint64_t count,
                                        mdla_sink sink, mdla_error *err)
{
    mdla_status status = check_range(d, first, count, err);
    number_file f;
    passage_count p = {&f, first, first + count, 0, false};

    if (status == MDLA_OK && !d->header.code.passages)
        status = error_set(err, MDLA_ERR_ARGUMENT,
                           "%s: holds no starts of passages: none were given when it was encoded",
                           d->name);
    if (status == MDLA_OK)
        status = begin_file(&f, sink, MDLA_I64, count, err);
    if (status == MDLA_OK)
        status = write_passages(d, &p, err);
    return end_file(sink, status, err);
}
