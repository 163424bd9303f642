#include "encode/passes.h"

#include "arrays/rows.h"
#include "base/alloc.h"
#include "block/block_encoder.h"
#include "container/header.h"

#include <math.h>
#include <string.h>

static mdla_status search_failed(mdla_status status, mdla_error *err)
{
    if (status == MDLA_ERR_MEMORY)
        return error_set(err, status, "no memory for the search");
    if (status == MDLA_ERR_LIMIT)
        return error_set(err, status, "a row has more than %d active features", SEARCH_MAX_ACTIVE);
    return error_set(err, status, "the search failed: %s", mdla_status_text(status));
}

mdla_status pass_over_rows(search_engine *e, mdla_rows *rows, const pass_progress *progress,
                           tile_consumer consumer, void *ctx, mdla_error *err)
{
    /* Under the joint model a block is searched by one thread, a row after the other. */
    const size_t tile_rows =
        e->pairs != NULL ? e->span * parallel_workers(e->pool) : rows_per_tile(e->dims);
    float *tile = alloc_array(e->al, tile_rows * e->dims, sizeof *tile);
    uint8_t *starts = alloc_array(e->al, tile_rows, 1);
    uint64_t first = 0;
    size_t got = 0;
    mdla_status status = tile != NULL && starts != NULL
                             ? MDLA_OK
                             : error_set(err, MDLA_ERR_MEMORY, "no memory for rows");

    while (status == MDLA_OK) {
        status = rows_read_passages(rows, tile, starts, tile_rows, &got, err);
        if (status != MDLA_OK || got == 0)
            break;
        status = rows_check_finite(tile, got, e->dims, first, err);
        if (status == MDLA_OK) {
            status = search_engine_run(e, tile, starts, got, e->span);
            if (status != MDLA_OK)
                status = search_failed(status, err);
        }
        if (status == MDLA_OK)
            status = consumer(ctx, e, tile, got, first, err);
        first += got;
        if (status == MDLA_OK && progress->report != NULL &&
            progress->report(progress->ctx, progress->what, first, progress->total) != 0)
            status = error_set(err, MDLA_ERR_INTERRUPTED, "interrupted");
    }
    alloc_free(e->al, tile);
    alloc_free(e->al, starts);
    return status;
}

mdla_status pass_over_sample(search_engine *e, const row_survey *s, size_t stride,
                             tile_consumer consumer, void *ctx, mdla_error *err)
{
    const size_t tile_rows = rows_per_tile(e->dims);
    float *tile = alloc_array(e->al, tile_rows * e->dims, sizeof *tile);
    uint8_t *starts = alloc_array(e->al, tile_rows, 1);
    mdla_status status = tile != NULL && starts != NULL
                             ? MDLA_OK
                             : error_set(err, MDLA_ERR_MEMORY, "no memory for rows");

    for (size_t from = 0, count = 0; status == MDLA_OK && from < s->sample_rows;) {
        while (from < s->sample_rows && count + SAMPLE_RUN <= tile_rows) {
            const size_t left = s->sample_rows - from, take = left < SAMPLE_RUN ? left : SAMPLE_RUN;

            memcpy(tile + count * e->dims, s->sample + from * e->dims,
                   take * e->dims * sizeof *tile);
            memcpy(starts + count, s->sample_starts + from, take);
            count += take;
            from += stride * SAMPLE_RUN;
        }
        status = search_engine_run(e, tile, starts, count, SAMPLE_RUN);
        status =
            status == MDLA_OK ? consumer(ctx, e, tile, count, 0, err) : search_failed(status, err);
        count = 0;
    }
    alloc_free(e->al, tile);
    alloc_free(e->al, starts);
    return status;
}

