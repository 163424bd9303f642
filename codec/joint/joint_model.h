/* The joint model of which features are active (spec section 9): each feature's logit given the
 * row's active features before it in coding order and those of the row before. Both sides; integers
 * alone.
 *
 * logit(k) = base(k) + sum of within(i, k) over the row's active i before k
 *                    + sum of before(i, k) over the previous row's active i
 *
 * A logit is final when its turn comes, so one pass over the width prices and finds every active
 * feature of a row. What a source says of others is a list where it is of few, a dense row where it
 * is of many.
 */
#ifndef MDLA_JOINT_MODEL_H
#define MDLA_JOINT_MODEL_H

#include "entropy/survival_common.h"
#include "mdla/base.h"

#include <stdbool.h>
#include <stddef.h>

#define JOINT_UNIT 32           /* logits are in units of 1/32 octave of the odds */
#define JOINT_BASE_UNIT 4       /* bases are multiples of 1/8 octave, as rate indices are */
#define JOINT_BASE_LEAST (-240) /* base[k] / JOINT_BASE_UNIT: the odds 2^-30 : 1 ... */
#define JOINT_BASE_MOST 80      /* ... to 2^10 : 1 */
#define JOINT_WEIGHT_MOST 127
#define JOINT_SHIFT_MOST 4 /* weights count 2^shift units */

/* Costs of not firing by logit, from 2^10 : 1 down to 2^-20 : 1; beyond, the ends count. */
#define JOINT_COST_TOP (RATE_INDEX_EVEN / 8 * JOINT_UNIT)
#define JOINT_COSTS (RATE_INDEX_MAX * JOINT_BASE_UNIT + 1)

#define JOINT_LEVEL_CLASSES 16 /* of logits by the octave, of counts by the half octave */
#define JOINT_LEVEL_EVEN 127   /* entry of level_by_...: as the level classes say */

#define JOINT_DENSE_SHARE 8 /* a source with weights for one target in so many has a dense row */
#define JOINT_NO_ROW UINT32_MAX

/* Weights of one kind, by source. A source has a list or a dense row. */
typedef struct joint_weights {
    uint32_t width, done; /* sources whose weights are there: 0 .. done - 1 */
    uint64_t count;       /* weights of these */
    uint64_t *start;      /* [width + 1] of lists */
    uint32_t *entry;      /* target << 8 | weight as a byte, ascending targets in each list */
    uint64_t entry_count, entry_capacity;
    uint32_t *row; /* [width] number of its dense row, or JOINT_NO_ROW */
    int8_t *dense; /* [row_count][width] */
    uint32_t row_count, row_capacity;
} joint_weights;

/* Zeroed; then one source after the other by _append. MDLA_ERR_MEMORY. */
mdla_status joint_weights_new(const mdla_allocator *al, uint32_t width, joint_weights *w);
void joint_weights_free(const mdla_allocator *al, joint_weights *w);

/* The next source's weights: count entries target << 8 | weight as a byte, ascending targets.
 * MDLA_ERR_MEMORY. */
mdla_status joint_weights_append(const mdla_allocator *al, joint_weights *w, const uint32_t *entry,
                                 uint32_t count);

/* A source's dense row, or NULL where it has a list. */
static inline const int8_t *joint_weights_row(const joint_weights *w, uint32_t source)
{
    return w->row[source] != JOINT_NO_ROW ? w->dense + (size_t)w->row[source] * w->width : NULL;
}

/* A source's weights as entries into entry [width]; returns how many. */
uint32_t joint_weights_list(const joint_weights *w, uint32_t source, uint32_t *entry);

/* Memory of so many weights over so many sources, at most. */
uint64_t joint_weights_memory(uint32_t width, uint64_t count);

typedef struct joint_model {
    const mdla_allocator *al;
    uint32_t width;
    unsigned shift;
    bool has_before; /* the previous row counts */
    int16_t *base;   /* [width] by rank, units of 1/32 octave */
    joint_weights within, before;
    /* What the levels' costs are multiplied by: by how likely the feature was, and by how many are
     * active in the row; each one less than units of 1/128. */
    uint8_t level_by_logit[JOINT_LEVEL_CLASSES], level_by_count[JOINT_LEVEL_CLASSES];
    uint32_t cost[JOINT_COSTS]; /* units of 2^-28 bit; [0] is logit JOINT_COST_TOP, falling */
} joint_model;

/* Without weights. NULL: no memory. */
joint_model *joint_model_new(const mdla_allocator *al, uint32_t width);
void joint_model_free(joint_model *m); /* accepts NULL */

