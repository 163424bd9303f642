/* mdla-eval: rows beside what was decoded from a file, or beside the SAE's own reconstruction. */
#include "eval.h"

#include "common/distortion.h"
#include "common/files.h"
#include "common/progress.h"
#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { TILE_ROWS = 1024 };

/* Two tiles of rows, and what has been lost between them. */
typedef struct comparison {
    const char *name, *data; /* of the file, of the rows */
    mdla_rows *rows;
    float *values, *decoded; /* [TILE_ROWS][dims] each */
    distortion lost;
} comparison;

static int comparison_start(comparison *c, const char *name, const eval_data *data)
{
    const uint32_t dims = mdla_rows_dims(data->rows);
    const size_t tile = (size_t)TILE_ROWS * dims;
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    *c = (comparison){.name = name, .data = data->name, .rows = data->rows};
    c->values = malloc(2 * tile * sizeof *c->values);
    if (!c->values || distortion_start(&c->lost, dims) != 0) {
        free(c->values);
        tool_fail("%s: out of memory", name);
        return -1;
    }
    c->decoded = c->values + tile;
    status = mdla_rows_can_rewind(data->rows) ? mdla_rows_rewind(data->rows, &err) : MDLA_OK;
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    free(c->values);
    distortion_end(&c->lost);
    return -1;
}

static void comparison_end(comparison *c, eval_result *out)
{
    out->rows = c->lost.rows;
    out->fvu = distortion_fvu(&c->lost);
    out->mse = distortion_mse(&c->lost);
    free(c->values);
    distortion_end(&c->lost);
}

/* The next rows; sets *got. A NaN or infinity has no place in a sum of squares. */
static int next_tile(comparison *c, size_t *got)
{
    const uint32_t dims = c->lost.dims;
    mdla_error err = {MDLA_OK, ""};
    const mdla_status status = mdla_rows_read(c->rows, c->values, TILE_ROWS, got, &err);

    if (status != MDLA_OK) {
        tool_fail_status(status, &err);
        return -1;
    }
    for (size_t i = 0; i < *got * dims; i++)
        if (!isfinite(c->values[i])) {
            tool_fail("%s: row %" PRIu64 ", column %zu is %s; remove the row", c->data,
                      c->lost.rows + i / dims, i % dims, isnan(c->values[i]) ? "NaN" : "infinite");
            return -1;
        }
    if (progress_show(NULL, "evaluate", c->lost.rows, mdla_rows_count(c->rows)) != 0) {
        tool_fail_status(MDLA_ERR_INTERRUPTED, NULL);
        return -1;
    }
    return 0;
}

static int compare_file(comparison *c, mdla_decoder *decoder)
{
    mdla_error err = {MDLA_OK, ""};
    size_t got = 1, decoded = 1;

    while (got > 0) {
        mdla_status status;

        if (next_tile(c, &got) != 0)
            return -1;
        status = mdla_decoder_read_rows(decoder, c->decoded, TILE_ROWS, &decoded, &err);
        if (status != MDLA_OK) {
            tool_fail_status(status, &err);
            return -1;
        }
        if (got != decoded) {
            tool_fail("%s: has %s rows than %s, so it was made from others", c->name,
                      decoded < got ? "fewer" : "more", c->data);
            return -1;
        }
        distortion_add(&c->lost, c->values, c->decoded, got);
    }
    return 0;
}

typedef struct counting {
    eval_counter *counter;
    int out_of_memory;
} counting;

static int count_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                     const mdla_symbol_bits *bits)
{
    counting *c = ctx;

    (void)row;
    (void)bits;
    c->out_of_memory = eval_counter_add(c->counter, code, count) != 0;
    return c->out_of_memory || tool_stopped();
}