mdla_status pass_check_levels(const search_engine *e, uint64_t first, mdla_error *err)
{
    const code_rows *codes = &e->codes;

    for (size_t r = 0; r < codes->row_count; r++) {
        if (!isfinite(e->distortion[r])) /* squares beyond float32: no search was possible */
            return error_set(err, MDLA_ERR_DATA,
                             "row %llu: its values are too large; remove the row",
                             (unsigned long long)(first + r));
        for (size_t i = codes->start[r]; i < codes->start[r + 1]; i++) {
            if (codes->level[i] >= e->model->max_level)
                return error_set(
                    err, MDLA_ERR_DATA,
                    "row %llu: feature %u needs a level above %u at step %g: give a larger step "
                    "or FVU, or remove the row",
                    (unsigned long long)(first + r), codes->feature[i], e->model->max_level - 1,
                    quant_step_value(e->model->params.step));
        }
    }
    return MDLA_OK;
}

static mdla_status charge_tile(pass_sums *sums, search_engine *e, size_t row_count)
{
    uint8_t header[BLOCK_HEADER_NBYTES];
    range_encoder coder = {0};
    mdla_status status = MDLA_OK;

    for (size_t first = 0; first < row_count && status == MDLA_OK; first += e->span) {
        const size_t left = row_count - first, count = left < e->span ? left : e->span;
        block_charge charge;

        status =
            block_encode(e->model, &e->codes, first, count,
                         e->starts != NULL ? e->starts + first : NULL, header, &coder, &charge);
        sums->charged += charge.flags + charge.levels;
    }
    range_encoder_free(&coder);
    return status;
}

static void add_moments(atom_moments *moments, const search_engine *e)
{
    const double unit =
        quant_step_value(e->model->params.step) * 256.0 / e->model->params.step.mantissa;
    const code_rows *codes = &e->codes;
    float strength[SEARCH_MAX_ACTIVE];

    for (size_t r = 0; r < codes->row_count; r++) {
        const size_t begin = codes->start[r], count = codes->start[r + 1] - begin;

        for (size_t i = 0; i < count; i++)
            strength[i] = (float)(unit * e->model->coefficient[codes->level[begin + i]]);
        atom_moments_add_row(moments, codes->feature + begin, strength, count);
    }
}

mdla_status pass_sum_tile(void *ctx, search_engine *e, const float *rows, size_t row_count,
                          uint64_t first, mdla_error *err)
{
    pass_sums *sums = ctx;

    (void)first;
    (void)err;
    for (size_t r = 0; r < row_count; r++) {
        sums->distortion += e->distortion[r];
        for (uint32_t d = 0; sums->mean != NULL && d < e->dims; d++) {
            const double x = rows[r * e->dims + d] - sums->mean[d];
            sums->deviation += x * x;
        }
    }
    sums->rows += row_count;
    if (sums->counts != NULL)
        code_counts_add(sums->counts, &e->codes);
    if (sums->moments != NULL)
        add_moments(sums->moments, e);
    if (sums->offsets != NULL)
        offset_sums_add(sums->offsets, e->model, sums->atoms, e->centred, &e->codes, sums->scratch);
    return sums->charge ? charge_tile(sums, e, row_count) : MDLA_OK;
}

double pass_file_bits(double charged, uint64_t rows, const file_shape *shape)
{
    /* A block adds its frame, its header, about four bytes of index and one of the coder's. */
    const double blocks = ceil((double)shape->rows / shape->block_rows);
    const double fixed = MAGIC_NBYTES + HEADER_NBYTES + STATS_FIXED_NBYTES + TAIL_NBYTES +
                         4 * CHUNK_FRAME_NBYTES + shape->other_nbytes +
                         blocks * (CHUNK_FRAME_NBYTES + BLOCK_HEADER_NBYTES + 5.0);

    return charged / (double)rows + 8.0 * fixed / (double)shape->rows;
}

mdla_status pass_try_sample(search_engine *e, const row_survey *s, size_t stride, pass_sums *sums,
                            const file_shape *shape, rate_trial *out, mdla_error *err)
{
    sums->mean = s->mean;
    MDLA_TRY(pass_over_sample(e, s, stride, pass_sum_tile, sums, err));
    out->fvu = sums->distortion / sums->deviation;
    out->bits_per_row = pass_file_bits(sums->charged, sums->rows, shape);
    return MDLA_OK;
}
