/* Owns the choice of the candidates that a row's search looks at where no Gram matrix is kept. */
#include "search/search_internal.h"

#include <float.h>
#include <stdlib.h>

/* A total order, so that the choice doesn't depend on how it is made. */
static bool better(candidate a, candidate b)
{
    return a.gain != b.gain ? a.gain > b.gain : a.feature < b.feature;
}

/* Quickselect: the keep best come first, in no order. The pivot is never the last item, so that each
 * partition is smaller than what it divides. */
static void select_best(candidate *items, size_t count, size_t keep)
{
    size_t low = 0, high = count;

    while (high - low > 1 && keep > low && keep < high) {
        const candidate pivot = items[low + (high - 1 - low) / 2];
        size_t i = low, j = high - 1;

        for (;;) {
            while (better(items[i], pivot))
                i++;
            while (better(pivot, items[j]))
                j--;
            if (i >= j)
                break;
            const candidate swapped = items[i];
            items[i++] = items[j];
            items[j--] = swapped;
        }
        /* items[low .. j] are no worse than the pivot, the rest no better. */
        if (keep <= j + 1)
            high = j + 1;
        else
            low = j + 1;
    }
}

static void cut_back(candidate_list *list)
{
    if (list->count <= list->limit)
        return;
    select_best(list->items, list->count, list->limit);
    list->count = list->limit;
    list->threshold = FLT_MAX;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].gain < list->threshold)
            list->threshold = list->items[i].gain;
}

void candidate_list_clear(candidate_list *list)
{
    list->count = 0;
    list->threshold = -FLT_MAX;
}

void candidate_list_add(candidate_list *list, candidate item)
{
    if (!(item.gain > list->threshold))
        return;
    list->items[list->count++] = item;
    if (list->count == 2 * list->limit)
        cut_back(list);
}

static int by_feature(const void *a, const void *b)
{
    const uint32_t x = ((const candidate *)a)->feature, y = ((const candidate *)b)->feature;

    return (x > y) - (x < y);
}

void candidate_list_finish(candidate_list *list)
{
    cut_back(list);
    qsort(list->items, list->count, sizeof *list->items, by_feature);
}
