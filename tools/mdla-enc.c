/* mdla-enc: activation rows to a .mdla file, or to a codebook that many files share. */
#include "enc_cache.h"
#include "enc_options.h"

#include "common/distortion.h"
#include "common/files.h"
#include "common/names.h"
#include "common/numbers.h"
#include "common/progress.h"
#include "common/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERIFY_ROWS = 256 };

/* What a run holds; close_job gives all of it back. */
typedef struct enc_job {
    mdla_sae *sae;
    mdla_rows *rows;
    mdla_codebook *codebook;
    mdla_sink sink, codebook_sink;
    int sink_open, codebook_sink_open; /* the sink is still ours to close */
} enc_job;

static int fail_about_data(const enc_options *o, mdla_status status, const mdla_error *err)
{
    char text[MDLA_MESSAGE_MAX];

    return tool_fail_about(files_data_name(o->data, o->data_count, text), status, err);
}

/* Numbers that go along with the rows: passages, token ids. */
static int open_beside(const mdla_config *config, mdla_rows *rows, const char *path,
                       mdla_status (*set)(mdla_rows *, mdla_rows *, mdla_error *))
{
    mdla_error err = {MDLA_OK, ""};
    mdla_rows *numbers = NULL;
    mdla_status status;

    if (path == NULL)
        return TOOL_DONE;
    if (files_numbers(config, path, &numbers) != 0)
        return TOOL_FAILED;
    status = set(rows, numbers, &err);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

static int write_codebook(enc_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    job->codebook_sink_open = 0;
    status = mdla_codebook_write(job->codebook, job->codebook_sink, &err);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

/* Makes the codebook from the SAE, or reads it. */
static int get_codebook(const enc_options *o, enc_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_fit_options fit = {0};
    mdla_codebook_info info;
    mdla_status status;

    if (o->codebook)
        return files_codebook(&o->common.config, o->codebook, &job->codebook) == 0 ? TOOL_DONE
                                                                                   : TOOL_FAILED;
    fit.target = o->target;
    fit.code = o->code;
    fit.model = o->model;
    fit.effort = o->effort;
    fit.prune = o->prune;
    fit.adapt_atoms = o->adapt_atoms;
    fit.block_rows = o->block_rows;
    fit.expected_rows = o->expected_rows;
    fit.codewords = o->codewords;
    fit.stages = o->stages;
    fit.progress = progress_show;
    status = o->basis ? mdla_codebook_fit_basis(&o->common.config, o->basis, job->rows, &fit,
                                                &job->codebook, &err)
                      : mdla_codebook_fit(&o->common.config, job->sae, job->rows, &fit,
                                          &job->codebook, &err);
    if (status != MDLA_OK)
        return fail_about_data(o, status, &err);
    mdla_codebook_query(job->codebook, &info);
    tool_explain("codebook: %u features x %u dims, %llu bytes (atoms %.0f bits, priors %.0f, "
                 "%llu joint weights %.0f)",
                 info.width, info.dims, (unsigned long long)info.nbytes, info.atom_bits,
                 info.prior_bits, (unsigned long long)info.weights, info.weight_bits);
    if (o->codebook_out && write_codebook(job) != TOOL_DONE)
        return TOOL_FAILED;
    status = o->common.output ? mdla_rows_rewind(job->rows, &err) : MDLA_OK;
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

static void report(const enc_options *o, const mdla_encode_report *r)
{
    const char *name = strcmp(o->common.output, "-") == 0 ? "standard output" : o->common.output;
    char count[NUMBER_TEXT_MAX], nbytes[NUMBER_TEXT_MAX], fvu[40];

    number_grouped(r->rows, count);
    number_grouped(r->file_nbytes, nbytes);
    if (r->rows == 0) {
        tool_say("%s: no rows in %s bytes", name, nbytes);
        return;
    }
    snprintf(fvu, sizeof fvu, isfinite(r->fvu) ? "FVU %.6f" : "FVU undefined (constant rows)",
             r->fvu);
    tool_say("%s: %s rows in %s bytes, %.2f marginal bits a row, %s, L0 %.2f, step %g", name, count,
             nbytes, 8.0 * (double)r->marginal_nbytes / (double)r->rows, fvu, r->l0, r->step);
    if (o->target.fvu > 0 && r->fvu > o->target.fvu)
        tool_say("%s: that is above the FVU of %g asked for; a slightly smaller --fvu keeps to it",
                 name, o->target.fvu);
}

/* Sums the loss of the decoded file against the rows. */
static int compare(const enc_options *o, mdla_decoder *decoder, mdla_rows *rows, distortion *lost)
{
    const size_t values = (size_t)VERIFY_ROWS * lost->dims;
    float *buffer = malloc(2 * values * sizeof *buffer);
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = buffer ? mdla_rows_rewind(rows, &err) : MDLA_ERR_MEMORY;
    size_t got = 1, decoded = 1;
    int result = TOOL_DONE;

    while (status == MDLA_OK && got > 0 && got == decoded) {
        status = mdla_rows_read(rows, buffer, VERIFY_ROWS, &got, &err);
        if (status == MDLA_OK)
            status = mdla_decoder_read_rows(decoder, buffer + values, VERIFY_ROWS, &decoded, &err);
        if (status == MDLA_OK && got == decoded)
            distortion_add(lost, buffer, buffer + values, got);
        if (progress_show(NULL, "verify", lost->rows, mdla_rows_count(rows)) != 0)
            status = MDLA_ERR_INTERRUPTED;
    }
    free(buffer);
    if (status != MDLA_OK)
        result = tool_fail_status(status, &err);
    else if (got != decoded)
        result = tool_fail("%s: rows are missing when decoded again", o->common.output);
    return result;
}

static int verify(const enc_options *o, const enc_job *job, const mdla_encode_report *r)
{
    const double tolerance = 1e-9; /* both sums are of doubles; 1e-9 is far above their rounding */
    mdla_decoder *decoder = NULL;
    distortion lost = {0};
    int result;
    double fvu;

    if (files_decoder(&o->common.config, o->common.output, 0, job->codebook, &decoder) != 0)
        return TOOL_FAILED;
    if (distortion_start(&lost, mdla_rows_dims(job->rows)) != 0)
        result = tool_fail("out of memory");
    else
        result = compare(o, decoder, job->rows, &lost);
    mdla_decoder_close(decoder);
    fvu = result == TOOL_DONE ? distortion_fvu(&lost) : 0;
    distortion_end(&lost);
    if (result != TOOL_DONE)
        return result;
    if (isfinite(fvu) != isfinite(r->fvu) || fabs(fvu - r->fvu) > tolerance * (1 + fabs(fvu)))
        return tool_fail(
            "%s: decodes to FVU %.9f where the encoder says %.9f; don't trust this file",
            o->common.output, fvu, r->fvu);
    tool_say("%s: decoded again: FVU %.6f, as promised", o->common.output, fvu);
    return TOOL_DONE;
}

static int encode(const enc_options *o, enc_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_encode_options options = {0};
    mdla_encode_report r;
    mdla_codebook_info info;
    mdla_sae_info sae;
    mdla_status status;

    options.target = o->target;
    options.code = o->code;
    options.model = o->model;
    options.effort = o->effort;
    options.reference = o->reference;
    options.block_rows = o->block_rows;
    options.postings = o->index;
    options.passage_numbers = o->docs != NULL;
    options.note = o->note;
    options.hook = o->hook;
    if (job->sae && !o->hook) {
        mdla_sae_query(job->sae, &sae);
        options.hook = sae.hook;
    }
    options.progress = progress_show;
    mdla_codebook_query(job->codebook, &info);
    if (!enc_has_target(o))
        options.target.step = info.step;
    job->sink_open = 0;
    status = mdla_encode(&o->common.config, job->codebook,
                         o->codebook || o->code == MDLA_CODE_SAE ? job->sae : NULL, job->rows,
                         &options, job->sink, &r, &err);
    if (status != MDLA_OK)
        return fail_about_data(o, status, &err);
    report(o, &r);
    return o->verify ? verify(o, job, &r) : TOOL_DONE;
}

/* Outputs first: a name that is taken is told before hours of work, not after. */
static int open_job(const enc_options *o, enc_job *job)
{
    const int several_passes =
        !o->codebook || o->target.fvu > 0 || o->target.bits_per_row > 0 || o->verify;
    const mdla_config *config = &o->common.config;

    if (o->common.output) {
        if (files_sink(o->common.output, o->common.force, 1, &job->sink) != 0)
            return TOOL_FAILED;
        job->sink_open = 1;
    }
    if (o->codebook_out) {
        if (files_sink(o->codebook_out, o->common.force, 1, &job->codebook_sink) != 0)
            return TOOL_FAILED;
        job->codebook_sink_open = 1;
    }
    if (o->sae.path && sae_open(config, &o->sae, &job->sae) != 0)
        return TOOL_FAILED;
    if (files_rows(config, o->data, o->data_count, &o->array, several_passes, &job->rows) != 0)
        return TOOL_FAILED;
    if (job->sae && sae_check(config, &o->sae, job->sae, job->rows) != 0)
        return TOOL_FAILED;
    if (open_beside(config, job->rows, o->docs, mdla_rows_set_passages) != TOOL_DONE)
        return TOOL_FAILED;
    return open_beside(config, job->rows, o->tokens, mdla_rows_set_tokens);
}

static void close_job(enc_job *job)
{
    if (job->sink_open)
        job->sink.close(job->sink.ctx, 0);
    if (job->codebook_sink_open)
        job->codebook_sink.close(job->codebook_sink.ctx, 0);
    mdla_codebook_free(job->codebook);
    mdla_rows_close(job->rows);
    mdla_sae_free(job->sae);
}

static int run(const enc_options *o)
{
    enc_job job = {0};
    int result = open_job(o, &job);

    if (result == TOOL_DONE)
        result = get_codebook(o, &job);
    if (result == TOOL_DONE && o->common.output)
        result = encode(o, &job);
    close_job(&job);
    return result;
}

int main(int argc, char **argv)
{
    enc_options options;
    int result;

    tool_start("mdla-enc");
    result = enc_parse(argc, argv, &options);
    if (result < 0)
        result = options.codes_in ? enc_cache(&options) : run(&options);
    names_free(options.data, options.data_count);
    return tool_end(result);
}
