/* What a file's bits say: codes with their prices, and the sums over the file (accounting). */
#include "decoder.h"

#include "base/alloc.h"
#include "block/strengths.h"
#include "synthesis/synthesis.h"

#include <math.h>
#include <string.h>

mdla_status bit_visit_start(bit_visit *v, mdla_decoder *d, mdla_error *err)
{
    const uint32_t width = d->header.width;

    *v = (bit_visit){.d = d};
    MDLA_TRY(decoder_need_codebook(d, err));
    if (!d->seekable)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: codes of a pipe can't be looked up: save it to a file", d->name);
    v->bits.index = alloc_array(v->d->al, width, sizeof *v->bits.index);
    v->bits.level = alloc_array(v->d->al, width, sizeof *v->bits.level);
    v->coded = alloc_array(v->d->al, width, sizeof *v->coded);
    if (row_code_new(v->d->al, width, &v->code) != MDLA_OK ||
        row_context_new(v->d->al, v->d->model, &v->context) != MDLA_OK || v->bits.index == NULL ||
        v->bits.level == NULL || v->coded == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its codes", d->name);
    return MDLA_OK;
}

void bit_visit_end(bit_visit *v)
{
    chunk_free(v->d->al, &v->c);
    row_code_free(v->d->al, &v->code);
    row_context_free(&v->context);
    alloc_free(v->d->al, v->bits.index);
    alloc_free(v->d->al, v->bits.level);
    alloc_free(v->d->al, v->coded);
}

const char *mdla_bit_class_name(mdla_bit_class bit_class)
{
    static const char *const names[MDLA_BITS_CLASSES] = {
        "container",       "atoms",   "bias",      "priors",   "row headers", "passages",
        "row norms",       "indices", "levels",    "residual", "index",       "tokens",
        "passage numbers", "hook",    "ancillary", "postings", "coder"};

    return (unsigned)bit_class < MDLA_BITS_CLASSES ? names[bit_class] : NULL;
}

int32_t decoder_level(const mdla_decoder *d, int32_t word)
{
    if (d->header.code.exact)
        return 0;
    return d->header.code.cache ? (int32_t)((uint32_t)word & ~STRENGTH_SIGN) : word;
}

double decoder_strength(const mdla_decoder *d, int32_t word)
{
    const quant_step step = d->model->params.step;

    if (d->header.code.cache)
        return (double)strength_value(d->model, (uint32_t)word);
    return quant_step_value(step) * 256.0 / step.mantissa * code_model_coefficient(d->model, word);
}

/* What a row's strengths are in units of. */
static double row_scale(const code_model *m, const row_norm *n)
{
    if (!m->norm.coded || n->zero)
        return m->norm.coded ? 0.0 : 1.0;
    return ldexp(row_scale_mantissa(m->cb->survival, n->scale, m->norm.scale_bits),
                 row_scale_octave(n->scale, m->norm.scale_bits) - ROW_MANTISSA_BITS);
}

/* One decoded row to its visitor's form. */
static void describe_row(bit_visit *v, mdla_symbol_bits *sum)
{
    const double scale = row_scale(v->d->model, &v->code.norm);
    const bool is_signed = v->d->model->cb->signs == 2;

    *sum = (mdla_symbol_bits){v->code.starts_passage,
                              v->bits.passage,
                              v->bits.norm,
                              is_signed ? 0.0 : v->bits.end,
                              0.0,
                              is_signed ? v->bits.end : 0.0};
    for (uint32_t i = 0; i < v->code.count; i++) {
        const int32_t level = v->code.level[i];
        const double strength = decoder_strength(v->d, level);

        v->coded[i] = (mdla_coded_feature){.feature = v->code.feature[i],
                                           .level = decoder_level(v->d, level),
                                           .strength = strength,
                                           .amount = strength * scale,
                                           .index_bits = v->bits.index[i],
                                           .level_bits = v->bits.level[i]};
        sum->indices += v->bits.index[i];
        sum->levels += v->bits.level[i];
    }
}

static mdla_status damaged(const mdla_decoder *d, const block_entry *entry, mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT,
                     "%s: block at byte %llu can't be decoded: the file is damaged", d->name,
                     (unsigned long long)entry->offset);
}

