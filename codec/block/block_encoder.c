#include "block/block_encoder.h"

#include "base/alloc.h"
#include "entropy/survival_encoder.h"

#include <math.h>
#include <stdlib.h>

/* How many times as often as its priors say features fire here, in 1/4,096: the block's correction.
 */
static uint32_t cost_scale(const code_model *m, size_t active, size_t rows)
{
    double expected = 0.0, scale;

    for (uint32_t j = 0; j < m->cb->width; j++)
        expected += 1.0 / (1.0 + exp2((m->cb->rate_index[j] - RATE_INDEX_EVEN) / 8.0));
    scale = round(SURVIVAL_SCALE_ONE * ((double)active + 1.0) / (expected * (double)rows + 1.0));
    return scale < 1.0 ? 1 : scale > 65535.0 ? 65535 : (uint32_t)scale;
}

static int compare_ranks(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

/* One row: its features in coding order, then their levels. order: scratch, rank << 32 | place in
 * the row. */
static double encode_row(const code_model *m, const survival_line *rates, const code_rows *codes,
                         size_t begin, size_t count, uint64_t *order, range_encoder *e)
{
    uint32_t rank = 0;
    double bits = 0.0;

    for (size_t i = 0; i < count; i++)
        order[i] = (uint64_t)m->cb->rank[codes->feature[begin + i]] << 32 | i;
    qsort(order, count, sizeof *order, compare_ranks);
    for (size_t i = 0; i < count; i++) {
        bits += survival_encode(e, rates, rank, (uint32_t)(order[i] >> 32));
        rank = (uint32_t)(order[i] >> 32) + 1;
    }
    bits += survival_encode(e, rates, rank, m->cb->width);
    for (size_t i = 0; i < count; i++) {
        const size_t at = begin + (order[i] & UINT32_MAX);
        const survival_line levels = code_model_levels(m, codes->feature[at]);

        bits += survival_encode(e, &levels, 0, codes->level[at] - 1);
    }
    return bits;
}

mdla_status block_encode(const code_model *model, const code_rows *codes, size_t first,
                         size_t count, uint8_t header[BLOCK_HEADER_NBYTES], range_encoder *e,
                         double *charged)
{
    const size_t active = codes->start[first + count] - codes->start[first];
    const uint32_t scale = cost_scale(model, active, count);
    const survival_line rates = code_model_rates(model, scale);
    uint64_t *order = alloc_array(model->al, active, sizeof *order);

    *charged = 0.0;
    if (order == NULL)
        return MDLA_ERR_MEMORY;
    header[0] = (uint8_t)(count - 1);
    header[1] = (uint8_t)((count - 1) >> 8);
    header[2] = (uint8_t)scale;
    header[3] = (uint8_t)(scale >> 8);
    range_encoder_start(e, model->al);
    for (size_t r = first; r < first + count; r++)
        *charged += encode_row(model, &rates, codes, codes->start[r],
                               codes->start[r + 1] - codes->start[r], order, e);
    alloc_free(model->al, order);
    return range_encoder_finish(e);
}
