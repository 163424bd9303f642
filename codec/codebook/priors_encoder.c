#include "codebook/priors_encoder.h"

#include "base/alloc.h"
#include "codebook/priors_common.h"
#include "rangecoder/number_encoder.h"

static void encode_reference(const codebook *cb, range_encoder *e, priors_contexts *c)
{
    const int32_t scale = cb->reference_scale;

    golomb_encode(e, &c->reference, (uint32_t)(scale < 0 ? -scale : scale));
    if (scale != 0)
        adaptive_bit_encode(e, &c->reference_sign, scale < 0);
}

static void encode_bins(const codebook *cb, range_encoder *e, priors_contexts *c)
{
    golomb_encode(e, &c->edge, cb->hazard_count);
    for (uint32_t b = 1; b < cb->hazard_count; b++)
        golomb_encode(e, &c->edge, cb->edge[b] - cb->edge[b - 1] - 1);
}

static void encode_levels(const codebook *cb, range_encoder *e, priors_contexts *c)
{
    for (uint32_t k = 0; k < cb->class_count; k++) {
        for (uint32_t l = 0; l < cb->hazard_count; l++)
            byte_encode(e, &c->hazard[l < 2 ? l : 2], cb->hazard[k][l]);
    }
    for (uint32_t r = 0; r < cb->width; r++) {
        const size_t feature = cb->order[r];

        for (uint32_t s = 0; s < cb->signs; s++)
            byte_encode(e, &c->level_class[s], cb->level_class[feature * cb->signs + s]);
        if (cb->signs == 2)
            byte_encode(e, &c->negative, cb->negative[feature]);
    }
}

mdla_status priors_encode(const codebook *cb, range_encoder *e, double *bias_bits)
{
    priors_contexts *contexts = alloc_array(cb->al, 1, sizeof *contexts);
    int64_t before = 0;
    mdla_status status;

    if (contexts == NULL)
        return MDLA_ERR_MEMORY;
    priors_contexts_init(contexts);
    range_encoder_start(e, cb->al);
    for (uint32_t i = 0; i < cb->dims; i++) {
        const int64_t change = cb->bias[i] - before;

        golomb_encode(e, &contexts->bias, (uint32_t)(change < 0 ? -change : change));
        if (change != 0)
            adaptive_bit_encode(e, &contexts->bias_sign, change < 0);
        before = cb->bias[i];
    }
    *bias_bits = 8.0 * (double)e->nbytes;
    if (cb->cache)
        encode_bins(cb, e, contexts);
    for (uint32_t j = 0; j < cb->width; j++)
        byte_encode(e, &contexts->rate, cb->rate_index[j]);
    if (cb->basis.kind != CODEBOOK_CHOICES)
        encode_levels(cb, e, contexts);
    if (cb->norm != ROW_NORM_NONE)
        encode_reference(cb, e, contexts);
    status = range_encoder_finish(e);
    alloc_free(cb->al, contexts);
    return status;
}
