/* mdla-info on the pairs of features that carry the independence gap: those that the joint model
 * has a weight for, by what knowing one of the two saves on the other. */
#include "info.h"

#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

typedef struct pair {
    uint32_t from, to;
    double octaves;
    uint64_t both; /* rows where both are active */
    double bits;   /* mutual information of the two flags, times the rows */
} pair;

typedef struct pair_list {
    pair *pairs; /* by from, then to */
    size_t count, room;
    size_t *start;  /* [width + 1] */
    uint64_t *rows; /* [width] where a feature is active */
    int out_of_memory;
} pair_list;

static int add_weight(void *ctx, const mdla_joint_weight *weight)
{
    pair_list *l = ctx;

    if (weight->before)
        return 0;
    if (l->count == l->room) {
        const size_t room = l->room ? 2 * l->room : 1024;
        pair *pairs = realloc(l->pairs, room * sizeof *pairs);

        l->out_of_memory = !pairs;
        if (!pairs)
            return 1;
        l->pairs = pairs;
        l->room = room;
    }
    l->pairs[l->count++] =
        (pair){.from = weight->from, .to = weight->to, .octaves = weight->octaves};
    return 0;
}

static int compare_features(const void *a, const void *b)
{
    const pair *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static int compare_bits(const void *a, const void *b)
{
    const pair *x = a, *y = b;

    if (x->bits != y->bits)
        return x->bits > y->bits ? -1 : 1;
    return compare_features(a, b);
}

static void index_pairs(pair_list *l, uint32_t width)
{
    size_t at = 0;

    qsort(l->pairs, l->count, sizeof *l->pairs, compare_features);
    for (uint32_t f = 0; f <= width; f++) {
        while (at < l->count && l->pairs[at].from < f)
            at++;
        l->start[f] = at;
    }
}

/* Codes come in coding order, in which weights lead forward. */
static int count_pairs(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                       const mdla_symbol_bits *bits)
{
    pair_list *l = ctx;

    (void)row;
    (void)bits;
    for (size_t i = 0; i < count; i++) {
        const uint32_t from = code[i].feature;
        const size_t first = l->start[from], some = l->start[from + 1] - first;

        l->rows[from]++;
        for (size_t j = i + 1; j < count && some > 0; j++) {
            const pair key = {.from = from, .to = code[j].feature};
            pair *found = bsearch(&key, l->pairs + first, some, sizeof key, compare_features);

            if (found)
                found->both++;
        }
    }
    return tool_stopped();
}

/* count rows of all fall here, where row_sum x column_sum / all would if the two were independent.
 */
static double information(double count, double row_sum, double column_sum, double all)
{
    return count > 0 ? count * log2(count * all / (row_sum * column_sum)) : 0;
}

static double mutual_bits(double a, double b, double both, double all)
{
    return information(both, a, b, all) + information(a - both, a, all - b, all) +
           information(b - both, all - a, b, all) +
           information(all - a - b + both, all - a, all - b, all);
}

static void put_pairs(const info_subject *s, pair_list *l, uint64_t wanted)
{
    static const listing_column columns[] = {{"from", LISTING_COUNT},
                                             {"to", LISTING_COUNT},
                                             {"log2_odds", 2},
                                             {"rows_from", LISTING_COUNT},
                                             {"rows_to", LISTING_COUNT},
                                             {"rows_both", LISTING_COUNT},
                                             {"bits", 1},
                                             {"bits_per_row", LISTING_DIGITS}};
    const double rows = (double)s->file.rows;
    listing out;

    for (size_t i = 0; i < l->count; i++) {
        pair *p = &l->pairs[i];

        p->bits =
            mutual_bits((double)l->rows[p->from], (double)l->rows[p->to], (double)p->both, rows);
    }
    qsort(l->pairs, l->count, sizeof *l->pairs, compare_bits);
    listing_begin(&out, s->form, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < l->count && i < wanted; i++) {
        const pair *p = &l->pairs[i];

        listing_count(&out, p->from);
        listing_count(&out, p->to);
        listing_number(&out, p->octaves);
        listing_count(&out, l->rows[p->from]);
        listing_count(&out, l->rows[p->to]);
        listing_count(&out, p->both);
        listing_number(&out, p->bits);
        listing_number(&out, p->bits / rows);
    }
    listing_end(&out);
}

int info_pairs(const info_subject *s, uint64_t wanted)
{
    const uint32_t width = s->file.width;
    pair_list l = {.start = calloc((size_t)width + 1, sizeof *l.start),
                   .rows = calloc(width, sizeof *l.rows)};
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = l.start && l.rows ? MDLA_OK : MDLA_ERR_MEMORY;
    int result = TOOL_DONE;

    if (status == MDLA_OK)
        status =
            mdla_codebook_visit_weights(mdla_decoder_codebook(s->decoder), add_weight, &l, &err);
    if (l.out_of_memory)
        status = MDLA_ERR_MEMORY;
    if (status == MDLA_OK) {
        index_pairs(&l, width);
        status = mdla_decoder_visit_rows(s->decoder, 0, MDLA_UNKNOWN, count_pairs, &l, &err);
    }
    if (status != MDLA_OK || tool_stopped())
        result = tool_fail_status(status, &err);
    else if (l.count == 0)
        result = tool_fail("%s: its codebook has no joint model, so no pairs are known", s->name);
    else
        put_pairs(s, &l, wanted);
    free(l.pairs);
    free(l.start);
    free(l.rows);
    return result;
}
