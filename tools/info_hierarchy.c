/* mdla-info on parents and children: of every feature the one other whose flag, told first, saves
 * most bits on its own.
 *
 * A child is active in n rows of all, its parent in m, both in b. Told by itself the child's flag
 * takes L(n, all) bits, given the parent's L(b, m) + L(n - b, all - m) and log2(width) to name the
 * parent among the other features or none. L learns its rate as it goes, so that the parameters
 * have been paid for; what is left is bits saved. Children are rarer than their parents, so that
 * edges form no cycle and their savings add up. */
#include "info_flags.h"

#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

typedef struct edge {
    uint32_t parent, child;
    uint32_t both;
    double bits, family; /* saved: by the edge, by all of its parent's */
} edge;

/* Equally frequent: the first is the parent. */
static int may_be_parent(const held_flags *h, uint32_t parent, uint32_t child)
{
    const size_t m = held_uses(h, parent), n = held_uses(h, child);

    return m > n || (m == n && parent < child);
}

/* Fills in the child's best edge; returns whether there is one that saves bits. */
static int best_edge(const held_flags *h, together *t, uint32_t child, edge *best)
{
    const double all = (double)h->rows, n = (double)held_uses(h, child);
    const double alone = flag_bits(n, all) - log2((double)h->width);

    *best = (edge){.child = child};
    together_count(t, h, child);
    for (size_t i = 0; i < t->met_count; i++) {
        const uint32_t parent = t->met[i];
        const double m = (double)held_uses(h, parent), both = t->rows[parent];
        double bits;

        if (!may_be_parent(h, parent, child) || both * all <= n * m)
            continue;
        bits = alone - flag_bits(both, m) - flag_bits(n - both, all - m);
        if (bits > best->bits || (bits == best->bits && bits > 0 && parent < best->parent)) {
            best->parent = parent;
            best->both = t->rows[parent];
            best->bits = bits;
        }
    }
    return best->bits > 0;
}

/* Families by what they save, in them children by what they save. */
static int compare_edges(const void *a, const void *b)
{
    const edge *x = a, *y = b;

    if (x->family != y->family)
        return x->family > y->family ? -1 : 1;
    if (x->parent != y->parent)
        return x->parent < y->parent ? -1 : 1;
    if (x->bits != y->bits)
        return x->bits > y->bits ? -1 : 1;
    return (x->child > y->child) - (x->child < y->child);
}

static void put_edges(const info_subject *s, const held_flags *h, const edge *edges, size_t count)
{
    static const listing_column columns[] = {{"parent", LISTING_COUNT},
                                             {"child", LISTING_COUNT},
                                             {"rows_parent", LISTING_COUNT},
                                             {"rows_child", LISTING_COUNT},
                                             {"rows_both", LISTING_COUNT},
                                             {"parent_given_child", 3},
                                             {"child_given_parent", 3},
                                             {"child_bits", 1},
                                             {"bits_saved", 1},
                                             {"bits_saved_per_row", LISTING_DIGITS}};
    listing out;

    listing_begin(&out, s->form, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < count; i++) {
        const edge *e = &edges[i];
        const double m = (double)held_uses(h, e->parent), n = (double)held_uses(h, e->child);

        listing_count(&out, e->parent);
        listing_count(&out, e->child);
        listing_count(&out, (uint64_t)m);
        listing_count(&out, (uint64_t)n);
        listing_count(&out, e->both);
        listing_number(&out, e->both / n);
        listing_number(&out, e->both / m);
        listing_number(&out, flag_bits(n, (double)h->rows));
        listing_number(&out, e->bits);
        listing_number(&out, e->bits / (double)h->rows);
    }
    listing_end(&out);
}

static int find_edges(const info_subject *s, const held_flags *h)
{
    edge *edges = malloc(h->width * sizeof *edges);
    double *family = calloc(h->width, sizeof *family);
    size_t count = 0;
    together t;
    int result = TOOL_FAILED;

    if (together_new(&t, h->width) != 0 || !edges || !family) {
        tool_fail_status(MDLA_ERR_MEMORY, NULL);
        goto cleanup;
    }
    for (uint32_t f = 0; f < h->width && !tool_stopped(); f++)
        count += (size_t)best_edge(h, &t, f, &edges[count]);
    for (size_t i = 0; i < count; i++)
        family[edges[i].parent] += edges[i].bits;
    for (size_t i = 0; i < count; i++)
        edges[i].family = family[edges[i].parent];
    qsort(edges, count, sizeof *edges, compare_edges);
    if (!tool_stopped())
        put_edges(s, h, edges, count);
    result = TOOL_DONE;
cleanup:
    together_free(&t);
    free(edges);
    free(family);
    return result;
}

int info_hierarchy(const info_subject *s)
{
    held_flags h;
    int result = held_read(s, &h);

    if (result == TOOL_DONE)
        result = find_edges(s, &h);
    held_free(&h);
    return result;
}
