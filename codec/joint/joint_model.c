#include "joint/joint_model.h"

#include "base/alloc.h"
#include "base/kernel.h"

#include <string.h>

#define RUN 16        /* candidates whose costs are summed before the bound is looked at */
#define COLUMNS 64    /* of dense rows that are added together: a cache line of each */
#define SUMS_MOST 256 /* rows whose sum fits 16 bits */

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
    memset(m->level_by_logit, JOINT_LEVEL_EVEN, sizeof m->level_by_logit);
    memset(m->level_by_count, JOINT_LEVEL_EVEN, sizeof m->level_by_count);
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

mdla_status joint_row_new(const mdla_allocator *al, const joint_model *m, joint_row *row)
{
    *row = (joint_row){.al = al, .model = m};
    row->logit = alloc_array(al, m->width, sizeof *row->logit);
    row->dense = alloc_array(al, 2 * (size_t)m->width, sizeof *row->dense);
    return row->logit != NULL && row->dense != NULL ? MDLA_OK : MDLA_ERR_MEMORY;
}

void joint_row_free(joint_row *row)
{
    if (row->al == NULL)
        return;
    alloc_free(row->al, row->logit);
    alloc_free(row->al, row->dense);
}

/* Adds columns first .. first + COLUMNS - 1 of dense rows. */
KERNEL_CLONES
static void add_columns(const int8_t *const *dense, uint32_t count, uint32_t first, unsigned shift,
                        int32_t *restrict logit)
{
    for (uint32_t done = 0; done < count; done += SUMS_MOST) {
        const uint32_t end = count - done < SUMS_MOST ? count : done + SUMS_MOST;
        int16_t sum[COLUMNS] = {0};

        for (uint32_t i = done; i < end; i++) {
            const int8_t *row = dense[i] + first;

            __builtin_prefetch(row + 2 * COLUMNS);
            for (uint32_t k = 0; k < COLUMNS; k++)
                sum[k] = (int16_t)(sum[k] + row[k]);
        }
        /* Sums of logits wrap: hostile weights of many sources must not overflow. */
        for (uint32_t k = 0; k < COLUMNS; k++)
            logit[k] = (int32_t)((uint32_t)logit[k] + ((uint32_t)(int32_t)sum[k] << shift));
    }
}

static void add_part(const int8_t *row, uint32_t first, uint32_t end, unsigned shift,
                     int32_t *logit)
{
    for (uint32_t k = first; k < end; k++)
        logit[k] = (int32_t)((uint32_t)logit[k] + ((uint32_t)(int32_t)row[k] << shift));
}

static void add_list(const joint_row *row, const joint_weights *w, uint32_t source)
{
    const unsigned shift = row->model->shift;

    for (uint64_t i = w->start[source]; i < w->start[source + 1]; i++) {
        int32_t *at = &row->logit[joint_target(w->entry[i])];

        *at = (int32_t)((uint32_t)*at + ((uint32_t)joint_weight(w->entry[i]) << shift));
    }
}

void joint_row_start(joint_row *row, const uint32_t *previous, size_t count)
{
    const joint_model *m = row->model;

    for (uint32_t k = 0; k < m->width; k++)
        row->logit[k] = m->base[k];
    row->dense_count = row->ready = 0;
    for (size_t i = 0; m->has_before && previous != NULL && i < count; i++) {
        const int8_t *dense = joint_weights_row(&m->before, previous[i]);

        if (dense != NULL)
            row->dense[row->dense_count++] = dense;
        else
            add_list(row, &m->before, previous[i]);
    }
}

void joint_row_hit(joint_row *row, uint32_t rank)
{
    const joint_model *m = row->model;
    const int8_t *dense = joint_weights_row(&m->within, rank);

    if (dense == NULL) {
        add_list(row, &m->within, rank);
        return;
    }
    add_part(dense, rank + 1, row->ready, m->shift, row->logit);
    row->dense[row->dense_count++] = dense;
}

void joint_row_ready(joint_row *row, uint32_t end)
{
    const joint_model *m = row->model;

    while (row->ready < end) {
        const uint32_t first = row->ready, left = m->width - first;

        if (left >= COLUMNS)
            add_columns(row->dense, row->dense_count, first, m->shift, row->logit + first);
        else
            for (uint32_t i = 0; i < row->dense_count; i++)
                add_part(row->dense[i], first, m->width, m->shift, row->logit);
        row->ready += left < COLUMNS ? left : COLUMNS;
    }
}

void joint_line_skip(const joint_line *l, uint32_t end, uint64_t value, uint32_t *k, uint64_t *cum)
{
    const joint_model *m = l->row->model;
    uint32_t at = *k;
    uint64_t sum = *cum;

    while (end - at > RUN) {
        uint64_t more = sum;

        joint_row_ready(l->row, at + RUN);
        for (uint32_t i = 0; i < RUN; i++)
            more += joint_cost(m, l->row->logit[at + i]);
        if (more > l->window || value >= joint_bound(l, more, at + RUN))
            break;
        sum = more;
        at += RUN;
    }
    *k = at;
    *cum = sum;
}