mdla_status bit_visit_check(bit_visit *v, const block_entry *entry, row_watcher watch, void *ctx,
                            mdla_error *err)
{
    mdla_decoder *d = v->d;
    block_decoder b;

    MDLA_TRY(chunk_seek(&d->r, entry->offset, err));
    MDLA_TRY(chunk_read(&d->r, &v->c, NULL, err));
    if (v->c.type != CHUNK_BLOCK ||
        block_decoder_start(&b, d->model, &v->context, v->c.payload, v->c.nbytes) != MDLA_OK ||
        b.row_count != entry->rows)
        return damaged(d, entry, err);
    for (uint32_t r = 0; r < b.row_count; r++) {
        block_decoder_row(&b, &v->code, watch != NULL ? &v->bits : NULL);
        if (b.range.bad || (!d->header.code.cache && !synthesis_fits(d->model, &v->code)))
            return damaged(d, entry, err);
        if (watch != NULL)
            watch(ctx, v, entry->first_row + r);
    }
    return block_decoder_finished(&b) ? MDLA_OK : damaged(d, entry, err);
}

/* What every feature's flag of the row just decoded costs, absences too. */
static void add_flags(bit_visit *v, uint32_t scale)
{
    const code_model *m = v->d->model;
    const codebook *cb = m->cb;
    uint32_t hit = 0;

    if (m->joint != NULL)
        joint_row_ready(&v->context.row, cb->width);
    for (uint32_t rank = 0; rank < cb->width; rank++) {
        const uint32_t feature = cb->order[rank];
        const uint32_t cost = m->joint != NULL ? joint_cost(m->joint, v->context.row.logit[rank])
                                               : survival_cost[cb->rate_index[feature]];
        const double off = ldexp((double)cost * scale / SURVIVAL_SCALE_ONE, -COST_BITS);
        const bool active = hit < v->code.count && v->code.feature[hit] == feature;

        v->flags[feature].coded += active ? -log2(1.0 - exp2(-off)) : off;
        hit += active;
    }
}

static mdla_status visit_block(bit_visit *v, const block_entry *entry, uint64_t first, uint64_t end,
                               mdla_row_visitor visitor, void *ctx, bool *stop, mdla_error *err)
{
    block_decoder b;

    MDLA_TRY(bit_visit_check(v, entry, NULL, NULL, err));
    MDLA_TRY(block_decoder_start(&b, v->d->model, &v->context, v->c.payload, v->c.nbytes));
    for (uint32_t r = 0; r < b.row_count && !*stop; r++) {
        const uint64_t row = entry->first_row + r;
        mdla_symbol_bits sum;

        block_decoder_row(&b, &v->code, &v->bits);
        if (row < first || row >= end)
            continue;
        describe_row(v, &sum);
        if (v->flags != NULL)
            add_flags(v, b.scale);
        *stop = visitor(ctx, row, v->coded, v->code.count, &sum) != 0;
    }
    return MDLA_OK;
}

static mdla_status visit(bit_visit *v, uint64_t first, uint64_t end, mdla_row_visitor visitor,
                         void *ctx, mdla_error *err)
{
    mdla_decoder *d = v->d;
    bool stop = false;

    for (uint64_t b = 0; b < d->tail.blocks && !stop; b++) {
        const block_entry *entry = &d->index[b];

        if (entry->first_row < end && entry->first_row + entry->rows > first)
            MDLA_TRY(visit_block(v, entry, first, end, visitor, ctx, &stop, err));
    }
    return MDLA_OK;
}