/* Bits by class and the estimates. */
static int account_file(mdla_decoder *decoder, const char *name, eval_result *out)
{
    counting c = {eval_counter_new(out->width), 0};
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = c.counter ? MDLA_OK : MDLA_ERR_MEMORY;

    if (status == MDLA_OK)
        status = mdla_decoder_account(decoder, &out->account, &err);
    if (status == MDLA_OK)
        status = mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, count_row, &c, &err);
    if (status == MDLA_OK)
        eval_counter_finish(c.counter, &out->estimates);
    eval_counter_free(c.counter);
    if (status == MDLA_OK && !tool_stopped())
        return 0;
    if (c.out_of_memory)
        tool_fail("%s: out of memory for its levels", name);
    else
        tool_fail_status(status, &err);
    return -1;
}

static void divide_bits(eval_result *out)
{
    const mdla_account *a = &out->account;
    const double rows = a->rows ? (double)a->rows : (double)NAN;
    const double all = 8.0 * (double)a->file_nbytes;

    out->coded = 1;
    out->l0 = (double)a->active / rows;
    out->file_bits = all / rows;
    out->stream_bits =
        (all - a->bits[MDLA_BITS_ATOMS] - a->bits[MDLA_BITS_BIAS] - a->bits[MDLA_BITS_PRIORS]) / rows;
}

static int measure(const eval_data *data, mdla_decoder *decoder, eval_result *out)
{
    mdla_file_info info;
    comparison c;
    int result;

    mdla_decoder_query(decoder, &info);
    out->dims = info.dims;
    out->width = info.width;
    if (info.dims != mdla_rows_dims(data->rows)) {
        tool_fail("%s: has rows of %" PRIu32 " values, %s of %" PRIu32, out->name, info.dims, data->name,
                  mdla_rows_dims(data->rows));
        return -1;
    }
    if (comparison_start(&c, out->name, data) != 0)
        return -1;
    result = compare_file(&c, decoder);
    comparison_end(&c, out);
    if (result == 0)
        result = account_file(decoder, out->name, out);
    if (result == 0)
        divide_bits(out);
    return result;
}

int eval_file(const mdla_config *config, const eval_data *data, const char *path,
              const mdla_codebook *codebook, eval_result *out)
{
    mdla_decoder *decoder = NULL;
    int result;

    *out = (eval_result){.name = files_name(path)};
    if (files_decoder(config, path, 1, codebook, &decoder) != 0)
        return -1;
    result = measure(data, decoder, out);
    mdla_decoder_close(decoder);
    return result;
}

static int compare_sae(const mdla_config *config, comparison *c, const mdla_sae *sae, eval_result *out)
{
    uint32_t active[TILE_ROWS];
    mdla_error err = {MDLA_OK, ""};
    uint64_t sum = 0;
    size_t got = 1;

    while (got > 0) {
        mdla_status status;

        if (next_tile(c, &got) != 0)
            return -1;
        status = mdla_sae_forward(config, sae, c->values, got, c->decoded, active, &err);
        if (status != MDLA_OK) {
            tool_fail_status(status, &err);
            return -1;
        }
        distortion_add(&c->lost, c->values, c->decoded, got);
        for (size_t i = 0; i < got; i++)
            sum += active[i];
    }
    out->l0 = c->lost.rows ? (double)sum / (double)c->lost.rows : (double)NAN;
    return 0;
}

int eval_sae(const mdla_config *config, const eval_data *data, const char *path, eval_result *out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_sae *sae = NULL;
    mdla_folder folder;
    comparison c;
    mdla_status status = mdla_folder_path(path, 0, &folder, &err);
    int result = -1;

    *out = (eval_result){.name = path};
    if (status == MDLA_OK)
        status = mdla_sae_load(config, folder, path, &sae, &err);
    if (status != MDLA_OK) {
        tool_fail_status(status, &err);
        return -1;
    }
    out->dims = mdla_sae_dims(sae);
    out->width = mdla_sae_width(sae);
    if (out->dims != mdla_rows_dims(data->rows))
        tool_fail("%s: takes rows of %" PRIu32 " values, %s has %" PRIu32, path, out->dims, data->name,
                  mdla_rows_dims(data->rows));
    else if (comparison_start(&c, path, data) == 0) {
        result = compare_sae(config, &c, sae, out);
        comparison_end(&c, out);
    }
    mdla_sae_free(sae);
    return result;
}
