/* mdla-info on the codes of a .mdla file: those of some rows, and the rows of one feature. */
#include "info_tokens.h"

#include "common/tool.h"

#include <inttypes.h>
#include <stdlib.h>

#define COLUMNS_OF_CODES                                                                           \
    {"level", 0}, {"strength", LISTING_DIGITS}, {"index_bits", 3},                                 \
    {                                                                                              \
        "level_bits", 3                                                                            \
    }

static int put_code(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                    const mdla_symbol_bits *bits)
{
    listing *l = ctx;

    (void)bits;
    for (size_t i = 0; i < count; i++) {
        listing_count(l, row);
        listing_count(l, code[i].feature);
        listing_number(l, code[i].level);
        listing_number(l, code[i].strength);
        listing_number(l, code[i].index_bits);
        listing_number(l, code[i].level_bits);
    }
    return tool_stopped();
}

int info_rows(const info_subject *s, uint64_t first, uint64_t end)
{
    static const listing_column columns[] = {
        {"row", LISTING_COUNT}, {"feature", LISTING_COUNT}, COLUMNS_OF_CODES};
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;
    listing l;

    if (end == MDLA_UNKNOWN)
        end = s->file.rows;
    if (first == MDLA_UNKNOWN)
        first = 0;
    if (first > end || end > s->file.rows)
        return tool_fail("%s: --rows: it has rows 0 to %" PRId64, s->name,
                         (int64_t)s->file.rows - 1);
    listing_begin(&l, s->form, columns, sizeof columns / sizeof columns[0]);
    status = mdla_decoder_visit_rows(s->decoder, first, end - first, put_code, &l, &err);
    listing_end(&l);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

typedef struct feature_rows {
    listing listing;
    token_ids ids;
} feature_rows;

static int put_feature_row(void *ctx, const mdla_feature_row *at)
{
    feature_rows *f = ctx;
    listing *l = &f->listing;

    listing_count(l, at->row);
    listing_number(l, at->level);
    listing_number(l, at->strength);
    listing_number(l, at->index_bits);
    listing_number(l, at->level_bits);
    if (f->ids.ids)
        listing_number(l, (double)token_ids_get(&f->ids, at->row));
    return f->ids.status != MDLA_OK || tool_stopped();
}

/* The top rows are all known before the first is printed. */
static mdla_status put_top(const info_subject *s, uint32_t feature, uint64_t top, feature_rows *f,
                           mdla_error *err)
{
    const size_t wanted = (size_t)(top < s->file.rows ? top : s->file.rows);
    mdla_feature_row *rows = malloc((wanted + 1) * sizeof *rows);
    size_t got = 0;
    mdla_status status = rows ? MDLA_OK : MDLA_ERR_MEMORY;

    if (status == MDLA_OK)
        status = mdla_decoder_top_rows(s->decoder, feature, rows, wanted, &got, err);
    for (size_t i = 0; i < got && f->ids.status == MDLA_OK; i++)
        put_feature_row(f, &rows[i]);
    free(rows);
    return status;
}

int info_feature(const info_subject *s, uint32_t feature, uint64_t top)
{
    static const listing_column columns[] = {
        {"row", LISTING_COUNT}, COLUMNS_OF_CODES, {"token", 0}};
    const size_t count = sizeof columns / sizeof columns[0];
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = MDLA_ERR_MEMORY;
    feature_rows f;

    if (feature >= s->file.width)
        return tool_fail("%s: --feature %" PRIu32 ": it has features 0 to %" PRIu32, s->name,
                         feature, s->file.width - 1);
    if (token_ids_open(&f.ids, s) == 0) {
        listing_begin(&f.listing, s->form, columns, s->file.tokens ? count : count - 1);
        status = top > 0
                     ? put_top(s, feature, top, &f, &err)
                     : mdla_decoder_visit_feature(s->decoder, feature, put_feature_row, &f, &err);
        listing_end(&f.listing);
        if (f.ids.status != MDLA_OK) {
            status = f.ids.status;
            err = f.ids.err;
        }
    }
    token_ids_close(&f.ids);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}
