/* mdla-eval: rows beside the SAE's own reconstruction of them; its codes and that as files. */
#include "eval.h"

#include "common/files.h"
#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

/* The outputs that were asked for, and where the rows of a call stand. */
typedef struct forward {
    const eval_settings *settings;
    const mdla_sae *sae;
    eval_pass pass;
    saebench saebench;
    mdla_codes_writer *codes;
    mdla_array_writer *decoded;
    double *strengths; /* [width] */
    mdla_status status;
    mdla_error err;
} forward;

static int open_codes(forward *f)
{
    const eval_settings *s = f->settings;
    const mdla_codes_options options = {
        .kind = MDLA_CODES_CSR, .width = mdla_sae_width(f->sae), .strengths = MDLA_F32};
    mdla_sink sink;

    if (!s->codes_out)
        return 0;
    if (files_sink(s->codes_out, s->force, 1, &sink) != 0)
        return -1;
    f->status = mdla_codes_writer_open(&s->config, sink, &options, &f->codes, &f->err);
    if (f->status == MDLA_OK)
        return 0;
    tool_fail_about(s->codes_out, f->status, &f->err);
    return -1;
}

static int open_decoded(forward *f)
{
    const eval_settings *s = f->settings;
    mdla_sink sink;

    if (!s->decoded_out)
        return 0;
    if (files_sink(s->decoded_out, s->force, 1, &sink) != 0)
        return -1;
    f->status = mdla_array_writer_open(&s->config, sink, MDLA_ARRAY_NPY, f->pass.metrics.seen,
                                       mdla_sae_dims(f->sae), MDLA_F32, NULL, &f->decoded, &f->err);
    if (f->status == MDLA_OK)
        return 0;
    tool_fail_about(s->decoded_out, f->status, &f->err);
    return -1;
}

static int take_code(void *ctx, size_t row, const uint32_t *feature, const float *strength,
                     size_t count)
{
    forward *f = ctx;

    for (size_t i = 0; i < count; i++) {
        f->strengths[i] = (double)strength[i];
        saebench_add(&f->saebench, feature[i], f->strengths[i], 1);
    }
    metrics_code(&f->pass.metrics, f->pass.values + row * mdla_sae_dims(f->sae),
                 f->pass.starts[row], feature, f->strengths, count);
    if (f->codes)
        f->status = mdla_codes_writer_row(f->codes, feature, strength, count, &f->err);
    return f->status != MDLA_OK;
}

static int forward_rows(forward *f)
{
    const mdla_config *config = &f->settings->config;
    eval_pass *p = &f->pass;
    size_t got = 1;

    while (got > 0) {
        mdla_status status;

        if (eval_pass_rows(p, &got) != 0)
            return -1;
        status = mdla_sae_encode(config, f->sae, p->values, got, p->decoded, take_code, f,
                                 f->status == MDLA_OK ? &f->err : NULL);
        if (f->status == MDLA_OK)
            f->status = status;
        if (f->status == MDLA_OK && f->decoded)
            f->status = mdla_array_writer_rows(f->decoded, p->decoded, got, &f->err);
        if (f->status != MDLA_OK) {
            tool_fail_status(f->status, &f->err);
            return -1;
        }
        metrics_add(&p->metrics, p->values, p->decoded, got);
    }
    return 0;
}

static int take_strengths(void *ctx, size_t row, const uint32_t *feature, const float *strength,
                          size_t count)
{
    forward *f = ctx;

    (void)row;
    for (size_t i = 0; i < count; i++)
        saebench_add(&f->saebench, feature[i], (double)strength[i], 1);
    return 0;
}

/* SAEBench's bins end at each feature's largest strength: where the first pass found one above
 * them, strengths are taken once more. */
static int find_saebench(forward *f, uint64_t rows, saebench_bits *out)
{
    eval_pass *p = &f->pass;

    while (saebench_again(&f->saebench)) {
        size_t got = 1;

        if (eval_pass_again(p) != 0)
            return -1;
        while (got > 0) {
            if (eval_pass_rows(p, &got) != 0)
                return -1;
            f->status = mdla_sae_encode(&f->settings->config, f->sae, p->values, got, NULL,
                                        take_strengths, f, &f->err);
            if (f->status != MDLA_OK) {
                tool_fail_status(f->status, &f->err);
                return -1;
            }
        }
    }
    saebench_finish(&f->saebench, rows, out);
    return 0;
}

/* Both outputs are kept, or neither. */
static int close_outputs(forward *f, int keep)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = mdla_codes_writer_close(f->codes, keep, &err);
    int result = 0;

    if (keep && status != MDLA_OK) {
        tool_fail_about(f->settings->codes_out, status, &err);
        result = -1;
    }
    keep = keep && result == 0;
    status = mdla_array_writer_close(f->decoded, keep, &err);
    if (keep && status != MDLA_OK) {
        tool_fail_about(f->settings->decoded_out, status, &err);
        result = -1;
    }
    return result;
}

static int measure(forward *f, eval_result *out)
{
    int result = -1, closed;

    f->strengths = malloc((size_t)mdla_sae_width(f->sae) * sizeof *f->strengths);
    if (!f->strengths || saebench_start(&f->saebench, mdla_sae_width(f->sae)) != 0)
        tool_fail("out of memory");
    else if (open_codes(f) == 0 && open_decoded(f) == 0)
        result = forward_rows(f);
    if (result == 0)
        result = find_saebench(f, f->pass.metrics.rows, &out->saebench);
    closed = close_outputs(f, result == 0);
    if (result == 0)
        result = closed;
    if (result == 0)
        result = eval_write_features(f->settings, &f->pass.metrics, NULL);
    free(f->strengths);
    saebench_end(&f->saebench);
    eval_pass_end(&f->pass, result == 0 ? out : NULL);
    return result;
}

int eval_sae(const eval_settings *s, const eval_data *data, eval_result *out)
{
    forward f = {.settings = s, .status = MDLA_OK, .err = {MDLA_OK, ""}};
    mdla_sae *sae = NULL;
    int result = -1;

    *out = (eval_result){.name = s->sae.path};
    if (sae_open(&s->config, &s->sae, &sae) != 0)
        return -1;
    f.sae = sae;
    out->dims = mdla_sae_dims(sae);
    out->width = mdla_sae_width(sae);
    if (out->dims != mdla_rows_dims(data->rows))
        tool_fail("%s: takes rows of %u values, %s has %u", s->sae.path, out->dims, data->name,
                  mdla_rows_dims(data->rows));
    else if (sae_check(&s->config, &s->sae, sae, data->rows) == 0 &&
             eval_pass_start(&f.pass, s->sae.path, data, out->width, s->passage_rows) == 0)
        result = measure(&f, out);
    mdla_sae_free(sae);
    return result;
}