mdla_status mdla_decoder_visit_rows(mdla_decoder *d, uint64_t first, uint64_t count,
                                    mdla_row_visitor visitor, void *ctx, mdla_error *err)
{
    bit_visit v;
    mdla_status status;

    if (d->seekable &&
        (first > d->tail.rows || (count != MDLA_UNKNOWN && count > d->tail.rows - first)))
        return error_set(err, MDLA_ERR_ARGUMENT, "%s: rows %llu and on: there are %llu", d->name,
                         (unsigned long long)first, (unsigned long long)d->tail.rows);
    status = bit_visit_start(&v, d, err);
    if (status == MDLA_OK)
        status = visit(&v, first, count == MDLA_UNKNOWN ? d->tail.rows : first + count, visitor,
                       ctx, err);
    bit_visit_end(&v);
    return status;
}

/* Sums over rows, and what a block's features would cost if they were independent. */
typedef struct account_visit {
    const mdla_decoder *d;
    mdla_account *account;
    mdla_feature_flags *flags; /* as in bit_visit */
    uint32_t *fired;           /* [width] times in the block under way */
    uint64_t block;
} account_visit;

/* The additive model's bits of a block's flags at the correction that suits it. */
static double additive_bits(const account_visit *v, uint32_t rows)
{
    const codebook *cb = v->d->used.cb;
    double expected = 0.0, active = 0.0, bits = 0.0;

    for (uint32_t f = 0; f < cb->width; f++) {
        expected += rows / (1.0 + exp2((cb->rate_index[f] - RATE_INDEX_EVEN) / 8.0));
        active += v->fired[f];
    }
    const double scale = (active + 1.0) / (expected + 1.0);

    for (uint32_t f = 0; f < cb->width; f++) {
        const double off = ldexp((double)survival_cost[cb->rate_index[f]] * scale, -COST_BITS);

        double own = (rows - v->fired[f]) * off;

        if (v->fired[f] != 0)
            own -= v->fired[f] * log2(1.0 - exp2(-off));
        if (v->flags != NULL)
            v->flags[f].additive += own;
        bits += own;
    }
    return bits;
}

static int add_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                   const mdla_symbol_bits *bits)
{
    account_visit *v = ctx;
    mdla_account *a = v->account;
    const block_entry *entry = &v->d->index[v->block];

    a->active += count;
    a->bits[MDLA_BITS_PASSAGES] += bits->passage;
    a->bits[MDLA_BITS_ROW_NORMS] += bits->norm;
    a->bits[MDLA_BITS_INDICES] += bits->header + bits->indices;
    a->bits[MDLA_BITS_LEVELS] += bits->levels;
    for (size_t i = 0; i < count; i++)
        v->fired[code[i].feature]++;
    if (v->d->used.cb->basis.kind != CODEBOOK_SPARSE) {
        a->additive_indices += bits->indices;
    } else if (row + 1 == entry->first_row + entry->rows) {
        a->additive_indices += additive_bits(v, entry->rows);
        memset(v->fired, 0, v->d->header.width * sizeof *v->fired);
        v->block++;
    }
    return 0;
}

