/* .npy, versions 1 to 3: magic, header length, header text, values. */
#include "arrays/dense.h"
#include "arrays/fortran.h"
#include "arrays/npy_header.h"

#include "base/alloc.h"
#include "base/checked.h"

#include <inttypes.h>

/* The leading axes, flattened, are the rows; the last axis is a row. */
static mdla_status set_shape(mdla_rows *rows, const npy_header *header, mdla_error *err)
{
    uint64_t row_count = 1;
    unsigned axis;

    if (header->axes == 0)
        return error_set(err, MDLA_ERR_DATA, "%s: 0-D array; rows need two axes", rows->in.name);
    if (header->axes == 1 && !rows->numbers)
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
    if (rows->numbers && header.fortran_order && header.axes > 1)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: numbers of several axes in column-major order; save them flat",
                         rows->in.name);
    if (header.fortran_order && rows->row_count > 1 && rows->dims > 1)
        return fortran_open(rows, &header, err);
    return dense_open(rows, header.dtype, header.big_endian, err);
}
