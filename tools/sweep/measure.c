/* One measurement: a codebook from the train rows, the test rows coded with it, and what their file
 * says. */
#include "sweep.h"

#include "eval.h"

#include "common/files.h"
#include "common/progress.h"
#include "common/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Of codewords fitted to train rows that don't reach the loss on test rows: fits at a smaller one.
 */
enum { REFITS = 4 };

double marginal_bits(const measurement *m)
{
    return 8.0 * (double)m->file_nbytes / (double)m->file_rows;
}

measurement *sweep_at(const sweep *s, size_t e, size_t fvu, size_t rows)
{
    return &s->measured[(e * s->options->fvu_count + fvu) * s->options->rows_count + rows];
}

/* The files of a measurement. */
typedef struct measured_files {
    char *codebook, *coded, *whole;
} measured_files;

static int name_files(const sweep *s, const explanation *e, double fvu, uint64_t rows,
                      measured_files *out)
{
    char name[SWEEP_NAME_MAX + 96];

    snprintf(name, sizeof name, "%s-fvu%g-n%" PRIu64 ".codebook", e->name, fvu, rows);
    out->codebook = files_join(s->folder, "files", name);
    snprintf(name, sizeof name, "%s-fvu%g-n%" PRIu64 "-%s.mdla", e->name, fvu, rows,
             s->test == s->train || e->on_train ? "train" : "test");
    out->coded = files_join(s->folder, "files", name);
    snprintf(name, sizeof name, "%s-fvu%g-n%" PRIu64 "-whole.mdla", e->name, fvu, rows);
    out->whole = files_join(s->folder, "files", name);
    return out->codebook && out->coded && out->whole ? 0 : -1;
}

static mdla_status fit(const sweep *s, const explanation *e, const mdla_sae *sae, double fvu,
                       uint64_t rows, const char *path, mdla_codebook **out, uint64_t *nbytes,
                       mdla_error *err)
{
    const mdla_config *config = &s->options->common.config;
    const mdla_fit_options options = {.target = {.fvu = fvu},
                                      .effort = s->options->effort,
                                      .expected_rows = rows,
                                      .codewords = e->codewords,
                                      .progress = progress_show};
    mdla_source written;
    mdla_sink sink;
    mdla_status status = mdla_rows_rewind(s->train, err);

    if (status == MDLA_OK)
        status = e->basis ? mdla_codebook_fit_basis(config, e->basis, s->train, &options, out, err)
                          : mdla_codebook_fit(config, sae, s->train, &options, out, err);
    if (status == MDLA_OK)
        status = mdla_sink_file(path, 1, &sink, err);
    if (status == MDLA_OK)
        status = mdla_codebook_write(*out, sink, err);
    if (status == MDLA_OK)
        status = mdla_source_file(path, &written, err);
    if (status == MDLA_OK) {
        *nbytes = written.nbytes;
        written.close(written.ctx);
    }
    return status;
}

static mdla_status encode(const sweep *s, const mdla_codebook *codebook, mdla_rows *rows,
                          double fvu, int reference, const char *path, mdla_encode_report *report,
                          mdla_error *err)
{
    const mdla_encode_options options = {.target = {.fvu = fvu},
                                         .effort = s->options->effort,
                                         .reference = reference,
                                         .progress = progress_show};
    mdla_sink sink;
    mdla_status status = mdla_rows_rewind(rows, err);

    if (status == MDLA_OK)
        status = mdla_sink_file(path, 1, &sink, err);
    return status == MDLA_OK ? mdla_encode(&s->options->common.config, codebook, NULL, rows,
                                           &options, sink, report, err)
                             : status;
}

static int count_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                     const mdla_symbol_bits *bits)
{
    (void)row;
    (void)bits;
    return eval_counter_add(ctx, code, count);
}

/* Bits by class and the paper's estimates, from the file alone. */
static mdla_status account(const sweep *s, const mdla_codebook *codebook, const char *path,
                           measurement *out, mdla_error *err)
{
    eval_counter *counter = eval_counter_new(out->width);
    mdla_decoder *decoder = NULL;
    mdla_account bits;
    eval_estimates estimates;
    saebench_bits others;
    mdla_source source;
    mdla_status status = counter ? mdla_source_file(path, &source, err) : MDLA_ERR_MEMORY;

    if (status == MDLA_OK)
        status =
            mdla_decoder_open(&s->options->common.config, source, path, codebook, &decoder, err);
    if (status == MDLA_OK)
        status = mdla_decoder_account(decoder, &bits, err);
    if (status == MDLA_OK)
        status = mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, count_row, counter, err);
    if (status == MDLA_OK && eval_counter_finish(counter, &estimates, &others) != 0)
        status = MDLA_ERR_MEMORY;
    if (status == MDLA_OK) {
        const double rows = (double)bits.rows;

        out->file_nbytes = bits.file_nbytes;
        out->file_rows = bits.rows;
        out->index_bits = bits.bits[MDLA_BITS_INDICES] / rows;
        out->level_bits = bits.bits[MDLA_BITS_LEVELS] / rows;
        out->additive_bits = bits.additive_indices / rows;
        out->bound = estimates.bound;
        out->entropy = estimates.entropy;
    }
    mdla_decoder_close(decoder);
    eval_counter_free(counter);
    return status;
}

