/* Any array kind but IDX and raw: opened, read, sought in; as a file and as a pipe. */
#include "fuzz_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    const mdla_array_options options = {.bf16 = nbytes % 3 == 0 ? -1 : 1};

    fuzz_rows(data, nbytes, &options, 0);
    fuzz_rows(data, nbytes, &options, 1);
    return 0;
}
