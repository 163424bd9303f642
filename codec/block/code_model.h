/* A file's model: a codebook at the file's step, ready to code rows and to add them up (spec
 * section 9). Read-only once made; shared by threads. Both sides.
 */
#ifndef MDLA_CODE_MODEL_H
#define MDLA_CODE_MODEL_H

#include "block/row_norm.h"
#include "codebook/codebook.h"

/* How a file's rows are coded, beside its parameters. */
typedef struct code_options {
    bool joint;    /* by the codebook's joint model, which must be there */
    bool passages; /* starts of passages are coded */
    norm_grid norm;
    bool cache;      /* a code without atoms, by a cache's codebook; as the rest says */
    bool exact;      /* strengths are float32 bits; else levels, of the parameters' step */
    bool has_signs;  /* strengths below zero occur */
    unsigned zeros;  /* exact: so many low bits of every strength's are 0, STRENGTH_ZEROS_MAX at
                        most */
    code_kind codes; /* the codebook's */
} code_options;

#define STRENGTH_ZEROS_MAX 23

typedef struct code_model {
    const mdla_allocator *al;
    const codebook *cb;
    code_params params;
    const joint_model *joint; /* the codebook's; NULL: the additive model */
    code_options options;
    norm_grid norm;        /* how finely rows tell their scale and offset, as cb->norm has it */
    uint32_t max_level;    /* 1 .. CODEBOOK_LEVEL_MAX: the last whose coefficient fits in 15 bits;
                              exact: the bins */
    uint16_t *coefficient; /* [max_level + 1], [0] = 0; NULL of a cache, as bias */
    uint64_t *level_cum;   /* [classes][max_level + 1] cumulated costs of levels */
    int32_t *bias;         /* [dims] in units of the accumulator */
    uint32_t bias_peak;    /* largest |bias| */
} code_model;

/* MDLA_ERR_CORRUPT where step, exponent, bias or grid leave their ranges, where a joint model is
 * wanted that cb lacks, or codes that aren't cb's, where rows have a scale and cb says that they
 * have none, or the other way round, and likewise a cache; MDLA_ERR_MEMORY. cb must outlive. */
mdla_status code_model_new(const mdla_allocator *al, const codebook *cb, const code_params *params,
                           const code_options *options, code_model **out);
void code_model_free(code_model *m); /* accepts NULL */

/* One row's code, in coding order; buffers belong to whoever fills it. */
typedef struct row_code {
    bool starts_passage; /* told to be, or the first of its block */
    uint32_t count;
    uint32_t *feature; /* [width] */
    int32_t *level;    /* [width] above zero, of signed codes any but zero; of a cache: words
                          (strengths.h) */
    row_norm norm;     /* where rows have one */
} row_code;

/* What coding a row under the joint model works with, carried from row to row of a block. */
typedef struct row_context {
    const mdla_allocator *al;
    joint_row row;
    uint32_t *active; /* [width] ranks active in the row, those of the row before until it starts */
    uint8_t *logit_class; /* [width] of each of active */
    uint32_t count;       /* of active */
    bool has_previous;    /* active holds the previous row of the same passage */
} row_context;

/* Takes no memory for an additive model. MDLA_ERR_MEMORY. */
mdla_status row_context_new(const mdla_allocator *al, const code_model *m, row_context *c);
void row_context_free(row_context *c);

/* A block's coder state beside the range coder. */
static inline survival_line code_model_rates(const code_model *m, uint32_t scale)
{
    return (survival_line){m->cb->survival, m->cb->rate_cum, m->cb->width, scale,
                           survival_window(scale)};
}

static inline joint_line code_model_flags(const code_model *m, joint_row *row, uint32_t scale)
{
    return (joint_line){row, m->cb->survival, scale, survival_window(scale)};
}

/* Levels above zero, or the magnitudes of those below. scale: joint_level_scale of the feature in
 * its row; SURVIVAL_SCALE_ONE under the additive model. */
static inline survival_line code_model_levels(const code_model *m, uint32_t feature, bool negative,
                                              uint32_t scale)
{
    const codebook *cb = m->cb;
    const size_t level_class = cb->level_class[(size_t)feature * cb->signs + negative];

    return (survival_line){m->cb->survival, m->level_cum + level_class * (m->max_level + 1),
                           m->max_level, scale, survival_window(scale)};
}

/* The codewords of a stage; the last is the one where none of the others is. Their rates are those
 * of each given that none before it is the one. */
static inline survival_line code_model_choices(const code_model *m, uint32_t stage)
{
    const uint32_t codewords = m->cb->width / m->cb->basis.stages;

    return (survival_line){m->cb->survival, m->cb->rate_cum + (size_t)stage * codewords,
                           codewords - 1, SURVIVAL_SCALE_ONE, survival_window(SURVIVAL_SCALE_ONE)};
}

/* P(a level is below zero), in units of 2^-22. */
static inline uint32_t code_model_negative(const code_model *m, uint32_t feature)
{
    const uint32_t one = UINT32_C(1) << RANGE_BIT_BITS;
    const uint64_t positive =
        survival_of(m->cb->survival, survival_cost[m->cb->negative[feature]]) >>
        (SURVIVAL_BITS - RANGE_BIT_BITS);

    return positive == 0 ? one - 1 : positive >= one ? 1 : one - (uint32_t)positive;
}

/* Coefficient of a level, with its sign. */
static inline int32_t code_model_coefficient(const code_model *m, int32_t level)
{
    return level < 0 ? -(int32_t)m->coefficient[-level] : (int32_t)m->coefficient[level];
}

/* Passage starts: a context by the rows since the last start, so that usual lengths are learnt. */
#define PASSAGE_CONTEXTS 12

typedef struct passage_model {
    adaptive_bit starts[PASSAGE_CONTEXTS];
    uint32_t age; /* rows since the last start */
} passage_model;

static inline passage_model passage_model_initial(void)
{
    passage_model p = {.age = 0};

    for (unsigned i = 0; i < PASSAGE_CONTEXTS; i++)
        p.starts[i] = (adaptive_bit){UINT32_C(1) << 27, 15}; /* 1 in 32 at first */
    return p;
}

static inline adaptive_bit *passage_context(passage_model *p)
{
    unsigned i = 0;

    while (i + 1 < PASSAGE_CONTEXTS && p->age >> i > 1)
        i++;
    return &p->starts[i];
}

#define BLOCK_HEADER_NBYTES 4 /* u16 rows - 1, u16 scale of the costs of features */
#define BLOCK_ROWS_MAX 65536
#define BLOCK_ROWS_DEFAULT 1024

#endif
