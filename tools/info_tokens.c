/* mdla-info where token ids and passages travel: the rows of a token, and a row by its place in a
 * passage. */
#include "info_tokens.h"

#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { WINDOW = 65536, STRONGEST = 3 };

int token_ids_open(token_ids *t, const info_subject *s)
{
    *t = (token_ids){.decoder = s->decoder, .rows = s->file.rows};
    if (!s->file.tokens)
        return 0;
    t->ids = malloc(WINDOW * sizeof *t->ids);
    return t->ids ? 0 : -1;
}

void token_ids_close(token_ids *t)
{
    free(t->ids);
}

int64_t token_ids_get(token_ids *t, uint64_t row)
{
    const uint64_t first = row - row % WINDOW;

    if (t->status == MDLA_OK && (t->count == 0 || first != t->first)) {
        t->first = first;
        t->count = (size_t)(t->rows - first < WINDOW ? t->rows - first : WINDOW);
        t->status = mdla_decoder_read_tokens(t->decoder, first, t->count, t->ids, &t->err);
    }
    return t->status == MDLA_OK ? t->ids[row - t->first] : 0;
}

/* ---- The rows of a token -----------------------------------------------------------------------
 */

typedef struct token_rows {
    const info_subject *subject;
    token_ids ids;
    int64_t token;
    uint64_t passage, position; /* of the row under way */
    listing listing;
} token_rows;

/* The strongest features, strongest first; -1 where there are fewer. */
static void find_strongest(const mdla_coded_feature *code, size_t count, size_t place[STRONGEST])
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        size_t at = found < STRONGEST ? found++ : STRONGEST;

        for (; at > 0 && fabs(code[i].strength) > fabs(code[place[at - 1]].strength); at--)
            if (at < STRONGEST)
                place[at] = place[at - 1];
        if (at < STRONGEST)
            place[at] = i;
    }
    while (found < STRONGEST)
        place[found++] = count;
}

static int put_token_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                         const mdla_symbol_bits *bits)
{
    token_rows *t = ctx;
    size_t strongest[STRONGEST];

    if (bits->starts && row > 0)
        t->passage++;
    t->position = bits->starts ? 0 : t->position;
    if (token_ids_get(&t->ids, row) == t->token && t->ids.status == MDLA_OK) {
        listing_count(&t->listing, row);
        if (t->subject->file.passages) {
            listing_count(&t->listing, t->passage);
            listing_count(&t->listing, t->position);
        }
        listing_count(&t->listing, count);
        listing_number(&t->listing,
                       bits->passage + bits->norm + bits->header + bits->indices + bits->levels);
        find_strongest(code, count, strongest);
        for (int i = 0; i < STRONGEST; i++)
            listing_number(&t->listing,
                           strongest[i] < count ? code[strongest[i]].feature : (double)NAN);
    }
    t->position++;
    return t->ids.status != MDLA_OK || tool_stopped();
}

int info_token(const info_subject *s, int64_t token)
{
    static const listing_column columns[] = {{"row", LISTING_COUNT},
                                             {"passage", LISTING_COUNT},
                                             {"position", LISTING_COUNT},
                                             {"active", LISTING_COUNT},
                                             {"bits", 3},
                                             {"strongest", 0},
                                             {"second", 0},
                                             {"third", 0}};
    static const listing_column without_passages[] = {{"row", LISTING_COUNT},
                                                      {"active", LISTING_COUNT},
                                                      {"bits", 3},
                                                      {"strongest", 0},
                                                      {"second", 0},
                                                      {"third", 0}};
    token_rows t = {.subject = s, .token = token};
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = MDLA_ERR_MEMORY;

    if (token_ids_check(s) != TOOL_DONE)
        return TOOL_FAILED;
    if (token_ids_open(&t.ids, s) == 0) {
        if (s->file.passages)
            listing_begin(&t.listing, s->form, columns, sizeof columns / sizeof columns[0]);
        else
            listing_begin(&t.listing, s->form, without_passages,
                          sizeof without_passages / sizeof without_passages[0]);
        status = mdla_decoder_visit_rows(s->decoder, 0, s->file.rows, put_token_row, &t, &err);
        listing_end(&t.listing);
        if (t.ids.status != MDLA_OK) {
            status = t.ids.status;
            err = t.ids.err;
        }
    }
    token_ids_close(&t.ids);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

int token_ids_check(const info_subject *s)
{
    if (s->file.tokens || s->file.rows == 0)
        return TOOL_DONE;
    return tool_fail("%s: holds no token ids: they are put in by mdla-enc --tokens", s->name);
}

/* ---- A row by its place ------------------------------------------------------------------------
 */

typedef struct place_search {
    uint64_t passage;           /* wanted */
    uint64_t row, length;       /* of that passage: its first row and rows seen */
    uint64_t under_way, wanted; /* passage of the row shown last; rows wanted of it */
    int found;
} place_search;

static int look_for_place(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                          const mdla_symbol_bits *bits)
{
    place_search *p = ctx;

    (void)code;
    (void)count;
    p->under_way += bits->starts && row > 0;
    if (p->under_way == p->passage) {
        p->row = p->length++ == 0 ? row : p->row;
        p->found = p->length == p->wanted;
    }
    return p->found || p->under_way > p->passage || tool_stopped();
}

int info_find_place(const info_subject *s, uint64_t passage, uint64_t position, uint64_t *row)
{
    place_search p = {.passage = passage, .wanted = position + 1};
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    if (!s->file.passages)
        return tool_fail("%s: holds no starts of passages, so its rows are counted from the first "
                         "alone: --row I",
                         s->name);
    status = mdla_decoder_visit_rows(s->decoder, 0, s->file.rows, look_for_place, &p, &err);
    if (status != MDLA_OK || tool_stopped())
        return tool_fail_status(status, &err);
    *row = p.row + position;
    if (p.found)
        return TOOL_DONE;
    if (p.length != 0)
        return tool_fail("%s: passage %" PRIu64 " has rows 0 to %" PRIu64, s->name, passage,
                         p.length - 1);
    return tool_fail("%s: it has passages 0 to %" PRIu64, s->name, p.under_way);
}
