#include "block/block_decoder.h"

#include "block/strengths.h"
#include "entropy/survival_decoder.h"
#include "joint/joint_decoder.h"
#include "rangecoder/number_decoder.h"

#include <math.h>

mdla_status block_decoder_start(block_decoder *b, const code_model *model, row_context *context,
                                const uint8_t *payload, size_t nbytes)
{
    if (nbytes < BLOCK_HEADER_NBYTES)
        return MDLA_ERR_TRUNCATED;
    b->model = model;
    b->context = context;
    b->passage = passage_model_initial();
    if (model->norm.coded)
        row_norm_model_init(&b->norm, model->cb, &model->norm);
    b->negative = adaptive_bit_initial();
    b->first = true;
    b->row_count = (uint32_t)(payload[0] | payload[1] << 8) + 1;
    b->scale = (uint32_t)(payload[2] | payload[3] << 8);
    if (b->scale == 0 ||
        (model->cb->basis.kind == CODEBOOK_CHOICES && b->scale != SURVIVAL_SCALE_ONE))
        return MDLA_ERR_CORRUPT;
    range_decoder_init(&b->range, payload + BLOCK_HEADER_NBYTES, nbytes - BLOCK_HEADER_NBYTES);
    return MDLA_OK;
}

/* What a bit of probability p / 2^22 to be 1 is charged. */
static double bit_charge(uint32_t p, bool bit)
{
    return RANGE_BIT_BITS - log2((double)(bit ? p : (UINT32_C(1) << RANGE_BIT_BITS) - p));
}

/* bits (may be NULL) grows by what the model charged. */
static bool decode_bit(block_decoder *b, adaptive_bit *context, double *bits)
{
    const uint32_t p = adaptive_bit_p(context);
    const bool bit = adaptive_bit_decode(&b->range, context) != 0;

    if (bits != NULL)
        *bits += bit_charge(p, bit);
    return bit;
}

/* The first row of a block starts afresh whatever its flag says. */
static void decode_passage(block_decoder *b, row_code *code, row_bits *bits)
{
    bool starts = false;

    if (bits != NULL)
        bits->passage = 0.0;
    if (b->model->options.passages) {
        starts = decode_bit(b, passage_context(&b->passage), bits != NULL ? &bits->passage : NULL);
        b->passage.age = starts ? 0 : b->passage.age + 1;
    }
    code->starts_passage = starts;
    b->context->has_previous = !b->first && !starts;
    b->first = false;
}

/* A number that no encoder writes makes the payload bad; it is then 0. */
static int32_t decode_tracked(range_decoder *d, tracked_number *n, int64_t limit)
{
    const int64_t magnitude = golomb_decode(d, &n->size);
    const bool negative = magnitude != 0 && adaptive_bit_decode(d, &n->sign) != 0;
    int64_t value = tracked_expected(n) + (negative ? -magnitude : magnitude);

    if (value < -limit || value > limit) {
        d->bad = true;
        value = 0;
    }
    tracked_update(n, value);
    return (int32_t)value;
}

static void decode_norm(block_decoder *b, row_code *code, row_bits *bits)
{
    const code_model *m = b->model;
    const unsigned first = code->starts_passage ? 1 : 0;
    const range_decoder before = b->range;

    code->norm = (row_norm){0};
    if (bits != NULL)
        bits->norm = 0.0;
    if (!m->norm.coded)
        return;
    code->norm.zero = adaptive_bit_decode(&b->range, &b->norm.zero[first]) != 0;
    if (!code->norm.zero)
        code->norm.scale = decode_tracked(&b->range, &b->norm.scale[first],
                                          (int64_t)NORM_OCTAVES << m->norm.scale_bits);
    if (m->cb->norm == ROW_NORM_SCALE_OFFSET)
        code->norm.offset = decode_tracked(&b->range, &b->norm.offset[first], ROW_OFFSET_LIMIT - 1);
    if (bits != NULL)
        bits->norm = range_decoder_spent(&before, &b->range);
}

static void decode_additive(block_decoder *b, row_code *code, row_bits *bits)
{
    const codebook *cb = b->model->cb;
    const survival_line rates = code_model_rates(b->model, b->scale);
    uint32_t rank = 0;

    for (;;) {
        double charged = 0.0;

        rank = survival_decode(&b->range, &rates, rank, bits != NULL ? &charged : NULL);
        if (bits != NULL)
            *(rank == cb->width ? &bits->end : &bits->index[code->count]) = charged;
        if (rank == cb->width)
            return;
        code->feature[code->count++] = cb->order[rank++];
    }
}

