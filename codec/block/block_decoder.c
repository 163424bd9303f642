#include "block/block_decoder.h"

#include "entropy/survival_decoder.h"

mdla_status block_decoder_start(block_decoder *b, const code_model *model, const uint8_t *payload,
                                size_t nbytes)
{
    uint32_t scale;

    if (nbytes < BLOCK_HEADER_NBYTES)
        return MDLA_ERR_TRUNCATED;
    b->model = model;
    b->row_count = (uint32_t)(payload[0] | payload[1] << 8) + 1;
    scale = (uint32_t)(payload[2] | payload[3] << 8);
    if (scale == 0)
        return MDLA_ERR_CORRUPT;
    b->rates = code_model_rates(model, scale);
    range_decoder_init(&b->range, payload + BLOCK_HEADER_NBYTES, nbytes - BLOCK_HEADER_NBYTES);
    return MDLA_OK;
}

static void decode_features(block_decoder *b, row_code *code, row_bits *bits)
{
    const codebook *cb = b->model->cb;
    uint32_t rank = 0;

    code->count = 0;
    for (;;) {
        double charged = 0.0;

        rank = survival_decode(&b->range, &b->rates, rank, bits != NULL ? &charged : NULL);
        if (rank == cb->width) {
            if (bits != NULL)
                bits->end = charged;
            return;
        }
        if (bits != NULL)
            bits->index[code->count] = charged;
        code->feature[code->count++] = cb->order[rank++];
    }
}

void block_decoder_row(block_decoder *b, row_code *code, row_bits *bits)
{
    const code_model *m = b->model;

    decode_features(b, code, bits);
    for (uint32_t i = 0; i < code->count; i++) {
        const survival_line levels = code_model_levels(m, code->feature[i]);
        double charged = 0.0;
        uint32_t level = survival_decode(&b->range, &levels, 0, bits != NULL ? &charged : NULL) + 1;

        if (level > m->max_level) { /* past the last level: no encoder writes it */
            b->range.bad = true;
            level = m->max_level;
        }
        code->level[i] = (uint16_t)level;
        if (bits != NULL)
            bits->level[i] = charged;
    }
}

bool block_decoder_finished(const block_decoder *b)
{
    return range_decoder_finished(&b->range);
}
