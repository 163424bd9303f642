#include "codebook/atoms_decoder.h"

#include "base/alloc.h"
#include "codebook/atoms_model.h"

#define HALF (UINT32_C(1) << (RANGE_BIT_BITS - 1))

static uint32_t raw_bits(range_decoder *d, unsigned count)
{
    uint32_t value = 0;

    while (count-- > 0)
        value = value << 1 | range_decoder_bit(d, HALF);
    return value;
}

static unsigned adaptive(range_decoder *d, adaptive_bit *context)
{
    const unsigned bit = range_decoder_bit(d, adaptive_bit_p(context));

    adaptive_bit_update(context, bit);
    return bit;
}

static unsigned decision(range_decoder *d, atom_model *m, const atom_expected *x, unsigned slot)
{
    const unsigned bit = range_decoder_bit(d, atom_decision(m, x, slot));

    atom_learn(m, slot, bit);
    return bit;
}

static void decode_settings(range_decoder *d, atom_settings *w)
{
    w->trellis = raw_bits(d, 1);
    w->mixed = raw_bits(d, 1);
    for (int i = 0; i < ATOM_TERMS; i++)
        w->value[i] = (int8_t)((int)raw_bits(d, 8) - 128);
    for (int i = 0; i < ATOM_TERMS; i++)
        w->size[i] = (int8_t)raw_bits(d, 7);
}

/* The difference from the atom before. */
static bool decode_step(range_decoder *d, atom_model *m)
{
    int difference = 0;

    if (adaptive(d, &m->step_changed)) {
        const unsigned negative = adaptive(d, &m->step_sign);

        difference = 1;
        while (difference < ATOM_STEP_INDEX_MAX && adaptive(d, &m->step_more[difference - 1]))
            difference++;
        if (negative)
            difference = -difference;
    }
    difference += (int)m->step_index;
    if (difference < 0 || difference > ATOM_STEP_INDEX_MAX)
        return false;
    m->step_index = (unsigned)difference;
    return true;
}

/* Exp-Golomb. */
static uint32_t decode_escape(range_decoder *d)
{
    unsigned bits = 0;

    while (bits < ATOM_ESCAPE_BITS_MAX && raw_bits(d, 1) != 0)
        bits++;
    return (UINT32_C(1) << bits) - 1 + raw_bits(d, bits);
}

/* A magnitude out of range comes back as ATOM_ENTRY_MAX + 1, which the caller refuses. */
static int32_t decode_level(range_decoder *d, atom_model *m, const atom_expected *x)
{
    unsigned negative;
    uint32_t run = 0;
    uint64_t magnitude; /* hostile contexts reach 2^33 */

    if (decision(d, m, x, ATOM_SLOT_ZERO) == 0)
        return 0;
    negative = x->negative ^ decision(d, m, x, ATOM_SLOT_SIGN);
    while (run < ATOM_UNARY_MAX && decision(d, m, x, ATOM_SLOT_UNARY + run))
        run++;
    if (run == ATOM_UNARY_MAX)
        run += decode_escape(d);
    magnitude = ((uint64_t)run << x->shift | raw_bits(d, x->shift)) + 1;
    if (magnitude > ATOM_ENTRY_MAX)
        magnitude = ATOM_ENTRY_MAX + 1;
    return negative ? -(int32_t)magnitude : (int32_t)magnitude;
}

static bool decode_atom(range_decoder *d, atom_model *m, int16_t *q)
{
    const int32_t limit = atom_entry_limit(m->step_index);

    unsigned state = 0;

    for (uint32_t i = 0; i < m->dims; i++) {
        atom_expected x;
        int32_t level, entry;

        atom_expect(m, q, i, state, &x);
        level = decode_level(d, m, &x);
        entry = atom_entry(&m->set, state, level);
        state = atom_next_state(&m->set, state, level);
        if (entry < -limit || entry > limit)
            return false;
        q[i] = (int16_t)entry;
    }
    atom_seen(m, q);
    return true;
}

mdla_status atoms_decode(const mdla_allocator *al, range_decoder *d, const atom_group *group,
                         uint8_t *step_index, int16_t *q, double *bits)
{
    atom_model *m = atom_model_new(al, group->dims, group->stride);
    mdla_status status = MDLA_OK;

    if (m == NULL)
        return MDLA_ERR_MEMORY;
    decode_settings(d, &m->set);
    for (size_t i = 0; i < group->count; i++) {
        const size_t feature = group->order[i];
        const range_decoder before = *d;

        if (!decode_step(d, m) || !decode_atom(d, m, q + feature * group->dims)) {
            status = MDLA_ERR_CORRUPT;
            break;
        }
        step_index[feature] = (uint8_t)m->step_index;
        if (bits != NULL)
            bits[feature] = range_decoder_spent(&before, d);
    }
    atom_model_free(al, m);
    return status;
}