static void decode_joint(block_decoder *b, row_code *code, row_bits *bits)
{
    const codebook *cb = b->model->cb;
    row_context *c = b->context;
    const joint_line line = code_model_flags(b->model, &c->row, b->scale);
    uint32_t rank = 0;

    joint_row_start(&c->row, c->has_previous ? c->active : NULL, c->count);
    for (;;) {
        double charged = 0.0;

        rank = joint_decode(&b->range, &line, rank, bits != NULL ? &charged : NULL);
        if (bits != NULL)
            *(rank == cb->width ? &bits->end : &bits->index[code->count]) = charged;
        if (rank == cb->width)
            break;
        c->logit_class[code->count] = joint_logit_class(c->row.logit[rank]);
        joint_row_hit(&c->row, rank);
        c->active[code->count] = rank;
        code->feature[code->count++] = cb->order[rank++];
    }
    c->count = code->count;
}

/* What the costs of the i-th active feature's levels are multiplied by. */
static uint32_t level_scale(const block_decoder *b, const row_code *code, uint32_t i)
{
    return b->model->joint == NULL ? SURVIVAL_SCALE_ONE
                                   : joint_level_scale(b->model->joint, b->context->logit_class[i],
                                                       joint_count_class(code->count));
}

/* The level of a feature's line; what no encoder writes makes the payload bad. */
static uint32_t decode_level(block_decoder *b, const survival_line *levels, double *bits)
{
    const uint32_t level = survival_decode(&b->range, levels, 0, bits) + 1;

    if (level <= b->model->max_level)
        return level;
    b->range.bad = true; /* past the last level */
    return b->model->max_level;
}

/* One of count places that are all alike. */
static uint32_t decode_place(block_decoder *b, uint32_t count, double *bits)
{
    const uint64_t size = (UINT64_C(1) << SURVIVAL_BITS) / count;
    uint64_t place;

    if (count == 1)
        return 0;
    place = range_decoder_peek(&b->range, SURVIVAL_BITS) / size;
    if (place >= count) {
        b->range.bad = true;
        return 0;
    }
    survival_take(&b->range, place * size, size, bits);
    return (uint32_t)place;
}

/* The strength of a cache's feature as a word, from its level or bin. */
static uint32_t decode_strength(block_decoder *b, uint32_t level, double *bits)
{
    const code_model *m = b->model;
    uint32_t word = level, first;

    if (m->options.exact) {
        const uint32_t count = strength_places(m, level - 1, &first);

        if (count == 0) /* no float32 with so many zeros lies in this bin */
            b->range.bad = true;
        else
            word = (first + decode_place(b, count, bits)) << m->options.zeros;
    }
    if (m->options.has_signs && decode_bit(b, &b->negative, bits))
        word |= STRENGTH_SIGN;
    return word;
}

static void decode_choices(block_decoder *b, row_code *code, row_bits *bits)
{
    const codebook *cb = b->model->cb;
    const uint32_t codewords = cb->width / cb->basis.stages;

    for (uint32_t s = 0; s < cb->basis.stages; s++) {
        const survival_line line = code_model_choices(b->model, s);
        double charged = 0.0;

        code->feature[s] =
            s * codewords + survival_decode(&b->range, &line, 0, bits != NULL ? &charged : NULL);
        code->level[s] = 1;
        if (bits != NULL) {
            bits->index[s] = charged;
            bits->level[s] = 0.0;
        }
    }
    code->count = cb->basis.stages;
    if (bits != NULL)
        bits->end = 0.0;
}

/* The level of the row's i-th feature, or what a cache has in its place. */
static void decode_value(block_decoder *b, row_code *code, uint32_t i, row_bits *bits)
{
    const code_model *m = b->model;
    double charged = 0.0, *const counted = bits != NULL ? &charged : NULL;
    bool negative = false;
    uint32_t level;

    if (m->cb->signs == 2) {
        const uint32_t p = code_model_negative(m, code->feature[i]);

        negative = range_decoder_bit(&b->range, p) != 0;
        charged = bits != NULL ? bit_charge(p, negative) : 0.0;
    }
    const survival_line levels =
        code_model_levels(m, code->feature[i], negative, level_scale(b, code, i));

    level = decode_level(b, &levels, counted);
    if (m->options.cache)
        level = decode_strength(b, level, counted);
    code->level[i] = negative ? -(int32_t)level : (int32_t)level;
    if (bits == NULL)
        return;
    bits->level[i] = charged;
    if (m->cb->signs == 2) { /* that it isn't zero is news of the level */
        bits->level[i] += bits->index[i];
        bits->index[i] = 0.0;
    }
}

void block_decoder_row(block_decoder *b, row_code *code, row_bits *bits)
{
    code->count = 0;
    decode_passage(b, code, bits);
    decode_norm(b, code, bits);
    if (b->model->cb->basis.kind == CODEBOOK_CHOICES) {
        decode_choices(b, code, bits);
        return;
    }
    if (b->model->joint != NULL)
        decode_joint(b, code, bits);
    else
        decode_additive(b, code, bits);
    for (uint32_t i = 0; i < code->count; i++)
        decode_value(b, code, i, bits);
}

bool block_decoder_finished(const block_decoder *b)
{
    return range_decoder_finished(&b->range);
}
