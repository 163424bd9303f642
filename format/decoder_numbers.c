#include "decoder_numbers.h"

#include "arrays/npy_write.h"
#include "base/alloc.h"

#include <string.h>

mdla_status numbers_damaged(const mdla_decoder *d, uint64_t offset, mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT,
                     "%s: numbers beside the rows, at byte %llu, are damaged", d->name,
                     (unsigned long long)offset);
}

static mdla_status no_memory(const mdla_decoder *d, mdla_error *err)
{
    return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for the numbers beside its rows",
                     d->name);
}

mdla_status numbers_pass(mdla_decoder *d, number_directory *n, uint32_t rows, mdla_dtype dtype,
                         uint32_t nbytes, mdla_error *err)
{
    const uint64_t offset = d->r.offset;

    if (d->tail.rows - n->rows < rows || (n->count != 0 && dtype != n->dtype))
        return numbers_damaged(d, offset, err);
    if (n->count == n->capacity) {
        const size_t capacity = 2 * n->capacity + 16;
        number_entry *grown = alloc_grown(d->al, n->entries, n->count, capacity, sizeof *grown);

        if (grown == NULL)
            return no_memory(d, err);
        n->entries = grown;
        n->capacity = capacity;
    }
    n->entries[n->count++] = (number_entry){offset, n->rows, rows};
    n->dtype = dtype;
    n->rows += rows;
    n->nbytes += (uint64_t)nbytes + CHUNK_FRAME_NBYTES;
    return chunk_seek(&d->r, offset + nbytes + CHUNK_FRAME_NBYTES, err);
}

const number_entry *numbers_find(const number_directory *n, uint64_t row)
{
    size_t low = 0, high = n->count;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;

        if (n->entries[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    return &n->entries[low];
}

mdla_status numbers_read_chunk(mdla_decoder *d, const number_entry *entry, uint32_t type,
                               mdla_error *err)
{
    MDLA_TRY(chunk_seek(&d->r, entry->offset, err));
    MDLA_TRY(chunk_read(&d->r, &d->scratch, NULL, err));
    return d->scratch.type == type ? MDLA_OK : numbers_damaged(d, entry->offset, err);
}

mdla_status numbers_check_range(const mdla_decoder *d, uint64_t first, uint64_t count,
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

mdla_status numbers_new(const mdla_decoder *d, int64_t **out, mdla_error *err)
{
    *out = alloc_array(d->al, TOKENS_ROWS_MAX, sizeof **out);
    return *out != NULL ? MDLA_OK : no_memory(d, err);
}

mdla_status numbers_copy(void *ctx, const int64_t *numbers, size_t count)
{
    int64_t **dst = ctx;

    memcpy(*dst, numbers, count * sizeof *numbers);
    *dst += count;
    return MDLA_OK;
}

mdla_status number_file_put(void *ctx, const int64_t *numbers, size_t count)
{
    const number_file *f = ctx;
    uint8_t bytes[512 * 8], *at = bytes;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < f->value_nbytes; k++)
            *at++ = (uint8_t)((uint64_t)numbers[i] >> 8 * k);
        if (i + 1 == count || at == bytes + 512 * f->value_nbytes) {
            MDLA_TRY(f->sink.write(f->sink.ctx, bytes, (size_t)(at - bytes)));
            at = bytes;
        }
    }
    return MDLA_OK;
}

mdla_status number_file_begin(number_file *f, mdla_sink sink, mdla_dtype dtype, uint64_t count,
                              mdla_error *err)
{
    char header[NPY_HEADER_ROOM];

    *f = (number_file){sink, mdla_dtype_nbytes(dtype)};
    if (sink.write(sink.ctx, header, npy_header_write(npy_descr(dtype), 1, &count, header)) !=
        MDLA_OK)
        return error_set(err, MDLA_ERR_IO, "the output can't be written");
    return MDLA_OK;
}

mdla_status number_file_end(mdla_sink sink, mdla_status status, mdla_error *err)
{
    const mdla_status closed = sink.close(sink.ctx, status == MDLA_OK);

    return status == MDLA_OK && closed != MDLA_OK
               ? error_set(err, closed, "the output can't be written")
               : status;
}
