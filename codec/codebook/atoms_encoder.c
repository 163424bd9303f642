#include "codebook/atoms_encoder.h"

#include "base/alloc.h"
#include "codebook/atoms_writer.h"

static bool on_trellis(atom_model *m, const atom_group *group, const int16_t *q)
{
    m->trellis = 1;
    for (size_t i = 0; i < group->count; i++) {
        const int16_t *row = q + (size_t)group->order[i] * group->dims;
        unsigned state = 0;

        for (uint32_t d = 0; d < group->dims; d++) {
            int32_t level;

            if (!atom_level(m, state, row[d], &level))
                return false;
            state = atom_next_state(m, state, level);
        }
    }
    return true;
}

static bool in_range(const atom_group *group, const uint8_t *step_index, const int16_t *q)
{
    for (size_t i = 0; i < group->count; i++) {
        const size_t feature = group->order[i];
        int32_t limit;

        if (step_index[feature] > ATOM_STEP_INDEX_MAX)
            return false;
        limit = atom_entry_limit(step_index[feature]);
        for (uint32_t d = 0; d < group->dims; d++)
            if (q[feature * group->dims + d] < -limit || q[feature * group->dims + d] > limit)
                return false;
    }
    return true;
}

mdla_status atoms_encode(const mdla_allocator *al, range_encoder *e, const atom_group *group,
                         const uint8_t *step_index, const int16_t *q, atom_bits *bits)
{
    atom_writer w = {e, 0.0};
    double step_bits = 0.0;
    atom_model *m;

    if (!in_range(group, step_index, q))
        return MDLA_ERR_ARGUMENT;
    m = atom_model_new(al, group->dims, group->stride);
    if (m == NULL)
        return MDLA_ERR_MEMORY;
    m->trellis = on_trellis(m, group, q);
    atom_weights_fit(group, q, &m->weights);
    atom_write_header(&w, m);
    for (size_t i = 0; i < group->count; i++) {
        const size_t feature = group->order[i];
        const double before = w.bits;

        atom_write_step(&w, m, step_index[feature]);
        step_bits += w.bits - before;
        atom_write_entries(&w, m, q + feature * group->dims);
    }
    if (bits != NULL) {
        bits->steps = step_bits;
        bits->entries = w.bits - step_bits;
    }
    atom_model_free(al, m);
    return MDLA_OK;
}
