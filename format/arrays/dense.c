#include "arrays/dense.h"

#include "arrays/convert.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <inttypes.h>

#define BUFFER_VALUES ((size_t)8192)

typedef struct dense {
    uint64_t start; /* byte offset of row 0 */
    uint64_t after; /* bytes of others behind the last row */
    size_t value_nbytes;
    bool big_endian;
    uint8_t buffer[BUFFER_VALUES * sizeof(double)];
} dense;

mdla_status dense_overflow(const mdla_rows *rows, uint64_t row, size_t column, mdla_error *err)
{
    return error_set(err, MDLA_ERR_DATA,
                     "%s: row %" PRIu64
                     ", column %zu is too large for float32; scale the values down",
                     rows->in.name, row, column);
}

static mdla_status cut_off(const mdla_rows *rows, uint64_t row, mdla_error *err)
{
    if (rows->row_count == MDLA_UNKNOWN)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: the data end inside row %" PRIu64 "; are rows really of %" PRIu32
                         " values?",
                         rows->in.name, row, rows->dims);
    return error_set(err, MDLA_ERR_TRUNCATED, "%s: the data end inside row %" PRIu64 " of %" PRIu64,
                     rows->in.name, row, rows->row_count);
}

size_t dense_put(const mdla_rows *rows, bool big_endian, const uint8_t *src, size_t count,
                 void *dst, size_t at)
{
    if (!rows->numbers)
        return convert_to_f32(rows->dtype, big_endian, src, count, (float *)dst + at);
    convert_to_i64(rows->dtype, big_endian, src, count, (int64_t *)dst + at);
    return count;
}

static mdla_status dense_read(mdla_rows *rows, void *dst, size_t count, size_t *got,
                              mdla_error *err)
{
    dense *const d = rows->state;
    const size_t total = count * rows->dims; /* dst has room for as many floats: no overflow */
    size_t done = 0;

    /* No offset overflows: the rows' bytes were checked, or as many were read. Nothing happens here
     * unless rows->next was moved or the read before this one failed half way. */
    MDLA_TRY(input_seek(&rows->in, d->start + rows->next * rows->dims * d->value_nbytes, err));
    while (done < total) {
        const size_t want = total - done < BUFFER_VALUES ? total - done : BUFFER_VALUES;
        size_t nbytes, values, bad;

        MDLA_TRY(input_read_some(&rows->in, d->buffer, want * d->value_nbytes, &nbytes, err));
        values = nbytes / d->value_nbytes;
        bad = dense_put(rows, d->big_endian, d->buffer, values, dst, done);
        if (bad != values)
            return dense_overflow(rows, rows->next + (done + bad) / rows->dims,
                                  (done + bad) % rows->dims, err);
        done += values;
        if (nbytes != want * d->value_nbytes) {
            if (rows->row_count != MDLA_UNKNOWN || done % rows->dims != 0 ||
                nbytes % d->value_nbytes != 0)
                return cut_off(rows, rows->next + done / rows->dims, err);
            break;
        }
    }
    *got = done / rows->dims;
    return MDLA_OK;
}

static mdla_status dense_end(mdla_rows *rows, mdla_error *err)
{
    const dense *const d = rows->state;

    if (d->after != 0)
        MDLA_TRY(input_seek(
            &rows->in, d->start + rows->row_count * rows->dims * d->value_nbytes + d->after, err));
    return input_expect_end(&rows->in, err);
}

static void dense_close(mdla_rows *rows)
{
    alloc_free(rows->al, rows->state);
}

static const rows_ops dense_ops = {dense_read, NULL, dense_end, dense_close};

mdla_status dense_check_size(const mdla_rows *rows, mdla_dtype dtype, mdla_error *err)
{
    const char *const name = rows->in.name;
    uint64_t needed, left;

    if (!checked_mul_u64(rows->row_count, (uint64_t)rows->dims * mdla_dtype_nbytes(dtype),
                         &needed) ||
        needed > INT64_MAX - rows->in.position)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: sizes overflow: %" PRIu64 " rows of %" PRIu32 " values", name,
                         rows->row_count, rows->dims);
    if (rows->in.source.nbytes == MDLA_UNKNOWN)
        return MDLA_OK;
    left = rows->in.source.nbytes - rows->in.position;
    if (left < needed)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: is cut off: %" PRIu64 " rows of %" PRIu32 " values need %" PRIu64
                         " bytes, %" PRIu64 " are there",
                         name, rows->row_count, rows->dims, needed, left);
    if (left > needed)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: %" PRIu64 " bytes follow the array's end; a file must hold one array",
                         name, left - needed);
    return MDLA_OK;
}

static mdla_status open_at(mdla_rows *rows, mdla_dtype dtype, bool big_endian, uint64_t after,
                           mdla_error *err)
{
    dense *const d = alloc_array(rows->al, 1, sizeof *d);

    if (d == NULL)
        return error_memory(err, rows->in.name);
    d->start = rows->in.position;
    d->after = after;
    d->value_nbytes = mdla_dtype_nbytes(dtype);
    d->big_endian = big_endian;
    rows->dtype = dtype;
    rows->can_rewind = input_can_seek(&rows->in);
    rows->ops = &dense_ops;
    rows->state = d;
    return MDLA_OK;
}

mdla_status dense_open(mdla_rows *rows, mdla_dtype dtype, bool big_endian, mdla_error *err)
{
    if (rows->row_count != MDLA_UNKNOWN)
        MDLA_TRY(dense_check_size(rows, dtype, err));
    return open_at(rows, dtype, big_endian, 0, err);
}

mdla_status dense_open_among(mdla_rows *rows, mdla_dtype dtype, uint64_t after, mdla_error *err)
{
    return open_at(rows, dtype, false, after, err);
}
