/* Codebooks without an SAE: the baselines. What stands for the SAE is its atoms, where there are
 * any, and the rows' mean, about which every basis codes. */
#include "base/alloc.h"
#include "encode/fit_job.h"
#include "fit/axes.h"
#include "handles.h"

static mdla_status no_memory(const fit_job *j)
{
    return error_set(j->err, MDLA_ERR_MEMORY, "no memory for a basis of rows of %u values",
                     j->survey.dims);
}

static mdla_status take_mean(fit_job *j, sae *features)
{
    features->b_dec = alloc_array(j->al, j->survey.dims, sizeof *features->b_dec);
    if (features->b_dec == NULL)
        return no_memory(j);
    for (uint32_t d = 0; d < j->survey.dims; d++)
        features->b_dec[d] = (float)j->survey.mean[d];
    return MDLA_OK;
}

mdla_status fit_over_rows(fit_job *j, const char *what,
                          void (*take)(void *ctx, parallel_pool *pool, const float *rows,
                                       size_t row_count),
                          void *ctx)
{
    const mdla_fit_options *o = j->options;
    const size_t tile_rows = rows_per_tile(j->survey.dims);
    float *tile = alloc_array(j->al, tile_rows * j->survey.dims, sizeof *tile);
    mdla_status status = tile != NULL ? mdla_rows_rewind(j->rows, j->err) : no_memory(j);
    uint64_t done = 0;
    size_t got = tile_rows;

    while (status == MDLA_OK && got == tile_rows) {
        status = mdla_rows_read(j->rows, tile, tile_rows, &got, j->err);
        if (status == MDLA_OK)
            take(ctx, j->engine.pool, tile, got);
        done += got;
        if (o->progress != NULL && o->progress(o->progress_ctx, what, done, j->survey.rows) != 0)
            status = error_set(j->err, MDLA_ERR_INTERRUPTED, "interrupted");
    }
    alloc_free(j->al, tile);
    return status == MDLA_OK ? mdla_rows_rewind(j->rows, j->err) : status;
}

static void add_to_axes(void *ctx, parallel_pool *pool, const float *rows, size_t row_count)
{
    axes_add(ctx, pool, rows, row_count);
}

static mdla_status find_axes(fit_job *j, sae *features)
{
    const size_t dims = j->survey.dims;
    axes_sums sums;
    mdla_status status;

    features->w_dec = alloc_array(j->al, dims * dims, sizeof *features->w_dec);
    if (features->w_dec == NULL ||
        axes_start(&sums, j->al, j->survey.dims, j->survey.mean) != MDLA_OK)
        return no_memory(j);
    status = fit_over_rows(j, "principal axes", add_to_axes, &sums);
    if (status == MDLA_OK) {
        status = axes_finish(&sums, features->w_dec);
        if (status == MDLA_ERR_MEMORY)
            status = no_memory(j);
        else if (status != MDLA_OK)
            status = error_set(j->err, status,
                               "the rows' principal axes can't be found: their "
                               "values are too large or too uneven");
    }
    axes_free(&sums);
    return status;
}

static mdla_status make(fit_job *j, const mdla_config *config, mdla_basis kind,
                        codebook_basis *basis, sae *features)
{
    MDLA_TRY(row_survey_take(config, j->rows, &j->survey, j->err));
    MDLA_TRY(take_mean(j, features));
    if (kind == MDLA_BASIS_PCA)
        MDLA_TRY(find_axes(j, features));
    if (kind == MDLA_BASIS_ONEHOT || kind == MDLA_BASIS_RVQ)
        MDLA_TRY(fit_codewords(j, kind, basis, features));
    return fit_run(j, config);
}

mdla_status mdla_codebook_fit_basis(const mdla_config *config, mdla_basis kind, mdla_rows *rows,
                                    const mdla_fit_options *options, mdla_codebook **out,
                                    mdla_error *err)
{
    const uint32_t dims = mdla_rows_dims(rows);
    codebook_basis basis = {kind == MDLA_BASIS_PCA ? CODEBOOK_SIGNED : CODEBOOK_IDENTITY, 1};
    mdla_fit_options own = *options;
    sae features = {.dims = dims, .width = dims};
    fit_job j = {.al = alloc_of(config),
                 .options = &own,
                 .err = err,
                 .sae = &features,
                 .basis = &basis,
                 .rows = rows};
    mdla_status status;

    *out = NULL;
    if (kind < MDLA_BASIS_DENSE || kind > MDLA_BASIS_RVQ)
        return error_set(err, MDLA_ERR_ARGUMENT, "there is no basis %d", (int)kind);
    own.model = MDLA_MODEL_ADDITIVE;
    own.code = MDLA_CODE_FREE;
    own.prune = own.adapt_atoms = 0;
    status = fit_open(&j, config);
    if (status == MDLA_OK)
        status = make(&j, config, kind, &basis, &features);
    alloc_free(j.al, features.b_dec);
    alloc_free(j.al, features.w_dec);
    return fit_close(&j, status, out);
}
