#include "codebook/priors_decoder.h"

#include "base/alloc.h"
#include "codebook/priors_common.h"
#include "rangecoder/number_decoder.h"

static mdla_status decode_bias(codebook *cb, range_decoder *d, priors_contexts *c)
{
    int64_t value = 0;

    for (uint32_t i = 0; i < cb->dims; i++) {
        const int64_t magnitude = golomb_decode(d, &c->bias);

        if (magnitude != 0)
            value += adaptive_bit_decode(d, &c->bias_sign) != 0 ? -magnitude : magnitude;
        if (value <= -(INT64_C(1) << 30) || value >= INT64_C(1) << 30)
            return MDLA_ERR_CORRUPT;
        cb->bias[i] = (int32_t)value;
    }
    return MDLA_OK;
}

/* How a cache's strengths are divided into bins. */
static mdla_status decode_bins(codebook *cb, range_decoder *d, priors_contexts *c)
{
    uint64_t edge = 1;

    cb->hazard_count = golomb_decode(d, &c->edge);
    if (cb->hazard_count == 0 || cb->hazard_count > CODEBOOK_BINS_MAX)
        return MDLA_ERR_CORRUPT;
    cb->edge[0] = 1;
    for (uint32_t b = 1; b < cb->hazard_count; b++) {
        edge += (uint64_t)golomb_decode(d, &c->edge) + 1;
        if (edge >= STRENGTH_END)
            return MDLA_ERR_CORRUPT;
        cb->edge[b] = (uint32_t)edge;
    }
    cb->edge[cb->hazard_count] = STRENGTH_END;
    return MDLA_OK;
}

/* A feature's classes of levels and, where these are signed, its sign's rate. */
static mdla_status decode_classes(codebook *cb, range_decoder *d, priors_contexts *c,
                                  uint32_t feature)
{
    for (uint32_t s = 0; s < cb->signs; s++) {
        const uint8_t level_class = byte_decode(d, &c->level_class[s]);

        if (level_class >= cb->class_count)
            return MDLA_ERR_CORRUPT;
        cb->level_class[(size_t)feature * cb->signs + s] = level_class;
    }
    if (cb->signs == 2)
        cb->negative[feature] = byte_decode(d, &c->negative);
    return cb->negative[feature] <= RATE_INDEX_MAX ? MDLA_OK : MDLA_ERR_CORRUPT;
}

static mdla_status decode_rates_and_levels(codebook *cb, range_decoder *d, priors_contexts *c)
{
    for (uint32_t j = 0; j < cb->width; j++) {
        cb->rate_index[j] = byte_decode(d, &c->rate);
        if (cb->rate_index[j] > RATE_INDEX_MAX)
            return MDLA_ERR_CORRUPT;
    }
    MDLA_TRY(codebook_derive_order(cb));
    if (cb->basis.kind == CODEBOOK_CHOICES)
        return MDLA_OK;
    for (uint32_t k = 0; k < cb->class_count; k++) {
        for (uint32_t l = 0; l < cb->hazard_count; l++) {
            cb->hazard[k][l] = byte_decode(d, &c->hazard[l < 2 ? l : 2]);
            if (cb->hazard[k][l] > RATE_INDEX_MAX)
                return MDLA_ERR_CORRUPT;
        }
    }
    for (uint32_t r = 0; r < cb->width; r++)
        MDLA_TRY(decode_classes(cb, d, c, cb->order[r]));
    return MDLA_OK;
}

static mdla_status decode_reference(codebook *cb, range_decoder *d, priors_contexts *c)
{
    const uint32_t magnitude = golomb_decode(d, &c->reference);

    if (magnitude > REFERENCE_SCALE_MAX)
        return MDLA_ERR_CORRUPT;
    cb->reference_scale = (int32_t)magnitude;
    if (magnitude != 0 && adaptive_bit_decode(d, &c->reference_sign) != 0)
        cb->reference_scale = -cb->reference_scale;
    return MDLA_OK;
}

mdla_status priors_decode(codebook *cb, const uint8_t *payload, size_t nbytes, double *bias_bits)
{
    priors_contexts *contexts = alloc_array(cb->al, 1, sizeof *contexts);
    range_decoder d;
    mdla_status status;

    if (contexts == NULL)
        return MDLA_ERR_MEMORY;
    priors_contexts_init(contexts);
    range_decoder_init(&d, payload, nbytes);
    status = decode_bias(cb, &d, contexts);
    *bias_bits = 8.0 * (double)(d.pos - RANGE_STATE_NBYTES);
    if (status == MDLA_OK && cb->cache)
        status = decode_bins(cb, &d, contexts);
    if (status == MDLA_OK)
        status = decode_rates_and_levels(cb, &d, contexts);
    if (status == MDLA_OK && cb->norm != ROW_NORM_NONE)
        status = decode_reference(cb, &d, contexts);
    if (status == MDLA_OK && !range_decoder_finished(&d))
        status = MDLA_ERR_CORRUPT;
    alloc_free(cb->al, contexts);
    return status;
}
