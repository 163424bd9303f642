/* float32 rows to an array file of any dtype, in order: .npy (version 1.0), .npz with one member,
 * safetensors with one tensor, or bare little-endian values. */
#include "arrays/convert.h"
#include "arrays/npy_write.h"
#include "arrays/safetensors_header.h"
#include "zip_writer.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "container/hook.h"
#include "io_error.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BUFFER_VALUES ((size_t)8192)
#define NAME "activations" /* of the member or tensor, as SAELens 3 called its own */

struct mdla_array_writer {
    const mdla_allocator *al;
    mdla_sink sink;
    mdla_array_kind kind;
    mdla_dtype dtype;
    uint32_t dims;
    uint64_t row_count; /* promised, or MDLA_UNKNOWN */
    uint64_t written;   /* rows */
    mdla_status failed; /* of the first write that did: the file is worth nothing then */
    zip_writer zip;     /* of .npz */
    uint8_t buffer[BUFFER_VALUES * sizeof(double)];
};

/* The sentence for a status that a write came to. */
static mdla_status write_failed(mdla_array_writer *w, mdla_status status, mdla_error *err)
{
    w->failed = status;
    if (status == MDLA_OK)
        return MDLA_OK;
    if (status == MDLA_ERR_IO)
        return error_io(err, NULL, "write the array");
    return error_set(err, status, "the array: %s", mdla_status_text(status));
}

static mdla_status write_bytes(mdla_array_writer *w, const void *src, size_t nbytes,
                               mdla_error *err)
{
    mdla_status status;

    errno = 0;
    status = w->kind == MDLA_ARRAY_NPZ ? zip_writer_write(&w->zip, src, nbytes)
                                       : w->sink.write(w->sink.ctx, src, nbytes);
    return write_failed(w, status, err);
}

/* What stands before the values. */
static mdla_status write_head(mdla_array_writer *w, const char *hook, mdla_error *err)
{
    const uint64_t shape[2] = {w->row_count, w->dims};
    const tensor_entry tensor = {NAME, w->dtype, 2, {w->row_count, w->dims}};
    uint8_t header[SAFETENSORS_HEADER_ROOM];
    char text[NPY_HEADER_ROOM];
    size_t nbytes;

    if (w->kind == MDLA_ARRAY_RAW)
        return MDLA_OK;
    if (w->kind == MDLA_ARRAY_SAFETENSORS) {
        nbytes = safetensors_header_write(&tensor, 1, hook, header);
        if (nbytes == 0)
            return error_set(err, MDLA_ERR_LIMIT, "the array: %" PRIu64 " rows are too many",
                             w->row_count);
        return write_bytes(w, header, nbytes, err);
    }
    errno = 0;
    if (w->kind == MDLA_ARRAY_NPZ)
        MDLA_TRY(write_failed(w, zip_writer_member(&w->zip, NAME ".npy", false), err));
    nbytes = npy_header_write(npy_descr(w->dtype), 2, shape, text);
    return write_bytes(w, text, nbytes, err);
}

static mdla_status check_kind(mdla_array_kind kind, uint64_t row_count, uint32_t dims,
                              mdla_dtype dtype, mdla_error *err)
{
    if (mdla_dtype_nbytes(dtype) == 0 || (unsigned)kind > MDLA_ARRAY_SAFETENSORS || dims == 0)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "no such kind of array: kind %d, dtype %d, dims %" PRIu32, (int)kind,
                         (int)dtype, dims);
    if (kind != MDLA_ARRAY_RAW && row_count == MDLA_UNKNOWN)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "%s begins with the number of rows, which is not known; write raw values",
                         kind == MDLA_ARRAY_SAFETENSORS ? "safetensors"
                         : kind == MDLA_ARRAY_NPZ       ? "the member of a .npz"
                                                        : ".npy");
    return MDLA_OK;
}

mdla_status mdla_array_writer_open(const mdla_config *config, mdla_sink sink, mdla_array_kind kind,
                                   uint64_t row_count, uint32_t dims, mdla_dtype dtype,
                                   const char *hook, mdla_array_writer **out, mdla_error *err)
{
    const mdla_allocator *const al = alloc_of(config);
    mdla_array_writer *const w = alloc_array(al, 1, sizeof *w);
    mdla_status status =
        w == NULL ? error_memory(err, NULL) : check_kind(kind, row_count, dims, dtype, err);

    if (status == MDLA_OK)
        status = hook_check(hook, err);

    *out = NULL;
    if (w != NULL) {
        w->al = al;
        w->sink = sink;
        w->kind = kind;
        w->dtype = dtype;
        w->dims = dims;
        w->row_count = row_count;
        w->written = 0;
        w->failed = MDLA_OK;
        zip_writer_start(&w->zip, al, &w->sink);
        if (status == MDLA_OK)
            status = write_head(w, hook, err);
    }
    if (status != MDLA_OK) {
        (void)sink.close(sink.ctx, 0);
        if (w != NULL)
            zip_writer_free(&w->zip);
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
    if (keep && w->failed != MDLA_OK) {
        status = error_set(err, w->failed, "the array was not written whole: %s",
                           mdla_status_text(w->failed));
    } else if (keep && w->row_count != MDLA_UNKNOWN && w->written != w->row_count) {
        status = error_set(err, MDLA_ERR_ARGUMENT,
                           "%" PRIu64 " rows of the promised %" PRIu64 " were written", w->written,
                           w->row_count);
    } else if (keep && w->kind == MDLA_ARRAY_NPZ) {
        errno = 0;
        status = write_failed(w, zip_writer_finish(&w->zip), err);
    }
    zip_writer_free(&w->zip);
    errno = 0;
    closed = w->sink.close(w->sink.ctx, keep && status == MDLA_OK);
    if (status == MDLA_OK && closed != MDLA_OK)
        status = closed == MDLA_ERR_IO
                     ? error_io(err, NULL, "finish the array")
                     : error_set(err, closed, "the array: %s", mdla_status_text(closed));
    alloc_free(w->al, w);
    return status;
}
