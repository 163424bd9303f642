#include "fit/level_scales.h"

#include "base/alloc.h"
#include "fit/counts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 32768 /* looked at */
#define RUN 256         /* rows looked at in one go */
#define LEVELS_LEAST 64 /* of a class before its scale moves */
#define ROUNDS 3        /* logits, counts, and again */
#define STEP 4          /* between scales that are tried, then 1 */
#define SCALE_LEAST 15  /* an eighth */

/* Levels seen: by class of logit and of count, by class of levels. */
typedef struct level_table {
    uint32_t seen[JOINT_LEVEL_CLASSES][JOINT_LEVEL_CLASSES][CODEBOOK_CLASSES_MAX][COUNT_LEVELS];
} level_table;

static int compare_ranks(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

/* A row's pairs, rank << 32 | level, ascending. */
static void sort_row(const codebook *cb, const code_rows *codes, size_t r, uint64_t *pair)
{
    const size_t begin = codes->start[r], count = codes->start[r + 1] - begin;

    for (size_t i = 0; i < count; i++)
        pair[i] =
            (uint64_t)cb->rank[codes->feature[begin + i]] << 32 | (uint32_t)codes->level[begin + i];
    qsort(pair, count, sizeof *pair, compare_ranks);
}

typedef struct row_scan {
    const codebook *cb;
    joint_row row;
    uint64_t *pair;     /* [width] of the row at hand */
    uint32_t *previous; /* [width] ranks of the row before */
    size_t previous_count;
    level_table *table;
} row_scan;

static void scan_row(row_scan *s, const joint_rows *rows, size_t r, bool alone)
{
    const code_rows *codes = rows->codes;
    const size_t count = codes->start[r + 1] - codes->start[r];
    const uint8_t count_class = joint_count_class((uint32_t)count);

    sort_row(s->cb, codes, r, s->pair);
    joint_row_start(&s->row, alone ? NULL : s->previous, s->previous_count);
    for (size_t i = 0; i < count; i++) {
        const uint32_t rank = (uint32_t)(s->pair[i] >> 32), level = (uint32_t)s->pair[i];

        joint_row_ready(&s->row, rank + 1);
        s->table->seen[joint_logit_class(s->row.logit[rank])][count_class]
                      [s->cb->level_class[s->cb->order[rank]]]
                      [(level < COUNT_LEVELS ? level : COUNT_LEVELS) - 1]++;
        joint_row_hit(&s->row, rank);
        s->previous[i] = rank;
    }
    s->previous_count = count;
}

/* Bits of levels of one class whose costs are scaled: what survives up to each, less what survives
 * past it. */
static double scaled_bits(const codebook *cb, uint32_t level_class, const uint32_t *seen,
                          double scale)
{
    const uint8_t *hazard = cb->hazard[level_class];
    const double unit = scale / (double)(UINT32_C(1) << COST_BITS);
    double cum = 0.0, bits = 0.0;

    for (unsigned l = 0; l < COUNT_LEVELS; l++) {
        const double own =
            unit * survival_cost[hazard[l < cb->hazard_count ? l : cb->hazard_count - 1]];

        if (seen[l] != 0)
            bits += seen[l] * (cum - log2(1.0 - exp2(-own)));
        cum += own;
    }
    return bits;
}

/* Bits of the levels in one class of logits or counts at a scale for it. */
static double class_bits(const codebook *cb, const level_table *t, const joint_model *m,
                         bool by_logit, unsigned at)
{
    double bits = 0.0;

    for (unsigned other = 0; other < JOINT_LEVEL_CLASSES; other++) {
        const uint8_t logit_class = (uint8_t)(by_logit ? at : other);
        const uint8_t count_class = (uint8_t)(by_logit ? other : at);
        const double scale =
            joint_level_scale(m, logit_class, count_class) / (double)SURVIVAL_SCALE_ONE;

        for (uint32_t k = 0; k < cb->class_count; k++)
            bits += scaled_bits(cb, k, t->seen[logit_class][count_class][k], scale);
    }
    return bits;
}

static uint64_t class_levels(const level_table *t, bool by_logit, unsigned at)
{
    uint64_t levels = 0;

    for (unsigned other = 0; other < JOINT_LEVEL_CLASSES; other++)
        for (uint32_t k = 0; k < CODEBOOK_CLASSES_MAX; k++)
            for (unsigned l = 0; l < COUNT_LEVELS; l++)
                levels += t->seen[by_logit ? at : other][by_logit ? other : at][k][l];
    return levels;
}

/* The scale that takes the fewest bits: they fall and then rise with it. */
static void fit_scale(const codebook *cb, const level_table *t, joint_model *m, bool by_logit,
                      unsigned at)
{
    uint8_t *scale = by_logit ? &m->level_by_logit[at] : &m->level_by_count[at];
    double least = class_bits(cb, t, m, by_logit, at);

    for (int step = STEP * STEP; step >= 1; step /= STEP) {
        for (int direction = -step; direction <= step; direction += 2 * step) {
            for (;;) {
                const int old = *scale, next = old + direction;

                if (next < SCALE_LEAST || next > UINT8_MAX)
                    break;
                *scale = (uint8_t)next;
                const double bits = class_bits(cb, t, m, by_logit, at);

                if (bits >= least) {
                    *scale = (uint8_t)old;
                    break;
                }
                least = bits;
            }
        }
    }
}

mdla_status level_scales_fit(codebook *cb, const joint_rows *rows)
{
    const size_t row_count = rows->codes->row_count;
    const size_t stride = row_count > ROWS_MOST ? row_count / ROWS_MOST : 1;
    row_scan s = {.cb = cb,
                  .pair = alloc_array(cb->al, cb->width, sizeof *s.pair),
                  .previous = alloc_array(cb->al, cb->width, sizeof *s.previous),
                  .table = alloc_zeroed(cb->al, 1, sizeof *s.table)};
    mdla_status status = MDLA_ERR_MEMORY;

    if (s.pair != NULL && s.previous != NULL && s.table != NULL &&
        joint_row_new(cb->al, cb->joint, &s.row) == MDLA_OK) {
        for (size_t r = 0; r < row_count; r++) {
            if (r / RUN % stride != 0)
                continue;
            scan_row(&s, rows, r, r % RUN == 0 || (rows->starts != NULL && rows->starts[r] != 0));
        }
        for (unsigned round = 0; round < 2 * ROUNDS; round++)
            for (unsigned at = 0; at < JOINT_LEVEL_CLASSES; at++)
                if (class_levels(s.table, round % 2 == 0, at) >= LEVELS_LEAST)
                    fit_scale(cb, s.table, cb->joint, round % 2 == 0, at);
        status = MDLA_OK;
    }
    alloc_free(cb->al, s.pair);
    alloc_free(cb->al, s.previous);
    alloc_free(cb->al, s.table);
    joint_row_free(&s.row);
    return status;
}
