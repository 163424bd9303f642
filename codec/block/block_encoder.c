#include "block/block_encoder.h"

#include "base/alloc.h"
#include "block/strengths.h"
#include "entropy/survival_encoder.h"
#include "joint/joint_encoder.h"
#include "rangecoder/number_encoder.h"

#include <math.h>
#include <stdlib.h>

/* A block on its way: its rows' codes by rank, ascending. */
typedef struct block_job {
    const code_model *model;
    const code_rows *codes;
    size_t first, count;
    const uint8_t *starts;
    const row_norm *norms;
    uint64_t *order;      /* of each pair, by row: rank << 32 | place in codes */
    uint32_t *rank;       /* of each pair, as order has it */
    uint8_t *logit_class; /* likewise, joint alone */
    joint_row row;        /* joint alone */
    double *expected;     /* [JOINT_COSTS] probability of a hit, joint alone */
    passage_model passage;
    row_norm_model norm;
    adaptive_bit negative; /* signs of a cache's strengths */
    range_encoder *e;
    block_charge *charge;
} block_job;

static int compare_ranks(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static size_t row_begin(const block_job *j, size_t row)
{
    return j->codes->start[j->first + row] - j->codes->start[j->first];
}

static void sort_rows(block_job *j)
{
    const size_t base = j->codes->start[j->first];

    for (size_t r = 0; r < j->count; r++) {
        const size_t begin = row_begin(j, r), end = row_begin(j, r + 1);

        for (size_t i = begin; i < end; i++)
            j->order[i] =
                (uint64_t)j->model->cb->rank[j->codes->feature[base + i]] << 32 | (base + i);
        qsort(j->order + begin, end - begin, sizeof *j->order, compare_ranks);
        for (size_t i = begin; i < end; i++)
            j->rank[i] = (uint32_t)(j->order[i] >> 32);
    }
}

/* The logits of a row as far as the rows before it decide them. */
static void start_row(block_job *j, size_t row)
{
    const bool alone = row == 0 || (j->starts != NULL && j->starts[row] != 0);
    const size_t before = alone ? 0 : row_begin(j, row - 1);

    joint_row_start(&j->row, alone ? NULL : j->rank + before,
                    alone ? 0 : row_begin(j, row) - before);
}

static double expect_joint(block_job *j)
{
    const uint32_t width = j->model->cb->width;
    double expected = 0.0;

    for (int i = 0; i < JOINT_COSTS; i++)
        j->expected[i] = 1.0 / (1.0 + exp2((double)(i - JOINT_COST_TOP) / JOINT_UNIT));
    for (size_t r = 0; r < j->count; r++) {
        start_row(j, r);
        for (size_t i = row_begin(j, r); i < row_begin(j, r + 1); i++)
            joint_row_hit(&j->row, j->rank[i]);
        joint_row_ready(&j->row, width);
        for (uint32_t k = 0; k < width; k++) {
            const int32_t index = JOINT_COST_TOP - j->row.logit[k];

            expected += j->expected[index < 0 ? 0 : index < JOINT_COSTS ? index : JOINT_COSTS - 1];
        }
    }
    return expected;
}

/* How many times as often as the model says features fire here, in 1/4,096: the block's correction.
 */
static uint32_t cost_scale(block_job *j)
{
    const codebook *cb = j->model->cb;
    double expected = 0.0, scale;

    if (j->model->cb->basis.kind == CODEBOOK_CHOICES)
        return SURVIVAL_SCALE_ONE;
    if (j->model->joint != NULL)
        expected = expect_joint(j);
    else
        for (uint32_t k = 0; k < cb->width; k++)
            expected +=
                (double)j->count / (1.0 + exp2((cb->rate_index[k] - RATE_INDEX_EVEN) / 8.0));
    scale = round(SURVIVAL_SCALE_ONE * ((double)row_begin(j, j->count) + 1.0) / (expected + 1.0));
    return scale < 1.0 ? 1 : scale > 65535.0 ? 65535 : (uint32_t)scale;
}

static void encode_passage(block_job *j, size_t row)
{
    const unsigned starts = j->starts != NULL && j->starts[row] != 0;

    j->charge->flags += adaptive_bit_encode(j->e, passage_context(&j->passage), starts);
    j->passage.age = starts ? 0 : j->passage.age + 1;
}

static double encode_tracked(range_encoder *e, tracked_number *n, int64_t value)
{
    const int64_t miss = value - tracked_expected(n);
    double bits = golomb_encode(e, &n->size, (uint32_t)(miss < 0 ? -miss : miss));

    if (miss != 0)
        bits += adaptive_bit_encode(e, &n->sign, miss < 0);
    tracked_update(n, value);
    return bits;
}

static void encode_norm(block_job *j, size_t row)
{
    const row_norm *n = &j->norms[row];
    const unsigned first = j->model->options.passages && j->starts != NULL && j->starts[row] != 0;

    j->charge->norms += adaptive_bit_encode(j->e, &j->norm.zero[first], n->zero);
    if (!n->zero)
        j->charge->norms += encode_tracked(j->e, &j->norm.scale[first], n->scale);
    if (j->model->cb->norm == ROW_NORM_SCALE_OFFSET)
        j->charge->norms += encode_tracked(j->e, &j->norm.offset[first], n->offset);
}

static void encode_additive(block_job *j, uint32_t scale, size_t begin, size_t end)
{
    const survival_line rates = code_model_rates(j->model, scale);
    uint32_t next = 0;

    for (size_t i = begin; i < end; i++) {
        j->charge->flags += survival_encode(j->e, &rates, next, j->rank[i]);
        next = j->rank[i] + 1;
    }
    j->charge->flags += survival_encode(j->e, &rates, next, j->model->cb->width);
}

static void encode_joint(block_job *j, uint32_t scale, size_t row)
{
    const joint_line line = code_model_flags(j->model, &j->row, scale);
    const size_t end = row_begin(j, row + 1);
    uint32_t next = 0;

    start_row(j, row);
    for (size_t i = row_begin(j, row); i < end; i++) {
        j->charge->flags += joint_encode(j->e, &line, next, j->rank[i]);
        j->logit_class[i] = joint_logit_class(j->row.logit[j->rank[i]]);
        joint_row_hit(&j->row, j->rank[i]);
        next = j->rank[i] + 1;
    }
    j->charge->flags += joint_encode(j->e, &line, next, j->model->cb->width);
}

/* The strength of a cache's feature from its word. */
static void encode_strength(block_job *j, const survival_line *levels, uint32_t word)
{
    const code_model *m = j->model;
    uint32_t level = word & ~STRENGTH_SIGN, first, count;

    if (m->options.exact) {
        const uint32_t b = strength_bin(m->cb, level);

        j->charge->levels += survival_encode(j->e, levels, 0, b);
        count = strength_places(m, b, &first);
        if (count > 1) {
            const uint64_t size = (UINT64_C(1) << SURVIVAL_BITS) / count;

            j->charge->levels +=
                survival_put(j->e, ((level >> m->options.zeros) - first) * size, size);
        }
    } else {
        j->charge->levels += survival_encode(j->e, levels, 0, level - 1);
    }
    if (m->options.has_signs)
        j->charge->levels += adaptive_bit_encode(j->e, &j->negative, (word & STRENGTH_SIGN) != 0);
}

static void encode_choices(block_job *j, size_t begin)
{
    const codebook *cb = j->model->cb;
    const uint32_t codewords = cb->width / cb->basis.stages;

    for (uint32_t s = 0; s < cb->basis.stages; s++) {
        const survival_line line = code_model_choices(j->model, s);

        j->charge->flags += survival_encode(j->e, &line, 0, j->rank[begin + s] - s * codewords);
    }
}

static void encode_level(block_job *j, uint32_t feature, int32_t level, uint32_t scale)
{
    const bool negative = level < 0;
    const survival_line levels = code_model_levels(j->model, feature, negative, scale);

    if (j->model->cb->signs == 2) {
        const uint32_t p = code_model_negative(j->model, feature);

        range_encoder_bit(j->e, negative, p);
        j->charge->levels += RANGE_BIT_BITS - log2(negative ? p : (1u << RANGE_BIT_BITS) - p);
    }
    j->charge->levels += survival_encode(j->e, &levels, 0, (uint32_t)abs(level) - 1);
}

/* A row: its features in coding order, then their levels. */
static void encode_row(block_job *j, uint32_t scale, size_t row)
{
    const size_t begin = row_begin(j, row), end = row_begin(j, row + 1);

    if (j->model->options.passages)
        encode_passage(j, row);
    if (j->model->norm.coded)
        encode_norm(j, row);
    if (j->model->cb->basis.kind == CODEBOOK_CHOICES) {
        encode_choices(j, begin);
        return;
    }
    if (j->model->joint != NULL)
        encode_joint(j, scale, row);
    else
        encode_additive(j, scale, begin, end);
    for (size_t i = begin; i < end; i++) {
        const size_t at = (size_t)(j->order[i] & UINT32_MAX);
        const uint32_t level_scale =
            j->model->joint == NULL ? SURVIVAL_SCALE_ONE
                                    : joint_level_scale(j->model->joint, j->logit_class[i],
                                                        joint_count_class((uint32_t)(end - begin)));

        if (j->model->options.cache) {
            const survival_line levels =
                code_model_levels(j->model, j->codes->feature[at], false, level_scale);

            encode_strength(j, &levels, (uint32_t)j->codes->level[at]);
            continue;
        }
        encode_level(j, j->codes->feature[at], j->codes->level[at], level_scale);
    }
}

static mdla_status encode(block_job *j, uint8_t header[BLOCK_HEADER_NBYTES])
{
    uint32_t scale;

    sort_rows(j);
    scale = cost_scale(j);
    header[0] = (uint8_t)(j->count - 1);
    header[1] = (uint8_t)((j->count - 1) >> 8);
    header[2] = (uint8_t)scale;
    header[3] = (uint8_t)(scale >> 8);
    range_encoder_start(j->e, j->model->al);
    if (j->model->norm.coded)
        row_norm_model_init(&j->norm, j->model->cb, &j->model->norm);
    for (size_t r = 0; r < j->count; r++)
        encode_row(j, scale, r);
    return range_encoder_finish(j->e);
}

mdla_status block_encode(const code_model *model, const code_rows *codes, size_t first,
                         size_t count, const uint8_t *starts, const row_norm *norms,
                         uint8_t header[BLOCK_HEADER_NBYTES], range_encoder *e,
                         block_charge *charge)
{
    const size_t active = codes->start[first + count] - codes->start[first];
    const bool joint = model->joint != NULL;
    block_job j = {.model = model,
                   .codes = codes,
                   .first = first,
                   .count = count,
                   .starts = starts,
                   .norms = norms,
                   .order = alloc_array(model->al, active, sizeof *j.order),
                   .rank = alloc_array(model->al, active, sizeof *j.rank),
                   .logit_class = alloc_array(model->al, joint ? active : 0, 1),
                   .expected = alloc_array(model->al, joint ? JOINT_COSTS : 0, sizeof *j.expected),
                   .passage = passage_model_initial(),
                   .negative = adaptive_bit_initial(),
                   .e = e,
                   .charge = charge};
    mdla_status status = MDLA_ERR_MEMORY;

    *charge = (block_charge){0};
    if (j.order != NULL && j.rank != NULL && j.logit_class != NULL && j.expected != NULL &&
        (!joint || joint_row_new(model->al, model->joint, &j.row) == MDLA_OK))
        status = encode(&j, header);
    alloc_free(model->al, j.order);
    alloc_free(model->al, j.rank);
    alloc_free(model->al, j.logit_class);
    joint_row_free(&j.row);
    alloc_free(model->al, j.expected);
    return status;
}
