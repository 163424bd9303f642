#include "search/joint_pairs.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The share of what a row's firing is expected to save in the next row that the search counts on:
 * the next row's features say some of it themselves. */
#define FOLLOW_SHARE 0.5f

static int compare_entries(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

/* Weights by feature number, of the features that sources bear on. entry: scratch [width]. */
static mdla_status by_source(joint_pairs *p, const joint_weights *from, const uint32_t *order,
                             const uint32_t *rank, uint32_t *entry, joint_weights *to)
{
    MDLA_TRY(joint_weights_new(p->al, from->width, to));
    for (uint32_t f = 0; f < from->width; f++) {
        const uint32_t count = joint_weights_list(from, rank[f], entry);

        for (uint32_t i = 0; i < count; i++)
            entry[i] = joint_entry(order[joint_target(entry[i])], joint_weight(entry[i]));
        qsort(entry, count, sizeof *entry, compare_entries);
        MDLA_TRY(joint_weights_append(p->al, to, entry, count));
    }
    return MDLA_OK;
}

/* Every pair with its ends exchanged. */
static mdla_status transposed(joint_pairs *p, const joint_weights *from, uint32_t *entry,
                              joint_weights *to)
{
    uint64_t *start = alloc_zeroed(p->al, (size_t)from->width + 1, sizeof *start);
    uint32_t *all = alloc_array(p->al, (size_t)from->count, sizeof *all);
    mdla_status status = joint_weights_new(p->al, from->width, to);

    if (start == NULL || all == NULL)
        status = MDLA_ERR_MEMORY;
    for (uint32_t f = 0; status == MDLA_OK && f < from->width; f++) {
        const uint32_t count = joint_weights_list(from, f, entry);

        for (uint32_t i = 0; i < count; i++)
            start[joint_target(entry[i]) + 1]++;
    }
    for (uint32_t f = 0; status == MDLA_OK && f < from->width; f++)
        start[f + 1] += start[f];
    for (uint32_t f = 0; status == MDLA_OK && f < from->width; f++) {
        const uint32_t count = joint_weights_list(from, f, entry);

        for (uint32_t i = 0; i < count; i++)
            all[start[joint_target(entry[i])]++] = joint_entry(f, joint_weight(entry[i]));
    }
    for (uint32_t f = 0, first = 0; status == MDLA_OK && f < from->width; f++) {
        /* Each start has moved on to its end. */
        status = joint_weights_append(p->al, to, all + first, (uint32_t)(start[f] - first));
        first = (uint32_t)start[f];
    }
    alloc_free(p->al, start);
    alloc_free(p->al, all);
    return status;
}

static double octaves(int32_t logit)
{
    return (double)logit / JOINT_UNIT;
}

/* Bits a firing feature's weights cost usually: what they add to the absence of others, and (where
 * informed) what they save where these fire, as often as they make them. */
static float usual_bits(const joint_pairs *p, const joint_weights *w, uint32_t feature,
                        const uint8_t *rate_index, bool informed, uint32_t *entry)
{
    const double unit = 1.0 / (double)(UINT32_C(1) << COST_BITS);
    const uint32_t count = joint_weights_list(w, feature, entry);
    double bits = 0.0;

    for (uint32_t i = 0; i < count; i++) {
        const int32_t usual =
            (RATE_INDEX_EVEN - (int32_t)rate_index[joint_target(entry[i])]) * JOINT_BASE_UNIT;
        const int32_t weight = joint_weight(entry[i]) * (1 << p->model->shift);

        bits += unit * ((double)joint_cost(p->model, usual + weight) - joint_cost(p->model, usual));
        if (informed)
            bits -= octaves(weight) * (double)joint_probability(p, usual + weight);
    }
    return (float)bits;
}

static void fill_tables(joint_pairs *p)
{
    for (int i = 0; i < JOINT_COSTS; i++)
        p->probability[i] = (float)(1.0 / (1.0 + exp2(-octaves(JOINT_COST_TOP - i))));
    for (int byte = 0; byte < 256; byte++) {
        const double weight = octaves((byte < 128 ? byte : byte - 256) * (1 << p->model->shift));

        p->growth[1][byte] = (float)(exp2(weight) - 1.0);
        p->growth[0][byte] = (float)(exp2(-weight) - 1.0);
    }
}

static mdla_status fill(joint_pairs *p, const uint32_t *order, const uint8_t *rate_index,
                        uint32_t *rank, uint32_t *entry)
{
    const joint_model *m = p->model;

    fill_tables(p);
    for (uint32_t r = 0; r < m->width; r++) {
        rank[order[r]] = r;
        p->base[order[r]] = m->base[r];
    }
    MDLA_TRY(by_source(p, &m->within, order, rank, entry, &p->after));
    MDLA_TRY(by_source(p, &m->before, order, rank, entry, &p->next));
    MDLA_TRY(transposed(p, &p->after, entry, &p->ahead));
    for (uint32_t f = 0; f < m->width; f++) {
        p->spread[f] = usual_bits(p, &p->after, f, rate_index, false, entry);
        p->follow[f] = FOLLOW_SHARE * usual_bits(p, &p->next, f, rate_index, true, entry);
    }
    return MDLA_OK;
}

joint_pairs *joint_pairs_new(const mdla_allocator *al, const joint_model *model,
                             const uint32_t *order, const uint8_t *rate_index)
{
    joint_pairs *p = alloc_zeroed(al, 1, sizeof *p);
    uint32_t *rank = alloc_array(al, model->width, sizeof *rank);
    uint32_t *entry = alloc_array(al, model->width, sizeof *entry);
    mdla_status status = MDLA_ERR_MEMORY;

    if (p != NULL) {
        p->al = al;
        p->model = model;
        p->base = alloc_array(al, model->width, sizeof *p->base);
        p->spread = alloc_array(al, model->width, sizeof *p->spread);
        p->follow = alloc_array(al, model->width, sizeof *p->follow);
        if (rank != NULL && entry != NULL && p->base != NULL && p->spread != NULL &&
            p->follow != NULL)
            status = fill(p, order, rate_index, rank, entry);
    }
    alloc_free(al, rank);
    alloc_free(al, entry);
    if (status == MDLA_OK)
        return p;
    joint_pairs_free(p);
    return NULL;
}

void joint_pairs_free(joint_pairs *p)
{
    if (p == NULL)
        return;
    joint_weights_free(p->al, &p->after);
    joint_weights_free(p->al, &p->ahead);
    joint_weights_free(p->al, &p->next);
    alloc_free(p->al, p->base);
    alloc_free(p->al, p->spread);
    alloc_free(p->al, p->follow);
    alloc_free(p->al, p);
}

void joint_pairs_start(const joint_pairs *p, const uint32_t *previous, size_t count, int32_t *logit)
{
    const int32_t unit = 1 << p->model->shift;

    memcpy(logit, p->base, p->model->width * sizeof *logit);
    for (size_t i = 0; i < count; i++) {
        const uint32_t f = previous[i];
        const int8_t *row = joint_weights_row(&p->next, f);

        if (row != NULL)
            pair_kernel_add(row, unit, p->model->width, logit);
        else
            for (uint64_t k = p->next.start[f]; k < p->next.start[f + 1]; k++)
                logit[joint_target(p->next.entry[k])] += unit * joint_weight(p->next.entry[k]);
    }
}
