/* mdla-info --row: one row's explanation as a bill, and what each of its features is good for. */
#include "info.h"

#include "common/json.h"
#include "common/table.h"
#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A feature on the bill. */
typedef struct bill_line {
    mdla_coded_feature coded;
    double energy; /* squared norm of what it adds to the row */
    double saves;  /* squared error that the row would have more without it; NaN: not known */
} bill_line;

typedef struct bill {
    bill_line *lines; /* [count] */
    size_t count;
    mdla_symbol_bits bits;
    double error; /* squared, of the row; NaN: not known */
} bill;

static double bill_sum(const bill *b)
{
    return b->bits.passage + b->bits.norm + b->bits.header + b->bits.indices + b->bits.levels;
}

static int take_code(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                     const mdla_symbol_bits *bits)
{
    bill *b = ctx;

    (void)row;
    b->lines = malloc((count + 1) * sizeof *b->lines);
    if (!b->lines)
        return 1;
    for (size_t i = 0; i < count; i++)
        b->lines[i] = (bill_line){code[i], (double)NAN, (double)NAN};
    b->count = count;
    b->bits = *bits;
    return 0;
}

/* What decoding left of the source's row, into left[dims]. */
static mdla_status read_error(const info_subject *s, uint64_t row, float *decoded, float *left,
                              mdla_error *err)
{
    size_t got = 0;
    mdla_status status = mdla_decoder_seek(s->decoder, row, err);

    if (status == MDLA_OK)
        status = mdla_decoder_read_rows(s->decoder, decoded, 1, &got, err);
    if (status == MDLA_OK)
        status = mdla_rows_seek(s->data, row, err);
    if (status == MDLA_OK)
        status = mdla_rows_read(s->data, left, 1, &got, err);
    if (status == MDLA_OK && got == 0) {
        snprintf(err->text, sizeof err->text, "--data has no row %" PRIu64, row);
        status = MDLA_ERR_DATA;
    }
    for (uint32_t i = 0; status == MDLA_OK && i < s->file.dims; i++)
        left[i] -= decoded[i];
    return status;
}

/* Without feature i the row's error e becomes e + v, v its part: |v|^2 + 2 e.v more. */
static mdla_status weigh_line(const info_subject *s, bill_line *line, const float *left,
                              float *atom)
{
    const mdla_status status =
        mdla_codebook_atom(mdla_decoder_codebook(s->decoder), line->coded.feature, atom);
    double energy = 0, along = 0;

    for (uint32_t i = 0; status == MDLA_OK && i < s->file.dims; i++) {
        const double part = line->coded.amount * (double)atom[i];

        energy += part * part;
        along += part * (double)left[i];
    }
    line->energy = energy;
    line->saves = s->data ? energy + 2 * along : (double)NAN;
    return status;
}

static mdla_status weigh(const info_subject *s, uint64_t row, bill *b, mdla_error *err)
{
    const size_t dims = s->file.dims;
    float *scratch, *left;
    mdla_status status;

    b->error = (double)NAN;
    if (s->file.cache) /* no atoms: nothing can be weighed */
        return MDLA_OK;
    left = scratch = calloc(3 * dims, sizeof *scratch);
    status = scratch ? MDLA_OK : MDLA_ERR_MEMORY;
    if (status == MDLA_OK && s->data) {
        status = read_error(s, row, left + dims, left, err);
        b->error = 0;
        for (size_t i = 0; i < dims; i++)
            b->error += (double)left[i] * (double)left[i];
    }
    for (size_t i = 0; status == MDLA_OK && i < b->count; i++)
        status = weigh_line(s, &b->lines[i], left, left + 2 * dims);
    free(scratch);
    return status;
}

