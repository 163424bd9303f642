/* float32 rows to .npy (version 1.0) or bare little-endian values, of any dtype, in order. */
#include "arrays/convert.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_VALUES ((size_t)8192)

struct mdla_array_writer {
    const mdla_allocator *al;
    mdla_sink sink;
    mdla_dtype dtype;
    uint32_t dims;
    uint64_t row_count; /* promised, or MDLA_UNKNOWN */
    uint64_t written;   /* rows */
    mdla_status failed; /* of the first write that did: the file is worth nothing then */
    uint8_t buffer[BUFFER_VALUES * sizeof(double)];
};

static const char *descr_of(mdla_dtype dtype)
{
    static const char *const descr[] = {
        [MDLA_F32] = "<f4",  [MDLA_F16] = "<f2", [MDLA_BF16] = "<V2", [MDLA_F64] = "<f8",
        [MDLA_U8] = "|u1",   [MDLA_I8] = "|i1",  [MDLA_U16] = "<u2",  [MDLA_I16] = "<i2",
        [MDLA_U32] = "<u4",  [MDLA_I32] = "<i4", [MDLA_U64] = "<u8",  [MDLA_I64] = "<i8",
        [MDLA_BOOL] = "|b1",
    };
    return descr[dtype];
}

static mdla_status write_bytes(mdla_array_writer *w, const void *src, size_t nbytes,
                               mdla_error *err)
{
    errno = 0;
    w->failed = w->sink.write(w->sink.ctx, src, nbytes);
    if (w->failed == MDLA_ERR_IO)
        return error_io(err, NULL, "write the array");
    return w->failed == MDLA_OK
               ? MDLA_OK
               : error_set(err, w->failed, "the array: %s", mdla_status_text(w->failed));
}

/* Magic, length and text make a multiple of 64, as NumPy aligns them. */
static mdla_status write_npy_header(mdla_array_writer *w, mdla_error *err)
{
    char header[192];
    const int text =
        snprintf(header + 10, sizeof header - 10,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRIu64 ", %" PRIu32 "), }",
                 descr_of(w->dtype), w->row_count, w->dims);
    const size_t used = 10 + (size_t)text;
    const size_t total = (used + 1 + 63) / 64 * 64;

    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((total - 10) & 0xff);
    header[9] = (char)((total - 10) >> 8);
    memset(header + used, ' ', total - used - 1);
    header[total - 1] = '\n';
    return write_bytes(w, header, total, err);
}

mdla_status mdla_array_writer_open(const mdla_config *config, mdla_sink sink, mdla_array_kind kind,
                                   uint64_t row_count, uint32_t dims, mdla_dtype dtype,
                                   mdla_array_writer **out, mdla_error *err)
{
    const mdla_allocator *const al = alloc_of(config);
    mdla_array_writer *const w = alloc_array(al, 1, sizeof *w);
    mdla_status status = MDLA_OK;

    *out = NULL;
    if (w == NULL)
        status = error_memory(err, NULL);
    else if (mdla_dtype_nbytes(dtype) == 0 || (kind != MDLA_ARRAY_NPY && kind != MDLA_ARRAY_RAW) ||
             dims == 0)
        status = error_set(err, MDLA_ERR_ARGUMENT,
                           "no such kind of array: kind %d, dtype %d, dims %" PRIu32, (int)kind,
                           (int)dtype, dims);
    else if (kind == MDLA_ARRAY_NPY && row_count == MDLA_UNKNOWN)
        status =
            error_set(err, MDLA_ERR_ARGUMENT,
                      ".npy begins with the number of rows, which is not known; write raw values");
    if (status == MDLA_OK) {
        w->al = al;
        w->sink = sink;
        w->dtype = dtype;
        w->dims = dims;
        w->row_count = row_count;
        w->written = 0;
        w->failed = MDLA_OK;
        if (kind == MDLA_ARRAY_NPY)
            status = write_npy_header(w, err);
    }
    if (status != MDLA_OK) {
        (void)sink.close(sink.ctx, 0);
        alloc_free(al, w);
        return status;
    }
    *out = w;
    return MDLA_OK;
}

mdla_status mdla_array_writer_rows(mdla_array_writer *w, const float *values, size_t row_count,
                                   mdla_error *err)
{
    const size_t nbytes = mdla_dtype_nbytes(w->dtype);
    const size_t total = row_count * w->dims; /* values has as many: no overflow */
    size_t done, n;

    if (w->row_count != MDLA_UNKNOWN && row_count > w->row_count - w->written)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "more rows than the %" PRIu64 " that were promised", w->row_count);
    for (done = 0; done < total; done += n) {
        n = total - done < BUFFER_VALUES ? total - done : BUFFER_VALUES;
        convert_from_f32(w->dtype, values + done, n, w->buffer);
        MDLA_TRY(write_bytes(w, w->buffer, n * nbytes, err));
    }
    w->written += row_count;
    return MDLA_OK;
}

mdla_status mdla_array_writer_close(mdla_array_writer *w, int keep, mdla_error *err)
{
    mdla_status status = MDLA_OK, closed;

    if (w == NULL)
        return MDLA_OK;
    if (keep && w->failed != MDLA_OK)
        status = error_set(err, w->failed, "the array was not written whole: %s",
                           mdla_status_text(w->failed));
    else if (keep && w->row_count != MDLA_UNKNOWN && w->written != w->row_count)
        status = error_set(err, MDLA_ERR_ARGUMENT,
                           "%" PRIu64 " rows of the promised %" PRIu64 " were written", w->written,
                           w->row_count);
    errno = 0;
    closed = w->sink.close(w->sink.ctx, keep && status == MDLA_OK);
    if (status == MDLA_OK && closed != MDLA_OK)
        status = closed == MDLA_ERR_IO
                     ? error_io(err, NULL, "finish the array")
                     : error_set(err, closed, "the array: %s", mdla_status_text(closed));
    alloc_free(w->al, w);
    return status;
}
