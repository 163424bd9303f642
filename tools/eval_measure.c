/* mdla-eval: rows beside what was decoded from a file, and the file's bits. */
#include "eval.h"

#include "common/classes.h"
#include "common/files.h"
#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static int compare_rows(eval_pass *p, mdla_decoder *decoder)
{
    mdla_error err = {MDLA_OK, ""};
    size_t got = 1, decoded = 1;

    while (got > 0) {
        mdla_status status;

        if (eval_pass_rows(p, &got) != 0)
            return -1;
        status = mdla_decoder_read_rows(decoder, p->decoded, EVAL_TILE_ROWS, &decoded, &err);
        if (status != MDLA_OK) {
            tool_fail_status(status, &err);
            return -1;
        }
        if (got != decoded) {
            tool_fail("%s: has %s rows than %s, so it was made from others", p->name,
                      decoded < got ? "fewer" : "more", p->data->name);
            return -1;
        }
        metrics_add(&p->metrics, p->values, p->decoded, got);
    }
    return 0;
}

/* The codes again, with the rows beside them. */
typedef struct counting {
    eval_pass *pass;
    eval_counter *counter;
    const mdla_config *config;
    eval_moved moved;
    size_t at, got; /* in the tile of rows */
    uint32_t *features;
    double *strengths; /* [width] each */
    int failed, out_of_memory;
} counting;

static int count_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                     const mdla_symbol_bits *bits)
{
    counting *c = ctx;
    eval_pass *p = c->pass;

    (void)row;
    (void)bits;
    if (c->at == c->got) {
        mdla_error err = {MDLA_OK, ""};
        mdla_status status;

        c->at = 0;
        c->failed = eval_pass_rows(p, &c->got) != 0;
        if (c->failed || c->got == 0)
            return 1;
        status = moved_tile(&c->moved, c->config, p->values, c->got, &err);
        c->failed = status != MDLA_OK;
        if (c->failed) {
            tool_fail_status(status, &err);
            return 1;
        }
    }
    for (size_t i = 0; i < count; i++) {
        c->features[i] = code[i].feature;
        c->strengths[i] = code[i].strength;
    }
    moved_row(&c->moved, c->at, c->features, count);
    metrics_code(&p->metrics, p->values + c->at * p->metrics.dims, p->starts[c->at], c->features,
                 c->strengths, count);
    c->at++;
    c->out_of_memory = eval_counter_add(c->counter, code, count) != 0;
    return c->out_of_memory || tool_stopped();
}

/* Bits by class, the estimates, and what is measured of codes. */
static int account_codes(counting *c, mdla_decoder *decoder, eval_result *out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = mdla_decoder_account(decoder, &out->account, &err);

    if (status == MDLA_OK && eval_pass_again(c->pass) != 0)
        return -1;
    if (status == MDLA_OK)
        status = mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, count_row, c, &err);
    if (status == MDLA_OK && !tool_stopped())
        c->out_of_memory = eval_counter_finish(c->counter, &out->estimates, &out->saebench) != 0;
    if (status == MDLA_OK && !tool_stopped() && !c->out_of_memory)
        return 0;
    if (c->out_of_memory)
        tool_fail("%s: out of memory for its levels", c->pass->name);
    else if (!c->failed)
        tool_fail_status(status, &err);
    return -1;
}

static void put_moved(const eval_moved *m, eval_result *out)
{
    out->moved = m->sae != NULL;
    out->own_l0 = out->account.rows ? (double)m->own / (double)out->account.rows : (double)NAN;
    out->shared_of_coded = m->coded ? (double)m->shared / (double)m->coded : (double)NAN;
    out->shared_of_own = m->own ? (double)m->shared / (double)m->own : (double)NAN;
}

static int account_file(const eval_settings *s, eval_pass *p, mdla_decoder *decoder,
                        eval_result *out)
{
    counting c = {.pass = p, .counter = eval_counter_new(out->width), .config = &s->config};
    int result = -1;

    c.features = malloc((size_t)out->width * sizeof *c.features);
    c.strengths = malloc((size_t)out->width * sizeof *c.strengths);
    if (moved_start(&c.moved, s->own) == 0 && c.counter && c.features && c.strengths) {
        result = account_codes(&c, decoder, out);
        put_moved(&c.moved, out);
    } else
        tool_fail("%s: out of memory for its codes", p->name);
    eval_counter_free(c.counter);
    moved_end(&c.moved);
    free(c.features);
    free(c.strengths);
    return result;
}

static void divide_bits(eval_result *out)
{
    const mdla_account *a = &out->account;
    const double rows = a->rows ? (double)a->rows : (double)NAN;
    const double all = 8.0 * (double)a->file_nbytes;

    out->coded = 1;
    out->file_bits = all / rows;
    out->marginal_bits = class_marginal_bits(a);
}

static int write_features(const eval_settings *s, const eval_pass *p, mdla_decoder *decoder)
{
    eval_worth worth;
    int result = worth_measure(&worth, p->name, p->data->rows, decoder);

    if (result == 0)
        result = eval_write_features(s, &p->metrics, &worth);
    worth_end(&worth);
    return result;
}

static int measure(const eval_settings *s, const eval_data *data, mdla_decoder *decoder,
                   eval_result *out)
{
    mdla_file_info info;
    eval_pass pass;
    int result;

    mdla_decoder_query(decoder, &info);
    out->dims = info.dims;
    out->width = info.width;
    if (info.dims != mdla_rows_dims(data->rows)) {
        tool_fail("%s: has rows of %" PRIu32 " values, %s of %" PRIu32, out->name, info.dims,
                  data->name, mdla_rows_dims(data->rows));
        return -1;
    }
    if (s->own && (mdla_sae_dims(s->own) != info.dims || mdla_sae_width(s->own) != info.width)) {
        tool_fail("%s: has %" PRIu32 " features x %" PRIu32 " dims, the SAE %" PRIu32 " x %" PRIu32,
                  out->name, info.width, info.dims, mdla_sae_width(s->own), mdla_sae_dims(s->own));
        return -1;
    }
    if (eval_pass_start(&pass, out->name, data, info.width, s->passage_rows) != 0)
        return -1;
    result = compare_rows(&pass, decoder);
    if (result == 0)
        result = account_file(s, &pass, decoder, out);
    if (result == 0 && s->features_out)
        result = write_features(s, &pass, decoder);
    eval_pass_end(&pass, result == 0 ? out : NULL);
    if (result == 0)
        divide_bits(out);
    return result;
}

int eval_file(const eval_settings *s, const eval_data *data, const char *path,
              const mdla_codebook *codebook, eval_result *out)
{
    mdla_decoder *decoder = NULL;
    int result;

    *out = (eval_result){.name = files_name(path)};
    if (files_decoder(&s->config, path, 1, codebook, &decoder) != 0)
        return -1;
    result = measure(s, data, decoder, out);
    mdla_decoder_close(decoder);
    return result;
}
