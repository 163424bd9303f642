#include "encode/passes.h"

#include "arrays/rows.h"
#include "base/alloc.h"
#include "block/block_encoder.h"
#include "container/header.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static mdla_status search_failed(mdla_status status, mdla_error *err)
{
    if (status == MDLA_ERR_MEMORY)
        return error_set(err, status, "no memory for the search");
    if (status == MDLA_ERR_LIMIT)
        return error_set(err, status, "a row has more than %d active features", SEARCH_MAX_ACTIVE);
    return error_set(err, status, "the search failed: %s", mdla_status_text(status));
}

/* Rows to search at a time, and where they come from. */
typedef struct row_feed {
    mdla_rows *rows;
    size_t stride;       /* every so many blocks ... */
    size_t span;         /* ... of so many rows are taken */
    uint64_t next_block; /* the next to take, where stride isn't 1 */
    float *tile;
    uint8_t *starts;
    size_t tile_rows;
} row_feed;

/* Fills the tile, with whole blocks but for the last. first out: the number of its first row. */
static mdla_status fill_tile(row_feed *f, uint32_t dims, size_t *got, uint64_t *first,
                             mdla_error *err)
{
    *got = 0;
    *first = f->next_block * f->span;
    if (f->stride == 1)
        return mdla_rows_read_passages(f->rows, f->tile, f->starts, f->tile_rows, got, err);
    while (*got < f->tile_rows && f->next_block * f->span < mdla_rows_count(f->rows)) {
        size_t some;

        MDLA_TRY(mdla_rows_seek(f->rows, f->next_block * f->span, err));
        MDLA_TRY(mdla_rows_read_passages(f->rows, f->tile + *got * dims, f->starts + *got, f->span,
                                         &some, err));
        *got += some;
        f->next_block += f->stride;
    }
    return MDLA_OK;
}

static mdla_status search_fed(search_engine *e, row_feed *f, const pass_progress *progress,
                              tile_consumer consumer, void *ctx, mdla_error *err)
{
    uint64_t done = 0, first;
    size_t got;

    for (;;) {
        MDLA_TRY(fill_tile(f, e->dims, &got, &first, err));
        if (got == 0)
            return MDLA_OK;
        if (f->stride == 1)
            first = done;
        MDLA_TRY(rows_check_finite(f->tile, got, e->dims, first, err));
        const mdla_status status = search_engine_run(e, f->tile, f->starts, got, e->span);

        if (status != MDLA_OK)
            return search_failed(status, err);
        MDLA_TRY(consumer(ctx, e, f->tile, got, first, err));
        done += got;
        if (progress->report != NULL &&
            progress->report(progress->ctx, progress->what, done, progress->total / f->stride) != 0)
            return error_set(err, MDLA_ERR_INTERRUPTED, "interrupted");
    }
}

mdla_status pass_over_blocks(search_engine *e, mdla_rows *rows, size_t stride,
                             const pass_progress *progress, tile_consumer consumer, void *ctx,
                             mdla_error *err)
{
    /* Under the joint model a block is searched by one thread, a row after the other. */
    const bool blocks = e->pairs != NULL || stride != 1;
    row_feed f = {.rows = rows, .stride = stride, .span = e->span};
    mdla_status status;

    f.tile_rows = blocks ? e->span * parallel_workers(e->pool) : rows_per_tile(e->dims);
    f.tile = alloc_array(e->al, f.tile_rows * e->dims, sizeof *f.tile);
    f.starts = alloc_array(e->al, f.tile_rows, 1);
    status = f.tile != NULL && f.starts != NULL
                 ? search_fed(e, &f, progress, consumer, ctx, err)
                 : error_set(err, MDLA_ERR_MEMORY, "no memory for rows");
    alloc_free(e->al, f.tile);
    alloc_free(e->al, f.starts);
    return status;
}

mdla_status pass_over_rows(search_engine *e, mdla_rows *rows, const pass_progress *progress,
                           tile_consumer consumer, void *ctx, mdla_error *err)
{
    return pass_over_blocks(e, rows, 1, progress, consumer, ctx, err);
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
            if ((uint32_t)abs(codes->level[i]) >= e->model->max_level)
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

        status = block_encode(e->model, &e->codes, first, count,
                              e->starts != NULL ? e->starts + first : NULL, e->norms + first,
                              header, &coder, &charge);
        sums->charged += charge.flags + charge.norms + charge.levels;
    }
    range_encoder_free(&coder);
    return status;
}

static mdla_status add_moments(atom_moments *moments, const search_engine *e)
{
    const double unit =
        quant_step_value(e->model->params.step) * 256.0 / e->model->params.step.mantissa;
    const code_rows *codes = &e->codes;
    float *strength = alloc_array(e->al, e->model->cb->width, sizeof *strength);

    if (strength == NULL)
        return MDLA_ERR_MEMORY;
    for (size_t r = 0; r < codes->row_count; r++) {
        const size_t begin = codes->start[r], count = codes->start[r + 1] - begin;

        for (size_t i = 0; i < count; i++)
            strength[i] =
                (float)(unit * code_model_coefficient(e->model, codes->level[begin + i])) *
                e->scale[r];
        atom_moments_add_row(moments, codes->feature + begin, strength, count);
    }
    alloc_free(e->al, strength);
    return MDLA_OK;
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
        MDLA_TRY(add_moments(sums->moments, e));
    if (sums->offsets != NULL && e->model->cb->signs == 2)
        offset_sums_add_scalars(sums->offsets, e->model, e->coefficients, &e->codes);
    else if (sums->offsets != NULL)
        offset_sums_add(sums->offsets, e->model, sums->atoms, e->centred, e->scale, &e->codes,
                        sums->scratch);
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
