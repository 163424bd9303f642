/* mdla-info on what isn't a .mdla file of rows: codebooks and arrays. */
#include "info.h"

#include "common/json.h"
#include "common/numbers.h"
#include "common/progress.h"
#include "common/tool.h"

#include <stdio.h>
#include <stdlib.h>

int info_codebook(const char *name, const mdla_codebook *codebook, int as_json)
{
    mdla_codebook_info info;
    char text[SHA256_TEXT_MAX], count[NUMBER_TEXT_MAX];

    mdla_codebook_query(codebook, &info);
    if (as_json) {
        json_writer json = {.stream = stdout};

        json_begin_object(&json, NULL);
        json_text(&json, "file", name);
        json_text(&json, "kind", "codebook");
        json_count(&json, "width", info.width);
        json_count(&json, "dims", info.dims);
        json_text(&json, "sha256", number_sha256(info.sha256, text));
        json_number(&json, "step", info.step);
        json_count(&json, "nbytes", info.nbytes);
        json_number(&json, "atom_bits", info.atom_bits);
        json_number(&json, "bias_bits", info.bias_bits);
        json_number(&json, "prior_bits", info.prior_bits);
        json_number(&json, "joint_weights", (double)info.weights);
        json_number(&json, "joint_bits", info.weight_bits);
        json_end_object(&json);
        return TOOL_DONE;
    }
    printf("%s: codebook, %s features x %u dims\n", name, number_grouped(info.width, count),
           info.dims);
    printf("  SHA-256   %s\n", number_sha256(info.sha256, text));
    printf("  size      %s bytes\n", number_grouped(info.nbytes, count));
    printf("  atoms     %.0f bits, %.3f a value\n", info.atom_bits,
           info.atom_bits / ((double)info.width * (double)info.dims));
    printf("  bias      %.0f bits\n", info.bias_bits);
    printf("  priors    %.0f bits, %.1f a feature\n", info.prior_bits,
           info.prior_bits / (double)info.width);
    if (info.weights != 0)
        printf("  joint     %.0f bits, %llu weights, %.1f a feature\n", info.weight_bits,
               (unsigned long long)info.weights, (double)info.weights / (double)info.width);
    else
        printf("  joint     none: features are coded as if independent\n");
    printf("  step      %g (it was made at this one, and serves any)\n", info.step);
    return TOOL_DONE;
}

/* Reads to the end; sets *count to the rows. */
static mdla_status hash_array(mdla_rows *rows, mdla_value_hash *hash, uint64_t *count,
                              mdla_error *err)
{
    enum { BUFFER_VALUES = 1 << 18 };
    const uint32_t dims = mdla_rows_dims(rows);
    const size_t at_once = dims < BUFFER_VALUES ? BUFFER_VALUES / dims : 1;
    float *values = malloc(at_once * dims * sizeof *values);
    mdla_status status = values ? MDLA_OK : MDLA_ERR_MEMORY;
    size_t got = 1;

    *count = 0;
    while (status == MDLA_OK && got > 0) {
        status = mdla_rows_read(rows, values, at_once, &got, err);
        if (status == MDLA_OK)
            mdla_value_hash_update(hash, values, got * dims);
        *count += got;
        if (progress_show(NULL, "read", *count, mdla_rows_count(rows)) != 0)
            status = MDLA_ERR_INTERRUPTED;
    }
    free(values);
    return status;
}

int info_array(const mdla_config *config, const char *name, mdla_rows *rows, int as_json)
{
    mdla_error err = {MDLA_OK, ""};
    const char *dtype = mdla_dtype_name(mdla_rows_dtype(rows));
    char text[SHA256_TEXT_MAX], shown[NUMBER_TEXT_MAX];
    mdla_value_hash *hash = NULL;
    uint8_t sha256[32];
    uint64_t count = 0;
    mdla_status status = mdla_value_hash_new(config, &hash);

    if (status == MDLA_OK)
        status = hash_array(rows, hash, &count, &err);
    mdla_value_hash_finish(hash, sha256);
    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    if (as_json) {
        json_writer json = {.stream = stdout};

        json_begin_object(&json, NULL);
        json_text(&json, "file", name);
        json_text(&json, "kind", "array");
        json_count(&json, "rows", count);
        json_count(&json, "dims", mdla_rows_dims(rows));
        json_text(&json, "dtype", dtype);
        json_text(&json, "float32_sha256", number_sha256(sha256, text));
        json_end_object(&json);
        return TOOL_DONE;
    }
    printf("%s: array, %s rows x %u dims of %s\n", name, number_grouped(count, shown),
           mdla_rows_dims(rows), dtype);
    printf("  float32   SHA-256 %s\n", number_sha256(sha256, text));
    return TOOL_DONE;
}
