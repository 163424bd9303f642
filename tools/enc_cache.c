/* mdla-enc --codes-in: a latent cache, or its priors, without activations and without an SAE. */
#include "enc_cache.h"

#include "common/cache_files.h"
#include "common/files.h"
#include "common/numbers.h"
#include "common/progress.h"
#include "common/tool.h"

#include <stdlib.h>
#include <string.h>

/* What a run holds; close_job gives all of it back. */
typedef struct cache_job {
    mdla_codes *codes;
    mdla_codebook *codebook;
    mdla_sink sink, codebook_sink;
    int sink_open, codebook_sink_open; /* the sink is still ours to close */
} cache_job;

static int open_sink(const enc_options *o, const char *path, mdla_sink *sink, int *open)
{
    if (!path)
        return TOOL_DONE;
    if (files_sink(path, o->common.force, 1, sink) != 0)
        return TOOL_FAILED;
    *open = 1;
    return TOOL_DONE;
}

/* Refused before the work of a codebook. */
static int check_exact(const enc_options *o, const cache_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = MDLA_OK;

    if (o->common.output && o->target.step == 0)
        status = mdla_codes_check_exact(job->codes, &err);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_about(files_name(o->codes_in), status, &err);
}

/* Token ids for a cache that has none. */
static int set_tokens(const enc_options *o, cache_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_rows *numbers = NULL;
    mdla_status status;

    if (!o->tokens)
        return TOOL_DONE;
    if (files_numbers(&o->common.config, o->tokens, &numbers) != 0)
        return TOOL_FAILED;
    status = mdla_codes_set_tokens(job->codes, numbers, &err);
    if (status == MDLA_ERR_ARGUMENT)
        return tool_fail_about(files_name(o->codes_in), status, &err);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

/* Makes the codebook from the cache, or reads it. */
static int get_codebook(const enc_options *o, cache_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_fit_options fit = {.model = o->model,
                            .block_rows = o->block_rows,
                            .expected_rows = o->expected_rows,
                            .progress = progress_show};
    mdla_codebook_info info;
    mdla_status status;

    if (o->codebook)
        return files_codebook(&o->common.config, o->codebook, &job->codebook) == 0 ? TOOL_DONE
                                                                                   : TOOL_FAILED;
    status = mdla_codebook_fit_codes(&o->common.config, job->codes, &fit, &job->codebook, &err);
    if (status != MDLA_OK)
        return tool_fail_about(files_name(o->codes_in), status, &err);
    mdla_codebook_query(job->codebook, &info);
    tool_explain("codebook: priors of %u features, %llu bytes (rates and strengths %.0f bits, %llu "
                 "joint weights %.0f)",
                 info.width, (unsigned long long)info.nbytes, info.prior_bits,
                 (unsigned long long)info.weights, info.weight_bits);
    if (!o->codebook_out)
        return TOOL_DONE;
    job->codebook_sink_open = 0;
    status = mdla_codebook_write(job->codebook, job->codebook_sink, &err);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

static void report(const enc_options *o, const cache_job *job, const mdla_encode_report *r)
{
    const uint64_t active = mdla_codes_active(job->codes);
    char rows[NUMBER_TEXT_MAX], count[NUMBER_TEXT_MAX], nbytes[NUMBER_TEXT_MAX];
    const mdla_dtype dtype = mdla_codes_dtype(job->codes),
                     source = mdla_codes_source_dtype(job->codes);

    tool_say("%s: %s rows, %s strengths in %s bytes, %.3f marginal bits a strength; %s%s%s %s",
             strcmp(o->common.output, "-") == 0 ? "standard output" : o->common.output,
             number_grouped(r->rows, rows), number_grouped(active, count),
             number_grouped(r->file_nbytes, nbytes),
             active ? 8.0 * (double)r->marginal_nbytes / (double)active : 0.0,
             mdla_dtype_name(source), source != dtype ? " as " : "",
             source != dtype ? mdla_dtype_name(dtype) : "",
             o->target.step > 0 ? "at the step" : "exact");
}

/* Reads the token ids again; *same 0 where they aren't the cache's. */
static mdla_status verify_tokens(const cache_job *job, mdla_decoder *decoder, int *same,
                                 mdla_error *err)
{
    enum { SOME = 1 << 16 };
    const int64_t *wanted = mdla_codes_tokens(job->codes);
    const uint64_t rows = mdla_codes_rows(job->codes);
    int64_t *ids = wanted ? malloc(SOME * sizeof *ids) : NULL;
    mdla_status status = wanted && !ids ? MDLA_ERR_MEMORY : MDLA_OK;

    *same = 1;
    for (uint64_t row = 0; ids && status == MDLA_OK && row < rows; row += SOME) {
        const size_t count = rows - row < SOME ? (size_t)(rows - row) : SOME;

        status = mdla_decoder_read_tokens(decoder, row, count, ids, err);
        if (status == MDLA_OK && memcmp(ids, wanted + row, count * sizeof *ids) != 0)
            *same = 0;
    }
    free(ids);
    return status;
}

static int verify(const enc_options *o, const cache_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    cache_difference difference;
    mdla_status status = MDLA_OK;
    int same_tokens = 0;
    mdla_decoder *decoder = NULL;
    int result;

    if (files_decoder(&o->common.config, o->common.output, 0, job->codebook, &decoder) != 0)
        return TOOL_FAILED;
    result = cache_files_compare(o->common.output, decoder, job->codes, &difference);
    if (result == 0)
        status = verify_tokens(job, decoder, &same_tokens, &err);
    mdla_decoder_close(decoder);
    if (result != 0)
        return TOOL_FAILED;
    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    if (!same_tokens)
        return tool_fail("%s: its token ids aren't the cache's; don't trust this file",
                         o->common.output);
    if (difference.misplaced != 0 || (o->target.step == 0 && difference.changed != 0))
        return tool_fail("%s: %llu places and %llu strengths aren't the cache's; don't trust this "
                         "file",
                         o->common.output, (unsigned long long)difference.misplaced,
                         (unsigned long long)difference.changed);
    tool_say("%s: decoded again: %s", o->common.output,
             difference.changed ? "every place as in the cache" : "the cache, bit for bit");
    return TOOL_DONE;
}

static int encode(const enc_options *o, cache_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    const mdla_encode_options options = {.target = {.step = o->target.step},
                                         .model = o->model,
                                         .reference = o->reference,
                                         .block_rows = o->block_rows,
                                         .note = o->note ? o->note : mdla_codes_note(job->codes),
                                         .hook = o->hook ? o->hook : mdla_codes_hook(job->codes),
                                         .progress = progress_show};
    mdla_encode_report r;
    mdla_status status;

    job->sink_open = 0;
    status = mdla_encode_codes(&o->common.config, job->codebook, job->codes, &options, job->sink,
                               &r, &err);
    if (status != MDLA_OK)
        return tool_fail_about(files_name(o->codes_in), status, &err);
    report(o, job, &r);
    return o->verify ? verify(o, job) : TOOL_DONE;
}

static void close_job(cache_job *job)
{
    if (job->sink_open)
        job->sink.close(job->sink.ctx, 0);
    if (job->codebook_sink_open)
        job->codebook_sink.close(job->codebook_sink.ctx, 0);
    mdla_codebook_free(job->codebook);
    mdla_codes_free(job->codes);
}

int enc_cache(const enc_options *o)
{
    cache_job job = {0};
    int result = open_sink(o, o->common.output, &job.sink, &job.sink_open);

    if (result == TOOL_DONE)
        result = open_sink(o, o->codebook_out, &job.codebook_sink, &job.codebook_sink_open);
    if (result == TOOL_DONE &&
        cache_files_read(&o->common.config, o->codes_in, &o->shape, &job.codes) != 0)
        result = TOOL_FAILED;
    if (result == TOOL_DONE)
        result = check_exact(o, &job);
    if (result == TOOL_DONE)
        result = set_tokens(o, &job);
    if (result == TOOL_DONE)
        result = get_codebook(o, &job);
    if (result == TOOL_DONE && o->common.output)
        result = encode(o, &job);
    close_job(&job);
    return result;
}
