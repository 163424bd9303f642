/* A latent cache to a .mdla file, by a codebook of priors. */
#include "base/alloc.h"
#include "block/block_encoder.h"
#include "block/strengths.h"
#include "container/file_writer.h"
#include "encode/cache.h"
#include "fit/engine.h"
#include "handles.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define STEP_BITS 22 /* of a step's mantissa */

typedef struct cache_job {
    const mdla_allocator *al;
    const mdla_codes *codes;
    const codebook *cb;
    const mdla_encode_options *options;
    mdla_error *err;
    uint32_t block_rows;
    file_header header;
    code_model *model;
    double step; /* of levels, as the file keeps it */
    file_writer writer;
    range_encoder coder;
    code_rows rows;  /* of the block under way */
    uint8_t *starts; /* [block_rows] */
} cache_job;

static mdla_status no_memory(const cache_job *j)
{
    return error_set(j->err, MDLA_ERR_MEMORY, "no memory to encode codes of %" PRIu32 " features",
                     j->cb->width);
}

/* The word of a strength: its bits, or the nearest level, none so near 0 that it vanishes. */
static mdla_status word_of(const cache_job *j, const codes_entry *entry, uint32_t *word)
{
    const uint32_t bits = cache_bits(entry->strength);
    double level;

    *word = bits;
    if (j->header.code.exact)
        return MDLA_OK;
    level = fmax(round(fabs((double)entry->strength) / j->step), 1.0);
    if (level > j->model->max_level)
        return error_set(j->err, MDLA_ERR_DATA,
                         "row %" PRIu64 ", feature %" PRIu32
                         ": strength %g is more than %u steps; give a step of %.3g or more",
                         entry->row, entry->feature, (double)entry->strength, j->model->max_level,
                         fabs((double)entry->strength) / j->model->max_level);
    *word = (uint32_t)level | (bits & STRENGTH_SIGN);
    return MDLA_OK;
}

static mdla_status write_block(void *ctx, uint64_t first, code_rows *rows,
                               const codes_entry *entries)
{
    cache_job *j = ctx;
    const mdla_encode_options *o = j->options;
    uint8_t header[BLOCK_HEADER_NBYTES];
    block_charge charge;
    mdla_status status;

    for (size_t i = 0; i < rows->start[rows->row_count]; i++) {
        uint32_t word;

        MDLA_TRY(word_of(j, &entries[i], &word));
        rows->level[i] = (int32_t)word;
    }
    for (size_t r = 0; r < rows->row_count; r++)
        j->starts[r] = cache_starts(j->codes, first + r);
    if (block_encode(j->model, rows, 0, rows->row_count, j->starts, NULL, header, &j->coder,
                     &charge) != MDLA_OK)
        return no_memory(j);
    status = file_writer_block(&j->writer, (uint32_t)rows->row_count, header, j->coder.payload,
                               j->coder.nbytes);
    if (status != MDLA_OK)
        return error_set(j->err, status, "the output can't be written");
    if (o->progress != NULL &&
        o->progress(o->progress_ctx, "encode", first + rows->row_count, j->codes->rows) != 0)
        return error_set(j->err, MDLA_ERR_INTERRUPTED, "interrupted");
    return MDLA_OK;
}

static mdla_status check(const cache_job *j)
{
    const mdla_encode_options *o = j->options;

    if (!j->cb->cache)
        return error_set(j->err, MDLA_ERR_ARGUMENT,
                         "the codebook is one of rows, with atoms; codes need one made from codes");
    if (j->cb->width != j->codes->width)
        return error_set(j->err, MDLA_ERR_ARGUMENT,
                         "codes of %" PRIu32 " features don't fit a codebook of %" PRIu32,
                         j->codes->width, j->cb->width);
    if (o->target.fvu > 0.0 || o->target.bits_per_row > 0.0 || o->target.step < 0.0)
        return error_set(j->err, MDLA_ERR_ARGUMENT,
                         "codes are kept exactly or at a step; there is no other target");
    if (j->block_rows > BLOCK_ROWS_MAX)
        return error_set(j->err, MDLA_ERR_ARGUMENT, "blocks have at most %d rows", BLOCK_ROWS_MAX);
    if (o->target.step == 0.0)
        MDLA_TRY(mdla_codes_check_exact(j->codes, j->err));
    return file_writer_check_texts(o->note, o->hook, j->err);
}