/* All that isn't in the blocks' payloads, whose bytes it returns. */
static uint64_t account_frame(const mdla_decoder *d, mdla_account *out)
{
    const codebook *cb = d->own.cb;
    uint64_t payload_nbytes = 0;

    for (uint64_t b = 0; b < d->tail.blocks; b++)
        payload_nbytes += d->index[b].nbytes - CHUNK_FRAME_NBYTES - BLOCK_HEADER_NBYTES;
    out->file_nbytes = d->r.source.nbytes;
    out->marginal_nbytes =
        out->file_nbytes - (d->tokens.nbytes + d->passages.nbytes + d->hook_nbytes +
                            d->postings.nbytes + d->note_nbytes);
    if (d->header.embedded)
        out->marginal_nbytes += CHUNK_FRAME_NBYTES + REFERENCE_NBYTES - d->codebook_nbytes;
    out->rows = d->tail.rows;
    out->bits[MDLA_BITS_ROW_HEADERS] = 8.0 * BLOCK_HEADER_NBYTES * (double)d->tail.blocks;
    out->bits[MDLA_BITS_INDEX] = 8.0 * (double)d->index_nbytes;
    out->bits[MDLA_BITS_TOKENS] = 8.0 * (double)d->tokens.nbytes;
    out->bits[MDLA_BITS_PASSAGE_NUMBERS] = 8.0 * (double)d->passages.nbytes;
    out->bits[MDLA_BITS_HOOK] = 8.0 * (double)d->hook_nbytes;
    out->bits[MDLA_BITS_ANCILLARY] = 8.0 * (double)d->ancillary_nbytes;
    out->bits[MDLA_BITS_POSTINGS] = 8.0 * (double)d->postings.nbytes;
    out->bits[MDLA_BITS_CONTAINER] =
        8.0 * (double)(MAGIC_NBYTES + HEADER_NBYTES + TAIL_NBYTES + 2 * CHUNK_FRAME_NBYTES +
                       d->tail.blocks * CHUNK_FRAME_NBYTES);
    if (cb != NULL) {
        out->bits[MDLA_BITS_CONTAINER] += cb->framing_bits;
        out->bits[MDLA_BITS_ATOMS] = cb->atom_bits;
        out->bits[MDLA_BITS_BIAS] = cb->bias_bits;
        out->bits[MDLA_BITS_PRIORS] = cb->prior_bits + cb->weight_bits;
    } else {
        out->bits[MDLA_BITS_CONTAINER] += 8.0 * (double)d->codebook_nbytes;
    }
    return payload_nbytes;
}

static mdla_status account(mdla_decoder *d, mdla_account *out, mdla_feature_flags *flags,
                           mdla_error *err)
{
    account_visit sums = {.d = d, .account = out, .flags = flags};
    bit_visit v;
    mdla_status status;

    *out = (mdla_account){0};
    status = bit_visit_start(&v, d, err);
    v.flags = flags;
    sums.fired = alloc_zeroed(d->al, d->header.width, sizeof *sums.fired);
    if (status == MDLA_OK)
        status = sums.fired != NULL
                     ? visit(&v, 0, d->tail.rows, add_row, &sums, err)
                     : error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its codes", d->name);
    bit_visit_end(&v);
    alloc_free(d->al, sums.fired);
    if (status != MDLA_OK)
        return status;
    out->charged = out->bits[MDLA_BITS_PASSAGES] + out->bits[MDLA_BITS_ROW_NORMS] +
                   out->bits[MDLA_BITS_INDICES] + out->bits[MDLA_BITS_LEVELS];
    out->bits[MDLA_BITS_CODER] = 8.0 * (double)account_frame(d, out) - out->charged;
    return MDLA_OK;
}

mdla_status mdla_decoder_account_outline(const mdla_decoder *d, mdla_account *out, mdla_error *err)
{
    static const mdla_bit_class coded[] = {MDLA_BITS_PASSAGES, MDLA_BITS_ROW_NORMS,
                                           MDLA_BITS_INDICES, MDLA_BITS_LEVELS, MDLA_BITS_CODER};

    *out = (mdla_account){0};
    if (!d->seekable)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: a pipe's end can't be looked up: save it to a file", d->name);
    out->charged = 8.0 * (double)account_frame(d, out);
    out->additive_indices = (double)NAN;
    for (size_t i = 0; i < sizeof coded / sizeof coded[0]; i++)
        out->bits[coded[i]] = (double)NAN;
    return MDLA_OK;
}

mdla_status mdla_decoder_account(mdla_decoder *d, mdla_account *out, mdla_error *err)
{
    return account(d, out, NULL, err);
}

mdla_status mdla_decoder_feature_flags(mdla_decoder *d, mdla_feature_flags *out, mdla_error *err)
{
    mdla_account all;

    memset(out, 0, d->header.width * sizeof *out);
    return account(d, &all, out, err);
}
