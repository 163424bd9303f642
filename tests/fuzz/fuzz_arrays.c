/* .npz, safetensors, Arrow and PNG: listed, opened, read, sought in; as a file and as a pipe. Codes
 * in .npz and safetensors too. */
#include "fuzz_rows.h"

#include <string.h>

static int see(void *ctx, const mdla_array_entry *entry)
{
    size_t *const seen = ctx;
    unsigned axis;

    *seen += strlen(entry->name) + strlen(entry->dtype);
    for (axis = 0; axis < entry->axes; axis++)
        *seen += (size_t)entry->shape[axis];
    return 0;
}

static void fuzz_codes(const uint8_t *data, size_t nbytes)
{
    const mdla_codes_shape given = {.rows = 24, .has_rows = 1, .width = 50, .context = 8};
    const uint32_t *features;
    const float *strengths;
    mdla_codes *codes;
    mdla_source source;
    mdla_error err;
    uint64_t row;

    mdla_source_memory(data, nbytes, &source);
    if (mdla_codes_read(NULL, source, "fuzz", &given, &codes, &err) != MDLA_OK)
        return;
    for (row = 0; row < mdla_codes_rows(codes) && row < 100; row++) {
        const size_t count = mdla_codes_row(codes, row, &features, &strengths);
        size_t i;

        for (i = 1; i < count; i++)
            assert(features[i - 1] < features[i]);
        assert(count == 0 || features[count - 1] < mdla_codes_width(codes));
    }
    mdla_codes_free(codes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    mdla_array_options options = {.bf16 = nbytes % 3 == 0 ? -1 : 1};
    mdla_source source;
    mdla_error err;
    size_t seen = 0;

    mdla_source_memory(data, nbytes, &source);
    (void)!mdla_array_list(NULL, source, "fuzz", see, &seen, &err);
    fuzz_rows(data, nbytes, &options, 0);
    fuzz_rows(data, nbytes, &options, 1);
    options.array = "acts";
    fuzz_rows(data, nbytes, &options, 0);
    options = (mdla_array_options){.array = nbytes % 2 == 0 ? "token_ids" : NULL, .numbers = 1};
    fuzz_rows(data, nbytes, &options, 0);
    fuzz_rows(data, nbytes, &options, 1);
    fuzz_codes(data, nbytes);
    return 0;
}
