#include "codebook/atoms_encoder.h"

#include "base/alloc.h"
#include "codebook/atoms_model.h"

#include <math.h>

#define HALF (UINT32_C(1) << (RANGE_BIT_BITS - 1))

/* The coder with a meter. */
typedef struct atom_writer {
    range_encoder *e;
    double bits;
} atom_writer;

static void put_bit(atom_writer *w, unsigned bit, uint32_t p)
{
    const double odds = (double)p / (1 << RANGE_BIT_BITS);

    range_encoder_bit(w->e, bit, p);
    w->bits -= log2(bit ? odds : 1 - odds);
}

static void put_raw(atom_writer *w, uint32_t value, unsigned count)
{
    while (count-- > 0)
        put_bit(w, value >> count & 1, HALF);
}

static void put_adaptive(atom_writer *w, unsigned bit, adaptive_bit *context)
{
    put_bit(w, bit, adaptive_bit_p(context));
    adaptive_bit_update(context, bit);
}

static void put_decision(atom_writer *w, atom_model *m, const atom_expected *x, unsigned slot, unsigned bit)
{
    put_bit(w, bit, atom_decision(m, x, slot));
    atom_learn(m, bit);
}

static void encode_weights(atom_writer *w, const atom_weights *weights)
{
    for (int i = 0; i < ATOM_TERMS; i++)
        put_raw(w, (uint32_t)(weights->value[i] + 128), 8);
    for (int i = 0; i < ATOM_TERMS; i++)
        put_raw(w, (uint32_t)weights->size[i], 7);
}

static void encode_step(atom_writer *w, atom_model *m, unsigned step_index)
{
    const int difference = (int)step_index - (int)m->step_index;
    const int size = difference < 0 ? -difference : difference;

    put_adaptive(w, size != 0, &m->step_changed);
    if (size != 0) {
        put_adaptive(w, difference < 0, &m->step_sign);
        for (int i = 1; i < ATOM_STEP_INDEX_MAX; i++) {
            put_adaptive(w, size > i, &m->step_more[i - 1]);
            if (size == i)
                break;
        }
    }
    m->step_index = step_index;
}

static void encode_escape(atom_writer *w, uint32_t value)
{
    unsigned bits = 0;

    while (value + 1 >= UINT32_C(2) << bits)
        bits++;
    for (unsigned i = 0; i < bits; i++)
        put_raw(w, 1, 1);
    if (bits < ATOM_ESCAPE_BITS_MAX)
        put_raw(w, 0, 1);
    put_raw(w, value + 1 - (UINT32_C(1) << bits), bits);
}

static void encode_entry(atom_writer *w, atom_model *m, const atom_expected *x, int32_t entry)
{
    const unsigned negative = entry < 0;
    const uint32_t rest = (uint32_t)(negative ? -entry : entry) - 1;
    const uint32_t run = rest >> x->shift;

    put_decision(w, m, x, ATOM_SLOT_ZERO, entry != 0);
    if (entry == 0)
        return;
    put_decision(w, m, x, ATOM_SLOT_SIGN, negative ^ x->negative);
    for (unsigned i = 0; i < ATOM_UNARY_MAX; i++) {
        put_decision(w, m, x, ATOM_SLOT_UNARY + i, run > i);
        if (run == i)
            break;
    }
    if (run >= ATOM_UNARY_MAX)
        encode_escape(w, run - ATOM_UNARY_MAX);
    put_raw(w, rest & ((UINT32_C(1) << x->shift) - 1), x->shift);
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
    atom_weights_fit(group, step_index, q, &m->weights);
    encode_weights(&w, &m->weights);
    for (size_t i = 0; i < group->count; i++) {
        const size_t feature = group->order[i];
        const int16_t *row = q + feature * group->dims;
        const double before = w.bits;

        encode_step(&w, m, step_index[feature]);
        step_bits += w.bits - before;
        for (uint32_t d = 0; d < group->dims; d++) {
            atom_expected x;

            atom_expect(m, row, d, &x);
            encode_entry(&w, m, &x, row[d]);
        }
        atom_seen(m, row);
    }
    if (bits != NULL) {
        bits->steps = step_bits;
        bits->entries = w.bits - step_bits;
    }
    atom_model_free(al, m);
    return MDLA_OK;
}
