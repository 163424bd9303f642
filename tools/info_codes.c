/* mdla-info on the codes of a .mdla file: the bill of a row, the rows of a feature, all features.
 */
#include "info.h"

#include "common/json.h"
#include "common/table.h"
#include "common/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct row_bill {
    json_writer json;
    table *t;
} row_bill;

static int put_bill_json(row_bill *bill, uint64_t row, const mdla_coded_feature *code, size_t count,
                         const mdla_symbol_bits *bits)
{
    json_writer *json = &bill->json;

    json_begin_object(json, NULL);
    json_count(json, "row", row);
    json_number(json, "passage_bits", bits->passage);
    json_number(json, "header_bits", bits->header);
    json_number(json, "index_bits", bits->indices);
    json_number(json, "level_bits", bits->levels);
    json_begin_array(json, "code");
    for (size_t i = 0; i < count; i++) {
        json_begin_object(json, NULL);
        json_count(json, "feature", code[i].feature);
        json_count(json, "level", code[i].level);
        json_number(json, "strength", code[i].strength);
        json_number(json, "index_bits", code[i].index_bits);
        json_number(json, "level_bits", code[i].level_bits);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
    return 0;
}

static void put_bill_line(table *t, const char *name, double indices, double levels, double all)
{
    table_text(t, name);
    table_text(t, "");
    table_text(t, "");
    table_number(t, indices, 3);
    table_number(t, levels, 3);
    table_number(t, all, 3);
}

static int put_bill(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                    const mdla_symbol_bits *bits)
{
    static const char *const heading[] = {"feature",    "level",      "strength",
                                          "index bits", "level bits", "bits"};
    row_bill *bill = ctx;
    table *t = bill->t;

    if (!t)
        return put_bill_json(bill, row, code, count, bits);
    for (size_t i = 0; i < sizeof heading / sizeof heading[0]; i++)
        table_text(t, heading[i]);
    for (size_t i = 0; i < count; i++) {
        table_format(t, "%u", code[i].feature);
        table_format(t, "%u", code[i].level);
        table_format(t, "%.6g", code[i].strength);
        table_number(t, code[i].index_bits, 3);
        table_number(t, code[i].level_bits, 3);
        table_number(t, code[i].index_bits + code[i].level_bits, 3);
    }
    if (bits->passage > 0.0)
        put_bill_line(t, "passage", 0, 0, bits->passage);
    put_bill_line(t, "header", 0, 0, bits->header);
    put_bill_line(t, "row", bits->indices, bits->levels,
                  bits->passage + bits->header + bits->indices + bits->levels);
    return 0;
}

int info_row(const info_subject *s, uint64_t row)
{
    mdla_error err = {MDLA_OK, ""};
    row_bill bill = {.json = {.stream = stdout}};
    mdla_status status;
    int result = TOOL_DONE;

    if (row >= s->file.rows)
        return tool_fail("%s: --row %llu: it has rows 0 to %lld", s->name, (unsigned long long)row,
                         (long long)s->file.rows - 1);
    if (!s->json && !(bill.t = table_new(6)))
        return tool_fail("out of memory");
    status = mdla_decoder_visit_rows(s->decoder, row, 1, put_bill, &bill, &err);
    if (status != MDLA_OK)
        result = tool_fail_status(status, &err);
    else if (bill.t && table_print_aligned(bill.t, stdout) != 0)
        result = tool_fail("out of memory");
    table_free(bill.t);
    return result;
}

typedef struct feature_rows {
    json_writer json; /* used where as_json */
    int as_json;
    uint32_t feature;
} feature_rows;

static int put_feature_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                           const mdla_symbol_bits *bits)
{
    feature_rows *out = ctx;

    (void)bits;
    for (size_t i = 0; i < count; i++) {
        if (code[i].feature != out->feature)
            continue;
        if (!out->as_json) {
            printf("%llu,%u,%.9g,%.6g,%.6g\n", (unsigned long long)row, code[i].level,
                   code[i].strength, code[i].index_bits, code[i].level_bits);
            break;
        }
        json_begin_object(&out->json, NULL);
        json_count(&out->json, "row", row);
        json_count(&out->json, "level", code[i].level);
        json_number(&out->json, "strength", code[i].strength);
        json_number(&out->json, "index_bits", code[i].index_bits);
        json_number(&out->json, "level_bits", code[i].level_bits);
        json_end_object(&out->json);
        break;
    }
    return tool_stopped();
}

