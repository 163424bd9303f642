#include "codebook/atoms_writer.h"

#include <math.h>

#define HALF (UINT32_C(1) << (RANGE_BIT_BITS - 1))

static void put_bit(atom_writer *w, unsigned bit, uint32_t p)
{
    const double odds = (double)p / (1 << RANGE_BIT_BITS);

    if (w->e != NULL)
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

void atom_write_header(atom_writer *w, const atom_model *m)
{
    put_raw(w, m->trellis, 1);
    for (int i = 0; i < ATOM_TERMS; i++)
        put_raw(w, (uint32_t)(m->weights.value[i] + 128), 8);
    for (int i = 0; i < ATOM_TERMS; i++)
        put_raw(w, (uint32_t)m->weights.size[i], 7);
}

void atom_write_step(atom_writer *w, atom_model *m, unsigned step_index)
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

static void encode_level(atom_writer *w, atom_model *m, const atom_expected *x, int32_t level)
{
    const unsigned negative = level < 0;
    const uint32_t rest = (uint32_t)(negative ? -level : level) - 1;
    const uint32_t run = rest >> x->shift;

    put_decision(w, m, x, ATOM_SLOT_ZERO, level != 0);
    if (level == 0)
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

void atom_write_entries(atom_writer *w, atom_model *m, const int16_t *q)
{
    unsigned state = 0;

    for (uint32_t d = 0; d < m->dims; d++) {
        atom_expected x;
        int32_t level;

        atom_expect(m, q, d, state, &x);
        (void)atom_level(m, state, q[d], &level);
        encode_level(w, m, &x, level);
        state = atom_next_state(m, state, level);
    }
    atom_seen(m, q);
}
