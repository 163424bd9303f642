#include "joint/joint_model.h"

#include "base/alloc.h"
#include "base/kernel.h"

#define RUN 16 /* candidates whose costs are summed before the bound is looked at */

/* The 1/8-octave costs of the specification, with three points between each two. */
static void fill_costs(uint32_t *cost)
{
    for (uint32_t i = 0; i < JOINT_COSTS; i++) {
        const uint32_t index = i / JOINT_BASE_UNIT, part = i % JOINT_BASE_UNIT;
        const uint64_t low = survival_cost[index];
        const uint64_t high = survival_cost[index + (part != 0)];

        cost[i] = (uint32_t)((low * (JOINT_BASE_UNIT - part) + high * part) / JOINT_BASE_UNIT);
    }
}

joint_model *joint_model_new(const mdla_allocator *al, uint32_t width)
{
    joint_model *m = alloc_zeroed(al, 1, sizeof *m);

    if (m == NULL)
        return NULL;
    m->al = al;
    m->width = width;
    m->base = alloc_zeroed(al, width, sizeof *m->base);
    if (m->base == NULL || joint_weights_new(al, width, &m->within) != MDLA_OK ||
        joint_weights_new(al, width, &m->before) != MDLA_OK) {
        joint_model_free(m);
        return NULL;
    }
    fill_costs(m->cost);
    return m;
}

void joint_model_free(joint_model *m)
{
    if (m == NULL)
        return;
    alloc_free(m->al, m->base);
    joint_weights_free(m->al, &m->within);
    joint_weights_free(m->al, &m->before);
    alloc_free(m->al, m);
}

/* Sums wrap: hostile weights of many sources must not overflow. */
KERNEL_CLONES
static void add_row(const int8_t *restrict row, unsigned shift, uint32_t from, uint32_t width,
                    int32_t *restrict logit)
{
    for (uint32_t k = from; k < width; k++)
        logit[k] = (int32_t)((uint32_t)logit[k] + ((uint32_t)(int32_t)row[k] << shift));
}

static void add_source(const joint_model *m, const joint_weights *w, uint32_t source, uint32_t from,
                       int32_t *logit)
{
    const int8_t *row = joint_weights_row(w, source);

    if (row != NULL) {
        add_row(row, m->shift, from, m->width, logit);
        return;
    }
    for (uint64_t i = w->start[source]; i < w->start[source + 1]; i++) {
        const uint32_t entry = w->entry[i];
        int32_t *at = &logit[joint_target(entry)];

        *at = (int32_t)((uint32_t)*at + ((uint32_t)joint_weight(entry) << m->shift));
    }
}

void joint_row_start(const joint_model *m, int32_t *logit, const uint32_t *previous, size_t count)
{
    for (uint32_t k = 0; k < m->width; k++)
        logit[k] = m->base[k];
    for (size_t i = 0; m->has_before && previous != NULL && i < count; i++)
        add_source(m, &m->before, previous[i], 0, logit);
}

void joint_row_hit(const joint_model *m, int32_t *logit, uint32_t rank)
{
    add_source(m, &m->within, rank, rank + 1, logit);
}

void joint_line_skip(const joint_line *l, uint32_t end, uint64_t value, uint32_t *k, uint64_t *cum)
{
    const joint_model *m = l->model;
    uint32_t at = *k;
    uint64_t sum = *cum;

    while (end - at > RUN) {
        uint64_t more = sum;

        for (uint32_t i = 0; i < RUN; i++)
            more += joint_cost(m, l->logit[at + i]);
        if (more > l->window || value >= joint_bound(l, more, at + RUN))
            break;
        sum = more;
        at += RUN;
    }
    *k = at;
    *cum = sum;
}
