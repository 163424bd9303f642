/* mdla-info over all rows of a .mdla file: what each feature costs, and which rows cost most and
 * least. */
#include "info.h"

#include "common/tool.h"

#include <stdlib.h>

#define BINARY_BITS 0.05 /* a use, at most, of a feature that is called binary */

typedef struct feature_sum {
    uint64_t rows;
    int64_t levels;
    int32_t highest;
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

/* The features of order[count]. */
static void put_features(const feature_sum *sums, const mdla_feature_flags *flags,
                         const info_subject *s, const uint32_t *order, uint32_t count)
{
    static const listing_column columns[] = {
        {"feature", LISTING_COUNT}, {"rows", LISTING_COUNT}, {"rate", LISTING_DIGITS},
        {"mean_level", 3},          {"highest_level", 0},    {"mean_strength", LISTING_DIGITS},
        {"index_bits", 1},          {"level_bits", 1},       {"bits", 1},
        {"binary", LISTING_COUNT},  {"flag_bits", 1},        {"gap_bits", 1}};
    const double rows = s->file.rows ? (double)s->file.rows : 1;
    listing l;

    listing_begin(&l, s->form, columns, sizeof columns / sizeof columns[0]);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t f = order[i];
        const feature_sum *sum = &sums[f];
        const double n = sum->rows ? (double)sum->rows : 1;

        listing_count(&l, f);
        listing_count(&l, sum->rows);
        listing_number(&l, (double)sum->rows / rows);
        listing_number(&l, (double)sum->levels / n);
        listing_number(&l, sum->highest);
        listing_number(&l, sum->strength / n);
        listing_number(&l, sum->index_bits);
        listing_number(&l, sum->level_bits);
        listing_number(&l, sum->index_bits + sum->level_bits);
        listing_count(&l, (uint64_t)is_binary(sum));
        listing_number(&l, flags[f].coded);
        listing_number(&l, flags[f].additive - flags[f].coded);
    }
    listing_end(&l);
}

/* A feature by what it costs: falling, ties by number. */
typedef struct feature_cost {
    double bits;
    uint32_t feature;
} feature_cost;

static int compare_feature(const void *a, const void *b)
{
    const feature_cost *x = a, *y = b;

    if (x->bits != y->bits)
        return x->bits > y->bits ? -1 : 1;
    return x->feature < y->feature ? -1 : 1;
}

/* All features in order, or, where top isn't 0, of those active anywhere so many that cost most and
 * as many that cost least. costs: scratch; both [width]. Returns how many. */
static uint32_t order_features(const feature_sum *sums, uint32_t width, uint64_t top,
                               feature_cost *costs, uint32_t *order)
{
    uint32_t used = 0, count = 0;

    for (uint32_t f = 0; f < width; f++) {
        order[f] = f;
        if (sums[f].rows > 0)
            costs[used++] = (feature_cost){sums[f].index_bits + sums[f].level_bits, f};
    }
    if (top == 0)
        return width;
    qsort(costs, used, sizeof *costs, compare_feature);
    for (uint32_t i = 0; i < used; i++)
        if (i < top || used - i <= top)
            order[count++] = costs[i].feature;
    return count;
}

