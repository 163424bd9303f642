/* IDX, the format of MNIST: 0, 0, type, number of axes, big-endian sizes and values. The first axis
 * is the rows, the others together are a row. */
#include "arrays/dense.h"

#include "base/alloc.h"
#include "base/checked.h"

#include <inttypes.h>

static bool type_of(uint8_t code, mdla_dtype *dtype)
{
    switch (code) {
    case 0x08: *dtype = MDLA_U8; return true;
    case 0x09: *dtype = MDLA_I8; return true;
    case 0x0b: *dtype = MDLA_I16; return true;
    case 0x0c: *dtype = MDLA_I32; return true;
    case 0x0d: *dtype = MDLA_F32; return true;
    case 0x0e: *dtype = MDLA_F64; return true;
    default: return false;
    }
}

mdla_status idx_open(mdla_rows *rows, mdla_error *err)
{
    uint64_t row_count = 0, dims = 1;
    mdla_dtype dtype;
    uint8_t start[4];
    unsigned axis;

    MDLA_TRY(input_read(&rows->in, start, sizeof start, "the IDX header", err));
    if (!type_of(start[2], &dtype))
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: unknown IDX type %02x", rows->in.name,
                         start[2]);
    for (axis = 0; axis < start[3]; axis++) {
        uint8_t b[4];
        uint32_t size;

        MDLA_TRY(input_read(&rows->in, b, sizeof b, "the IDX header", err));
        size = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (axis == 0)
            row_count = size;
        else if (!checked_mul_u64(dims, size, &dims))
            return error_set(err, MDLA_ERR_CORRUPT, "%s: IDX sizes overflow", rows->in.name);
    }
    if (start[3] < 2 && !(rows->numbers && start[3] == 1))
        return error_set(err, MDLA_ERR_DATA,
                         "%s: IDX file with %u axes (labels?); rows need two or more",
                         rows->in.name, start[3]);
    MDLA_TRY(rows_set_shape(rows, row_count, dims, err));
    return dense_open(rows, dtype, true, err);
}
