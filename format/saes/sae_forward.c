/* The SAE's own forward pass for callers of the library. */
#include "base/alloc.h"
#include "base/matmul.h"
#include "saes/sae_handle.h"

#include <inttypes.h>
#include <string.h>

mdla_status mdla_sae_encode(const mdla_config *config, const mdla_sae *given, const float *rows,
                            size_t row_count, float *decoded, mdla_strength_visitor visitor,
                            void *ctx, mdla_error *err)
{
    const mdla_allocator *al = alloc_of(config);
    parallel_pool *pool = parallel_open(al, config != NULL ? config->threads : 0);
    sae_codes codes = {0};
    mdla_status status = MDLA_ERR_MEMORY;

    matmul_init();
    if (pool != NULL)
        status = sae_forward(given->model, pool, rows, row_count, &codes);
    for (size_t r = 0; status == MDLA_OK && r < row_count; r++) {
        const size_t start = codes.start[r];

        if (decoded != NULL)
            sae_decode_row(given->model, &codes, r, decoded + r * given->model->dims);
        if (visitor(ctx, r, codes.feature + start, codes.strength + start,
                    codes.start[r + 1] - start) != 0)
            status = MDLA_ERR_INTERRUPTED;
    }
    sae_codes_free(given->model->al, &codes);
    parallel_close(pool);
    return status == MDLA_OK ? MDLA_OK
                             : error_set(err, status, "the SAE's forward pass failed: %s",
                                         mdla_status_text(status));
}

static int count_active(void *ctx, size_t row, const uint32_t *feature, const float *strength,
                        size_t count)
{
    uint32_t *const active = ctx;

    (void)feature;
    (void)strength;
    if (active != NULL)
        active[row] = (uint32_t)count;
    return 0;
}

mdla_status mdla_sae_forward(const mdla_config *config, const mdla_sae *given, const float *rows,
                             size_t row_count, float *decoded, uint32_t *active, mdla_error *err)
{
    return mdla_sae_encode(config, given, rows, row_count, decoded, count_active, active, err);
}

mdla_status mdla_sae_decode(const mdla_sae *given, const size_t *starts, const uint32_t *features,
                            const float *strengths, size_t row_count, float *decoded,
                            mdla_error *err)
{
    const sae *model = given->model;
    /* Only read: sae_codes own their arrays elsewhere. */
    const sae_codes codes = {.row_count = row_count,
                             .start = (size_t *)starts,
                             .feature = (uint32_t *)features,
                             .strength = (float *)strengths};

    if (model->norm != SAE_NORM_NONE)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "the SAE normalises every row by itself, which codes alone don't let "
                         "anyone undo; take the reconstruction of its forward pass");
    for (size_t r = 0; r < row_count; r++)
        if (starts[r + 1] < starts[r])
            return error_set(err, MDLA_ERR_ARGUMENT, "codes: row %zu ends before it starts", r);
    for (size_t i = starts[0]; i < starts[row_count]; i++)
        if (features[i] >= model->width)
            return error_set(err, MDLA_ERR_ARGUMENT,
                             "codes: feature %" PRIu32 " of an SAE of %" PRIu32, features[i],
                             model->width);
    matmul_init();
    for (size_t r = 0; r < row_count; r++)
        sae_decode_row(model, &codes, r, decoded + r * model->dims);
    return MDLA_OK;
}
