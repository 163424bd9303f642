/* .npy, versions 1 to 3: magic, header length, header text, values. */
#include "arrays/dense.h"
#include "arrays/fortran.h"
#include "arrays/npy_header.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <inttypes.h>

/* NumPy's own limit; it also keeps the text small enough to be read at once. */
#define HEADER_MAX 10000

mdla_status npy_header_read(input *in, int bf16, npy_header *out, mdla_error *err)
{
    uint8_t start[12];
    char text[HEADER_MAX];
    uint32_t length;

    MDLA_TRY(input_read(in, start, 8, "the .npy header", err));
    if (start[6] < 1 || start[6] > 3 || start[7] != 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: .npy version %u.%u is not known (1.0, 2.0, 3.0 are)", in->name,
                         start[6], start[7]);
    MDLA_TRY(input_read(in, start + 8, start[6] == 1 ? 2 : 4, "the .npy header", err));
    length = (uint32_t)start[8] | (uint32_t)start[9] << 8;
    if (start[6] != 1)
        length |= (uint32_t)start[10] << 16 | (uint32_t)start[11] << 24;
    if (in->source.nbytes != MDLA_UNKNOWN && length > in->source.nbytes - in->position)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: the .npy header of %" PRIu32 " bytes is cut off", in->name, length);
    if (length > HEADER_MAX)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: the .npy header has %" PRIu32 " bytes; at most %d are read", in->name,
                         length, HEADER_MAX);
    MDLA_TRY(input_read(in, text, length, "the .npy header", err));
    return npy_header_parse(text, length, bf16, in->name, out, err);
}

/* The leading axes, flattened, are the rows; the last axis is a row. */
static mdla_status set_shape(mdla_rows *rows, const npy_header *header, mdla_error *err)
{
    uint64_t row_count = 1;
    unsigned axis;

    if (header->axes == 0)
        return error_set(err, MDLA_ERR_DATA, "%s: 0-D array; rows need two axes", rows->in.name);
    if (header->axes == 1)
        return error_set(err, MDLA_ERR_DATA,
                         "%s: 1-D array of %" PRIu64
                         " values; rows need two axes: reshape to (rows, dims)",
                         rows->in.name, header->shape[0]);
    for (axis = 0; axis + 1 < header->axes; axis++) {
        if (!checked_mul_u64(row_count, header->shape[axis], &row_count))
            return error_set(err, MDLA_ERR_CORRUPT, "%s: sizes overflow", rows->in.name);
    }
    return rows_set_shape(rows, row_count, header->shape[header->axes - 1], err);
}

mdla_status npy_open(mdla_rows *rows, const mdla_array_options *options, mdla_error *err)
{
    npy_header header;

    MDLA_TRY(npy_header_read(&rows->in, options->bf16, &header, err));
    MDLA_TRY(set_shape(rows, &header, err));
    /* With one row, one column or none of either, both orders are the same. */
    if (header.fortran_order && rows->row_count > 1 && rows->dims > 1)
        return fortran_open(rows, &header, err);
    return dense_open(rows, header.dtype, header.big_endian, err);
}
