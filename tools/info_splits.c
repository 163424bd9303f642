/* mdla-info on feature splitting: sets of features that would take fewer bits as one.
 *
 * Pairs come first: those whose merge saves bits, and more than doing without the features that
 * aren't worth theirs, and whose atoms are so alike that the merged one stands for both. The best
 * pairs are then joined to sets, as long as a larger set saves more than its parts. */
#include "info_merge.h"

#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

#define LEAST_KEPT 0.5 /* of each feature's energy, in the merged one */

enum { PARTNERS_MAX = 8 /* of a feature, of the features behind it */ };

typedef struct split_pair {
    uint32_t a, b; /* places */
    double saved;
} split_pair;

typedef struct split_set {
    uint32_t place[MERGE_MAX];
    size_t count; /* 0: it has become part of another */
    merge merged; /* of two features or more */
} split_set;

typedef struct splits {
    merge_costs costs;
    together beside;
    split_pair *pairs; /* [used x PARTNERS_MAX] */
    size_t pair_count;
    split_set *sets;  /* [used] */
    uint32_t *set_of; /* [used] */
} splits;

static int compare_pairs(const void *a, const void *b)
{
    const split_pair *x = a, *y = b;

    if (x->saved != y->saved)
        return x->saved > y->saved ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

/* What the set's features would save by doing without those that aren't worth their bits. */
static double saved_by_dropping(const merge_costs *c, const uint32_t *place, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += fmax(0, merge_dropped(c, place[i]));
    return sum;
}

/* Whether the merge is worth it. */
static int is_split(splits *s, const uint32_t *place, size_t count, merge *m)
{
    merge_measure(&s->costs, place, count, m);
    if (!(m->saved > saved_by_dropping(&s->costs, place, count)))
        return 0;
    for (size_t i = 0; i < count; i++)
        if (m->cosine[i] < sqrt(LEAST_KEPT))
            return 0;
    return 1;
}

static int is_pair(splits *s, uint32_t a, uint32_t b, merge *m)
{
    const uint32_t place[2] = {a, b};
    const double cosine = merge_cosine(&s->costs, a, b);

    /* Most pairs never meet, and are done with quickly. */
    return cosine > 0 &&
           (s->beside.rows[s->costs.feature[b]] > 0 ||
            merge_saved_apart(&s->costs, a, b, cosine) > 0) &&
           is_split(s, place, 2, m);
}

/* The pairs of a feature with those behind it; the best are kept. */
static void pairs_of(splits *s, uint32_t a)
{
    split_pair found[PARTNERS_MAX + 1];
    size_t count = 0;

    together_count(&s->beside, s->costs.held, s->costs.feature[a]);
    for (uint32_t b = a + 1; b < s->costs.used; b++) {
        split_pair p = {a, b, 0};
        merge m;
        size_t at;

        if (!is_pair(s, a, b, &m))
            continue;
        p.saved = m.saved;
        for (at = count; at > 0 && found[at - 1].saved < p.saved; at--)
            found[at] = found[at - 1];
        found[at] = p;
        count += count < PARTNERS_MAX;
    }
    for (size_t i = 0; i < count; i++)
        s->pairs[s->pair_count++] = found[i];
}

/* Joins the sets of a pair's features where that saves more. */
static void join(splits *s, const split_pair *p)
{
    split_set *into = &s->sets[s->set_of[p->a]], *from = &s->sets[s->set_of[p->b]];
    split_set both = *into;

    if (into == from || into->count + from->count > MERGE_MAX)
        return;
    for (size_t i = 0; i < from->count; i++)
        both.place[both.count++] = from->place[i];
    if (!is_split(s, both.place, both.count, &both.merged) ||
        both.merged.saved <= into->merged.saved + from->merged.saved)
        return;
    for (size_t i = 0; i < from->count; i++)
        s->set_of[from->place[i]] = s->set_of[p->a];
    from->count = 0;
    *into = both;
}

/* Sets of two or more first, by what they save. */
static int compare_sets(const void *a, const void *b)
{
    const split_set *x = a, *y = b;

    if ((x->count > 1) != (y->count > 1))
        return x->count > 1 ? -1 : 1;
    if (x->merged.saved != y->merged.saved)
        return x->merged.saved > y->merged.saved ? -1 : 1;
    return (x->place[0] > y->place[0]) - (x->place[0] < y->place[0]);
}

/* Rows from which on the features apart take fewer bits than the merged one. */
static double rows_even(const merge *m, double rows)
{
    const double lost = m->error_bits - m->flag_bits - m->level_bits;

    return lost > 0 ? rows * (m->atom_bits + m->prior_bits) / lost : (double)NAN;
}

static void put_sets(const info_subject *subject, const splits *s)
{
    static const listing_column columns[] = {{"set", LISTING_COUNT},  {"feature", LISTING_COUNT},
                                             {"rows", LISTING_COUNT}, {"weight", 3},
                                             {"cosine", 3},           {"set_rows", LISTING_COUNT},
                                             {"atom_bits", 1},        {"prior_bits", 1},
                                             {"flag_bits", 1},        {"level_bits", 1},
                                             {"error_bits", 1},       {"bits_saved", 1},
                                             {"rows_even", 0}};
    listing out;

    listing_begin(&out, subject->form, columns, sizeof columns / sizeof columns[0]);
    for (uint32_t i = 0; i < s->costs.used && s->sets[i].count > 1; i++) {
        const split_set *set = &s->sets[i];
        const merge *m = &set->merged;

        for (size_t k = 0; k < set->count; k++) {
            const uint32_t f = s->costs.feature[set->place[k]];

            listing_count(&out, (uint64_t)i + 1);
            listing_count(&out, f);
            listing_count(&out, held_uses(s->costs.held, f));
            listing_number(&out, m->weight[k]);
            listing_number(&out, m->cosine[k]);
            listing_count(&out, (uint64_t)m->rows);
            listing_number(&out, m->atom_bits);
            listing_number(&out, m->prior_bits);
            listing_number(&out, m->flag_bits);
            listing_number(&out, m->level_bits);
            listing_number(&out, m->error_bits);
            listing_number(&out, m->saved);
            listing_number(&out, rows_even(m, (double)subject->file.rows));
        }
    }
    listing_end(&out);
}

static int find_sets(const info_subject *subject, splits *s)
{
    const uint32_t used = s->costs.used;

    s->pairs = malloc(((size_t)used * PARTNERS_MAX + 1) * sizeof *s->pairs);
    s->sets = calloc((size_t)used + 1, sizeof *s->sets);
    s->set_of = malloc(((size_t)used + 1) * sizeof *s->set_of);
    if (together_new(&s->beside, subject->file.width) != 0 || !s->pairs || !s->sets || !s->set_of)
        return tool_fail_status(MDLA_ERR_MEMORY, NULL);
    for (uint32_t p = 0; p < used; p++) {
        s->sets[p].place[0] = s->set_of[p] = p;
        s->sets[p].count = 1;
    }
    for (uint32_t p = 0; p < used && !tool_stopped(); p++)
        pairs_of(s, p);
    qsort(s->pairs, s->pair_count, sizeof *s->pairs, compare_pairs);
    for (size_t i = 0; i < s->pair_count && !tool_stopped(); i++)
        join(s, &s->pairs[i]);
    qsort(s->sets, used, sizeof *s->sets, compare_sets);
    if (!tool_stopped())
        put_sets(subject, s);
    return TOOL_DONE;
}

int info_splits(const info_subject *subject)
{
    held_flags h;
    splits s = {.pair_count = 0};
    int result = held_read(subject, &h);

    if (result == TOOL_DONE)
        result = merge_costs_start(&s.costs, subject, &h);
    if (result == TOOL_DONE)
        result = find_sets(subject, &s);
    merge_costs_end(&s.costs);
    together_free(&s.beside);
    free(s.pairs);
    free(s.sets);
    free(s.set_of);
    held_free(&h);
    return result;
}
