#include "codebook/atoms_encoder.h"

#include "base/alloc.h"
#include "codebook/atoms_fit.h"
#include "codebook/atoms_writer.h"

#define MIXING_WORTH 0.99 /* it halves the speed of loading: not for less than 1 % */

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

/* Codes the group; e NULL: only the meter runs. */
static mdla_status encode(const mdla_allocator *al, range_encoder *e, const atom_group *group,
                          const atom_settings *set, const uint8_t *step_index, const int16_t *q,
                          atom_bits *bits)
{
    atom_model *m = atom_model_new(al, group->dims, group->stride);
    atom_writer w = {e, 0.0};

    bits->steps = 0.0;
    if (m == NULL)
        return MDLA_ERR_MEMORY;
    m->set = *set;
    atom_write_header(&w, m);
    for (size_t i = 0; i < group->count; i++) {
        const size_t feature = group->order[i];
        const double before = w.bits;

        atom_write_step(&w, m, step_index[feature]);
        bits->steps += w.bits - before;
        atom_write_entries(&w, m, q + feature * group->dims);
    }
    bits->entries = w.bits - bits->steps;
    atom_model_free(al, m);
    return MDLA_OK;
}

mdla_status atoms_settings_fit(const mdla_allocator *al, const atom_group *group,
                               const uint8_t *step_index, const int16_t *q, atom_settings *set)
{
    atom_bits plain, mixed;

    atom_weights_fit(group, q, set);
    set->trellis = atom_trellis_holds(group, q);
    set->mixed = 0;
    MDLA_TRY(encode(al, NULL, group, set, step_index, q, &plain));
    set->mixed = 1;
    MDLA_TRY(encode(al, NULL, group, set, step_index, q, &mixed));
    set->mixed = mixed.entries < MIXING_WORTH * plain.entries;
    return MDLA_OK;
}

mdla_status atoms_encode(const mdla_allocator *al, range_encoder *e, const atom_group *group,
                         const uint8_t *step_index, const int16_t *q, atom_bits *bits)
{
    atom_settings set;
    atom_bits own;

    if (!in_range(group, step_index, q))
        return MDLA_ERR_ARGUMENT;
    MDLA_TRY(atoms_settings_fit(al, group, step_index, q, &set));
    return encode(al, e, group, &set, step_index, q, bits != NULL ? bits : &own);
}
