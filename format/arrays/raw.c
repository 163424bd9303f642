/* Bare little-endian float32 rows, without a header: the caller knows how long they are. */
#include "arrays/dense.h"

#include "base/alloc.h"

#include <inttypes.h>

mdla_status raw_open(mdla_rows *rows, uint32_t dims, mdla_error *err)
{
    const uint64_t row_nbytes = (uint64_t)dims * sizeof(float);
    const uint64_t nbytes = rows->in.source.nbytes;

    if (nbytes != MDLA_UNKNOWN && nbytes % row_nbytes != 0)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: %" PRIu64 " bytes are no whole number of rows of %" PRIu32
                         " float32 values; are rows really that long?",
                         rows->in.name, nbytes, dims);
    MDLA_TRY(rows_set_shape(rows, nbytes != MDLA_UNKNOWN ? nbytes / row_nbytes : MDLA_UNKNOWN, dims,
                            err));
    return dense_open(rows, MDLA_F32, false, err);
}
