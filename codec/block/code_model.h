/* A file's model: a codebook at the file's step, ready to code rows and to add them up (spec
 * section 9). Read-only once made; shared by threads. Both sides.
 */
#ifndef MDLA_CODE_MODEL_H
#define MDLA_CODE_MODEL_H

#include "codebook/codebook.h"

typedef struct code_model {
    const mdla_allocator *al;
    const codebook *cb;
    code_params params;
    uint32_t max_level;    /* 1 .. CODEBOOK_LEVEL_MAX: the last whose coefficient fits in 15 bits */
    uint16_t *coefficient; /* [max_level + 1], [0] = 0 */
    uint64_t *level_cum;   /* [classes][max_level + 1] cumulated costs of levels */
    int32_t *bias;         /* [dims] in units of the accumulator */
    uint32_t bias_peak;    /* largest |bias| */
} code_model;

/* MDLA_ERR_CORRUPT where step, exponent or bias leave their ranges; MDLA_ERR_MEMORY. cb must
 * outlive. */
mdla_status code_model_new(const mdla_allocator *al, const codebook *cb, const code_params *params,
                           code_model **out);
void code_model_free(code_model *m); /* accepts NULL */

/* One row's code, in coding order; buffers belong to whoever fills it. */
typedef struct row_code {
    uint32_t count;
    uint32_t *feature; /* [width] */
    uint16_t *level;   /* [width] */
} row_code;

/* A block's coder state beside the range coder. */
static inline survival_line code_model_rates(const code_model *m, uint32_t scale)
{
    return (survival_line){m->cb->survival, m->cb->rate_cum, m->cb->width, scale,
                           survival_window(scale)};
}

static inline survival_line code_model_levels(const code_model *m, uint32_t feature)
{
    const size_t level_class = m->cb->level_class[feature];

    return (survival_line){m->cb->survival, m->level_cum + level_class * (m->max_level + 1),
                           m->max_level, SURVIVAL_SCALE_ONE, survival_window(SURVIVAL_SCALE_ONE)};
}

#define BLOCK_HEADER_NBYTES 4 /* u16 rows - 1, u16 scale of the costs of features */
#define BLOCK_ROWS_MAX 65536

#endif
