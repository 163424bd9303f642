#include "joint/joint_weights_encoder.h"

#include "base/alloc.h"
#include "rangecoder/number_encoder.h"

#include <string.h>

static void put_u32(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void encode_bases(const joint_model *m, const uint8_t *rate_index, const uint32_t *order,
                         range_encoder *e, joint_contexts *c)
{
    for (uint32_t r = 0; r < m->width; r++) {
        const int change =
            m->base[r] / JOINT_BASE_UNIT - (RATE_INDEX_EVEN - (int)rate_index[order[r]]);

        golomb_encode(e, &c->base, (uint32_t)(change < 0 ? -change : change));
        if (change != 0)
            adaptive_bit_encode(e, &c->base_negative, change < 0);
    }
}

/* entry: scratch [width]. */
static void encode_lists(const joint_weights *w, bool within, uint32_t *entry, range_encoder *e,
                         joint_list_contexts *c)
{
    for (uint32_t r = 0; r < w->width; r++) {
        const uint32_t count = joint_weights_list(w, r, entry);
        uint32_t at = within ? r + 1 : 0;

        golomb_encode(e, &c->count, count);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t target = joint_target(entry[i]);
            const int32_t weight = joint_weight(entry[i]);

            golomb_encode(e, &c->gap[joint_gap_context(w->width - at, count - i)], target - at);
            golomb_encode(e, &c->magnitude, (uint32_t)(weight < 0 ? -weight : weight) - 1);
            adaptive_bit_encode(e, &c->negative, weight < 0);
            at = target + 1;
        }
    }
}

mdla_status joint_model_encode(const joint_model *m, const uint8_t *rate_index,
                               const uint32_t *order, uint8_t header[JOINT_HEADER_NBYTES],
                               range_encoder *e)
{
    joint_contexts *contexts = alloc_array(m->al, 1, sizeof *contexts);
    uint32_t *entry = alloc_array(m->al, m->width, sizeof *entry);
    mdla_status status;

    if (contexts == NULL || entry == NULL) {
        alloc_free(m->al, contexts);
        alloc_free(m->al, entry);
        return MDLA_ERR_MEMORY;
    }
    joint_contexts_init(contexts);
    memset(header, 0, JOINT_HEADER_NBYTES);
    header[0] = (uint8_t)m->shift;
    header[1] = m->has_before;
    put_u32(header + 4, m->within.count);
    put_u32(header + 8, m->before.count);
    memcpy(header + 16, m->level_by_logit, sizeof m->level_by_logit);
    memcpy(header + 16 + sizeof m->level_by_logit, m->level_by_count, sizeof m->level_by_count);
    range_encoder_start(e, m->al);
    encode_bases(m, rate_index, order, e, contexts);
    encode_lists(&m->within, true, entry, e, &contexts->within);
    encode_lists(&m->before, false, entry, e, &contexts->before);
    status = range_encoder_finish(e);
    alloc_free(m->al, contexts);
    alloc_free(m->al, entry);
    return status;
}
