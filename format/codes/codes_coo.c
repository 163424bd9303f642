/* Coordinates in safetensors: row and col (I32, or I64 where they need it), data, and shape (I64:
 * rows, width), named as SciPy names them. */
#include "codes/codes_out.h"

#include "arrays/safetensors_header.h"
#include "base/alloc.h"

static mdla_status write_columns(mdla_codes_writer *w, codes_bytes *b)
{
    codes_stream *const features = &w->stream[CODES_FEATURES];
    uint64_t i;
    uint32_t feature;

    MDLA_TRY(codes_stream_rewind(features));
    for (i = 0; i < w->active; i++) {
        MDLA_TRY(codes_stream_get(features, &feature));
        codes_bytes_put(b, feature, 4);
    }
    return b->status;
}

static mdla_status write_rows(mdla_codes_writer *w, codes_bytes *b, unsigned nbytes)
{
    codes_stream *const counts = &w->stream[CODES_COUNTS];
    uint64_t row;
    uint32_t count;

    MDLA_TRY(codes_stream_rewind(counts));
    for (row = 0; row < w->rows; row++) {
        MDLA_TRY(codes_stream_get(counts, &count));
        while (count-- > 0)
            codes_bytes_put(b, row, nbytes);
    }
    return b->status;
}

static mdla_status write_data(mdla_codes_writer *w, codes_bytes *b)
{
    codes_stream *const strengths = &w->stream[CODES_STRENGTHS];
    uint64_t i;
    uint32_t word;

    MDLA_TRY(codes_stream_rewind(strengths));
    for (i = 0; i < w->active; i++) {
        MDLA_TRY(codes_stream_get(strengths, &word));
        codes_put_strength(w, b, word);
    }
    return b->status;
}

/* The tensors in the reference writer's order: by falling dtype, then by name. */
static mdla_status write_tensors(mdla_codes_writer *w, codes_bytes *b)
{
    const bool narrow = w->rows <= INT32_MAX;
    const mdla_dtype data = w->options.strengths;
    const tensor_entry shape = {"shape", MDLA_I64, 1, {2, 0}},
                       row = {"row", narrow ? MDLA_I32 : MDLA_I64, 1, {w->active, 0}},
                       col = {"col", MDLA_I32, 1, {w->active, 0}},
                       values = {"data", data, 1, {w->active, 0}};
    tensor_entry entries[4];
    uint8_t header[SAFETENSORS_HEADER_ROOM];
    size_t count = 0, nbytes, i;

    if (!narrow)
        entries[count++] = row;
    entries[count++] = shape;
    if (data == MDLA_F32)
        entries[count++] = values;
    entries[count++] = col;
    if (data == MDLA_I32)
        entries[count++] = values;
    if (narrow)
        entries[count++] = row;
    if (data == MDLA_F16)
        entries[count++] = values;
    nbytes = safetensors_header_write(entries, count, w->hook, header);
    if (nbytes == 0)
        return MDLA_ERR_LIMIT;
    for (i = 0; i < nbytes; i++)
        codes_bytes_put(b, header[i], 1);
    for (i = 0; i < count; i++) {
        if (entries[i].name == values.name)
            MDLA_TRY(write_data(w, b));
        else if (entries[i].name == col.name)
            MDLA_TRY(write_columns(w, b));
        else if (entries[i].name == row.name)
            MDLA_TRY(write_rows(w, b, narrow ? 4 : 8));
        else {
            codes_bytes_put(b, w->rows, 8);
            codes_bytes_put(b, w->options.width, 8);
        }
    }
    return codes_bytes_flush(b);
}

mdla_status codes_coo_write(mdla_codes_writer *w)
{
    codes_bytes *const b = alloc_array(w->al, 1, sizeof *b);
    mdla_status status;

    if (b == NULL)
        return MDLA_ERR_MEMORY;
    codes_bytes_start(b, w->sink.write, w->sink.ctx);
    status = write_tensors(w, b);
    alloc_free(w->al, b);
    return status;
}