int info_features(const info_subject *s, uint64_t top)
{
    mdla_error err = {MDLA_OK, ""};
    feature_sum *sums = calloc(s->file.width, sizeof *sums);
    mdla_feature_flags *flags = calloc(s->file.width, sizeof *flags);
    feature_cost *costs = calloc(s->file.width, sizeof *costs);
    uint32_t *order = calloc(s->file.width, sizeof *order);
    mdla_status status = sums && flags && costs && order ? MDLA_OK : MDLA_ERR_MEMORY;

    if (status == MDLA_OK)
        status = mdla_decoder_visit_rows(s->decoder, 0, MDLA_UNKNOWN, add_features, sums, &err);
    if (status == MDLA_OK)
        status = mdla_decoder_feature_flags(s->decoder, flags, &err);
    if (status == MDLA_OK && !tool_stopped())
        put_features(sums, flags, s, order, order_features(sums, s->file.width, top, costs, order));
    free(order);
    free(costs);
    free(sums);
    free(flags);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

typedef struct row_cost {
    uint64_t row;
    size_t active;
    mdla_symbol_bits bits;
    double key; /* rows with a higher one come first */
} row_cost;

/* Ties by row. */
static int compare_cost(const void *a, const void *b)
{
    const row_cost *x = a, *y = b;

    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The first `wanted` of many: when twice as many have come, the others go. */
typedef struct first_rows {
    size_t wanted, count;
    row_cost *rows; /* [2 x wanted + 1] */
} first_rows;

static void first_sort(first_rows *f)
{
    qsort(f->rows, f->count, sizeof *f->rows, compare_cost);
    if (f->count > f->wanted)
        f->count = f->wanted;
}

static void first_add(first_rows *f, row_cost cost, double key)
{
    cost.key = key;
    f->rows[f->count++] = cost;
    if (f->count > 2 * f->wanted)
        first_sort(f);
}

typedef struct both_ends {
    first_rows dear, cheap;
} both_ends;

static double sum_of(const mdla_symbol_bits *bits)
{
    return bits->passage + bits->norm + bits->header + bits->indices + bits->levels;
}

static int add_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                   const mdla_symbol_bits *bits)
{
    both_ends *ends = ctx;
    const row_cost cost = {.row = row, .active = count, .bits = *bits};

    (void)code;
    first_add(&ends->dear, cost, sum_of(bits));
    first_add(&ends->cheap, cost, -sum_of(bits));
    return tool_stopped();
}

static void put_rows(const info_subject *s, both_ends *ends)
{
    static const listing_column columns[] = {
        {"row", LISTING_COUNT}, {"active", LISTING_COUNT}, {"passage_bits", 3}, {"norm_bits", 3},
        {"header_bits", 3},     {"index_bits", 3},         {"level_bits", 3},   {"bits", 3}};
    const first_rows *const lists[] = {&ends->dear, &ends->cheap};
    listing l;

    listing_begin(&l, s->form, columns, sizeof columns / sizeof columns[0]);
    for (int end = 0; end < 2; end++)
        for (size_t i = 0; i < lists[end]->count; i++) {
            const row_cost *cost = &lists[end]->rows[end == 0 ? i : lists[end]->count - 1 - i];

            listing_count(&l, cost->row);
            listing_count(&l, cost->active);
            listing_number(&l, cost->bits.passage);
            listing_number(&l, cost->bits.norm);
            listing_number(&l, cost->bits.header);
            listing_number(&l, cost->bits.indices);
            listing_number(&l, cost->bits.levels);
            listing_number(&l, sum_of(&cost->bits));
        }
    listing_end(&l);
}

int info_top_rows(const info_subject *s, uint64_t count)
{
    const uint64_t half = s->file.rows / 2; /* no row stands at both ends */
    both_ends ends = {0};
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    ends.dear.wanted = (size_t)(count < s->file.rows - half ? count : s->file.rows - half);
    ends.cheap.wanted = (size_t)(count < half ? count : half);
    ends.dear.rows = malloc((2 * ends.dear.wanted + 1) * sizeof *ends.dear.rows);
    ends.cheap.rows = malloc((2 * ends.cheap.wanted + 1) * sizeof *ends.cheap.rows);
    status = ends.dear.rows && ends.cheap.rows ? MDLA_OK : MDLA_ERR_MEMORY;
    if (status == MDLA_OK)
        status = mdla_decoder_visit_rows(s->decoder, 0, MDLA_UNKNOWN, add_row, &ends, &err);
    if (status == MDLA_OK && !tool_stopped()) {
        first_sort(&ends.dear);
        first_sort(&ends.cheap);
        put_rows(s, &ends);
    }
    free(ends.dear.rows);
    free(ends.cheap.rows);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}
