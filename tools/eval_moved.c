#include "eval_moved.h"

#include <stdlib.h>
#include <string.h>

int moved_start(eval_moved *m, const mdla_sae *sae)
{
    *m = (eval_moved){.sae = sae};
    if (!sae)
        return 0;
    m->on = calloc(mdla_sae_width(sae), sizeof *m->on);
    return m->on ? 0 : -1;
}

void moved_end(eval_moved *m)
{
    free(m->on);
    free(m->feature);
    free(m->start);
}

static int grow(void **array, size_t *capacity, size_t wanted, size_t size)
{
    void *grown;

    if (wanted <= *capacity)
        return 0;
    grown = realloc(*array, 2 * wanted * size);
    if (!grown)
        return -1;
    *array = grown;
    *capacity = 2 * wanted;
    return 0;
}

static int take_code(void *ctx, size_t row, const uint32_t *feature, const float *strength,
                     size_t count)
{
    eval_moved *m = ctx;
    const size_t have = m->start[row];
    void *features = m->feature;

    (void)strength;
    m->out_of_memory = grow(&features, &m->capacity, have + count, sizeof *m->feature) != 0;
    m->feature = features;
    if (m->out_of_memory)
        return 1;
    if (count > 0)
        memcpy(m->feature + have, feature, count * sizeof *feature);
    m->start[row + 1] = have + count;
    return 0;
}

mdla_status moved_tile(eval_moved *m, const mdla_config *config, const float *values,
                       size_t row_count, mdla_error *err)
{
    void *start = m->start;
    mdla_status status;

    if (!m->sae)
        return MDLA_OK;
    if (grow(&start, &m->row_capacity, row_count + 1, sizeof *m->start) != 0)
        return MDLA_ERR_MEMORY;
    m->start = start;
    m->start[0] = 0;
    status = mdla_sae_encode(config, m->sae, values, row_count, NULL, take_code, m, err);
    return m->out_of_memory ? MDLA_ERR_MEMORY : status;
}

void moved_row(eval_moved *m, size_t at, const uint32_t *feature, size_t count)
{
    if (!m->sae)
        return;
    for (size_t i = m->start[at]; i < m->start[at + 1]; i++)
        m->on[m->feature[i]] = 1;
    for (size_t i = 0; i < count; i++)
        m->shared += m->on[feature[i]];
    for (size_t i = m->start[at]; i < m->start[at + 1]; i++)
        m->on[m->feature[i]] = 0;
    m->own += m->start[at + 1] - m->start[at];
    m->coded += count;
}