/* What the nearest codewords come to on the rows to be coded. */
static mdla_status nearest_fvu(const sweep *s, const mdla_codebook *codebook, mdla_rows *rows,
                               double *fvu, mdla_error *err)
{
    mdla_codebook_info info;
    mdla_encode_report report;
    mdla_sink sink;
    size_t nbytes;
    void *file;
    mdla_status status = mdla_rows_rewind(rows, err);

    mdla_codebook_query(codebook, &info);
    const mdla_encode_options options = {
        .target = {.step = info.step}, .reference = 1, .progress = progress_show};

    if (status != MDLA_OK)
        return status;
    status = mdla_sink_memory(&file, &nbytes, &sink);
    if (status != MDLA_OK)
        return status;
    status =
        mdla_encode(&s->options->common.config, codebook, NULL, rows, &options, sink, &report, err);
    free(file);
    *fvu = report.fvu;
    return status;
}

/* A codebook from the train rows with which the rows to be coded reach the loss. */
static mdla_status fit_and_code(const sweep *s, const explanation *e, const mdla_sae *sae,
                                double fvu, uint64_t rows, const measured_files *files,
                                mdla_codebook **codebook, uint64_t *nbytes,
                                mdla_encode_report *report, mdla_error *err)
{
    mdla_rows *coded = e->on_train ? s->train : s->test;
    double aim = fvu, nearest;

    for (int refits = 0;; refits++) {
        mdla_status status = fit(s, e, sae, aim, rows, files->codebook, codebook, nbytes, err);

        if (status == MDLA_OK)
            status = encode(s, *codebook, coded, fvu, 1, files->coded, report, err);
        if (status != MDLA_ERR_TARGET || !*codebook || e->basis < MDLA_BASIS_ONEHOT ||
            refits == REFITS)
            return status;
        status = nearest_fvu(s, *codebook, coded, &nearest, err);
        if (status != MDLA_OK)
            return status;
        aim *= 0.99 * fvu / nearest;
        mdla_codebook_free(*codebook);
        *codebook = NULL;
    }
}

static mdla_status measure(const sweep *s, const explanation *e, const mdla_sae *sae, double fvu,
                           uint64_t rows, const measured_files *files, measurement *out,
                           mdla_error *err)
{
    mdla_codebook *codebook = NULL;
    mdla_codebook_info info;
    mdla_encode_report report;
    mdla_status status =
        fit_and_code(s, e, sae, fvu, rows, files, &codebook, &out->codebook_nbytes, &report, err);

    if (codebook) {
        mdla_codebook_query(codebook, &info);
        out->width = info.width;
    }
    if (status == MDLA_OK) {
        out->fvu = report.fvu;
        out->l0 = report.l0;
        status = account(s, codebook, files->coded, out, err);
    }
    if (status == MDLA_OK && rows == s->train_rows) {
        status = encode(s, codebook, s->train, fvu, 0, files->whole, &report, err);
        if (status == MDLA_OK)
            out->whole_nbytes = report.file_nbytes;
        else if (status == MDLA_ERR_TARGET) /* the rows that count reached it */
            status = MDLA_OK;
    }
    mdla_codebook_free(codebook);
    return status;
}

int sweep_measure(const sweep *s, const explanation *e, const mdla_sae *sae, double fvu,
                  uint64_t rows, measurement *out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = MDLA_ERR_MEMORY;
    measured_files files;

    *out = (measurement){.reached = 1, .width = sae ? mdla_sae_width(sae) : e->width};
    if (name_files(s, e, fvu, rows, &files) == 0)
        status = measure(s, e, sae, fvu, rows, &files, out, &err);
    free(files.codebook);
    free(files.coded);
    free(files.whole);
    if (status == MDLA_ERR_TARGET) {
        tool_explain("%s: %s", e->name, err.text);
        *out = (measurement){.width = out->width};
        return 0;
    }
    if (status == MDLA_OK)
        return 0;
    if (status == MDLA_ERR_INTERRUPTED) {
        tool_fail("stopped; the same command goes on where this one was");
        return -1;
    }
    tool_fail_about(e->name, status, &err);
    *out = (measurement){.width = out->width};
    snprintf(out->why, sizeof out->why, "%s", err.text[0] ? err.text : mdla_status_text(status));
    return 0;
}