int info_feature(const info_subject *s, uint32_t feature)
{
    mdla_error err = {MDLA_OK, ""};
    feature_rows out = {.json = {.stream = stdout}, .as_json = s->json, .feature = feature};
    mdla_status status;

    if (feature >= s->file.width)
        return tool_fail("%s: --feature %u: it has features 0 to %u", s->name, feature,
                         s->file.width - 1);
    if (s->json)
        json_begin_array(&out.json, NULL);
    else
        printf("row,level,strength,index_bits,level_bits\n");
    status = mdla_decoder_visit_rows(s->decoder, 0, MDLA_UNKNOWN, put_feature_row, &out, &err);
    if (s->json)
        json_end_array(&out.json);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

#define BINARY_BITS 0.05 /* a use, at most, of a feature that is called binary */

typedef struct feature_sum {
    uint64_t rows, levels;
    uint32_t highest;
    double strength, index_bits, level_bits;
} feature_sum;

static int add_features(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                        const mdla_symbol_bits *bits)
{
    feature_sum *sums = ctx;

    (void)row;
    (void)bits;
    for (size_t i = 0; i < count; i++) {
        feature_sum *sum = &sums[code[i].feature];

        sum->rows++;
        sum->levels += code[i].level;
        sum->highest = code[i].level > sum->highest ? code[i].level : sum->highest;
        sum->strength += code[i].strength;
        sum->index_bits += code[i].index_bits;
        sum->level_bits += code[i].level_bits;
    }
    return tool_stopped();
}

/* Whether the feature carries only that it is on: its levels cost next to nothing. */
static int is_binary(const feature_sum *sum)
{
    return sum->rows > 0 && sum->level_bits <= BINARY_BITS * (double)sum->rows;
}

static void print_features_csv(const feature_sum *sums, uint32_t width, double rows)
{
    printf("feature,rows,rate,mean_level,highest_level,mean_strength,index_bits,level_bits,bits,"
           "binary\n");
    for (uint32_t f = 0; f < width; f++) {
        const feature_sum *sum = &sums[f];
        const double n = sum->rows ? (double)sum->rows : 1;

        printf("%u,%llu,%.9g,%.9g,%u,%.9g,%.9g,%.9g,%.9g,%d\n", f, (unsigned long long)sum->rows,
               (double)sum->rows / rows, (double)sum->levels / n, sum->highest, sum->strength / n,
               sum->index_bits, sum->level_bits, sum->index_bits + sum->level_bits, is_binary(sum));
    }
}

static void print_features_json(const feature_sum *sums, uint32_t width, double rows)
{
    json_writer json = {.stream = stdout};

    json_begin_array(&json, NULL);
    for (uint32_t f = 0; f < width; f++) {
        const feature_sum *sum = &sums[f];
        const double n = sum->rows ? (double)sum->rows : 1;

        json_begin_object(&json, NULL);
        json_count(&json, "feature", f);
        json_count(&json, "rows", sum->rows);
        json_number(&json, "rate", (double)sum->rows / rows);
        json_number(&json, "mean_level", (double)sum->levels / n);
        json_count(&json, "highest_level", sum->highest);
        json_number(&json, "mean_strength", sum->strength / n);
        json_number(&json, "index_bits", sum->index_bits);
        json_number(&json, "level_bits", sum->level_bits);
        json_count(&json, "binary", (uint64_t)is_binary(sum));
        json_end_object(&json);
    }
    json_end_array(&json);
}

int info_features(const info_subject *s)
{
    const double rows = s->file.rows ? (double)s->file.rows : 1;
    mdla_error err = {MDLA_OK, ""};
    feature_sum *sums = calloc(s->file.width, sizeof *sums);
    mdla_status status;

    if (!sums)
        return tool_fail("out of memory for %u features", s->file.width);
    status = mdla_decoder_visit_rows(s->decoder, 0, MDLA_UNKNOWN, add_features, sums, &err);
    if (status == MDLA_OK)
        (s->json ? print_features_json : print_features_csv)(sums, s->file.width, rows);
    free(sums);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}
