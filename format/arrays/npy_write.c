#include "arrays/npy_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *npy_descr(mdla_dtype dtype)
{
    static const char *const descr[] = {
        [MDLA_F32] = "<f4",  [MDLA_F16] = "<f2", [MDLA_BF16] = "<V2", [MDLA_F64] = "<f8",
        [MDLA_U8] = "|u1",   [MDLA_I8] = "|i1",  [MDLA_U16] = "<u2",  [MDLA_I16] = "<i2",
        [MDLA_U32] = "<u4",  [MDLA_I32] = "<i4", [MDLA_U64] = "<u8",  [MDLA_I64] = "<i8",
        [MDLA_BOOL] = "|b1",
    };
    return descr[dtype];
}

size_t npy_header_write(const char *descr, unsigned axes, const uint64_t *shape,
                        char header[NPY_HEADER_ROOM])
{
    char tuple[64] = "()";
    size_t used, total;

    if (axes == 1)
        (void)snprintf(tuple, sizeof tuple, "(%" PRIu64 ",)", shape[0]);
    else if (axes == 2)
        (void)snprintf(tuple, sizeof tuple, "(%" PRIu64 ", %" PRIu64 ")", shape[0], shape[1]);
    used = 10 + (size_t)snprintf(header + 10, NPY_HEADER_ROOM - 10,
                                 "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
                                 tuple);
    total = (used + 1 + 63) / 64 * 64; /* as NumPy aligns the values */
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((total - 10) & 0xff);
    header[9] = (char)((total - 10) >> 8);
    memset(header + used, ' ', total - used - 1);
    header[total - 1] = '\n';
    return total;
}
