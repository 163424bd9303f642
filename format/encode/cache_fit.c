/* A codebook of priors for latent caches, from a cache: firing rates, how each feature's strengths
 * are distributed, and the joint model. */
#include "base/alloc.h"
#include "base/matmul.h"
#include "block/strengths.h"
#include "container/codebook_chunks.h"
#include "encode/cache.h"
#include "encode/fit_job.h"
#include "fit/joint_fit.h"
#include "fit/level_scales.h"
#include "fit/priors_fit.h"
#include "handles.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_STRENGTHS ((size_t)1 << 20) /* that edges of bins are laid by, about */
#define BINS_LEAST 4
#define STRENGTHS_PER_BIN 64 /* on average at least */

typedef struct cache_fit {
    const mdla_allocator *al;
    const mdla_codes *codes;
    const mdla_fit_options *options;
    mdla_error *err;
    uint32_t block_rows;
    unsigned zeros;
    codebook *cb;
    parallel_pool *pool;
    code_counts *counts;
    code_rows block; /* under way */
    fit_share share; /* of the rows, whose codes the joint model is fitted to */
    code_rows kept;  /* these codes; levels are bins + 1 */
    uint8_t *kept_starts;
} cache_fit;

static mdla_status no_memory(const cache_fit *f)
{
    return error_set(f->err, MDLA_ERR_MEMORY, "no memory to fit priors of %" PRIu32 " features",
                     mdla_codes_width(f->codes));
}

static mdla_status tell(const cache_fit *f, const char *what, uint64_t done)
{
    const mdla_fit_options *o = f->options;

    if (o->progress != NULL &&
        o->progress(o->progress_ctx, what, done, mdla_codes_rows(f->codes)) != 0)
        return error_set(f->err, MDLA_ERR_INTERRUPTED, "interrupted");
    return MDLA_OK;
}

/* ---- Bins ---------------------------------------------------------------------------------------
 */

