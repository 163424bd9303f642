/* The rows where one feature is active: all of them in order, or those where it is strongest.
 * Blocks are decoded to their codes, once each, and believed when they are whole. Posting lists,
 * where the file has them, leave blocks out. */
#include "decoder.h"

#include "base/alloc.h"
#include "postings/posting_common.h"

#include <stdlib.h>

typedef struct feature_scan {
    bit_visit visit;
    uint32_t feature;
    mdla_feature_row *found; /* [block_rows] */
    size_t found_count;      /* of the block under way */
    uint32_t highest;        /* level in the block under way */
    uint8_t *classes;        /* [blocks] the feature's posting list; NULL: the file has none */
} feature_scan;

static void watch_feature(void *ctx, const bit_visit *v, uint64_t row)
{
    feature_scan *s = ctx;

    for (uint32_t i = 0; i < v->code.count; i++)
        if (v->code.feature[i] == s->feature) {
            s->found[s->found_count++] =
                (mdla_feature_row){.row = row,
                                   .level = decoder_level(v->d, v->code.level[i]),
                                   .strength = decoder_strength(v->d, v->code.level[i]),
                                   .index_bits = v->bits.index[i],
                                   .level_bits = v->bits.level[i]};
            if ((uint32_t)abs(v->code.level[i]) > s->highest)
                s->highest = (uint32_t)abs(v->code.level[i]);
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
    if (d->postings.count == 0)
        return MDLA_OK;
    s->classes = alloc_array(d->al, (size_t)d->tail.blocks + 1, 1);
    if (s->classes == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for a posting list", d->name);
    return decoder_read_postings(d, feature, s->classes, err);
}

static void scan_end(feature_scan *s)
{
    alloc_free(s->visit.d->al, s->classes);
    alloc_free(s->visit.d->al, s->found);
    bit_visit_end(&s->visit);
}

static mdla_status scan_block(feature_scan *s, uint64_t block, mdla_error *err)
{
    const mdla_decoder *d = s->visit.d;

    s->found_count = 0;
    s->highest = 0;
    MDLA_TRY(bit_visit_check(&s->visit, &d->index[block], watch_feature, s, err));
    if (s->classes != NULL && posting_class(s->highest) != s->classes[block])
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: the posting list of feature %u doesn't match block %llu", d->name,
                         s->feature, (unsigned long long)block);
    return MDLA_OK;
}

static mdla_status visit_all(feature_scan *s, mdla_feature_visitor visitor, void *ctx,
                             mdla_error *err)
{
    const mdla_decoder *d = s->visit.d;

    for (uint64_t b = 0; b < d->tail.blocks; b++) {
        if (s->classes != NULL && s->classes[b] == 0)
            continue;
        MDLA_TRY(scan_block(s, b, err));
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

static mdla_status top_of_block(feature_scan *s, uint64_t block, top_rows *top, mdla_error *err)
{
    MDLA_TRY(scan_block(s, block, err));
    for (size_t i = 0; i < s->found_count; i++)
        top_add(top, &s->found[i]);
    return MDLA_OK;
}

static mdla_status top_of_all(feature_scan *s, top_rows *top, mdla_error *err)
{
    for (uint64_t b = 0; b < s->visit.d->tail.blocks; b++)
        MDLA_TRY(top_of_block(s, b, top, err));
    return MDLA_OK;
}

/* The most that a level of the class or below is worth: strengths needn't rise with the level where
 * reconstruction points are far apart. */
static double strongest(const mdla_decoder *d, unsigned posting)
{
    int32_t last = (int32_t)posting_class_top(posting);
    double most = 0.0;

    if (last > (int32_t)d->model->max_level)
        last = (int32_t)d->model->max_level;
    for (int32_t level = 1; level <= last; level++)
        if (decoder_strength(d, level) > most)
            most = decoder_strength(d, level);
    return most;
}

/* Blocks by falling class. One is left out where even its strongest row would stand behind all that
 * were found. */
static mdla_status top_by_class(feature_scan *s, top_rows *top, mdla_error *err)
{
    const mdla_decoder *d = s->visit.d;

    for (unsigned posting = POSTING_CLASS_MAX; posting > 0; posting--) {
        mdla_feature_row best = {.strength = strongest(d, posting)};

        for (uint64_t b = 0; b < d->tail.blocks; b++) {
            best.row = d->index[b].first_row;
            if (s->classes[b] == posting &&
                (top->count < top->capacity || compare_strength(&best, &top->rows[0]) < 0))
                MDLA_TRY(top_of_block(s, b, top, err));
        }
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
        status = s.classes != NULL ? top_by_class(&s, &top, err) : top_of_all(&s, &top, err);
    scan_end(&s);
    *got = status == MDLA_OK ? top.count : 0;
    qsort(rows, *got, sizeof *rows, compare_strength);
    return status;
}