static void put_json(const bill *b, uint64_t row)
{
    json_writer json = {.stream = stdout};

    json_begin_object(&json, NULL);
    json_count(&json, "row", row);
    json_number(&json, "passage_bits", b->bits.passage);
    json_number(&json, "norm_bits", b->bits.norm);
    json_number(&json, "header_bits", b->bits.header);
    json_number(&json, "index_bits", b->bits.indices);
    json_number(&json, "level_bits", b->bits.levels);
    json_number(&json, "bits", bill_sum(b));
    json_number(&json, "squared_error", b->error);
    json_begin_array(&json, "code");
    for (size_t i = 0; i < b->count; i++) {
        const bill_line *line = &b->lines[i];
        const double bits = line->coded.index_bits + line->coded.level_bits;

        json_begin_object(&json, NULL);
        json_count(&json, "feature", line->coded.feature);
        json_number(&json, "level", line->coded.level);
        json_number(&json, "strength", line->coded.strength);
        json_number(&json, "index_bits", line->coded.index_bits);
        json_number(&json, "level_bits", line->coded.level_bits);
        json_number(&json, "bits", bits);
        json_number(&json, "share", bits / bill_sum(b));
        json_number(&json, "energy", line->energy);
        json_number(&json, "error_saved", line->saves);
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
}

/* The bill's columns behind strength. */
static void put_bits(table *t, double indices, double levels, double bits, double all)
{
    table_number(t, indices, 3);
    table_number(t, levels, 3);
    table_number(t, bits, 3);
    table_number(t, 100.0 * bits / all, 1);
}

/* A line that is no feature's. */
static void put_other(table *t, const bill *b, int columns, const char *name, double indices,
                      double levels, double bits)
{
    table_text(t, name);
    table_text(t, "");
    table_text(t, "");
    put_bits(t, indices, levels, bits, bill_sum(b));
    for (int i = 7; i < columns; i++)
        table_text(t, "");
}

static int put_table(const info_subject *s, const bill *b)
{
    static const char *const headings[2][9] = {
        {"feature", "level", "strength", "index bits", "level bits", "bits", "share %", "energy",
         "error saved"},
        {"feature", "level", "strength", "index_bits", "level_bits", "bits", "share_percent",
         "energy", "error_saved"}};
    const char *const *heading = headings[s->form == LISTING_CSV];
    const int columns = s->data ? 9 : 8;
    table *t = table_new((size_t)columns);
    int result;

    if (!t)
        return -1;
    for (int i = 0; i < columns; i++)
        table_text(t, heading[i]);
    for (size_t i = 0; i < b->count; i++) {
        const mdla_coded_feature *c = &b->lines[i].coded;

        table_format(t, "%" PRIu32, c->feature);
        table_format(t, "%" PRId32, c->level);
        table_number(t, c->strength, 4);
        put_bits(t, c->index_bits, c->level_bits, c->index_bits + c->level_bits, bill_sum(b));
        table_number(t, b->lines[i].energy, 4);
        if (s->data)
            table_number(t, b->lines[i].saves, 4);
    }
    if (b->bits.passage > 0.0)
        put_other(t, b, columns, "passage", 0, 0, b->bits.passage);
    if (b->bits.norm > 0.0)
        put_other(t, b, columns, "norm", 0, 0, b->bits.norm);
    put_other(t, b, columns, "header", 0, 0, b->bits.header);
    put_other(t, b, columns, "row", b->bits.indices, b->bits.levels, bill_sum(b));
    result = s->form == LISTING_CSV ? table_print_csv(t, stdout) : table_print_aligned(t, stdout);
    table_free(t);
    if (s->data && s->form == LISTING_TEXT)
        printf("the row's squared error: %.6g\n", b->error);
    return result;
}

int info_row(const info_subject *s, uint64_t row)
{
    mdla_error err = {MDLA_OK, ""};
    bill b = {0};
    mdla_status status;
    int result = TOOL_DONE;

    if (row >= s->file.rows)
        return tool_fail("%s: --row %" PRIu64 ": it has rows 0 to %" PRId64, s->name, row,
                         (int64_t)s->file.rows - 1);
    if (s->data && mdla_rows_dims(s->data) != s->file.dims)
        return tool_fail("%s: has rows of %" PRIu32 " values, --data of %" PRIu32, s->name,
                         s->file.dims, mdla_rows_dims(s->data));
    status = mdla_decoder_visit_rows(s->decoder, row, 1, take_code, &b, &err);
    if (status == MDLA_OK && !b.lines)
        status = MDLA_ERR_MEMORY;
    if (status == MDLA_OK)
        status = weigh(s, row, &b, &err);
    if (status != MDLA_OK)
        result = tool_fail_status(status, &err);
    else if (s->form == LISTING_JSON)
        put_json(&b, row);
    else if (put_table(s, &b) != 0)
        result = tool_fail("out of memory");
    free(b.lines);
    return result;
}
