#include "arrays/row_numbers.h"

#include "arrays/npy_header.h"
#include "base/alloc.h"
#include "io_error.h"

#include <inttypes.h>
#include <string.h>

#define READ_VALUES 512 /* at a time */

struct row_numbers {
    input in;
    const char *what;
    npy_header header;
    uint64_t next;
    int64_t last;           /* the number of the row before next */
    uint64_t values_offset; /* of the first number in the source */
};

static mdla_status open_array(row_numbers *n, mdla_error *err)
{
    const uint8_t *first;
    size_t count;

    MDLA_TRY(input_peek(&n->in, 6, &first, &count, err));
    if (count != 6 || memcmp(first, "\x93NUMPY", 6) != 0)
        return error_set(err, MDLA_ERR_FORMAT,
                         "%s: is no .npy file; %s are a 1-D array of integers", n->in.name,
                         n->what);
    MDLA_TRY(npy_header_read(&n->in, -1, &n->header, err));
    if (n->header.dtype < MDLA_U8 || n->header.dtype == MDLA_BOOL)
        return error_set(err, MDLA_ERR_DATA, "%s: %s must be integers, not %s", n->in.name, n->what,
                         mdla_dtype_name(n->header.dtype));
    if (n->header.axes != 1)
        return error_set(err, MDLA_ERR_DATA, "%s: %s are a 1-D array; this has %u axes", n->in.name,
                         n->what, n->header.axes);
    n->values_offset = n->in.position;
    return MDLA_OK;
}

mdla_status row_numbers_open(const mdla_config *config, mdla_source source, const char *name,
                             const char *what, row_numbers **out, mdla_error *err)
{
    const mdla_allocator *al = alloc_of(config);
    row_numbers *n = alloc_zeroed(al, 1, sizeof *n);
    mdla_status status;

    *out = NULL;
    if (n == NULL) {
        if (source.close != NULL)
            source.close(source.ctx);
        return error_memory(err, name);
    }
    n->what = what;
    status = input_open(al, source, name, &n->in, err);
    if (status == MDLA_OK)
        status = open_array(n, err);
    if (status != MDLA_OK) {
        input_close(&n->in);
        alloc_free(al, n);
        return status;
    }
    *out = n;
    return MDLA_OK;
}

void row_numbers_close(row_numbers *n)
{
    if (n == NULL)
        return;
    const mdla_allocator *al = n->in.al;

    input_close(&n->in);
    alloc_free(al, n);
}

uint64_t row_numbers_count(const row_numbers *n)
{
    return n->header.shape[0];
}

mdla_dtype row_numbers_dtype(const row_numbers *n)
{
    return n->header.dtype;
}

mdla_status row_numbers_check(const row_numbers *n, uint64_t row_count, mdla_error *err)
{
    if (row_count == MDLA_UNKNOWN || row_count == row_numbers_count(n))
        return MDLA_OK;
    return error_set(err, MDLA_ERR_DATA,
                     "%s: has %" PRIu64 " %s for %" PRIu64 " rows; give one a row", n->in.name,
                     row_numbers_count(n), n->what, row_count);
}

/* Two's complement of the type's own width, in the file's order. */
static int64_t value_of(const row_numbers *n, const uint8_t *bytes)
{
    const size_t nbytes = mdla_dtype_nbytes(n->header.dtype);
    const bool is_signed =
        n->header.dtype == MDLA_I8 || n->header.dtype == MDLA_I16 || n->header.dtype == MDLA_I32;
    uint64_t value = 0;

    for (size_t i = 0; i < nbytes; i++)
        value = value << 8 | bytes[n->header.big_endian ? i : nbytes - 1 - i];
    if (is_signed && value >> (8 * nbytes - 1) != 0)
        value |= ~UINT64_C(0) << (8 * nbytes);
    return value <= INT64_MAX ? (int64_t)value : -(int64_t)~value - 1;
}

mdla_status row_numbers_read(row_numbers *n, int64_t *dst, size_t count, mdla_error *err)
{
    const size_t nbytes = mdla_dtype_nbytes(n->header.dtype);
    uint8_t bytes[READ_VALUES * 8];

    if (row_numbers_count(n) - n->next < count)
        return error_set(err, MDLA_ERR_DATA, "%s: has %" PRIu64 " %s, fewer than there are rows",
                         n->in.name, row_numbers_count(n), n->what);
    for (size_t done = 0; done < count;) {
        const size_t left = count - done, take = left < READ_VALUES ? left : READ_VALUES;

        MDLA_TRY(input_read(&n->in, bytes, take * nbytes, n->what, err));
        for (size_t i = 0; i < take; i++)
            dst[done + i] = value_of(n, bytes + i * nbytes);
        done += take;
        n->next += take;
        n->last = dst[done - 1];
    }
    return MDLA_OK;
}

mdla_status row_numbers_seek(row_numbers *n, uint64_t row, mdla_error *err)
{
    if (row == n->next)
        return MDLA_OK;
    MDLA_TRY(input_seek(&n->in, n->values_offset + row * mdla_dtype_nbytes(n->header.dtype), err));
    n->next = row;
    return MDLA_OK;
}

mdla_status row_numbers_before(row_numbers *n, uint64_t row, int64_t *out, mdla_error *err)
{
    *out = 0;
    if (row != 0 && row != n->next) {
        MDLA_TRY(row_numbers_seek(n, row - 1, err));
        MDLA_TRY(row_numbers_read(n, out, 1, err));
    }
    MDLA_TRY(row_numbers_seek(n, row, err));
    *out = row != 0 ? n->last : 0;
    return MDLA_OK;
}
