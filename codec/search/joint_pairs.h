/* The joint model as the search wants it: by feature number, pairs listed from both sides. */
#ifndef MDLA_JOINT_PAIRS_H
#define MDLA_JOINT_PAIRS_H

#include "joint/joint_model.h"

typedef struct joint_pairs {
    const mdla_allocator *al;
    const joint_model *model;
    int32_t *base;       /* [width] */
    joint_weights after; /* features later in coding order that a feature's firing bears on */
    joint_weights ahead; /* the same pairs by their later feature */
    joint_weights next;  /* features of the next row */
    float *spread; /* [width] bits that firing adds to the absence of later features, usually */
    float *follow; /* [width] bits that firing is expected to save in the next row, negative */
    float probability[JOINT_COSTS]; /* as joint_model's costs: of firing at a logit */
    float growth[2][256];           /* [1][byte] 2^w - 1 of a weight, [0][byte] 2^-w - 1 */
} joint_pairs;

/* order, rate_index: the codebook's. Both and the model must outlive. NULL: no memory. */
joint_pairs *joint_pairs_new(const mdla_allocator *al, const joint_model *model,
                             const uint32_t *order, const uint8_t *rate_index);
void joint_pairs_free(joint_pairs *p); /* accepts NULL */

/* Logits [width] of a row before anything of it is known; previous: features of the row before. */
void joint_pairs_start(const joint_pairs *p, const uint32_t *previous, size_t count,
                       int32_t *logit);

static inline float joint_probability(const joint_pairs *p, int32_t logit)
{
    const int32_t index = JOINT_COST_TOP - logit;

    return p->probability[index < 0 ? 0 : index < JOINT_COSTS ? index : JOINT_COSTS - 1];
}

/* ---- Inner loops over dense rows (pair_kernels.c) ---- */

/* logit[k] += scale x row[k]. */
void pair_kernel_add(const int8_t *row, int32_t scale, size_t width, int32_t *logit);

/* probability [width] of logits. */
void pair_kernel_probability(const joint_pairs *p, const int32_t *logit, size_t width,
                             float *probability);

/* a[k] -= amount x row[k] and b[k] likewise. */
void pair_kernel_adjust(const int8_t *row, float amount, size_t width, float *a, float *b);

/* Sum of log2(1 + probability[k] x growth[row[k] as a byte]): what the row's weights add to the
 * cost of absence, in bits. growth: [256]. */
double pair_kernel_absence(const int8_t *row, const float *growth, const float *probability,
                           size_t width);

#endif