static mdla_status prepare(cache_job *j)
{
    const double step = j->options->target.step;
    code_options *code = &j->header.code;
    mdla_status status;

    MDLA_TRY(check(j));
    *code = (code_options){.joint = j->options->model == MDLA_MODEL_JOINT && j->cb->joint != NULL,
                           .passages = j->codes->context != 0,
                           .cache = true,
                           .exact = step == 0.0};
    cache_survey(j->codes, &code->zeros, &code->has_signs);
    if (!code->exact) {
        code->zeros = 0;
        j->header.params.step = quant_step_of(step, STEP_BITS);
        j->step = quant_step_value(j->header.params.step);
        if (fabs(j->step - step) > 1e-3 * step) /* the exponent is at its end */
            return error_set(j->err, MDLA_ERR_ARGUMENT, "a step of %g can't be kept", step);
    }
    j->header.width = j->cb->width;
    j->header.block_rows = j->block_rows;
    j->header.dtype = j->codes->dtype;
    j->header.embedded = !j->options->reference;
    j->header.context = j->codes->context;
    j->starts = alloc_array(j->al, j->block_rows, 1);
    if (j->starts == NULL)
        return no_memory(j);
    status = code_model_new(j->al, j->cb, &j->header.params, code, &j->model);
    if (status == MDLA_ERR_CORRUPT)
        return error_set(j->err, MDLA_ERR_ARGUMENT, "a step of %g can't be kept", step);
    return status == MDLA_OK ? MDLA_OK : no_memory(j);
}

static mdla_status write_tokens(cache_job *j)
{
    const mdla_codes *codes = j->codes;
    mdla_status status = MDLA_OK;
    size_t count;

    if (codes->tokens == NULL)
        return MDLA_OK;
    for (uint64_t row = 0; status == MDLA_OK && row < codes->rows; row += count) {
        const uint64_t left = codes->rows - row;

        count = left < TOKENS_ROWS_MAX ? (size_t)left : TOKENS_ROWS_MAX;
        status = file_writer_tokens(&j->writer, codes->tokens + row, count, codes->token_dtype);
    }
    return status;
}

static mdla_status run(cache_job *j, mdla_sink sink)
{
    mdla_status status;

    MDLA_TRY(prepare(j));
    status = file_writer_start(&j->writer, j->al, sink, &j->header, j->cb);
    if (status == MDLA_OK) {
        MDLA_TRY(cache_blocks(j->codes, j->block_rows, &j->rows, write_block, j));
        status = file_writer_index(&j->writer, NULL, j->options->note, j->options->hook);
    }
    if (status == MDLA_OK)
        status = write_tokens(j);
    if (status == MDLA_OK)
        status = file_writer_finish(&j->writer);
    return status == MDLA_OK ? MDLA_OK : error_set(j->err, status, "the output can't be written");
}

mdla_status mdla_encode_codes(const mdla_config *config, const mdla_codebook *book,
                              const mdla_codes *codes, const mdla_encode_options *options,
                              mdla_sink sink, mdla_encode_report *report, mdla_error *err)
{
    cache_job j = {.al = alloc_of(config),
                   .codes = codes,
                   .cb = book->cb,
                   .options = options,
                   .err = err,
                   .block_rows =
                       options->block_rows != 0 ? options->block_rows : BLOCK_ROWS_DEFAULT};
    mdla_status status = run(&j, sink), closed;

    closed = sink.close(sink.ctx, status == MDLA_OK);
    if (status == MDLA_OK && closed != MDLA_OK)
        status = error_set(err, closed, "the output can't be written");
    if (status == MDLA_OK && report != NULL)
        *report = (mdla_encode_report){
            .rows = j.writer.rows,
            .file_nbytes = j.writer.out.offset,
            .codebook_nbytes = j.writer.codebook_nbytes,
            .tokens_nbytes = j.writer.tokens_nbytes,
            .hook_nbytes = j.writer.hook_nbytes,
            .marginal_nbytes = file_writer_marginal_nbytes(&j.writer, 0),
            .fvu = (double)NAN,
            .step = j.step,
            .l0 = codes->rows != 0 ? (double)codes->count / (double)codes->rows : 0.0};
    file_writer_free(&j.writer);
    range_encoder_free(&j.coder);
    code_rows_free(j.al, &j.rows);
    code_model_free(j.model);
    alloc_free(j.al, j.starts);
    return status;
}