static int compare_magnitudes(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void add_edge(codebook *cb, uint32_t *bins, uint32_t edge)
{
    if (edge <= cb->edge[*bins] || edge >= STRENGTH_END)
        return;
    ++*bins;
    if (*bins < CODEBOOK_BINS_MAX)
        cb->edge[*bins] = edge;
}

/* Edges that part the sorted sample in shares of `most` or less; a value that makes up a share by
 * itself has a bin by itself. Returns the bins that takes; past CODEBOOK_BINS_MAX, not all are
 * there. */
static uint32_t lay_edges(codebook *cb, const uint32_t *sample, size_t count, size_t most,
                          uint32_t unit)
{
    uint32_t bins = 0;
    size_t held = 0;

    cb->edge[0] = 1;
    for (size_t i = 0, end; i < count && bins < CODEBOOK_BINS_MAX; i = end) {
        for (end = i + 1; end < count && sample[end] == sample[i]; end++)
            ;
        if (i == 0 || held + (end - i) > most) {
            add_edge(cb, &bins, sample[i]);
            held = 0;
        }
        held += end - i;
        if (end - i >= most || end == count) {
            add_edge(cb, &bins, sample[i] + unit);
            held = 0;
        }
    }
    return bins + 1;
}

static mdla_status fit_bins(cache_fit *f)
{
    const size_t count = f->codes->count, stride = count / SAMPLE_STRENGTHS + 1;
    const size_t sampled = (count + stride - 1) / stride;
    uint32_t *sample = alloc_array(f->al, sampled, sizeof *sample), bins;
    size_t most = sampled / (CODEBOOK_BINS_MAX - 3);

    if (sample == NULL)
        return no_memory(f);
    for (size_t i = 0; i < sampled; i++)
        sample[i] = cache_bits(f->codes->entries[i * stride].strength) & ~STRENGTH_SIGN;
    if (sampled != 0)
        qsort(sample, sampled, sizeof *sample, compare_magnitudes);
    if (most < STRENGTHS_PER_BIN)
        most = STRENGTHS_PER_BIN < sampled / BINS_LEAST ? STRENGTHS_PER_BIN : sampled / BINS_LEAST;
    for (;; most += most / 4 + 1) {
        bins = lay_edges(f->cb, sample, sampled, most, UINT32_C(1) << f->zeros);
        if (bins <= CODEBOOK_BINS_MAX)
            break;
    }
    f->cb->hazard_count = bins;
    f->cb->edge[bins] = STRENGTH_END;
    alloc_free(f->al, sample);
    return MDLA_OK;
}

/* ---- Counts, and the codes that the joint model is fitted to ------------------------------------
 */

static mdla_status keep_block(cache_fit *f, uint64_t first)
{
    const code_rows *rows = &f->block;
    const size_t count = rows->start[rows->row_count];
    code_rows *kept = &f->kept;
    const size_t have = kept->row_count != 0 ? kept->start[kept->row_count] : 0;

    if (code_rows_reserve(f->al, kept, kept->row_count + rows->row_count, have + count) != MDLA_OK)
        return no_memory(f);
    if (count != 0) {
        memcpy(kept->feature + have, rows->feature, count * sizeof *kept->feature);
        memcpy(kept->level + have, rows->level, count * sizeof *kept->level);
    }
    for (size_t r = 0; r < rows->row_count; r++) {
        kept->start[kept->row_count] = have + rows->start[r];
        f->kept_starts[kept->row_count++] = r == 0 || cache_starts(f->codes, first + r);
    }
    kept->start[kept->row_count] = have + count;
    return MDLA_OK;
}

static mdla_status count_block(void *ctx, uint64_t first, code_rows *rows,
                               const codes_entry *entries)
{
    cache_fit *f = ctx;

    for (size_t i = 0; i < rows->start[rows->row_count]; i++)
        rows->level[i] =
            (int32_t)strength_bin(f->cb, cache_bits(entries[i].strength) & ~STRENGTH_SIGN) + 1;
    code_counts_add(f->counts, rows);
    MDLA_TRY(tell(f, "count", first));
    return f->options->model == MDLA_MODEL_JOINT &&
                   fit_share_keeps(&f->share, first / f->block_rows)
               ? keep_block(f, first)
               : MDLA_OK;
}

/* ---- All of it --------------------------------------------------------------------------------
 */

static mdla_status fit_joint(cache_fit *f)
{
    const joint_rows rows = {&f->kept, f->kept_starts};
    joint_fit_options options = {.expected_rows = f->options->expected_rows != 0
                                                      ? (double)f->options->expected_rows
                                                      : (double)f->codes->rows,
                                 .before = true,
                                 .passes = fit_joint_passes(f->kept.row_count)};

    if (f->kept.row_count == 0)
        return MDLA_OK;
    MDLA_TRY(tell(f, "fit the joint model", 0));
    if (joint_fit(f->cb, f->pool, &rows, &options) != MDLA_OK ||
        (f->cb->joint != NULL && level_scales_fit(f->cb, &rows) != MDLA_OK))
        return no_memory(f);
    return MDLA_OK;
}

static mdla_status run(cache_fit *f)
{
    const uint32_t width = mdla_codes_width(f->codes);
    bool has_signs;

    if (f->block_rows > BLOCK_ROWS_MAX)
        return error_set(f->err, MDLA_ERR_ARGUMENT, "blocks have at most %d rows", BLOCK_ROWS_MAX);
    f->cb = codebook_new(f->al, 0, width, NULL);
    f->counts = code_counts_new(f->al, width, 1);
    f->share = fit_share_of(
        f->codes->rows, (double)f->codes->count / fmax((double)f->codes->rows, 1.0), f->block_rows);
    f->kept_starts = alloc_array(f->al, f->share.rows_most, 1);
    if (f->cb == NULL || f->counts == NULL || f->kept_starts == NULL || f->pool == NULL)
        return no_memory(f);
    cache_survey(f->codes, &f->zeros, &has_signs);
    MDLA_TRY(fit_bins(f));
    MDLA_TRY(cache_blocks(f->codes, f->block_rows, &f->block, count_block, f));
    if (priors_fit(f->cb, f->counts) != MDLA_OK)
        return no_memory(f);
    if (f->options->model == MDLA_MODEL_JOINT)
        MDLA_TRY(fit_joint(f));
    return codebook_chunks_make(f->cb, 0, NULL, NULL) == MDLA_OK ? MDLA_OK : no_memory(f);
}

mdla_status mdla_codebook_fit_codes(const mdla_config *config, const mdla_codes *codes,
                                    const mdla_fit_options *options, mdla_codebook **out,
                                    mdla_error *err)
{
    const mdla_allocator *al = alloc_of(config);
    cache_fit f = {.al = al,
                   .codes = codes,
                   .options = options,
                   .err = err,
                   .block_rows =
                       options->block_rows != 0 ? options->block_rows : BLOCK_ROWS_DEFAULT};
    mdla_codebook *book = alloc_zeroed(al, 1, sizeof *book);
    mdla_status status;

    *out = NULL;
    matmul_init();
    f.pool = parallel_open(al, config != NULL ? config->threads : 0);
    status = book != NULL ? run(&f) : no_memory(&f);
    parallel_close(f.pool);
    code_counts_free(f.counts);
    code_rows_free(al, &f.block);
    code_rows_free(al, &f.kept);
    alloc_free(al, f.kept_starts);
    if (status != MDLA_OK) {
        codebook_free(f.cb);
        alloc_free(al, book);
        return status;
    }
    book->cb = f.cb;
    *out = book;
    return MDLA_OK;
}
