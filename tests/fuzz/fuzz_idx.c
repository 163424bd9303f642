/* IDX, plain and gzipped, and raw rows (by the parity of the size); as a file and as a pipe. */
#include "fuzz_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    const mdla_array_options options = {.raw_dims = nbytes % 7 == 0 ? 3 : 0};

    fuzz_rows(data, nbytes, &options, 0);
    fuzz_rows(data, nbytes, &options, 1);
    return 0;
}
