/* SciPy's compressed sparse rows: what scipy.sparse.save_npz writes and load_npz reads. */
#include "codes/codes_out.h"

#include "arrays/npy_write.h"
#include "base/alloc.h"
#include "zip_writer.h"

#include <string.h>

typedef struct csr_out {
    zip_writer zip;
    codes_bytes bytes;
    unsigned index_nbytes; /* of indices and indptr */
} csr_out;

static mdla_status write_zip(void *ctx, const void *src, size_t nbytes)
{
    return zip_writer_write(ctx, src, nbytes);
}

/* Begins a member NAME.npy: its header is written, its values go to c->bytes. */
static mdla_status begin(csr_out *c, const char *name, const char *descr, unsigned axes,
                         uint64_t length)
{
    char header[NPY_HEADER_ROOM];
    mdla_status status = zip_writer_member(&c->zip, name, true);

    if (status == MDLA_OK)
        status = zip_writer_write(&c->zip, header, npy_header_write(descr, axes, &length, header));
    codes_bytes_start(&c->bytes, write_zip, &c->zip);
    return status;
}

static mdla_status write_indices(mdla_codes_writer *w, csr_out *c, const char *descr)
{
    codes_stream *const features = &w->stream[CODES_FEATURES];
    uint64_t i;
    uint32_t feature;

    MDLA_TRY(begin(c, "indices.npy", descr, 1, w->active));
    MDLA_TRY(codes_stream_rewind(features));
    for (i = 0; i < w->active; i++) {
        MDLA_TRY(codes_stream_get(features, &feature));
        codes_bytes_put(&c->bytes, feature, c->index_nbytes);
    }
    return codes_bytes_flush(&c->bytes);
}

static mdla_status write_indptr(mdla_codes_writer *w, csr_out *c, const char *descr)
{
    codes_stream *const counts = &w->stream[CODES_COUNTS];
    uint64_t row, at = 0;
    uint32_t count;

    MDLA_TRY(begin(c, "indptr.npy", descr, 1, w->rows + 1));
    MDLA_TRY(codes_stream_rewind(counts));
    codes_bytes_put(&c->bytes, 0, c->index_nbytes);
    for (row = 0; row < w->rows; row++) {
        MDLA_TRY(codes_stream_get(counts, &count));
        at += count;
        codes_bytes_put(&c->bytes, at, c->index_nbytes);
    }
    return codes_bytes_flush(&c->bytes);
}

static mdla_status write_data(mdla_codes_writer *w, csr_out *c)
{
    codes_stream *const strengths = &w->stream[CODES_STRENGTHS];
    uint64_t i;
    uint32_t word;

    MDLA_TRY(begin(c, "data.npy", npy_descr(w->options.strengths), 1, w->active));
    MDLA_TRY(codes_stream_rewind(strengths));
    for (i = 0; i < w->active; i++) {
        MDLA_TRY(codes_stream_get(strengths, &word));
        codes_put_strength(w, &c->bytes, word);
    }
    return codes_bytes_flush(&c->bytes);
}

static mdla_status write_members(mdla_codes_writer *w, csr_out *c)
{
    const uint64_t widest = w->active > w->rows ? w->active : w->rows;
    const bool narrow = widest <= INT32_MAX && w->options.width <= INT32_MAX;
    const char *const descr = narrow ? "<i4" : "<i8";

    c->index_nbytes = narrow ? 4 : 8;
    MDLA_TRY(write_indices(w, c, descr));
    MDLA_TRY(write_indptr(w, c, descr));
    MDLA_TRY(begin(c, "format.npy", "|S3", 0, 0));
    MDLA_TRY(zip_writer_write(&c->zip, "csr", 3));
    MDLA_TRY(begin(c, "shape.npy", "<i8", 1, 2));
    codes_bytes_put(&c->bytes, w->rows, 8);
    codes_bytes_put(&c->bytes, w->options.width, 8);
    MDLA_TRY(codes_bytes_flush(&c->bytes));
    MDLA_TRY(write_data(w, c));
    return zip_writer_finish(&c->zip);
}

mdla_status codes_csr_write(mdla_codes_writer *w)
{
    csr_out *const c = alloc_array(w->al, 1, sizeof *c);
    mdla_status status;

    if (c == NULL)
        return MDLA_ERR_MEMORY;
    zip_writer_start(&c->zip, w->al, &w->sink);
    status = write_members(w, c);
    zip_writer_free(&c->zip);
    alloc_free(w->al, c);
    return status;
}
