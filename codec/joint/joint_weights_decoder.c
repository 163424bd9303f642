#include "joint/joint_weights_decoder.h"

#include "base/alloc.h"
#include "joint/joint_weights_common.h"
#include "rangecoder/number_decoder.h"

#include <string.h>

typedef struct weights_in {
    joint_model *m;
    range_decoder d;
    joint_contexts *contexts;
    uint32_t *entry; /* [width] of the source at hand */
} weights_in;

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static mdla_status decode_bases(weights_in *in, const uint8_t *rate_index, const uint32_t *order)
{
    for (uint32_t r = 0; r < in->m->width; r++) {
        int64_t base = RATE_INDEX_EVEN - (int64_t)rate_index[order[r]];
        const int64_t magnitude = golomb_decode(&in->d, &in->contexts->base);

        if (magnitude != 0)
            base += adaptive_bit_decode(&in->d, &in->contexts->base_negative) != 0 ? -magnitude
                                                                                   : magnitude;
        if (base < JOINT_BASE_LEAST || base > JOINT_BASE_MOST)
            return MDLA_ERR_CORRUPT;
        in->m->base[r] = (int16_t)(base * JOINT_BASE_UNIT);
    }
    return MDLA_OK;
}

/* One source's weights: targets first .. width - 1. most: that may still come. */
static mdla_status decode_list(weights_in *in, joint_list_contexts *c, uint32_t first,
                               uint64_t most, uint32_t *count)
{
    uint32_t at = first, *entry = in->entry;

    *count = golomb_decode(&in->d, &c->count);
    if (*count > in->m->width - first || *count > most)
        return MDLA_ERR_CORRUPT;
    for (uint32_t left = *count; left != 0; left--) {
        const uint32_t places = in->m->width - at - left; /* more than these can't be passed over */
        const uint32_t gap = golomb_decode(&in->d, &c->gap[joint_gap_context(places + left, left)]);
        const uint32_t magnitude = golomb_decode(&in->d, &c->magnitude);
        const bool negative = adaptive_bit_decode(&in->d, &c->negative) != 0;

        if (gap > places || magnitude >= JOINT_WEIGHT_MOST)
            return MDLA_ERR_CORRUPT;
        at += gap;
        *entry++ = joint_entry(at++, negative ? -(int)magnitude - 1 : (int)magnitude + 1);
    }
    return MDLA_OK;
}

/* All weights of a kind. count: how many, as the header says. */
static mdla_status decode_lists(weights_in *in, joint_list_contexts *c, joint_weights *w,
                                uint64_t count, bool within)
{
    for (uint32_t r = 0; r < in->m->width; r++) {
        uint32_t got;

        MDLA_TRY(decode_list(in, c, within ? r + 1 : 0, count - w->count, &got));
        MDLA_TRY(joint_weights_append(in->m->al, w, in->entry, got));
        if (in->d.pos > in->d.nbytes + RANGE_STATE_NBYTES) /* zeros past the end decode for ever */
            return MDLA_ERR_CORRUPT;
    }
    return w->count == count ? MDLA_OK : MDLA_ERR_CORRUPT;
}

static mdla_status decode(weights_in *in, const uint8_t *rate_index, const uint32_t *order,
                          const uint8_t *payload, size_t nbytes, uint64_t max_nbytes)
{
    joint_model *m = in->m;
    uint64_t within, before;

    if (nbytes < JOINT_HEADER_NBYTES)
        return MDLA_ERR_TRUNCATED;
    m->shift = payload[0];
    m->has_before = payload[1] == 1;
    within = u32_at(payload + 4);
    before = u32_at(payload + 8);
    if (m->shift > JOINT_SHIFT_MOST || payload[1] > 1 || payload[2] != 0 || payload[3] != 0 ||
        u32_at(payload + 12) != 0)
        return MDLA_ERR_UNSUPPORTED;
    if (!m->has_before && before != 0)
        return MDLA_ERR_CORRUPT;
    /* An entry takes some bits of payload: what it lacks needs no memory. */
    if (within + before > 64 * (uint64_t)nbytes)
        return MDLA_ERR_CORRUPT;
    if (joint_weights_memory(m->width, within) + joint_weights_memory(m->width, before) >
        max_nbytes)
        return MDLA_ERR_LIMIT;
    memcpy(m->level_by_logit, payload + 16, sizeof m->level_by_logit);
    memcpy(m->level_by_count, payload + 16 + sizeof m->level_by_logit, sizeof m->level_by_count);
    range_decoder_init(&in->d, payload + JOINT_HEADER_NBYTES, nbytes - JOINT_HEADER_NBYTES);
    MDLA_TRY(decode_bases(in, rate_index, order));
    MDLA_TRY(decode_lists(in, &in->contexts->within, &m->within, within, true));
    MDLA_TRY(decode_lists(in, &in->contexts->before, &m->before, before, false));
    return range_decoder_finished(&in->d) ? MDLA_OK : MDLA_ERR_CORRUPT;
}

mdla_status joint_model_decode(const mdla_allocator *al, uint32_t width, const uint8_t *rate_index,
                               const uint32_t *order, const uint8_t *payload, size_t nbytes,
                               uint64_t max_nbytes, joint_model **out)
{
    weights_in in = {.m = joint_model_new(al, width)};
    mdla_status status = MDLA_ERR_MEMORY;

    *out = NULL;
    in.contexts = alloc_array(al, 1, sizeof *in.contexts);
    in.entry = alloc_array(al, width, sizeof *in.entry);
    if (in.m != NULL && in.contexts != NULL && in.entry != NULL) {
        joint_contexts_init(in.contexts);
        status = decode(&in, rate_index, order, payload, nbytes, max_nbytes);
    }
    alloc_free(al, in.contexts);
    alloc_free(al, in.entry);
    if (status == MDLA_OK)
        *out = in.m;
    else
        joint_model_free(in.m);
    return status;
}