static inline uint32_t joint_entry(uint32_t target, int weight)
{
    return target << 8 | (uint8_t)weight;
}

static inline uint32_t joint_target(uint32_t entry)
{
    return entry >> 8;
}

static inline int32_t joint_weight(uint32_t entry)
{
    const int32_t byte = (int32_t)(entry & 255);

    return byte < 128 ? byte : byte - 256;
}

/* What not firing costs at a logit, in units of 2^-28 bit. */
static inline uint32_t joint_cost(const joint_model *m, int32_t logit)
{
    const int32_t index = JOINT_COST_TOP - logit;

    return m->cost[index < 0 ? 0 : index < JOINT_COSTS ? index : JOINT_COSTS - 1];
}

/* The class of the logit that a feature had when it was found active: its octave, -11 to 4. */
static inline uint8_t joint_logit_class(int32_t logit)
{
    if (logit < -11 * JOINT_UNIT)
        return 0;
    if (logit >= 4 * JOINT_UNIT)
        return JOINT_LEVEL_CLASSES - 1;
    return (uint8_t)((logit + 11 * JOINT_UNIT) / JOINT_UNIT);
}

/* The class of a row by its active features, 1 or more: half octaves. */
static inline uint8_t joint_count_class(uint32_t count)
{
    unsigned octave = 0;

    while (count >> octave > 1)
        octave++;
    const unsigned half = octave == 0 ? 0 : count >> (octave - 1) & 1;

    return (uint8_t)(2 * octave + half < JOINT_LEVEL_CLASSES ? 2 * octave + half
                                                             : JOINT_LEVEL_CLASSES - 1);
}

/* What a level's costs are multiplied by, in units of 1/4,096. */
static inline uint32_t joint_level_scale(const joint_model *m, uint8_t logit_class,
                                         uint8_t count_class)
{
    const uint32_t scale =
        (m->level_by_logit[logit_class] + 1u) * (m->level_by_count[count_class] + 1u) >> 2;

    return scale > 0 ? scale : 1;
}

/* The logits of a row under way. Lists are added as soon as their source is known active; dense
 * rows a block of columns at a time, when the pass comes to it: they come from far away, and so
 * each is read in the order in which it lies. */
typedef struct joint_row {
    const mdla_allocator *al;
    const joint_model *model;
    int32_t *logit;       /* [width] by rank: final below ready, but for the row's own later hits */
    const int8_t **dense; /* [2 x width] rows of the active sources */
    uint32_t dense_count;
    uint32_t ready;
} joint_row;

/* MDLA_ERR_MEMORY. */
mdla_status joint_row_new(const mdla_allocator *al, const joint_model *m, joint_row *row);
void joint_row_free(joint_row *row);

/* A new row. previous: ranks active in the row before, or NULL where none counts (a passage or
 * block begins). Sums wrap at 32 bits. */
void joint_row_start(joint_row *row, const uint32_t *previous, size_t count);

/* rank is active: what that says of those after it. */
void joint_row_hit(joint_row *row, uint32_t rank);

/* Makes the logits below end final. */
void joint_row_ready(joint_row *row, uint32_t end);

/* The features of a row as a line of candidates whose costs are made as they are needed. */
typedef struct joint_line {
    joint_row *row;
    const survival_table *table;
    uint32_t scale;  /* of costs, 1/4,096 */
    uint64_t window; /* survival_window(scale) */
} joint_line;

/* Cost of candidate k. */
static inline uint32_t joint_line_cost(const joint_line *l, uint32_t k)
{
    if (k >= l->row->ready)
        joint_row_ready(l->row, k + 1);
    return joint_cost(l->row->model, l->row->logit[k]);
}

/* The upper end of candidate k's interval where cum is what those before it cost: falls strictly,
 * is below 2^40, and is the size of "none of these" where a window ends. */
static inline uint64_t joint_bound(const joint_line *l, uint64_t cum, uint32_t k)
{
    const uint64_t survival = survival_of(l->table, cum * l->scale / SURVIVAL_SCALE_ONE);

    return survival - (survival >> 19) + (l->row->model->width - k);
}

/* Passes over candidates from *k on whose summed cost stays within the window and whose bound stays
 * above value, in runs; *cum grows by their cost. Stops short of end. The rest is for a closer
 * look. */
void joint_line_skip(const joint_line *l, uint32_t end, uint64_t value, uint32_t *k, uint64_t *cum);

#endif
