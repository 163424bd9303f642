/* The rows where one feature is active: all of them in order, or those where it is strongest.
 * Blocks are decoded to their codes, once each, and believed when they are whole. */
#include "decoder.h"

#include "base/alloc.h"

#include <stdlib.h>

typedef struct feature_scan {
    bit_visit visit;
    uint32_t feature;
    mdla_feature_row *found; /* [block_rows] */
    size_t found_count;      /* of the block under way */
} feature_scan;

static void watch_feature(void *ctx, const bit_visit *v, uint64_t row)
{
    feature_scan *s = ctx;

    for (uint32_t i = 0; i < v->code.count; i++)
        if (v->code.feature[i] == s->feature) {
            s->found[s->found_count++] =
                (mdla_feature_row){.row = row,
                                   .level = v->code.level[i],
                                   .strength = decoder_strength(v->d, v->code.level[i]),
                                   .index_bits = v->bits.index[i],
                                   .level_bits = v->bits.level[i]};
            return;
        }
}

static mdla_status scan_start(feature_scan *s, mdla_decoder *d, uint32_t feature, mdla_error *err)
{
    MDLA_TRY(bit_visit_start(&s->visit, d, err));
    if (feature >= d->header.width)
        return error_set(err, MDLA_ERR_ARGUMENT, "%s: feature %u: it has %u", d->name, feature,
                         d->header.width);
    s->feature = feature;
    s->found = alloc_array(d->al, d->header.block_rows, sizeof *s->found);
    if (s->found == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for a feature's rows", d->name);
    return MDLA_OK;
}

static void scan_end(feature_scan *s)
{
    alloc_free(s->visit.d->al, s->found);
    bit_visit_end(&s->visit);
}

static mdla_status scan_block(feature_scan *s, const block_entry *entry, mdla_error *err)
{
    s->found_count = 0;
    return bit_visit_check(&s->visit, entry, watch_feature, s, err);
}

static mdla_status visit_all(feature_scan *s, mdla_feature_visitor visitor, void *ctx,
                             mdla_error *err)
{
    const mdla_decoder *d = s->visit.d;

    for (uint64_t b = 0; b < d->tail.blocks; b++) {
        MDLA_TRY(scan_block(s, &d->index[b], err));
        for (size_t i = 0; i < s->found_count; i++)
            if (visitor(ctx, &s->found[i]) != 0)
                return MDLA_OK;
    }
    return MDLA_OK;
}

mdla_status mdla_decoder_visit_feature(mdla_decoder *d, uint32_t feature,
                                       mdla_feature_visitor visitor, void *ctx, mdla_error *err)
{
    feature_scan s = {0};
    mdla_status status = scan_start(&s, d, feature, err);

    if (status == MDLA_OK)
        status = visit_all(&s, visitor, ctx, err);
    scan_end(&s);
    return status;
}

/* Strongest first, ties by row. */
static int compare_strength(const void *a, const void *b)
{
    const mdla_feature_row *x = a, *y = b;

    if (x->strength != y->strength)
        return x->strength > y->strength ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The strongest so far, a heap: the weakest of them stands first. */
typedef struct top_rows {
    mdla_feature_row *rows; /* [capacity] */
    size_t count, capacity;
} top_rows;

static void top_add(top_rows *t, const mdla_feature_row *row)
{
    size_t at = 0;

    if (t->count < t->capacity) {
        at = t->count++;
        for (; at > 0 && compare_strength(&t->rows[(at - 1) / 2], row) < 0; at = (at - 1) / 2)
            t->rows[at] = t->rows[(at - 1) / 2];
    } else {
        if (compare_strength(row, &t->rows[0]) > 0)
            return;
        for (size_t child = 1; child < t->count; child = 2 * at + 1) {
            if (child + 1 < t->count && compare_strength(&t->rows[child], &t->rows[child + 1]) < 0)
                child++;
            if (compare_strength(row, &t->rows[child]) >= 0)
                break;
            t->rows[at] = t->rows[child];
            at = child;
        }
    }
    t->rows[at] = *row;
}

static mdla_status top_of_all(feature_scan *s, top_rows *top, mdla_error *err)
{
    const mdla_decoder *d = s->visit.d;

    for (uint64_t b = 0; b < d->tail.blocks; b++) {
        MDLA_TRY(scan_block(s, &d->index[b], err));
        for (size_t i = 0; i < s->found_count; i++)
            top_add(top, &s->found[i]);
    }
    return MDLA_OK;
}

mdla_status mdla_decoder_top_rows(mdla_decoder *d, uint32_t feature, mdla_feature_row *rows,
                                  size_t max_rows, size_t *got, mdla_error *err)
{
    top_rows top = {.rows = rows, .capacity = max_rows};
    feature_scan s = {0};
    mdla_status status = scan_start(&s, d, feature, err);

    if (status == MDLA_OK && max_rows > 0)
        status = top_of_all(&s, &top, err);
    scan_end(&s);
    *got = status == MDLA_OK ? top.count : 0;
    qsort(rows, *got, sizeof *rows, compare_strength);
    return status;
}
