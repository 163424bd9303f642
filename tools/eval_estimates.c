/* The paper's description lengths (arXiv 2410.11179) from counted codes. */
#include "eval.h"
#include "paper.h"

#include <math.h>
#include <stdlib.h>

/* How often a feature had a level; an open-addressed table with a power of two of slots. */
typedef struct pair_slot {
    uint64_t key; /* feature << 32 | level; 0: free, as no level is 0 */
    uint64_t count;
    double strength;
} pair_slot;

struct eval_counter {
    uint32_t width;
    uint64_t rows, active;
    double subset;       /* summed over rows */
    uint64_t *active_of; /* [width] rows where the feature is active */
    pair_slot *slots;
    size_t slot_count, slots_used;
};

eval_counter *eval_counter_new(uint32_t width)
{
    eval_counter *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->width = width;
    c->slot_count = 1024;
    c->active_of = calloc(width, sizeof *c->active_of);
    c->slots = calloc(c->slot_count, sizeof *c->slots);
    if (c->active_of && c->slots)
        return c;
    eval_counter_free(c);
    return NULL;
}

void eval_counter_free(eval_counter *c)
{
    if (!c)
        return;
    free(c->active_of);
    free(c->slots);
    free(c);
}

static pair_slot *find_slot(pair_slot *slots, size_t slot_count, uint64_t key)
{
    size_t at = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (slot_count - 1);

    while (slots[at].key != 0 && slots[at].key != key)
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static int grow(eval_counter *c)
{
    const size_t slot_count = 2 * c->slot_count;
    pair_slot *slots = calloc(slot_count, sizeof *slots);

    if (!slots)
        return -1;
    for (size_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].key != 0)
            *find_slot(slots, slot_count, c->slots[i].key) = c->slots[i];
    free(c->slots);
    c->slots = slots;
    c->slot_count = slot_count;
    return 0;
}

static double log2_choose(double n, double k)
{
    return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / log(2);
}

int eval_counter_add(eval_counter *c, const mdla_coded_feature *code, size_t count)
{
    c->rows++;
    c->active += count;
    c->subset += log2((double)c->width + 1) + log2_choose((double)c->width, (double)count);
    for (size_t i = 0; i < count; i++) {
        const uint64_t key = (uint64_t)code[i].feature << 32 | (uint32_t)code[i].level;
        pair_slot *slot;

        if (2 * c->slots_used >= c->slot_count && grow(c) != 0)
            return -1;
        slot = find_slot(c->slots, c->slot_count, key);
        c->slots_used += slot->key == 0;
        slot->key = key;
        slot->strength = code[i].strength;
        slot->count++;
        c->active_of[code[i].feature]++;
    }
    return 0;
}

static double entropy_of(double p)
{
    return p > 0 && p < 1 ? -p * log2(p) - (1 - p) * log2(1 - p) : 0;
}

static int compare_levels(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Different levels over all features; 0 where there is no memory to sort them. */
static uint64_t count_levels(const eval_counter *c)
{
    uint32_t *levels = malloc((c->slots_used + 1) * sizeof *levels);
    size_t count = 0;
    uint64_t different = 0;

    if (!levels)
        return 0;
    for (size_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].key != 0)
            levels[count++] = (uint32_t)c->slots[i].key;
    qsort(levels, count, sizeof *levels, compare_levels);
    for (size_t i = 0; i < count; i++)
        different += i == 0 || levels[i] != levels[i - 1];
    free(levels);
    return different;
}

static int find_saebench(const eval_counter *c, saebench_bits *out)
{
    saebench s;

    if (saebench_start(&s, c->width) != 0)
        return -1;
    do
        for (size_t i = 0; i < c->slot_count; i++)
            if (c->slots[i].key != 0)
                saebench_add(&s, (uint32_t)(c->slots[i].key >> 32), c->slots[i].strength,
                             c->slots[i].count);
    while (saebench_again(&s));
    saebench_finish(&s, c->rows, out);
    saebench_end(&s);
    return 0;
}

int eval_counter_finish(const eval_counter *c, eval_estimates *out, saebench_bits *saebench_out)
{
    const double rows = c->rows ? (double)c->rows : (double)NAN;
    const double l0 = (double)c->active / rows;
    double entropy = 0;

    for (uint32_t f = 0; f < c->width; f++)
        entropy += entropy_of((double)c->active_of[f] / rows);
    /* p H(level | active) is the sum over levels of count / rows x log2(active / count). */
    for (size_t i = 0; i < c->slot_count; i++) {
        const pair_slot *slot = &c->slots[i];

        if (slot->key != 0)
            entropy += (double)slot->count / rows *
                       log2((double)c->active_of[slot->key >> 32] / (double)slot->count);
    }
    out->levels_in_use = count_levels(c);
    out->bound = paper_bound(l0, log2(out->levels_in_use ? (double)out->levels_in_use : 1),
                             log2((double)c->width));
    out->entropy = c->rows ? entropy : (double)NAN;
    out->subset = c->subset / rows;
    return find_saebench(c, saebench_out);
}
