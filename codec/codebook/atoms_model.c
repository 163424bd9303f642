#include "codebook/atoms_model.h"

#include "base/alloc.h"

#include <string.h>

/* 2^22 / (1 + e^-x) at x = 0, 1/4, 2/4 ... 14 and the last once more. */
const uint32_t atom_squash_knots[58] = {
    2097152, 2357939, 2610784, 2848682, 3066282, 3260232, 3429156, 3573349, 3694331, 3794379,
    3876132, 3942282, 3995385, 4037744, 4071360, 4097930, 4118864, 4135317, 4148221, 4158327,
    4166232, 4172409, 4177233, 4180997, 4183933, 4186223, 4188008, 4189399, 4190483, 4191327,
    4191985, 4192498, 4192897, 4193208, 4193451, 4193639, 4193786, 4193901, 4193990, 4194060,
    4194114, 4194156, 4194189, 4194214, 4194234, 4194249, 4194262, 4194271, 4194278, 4194284,
    4194288, 4194292, 4194295, 4194297, 4194298, 4194300, 4194301, 4194301};

#define MEAN_BITS 4       /* means in 2^-4 of an expanded entry, expectations in 2^-4 of a step */
#define MEAN_SEEN_LIMIT 63

int32_t atom_entry_limit(unsigned step_index)
{
    int32_t low = 0, high = ATOM_ENTRY_MAX; /* low fits, above high nothing does */

    while (low < high) {
        const int32_t middle = (low + high + 1) / 2;

        if (atom_expand(middle, step_index) <= ATOM_ENTRY_MAX)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static unsigned bit_length(uint32_t v)
{
    return v != 0 ? 32 - (unsigned)__builtin_clz(v) : 0;
}

/* Logarithm of v with 2^fraction steps an octave, 0 for 0. */
static unsigned log_class(uint32_t v, unsigned fraction)
{
    const unsigned n = bit_length(v);

    if (n == 0)
        return 0;
    return (n << fraction) +
           (n > fraction ? v >> (n - 1 - fraction) & ((1U << fraction) - 1)
                         : (v << (fraction + 1 - n)) & ((1U << fraction) - 1));
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

atom_model *atom_model_new(const mdla_allocator *al, uint32_t dims, uint32_t stride)
{
    atom_model *m = alloc_zeroed(al, 1, sizeof *m);
    adaptive_bit *b;
    int32_t x = -3584;

    if (m == NULL)
        return NULL;
    m->dim = alloc_zeroed(al, dims, sizeof *m->dim);
    if (m->dim == NULL) {
        alloc_free(al, m);
        return NULL;
    }
    m->dims = dims;
    m->stride = stride;
    m->step_index = ATOM_STEP_INDEX_MAX / 2;
    /* The inverse of squash, at the middle of each of 4,096 intervals. */
    for (uint32_t i = 0; i < 4096; i++) {
        while (x < 3584 && atom_squash(x) < (i << 10) + 512)
            x++;
        m->stretch[i] = (int16_t)x;
    }
    for (int s = 0; s < ATOM_SLOTS; s++)
        for (int i = 0; i < ATOM_INPUTS; i++)
            m->mix[s][i] = 65536 * 2 / 5;
    for (b = m->size[0]; b < m->size[0] + ATOM_SIZE_CONTEXTS * ATOM_SLOTS; b++)
        *b = adaptive_bit_initial();
    for (b = m->value[0]; b < m->value[0] + ATOM_SIGNED_CONTEXTS * ATOM_SLOTS; b++)
        *b = adaptive_bit_initial();
    for (b = m->near[0]; b < m->near[0] + ATOM_NEAR_CONTEXTS * ATOM_SLOTS; b++)
        *b = adaptive_bit_initial();
    m->step_changed = m->step_sign = adaptive_bit_initial();
    for (int i = 0; i < ATOM_STEP_INDEX_MAX; i++)
        m->step_more[i] = adaptive_bit_initial();
    return m;
}

void atom_model_free(const mdla_allocator *al, atom_model *m)
{
    if (m == NULL)
        return;
    alloc_free(al, m->dim);
    alloc_free(al, m);
}

void atom_neighbours(const int16_t *q, uint32_t d, uint32_t stride, int32_t value[ATOM_NEIGHBOURS])
{
    value[0] = d >= 1 ? q[d - 1] : 0;
    value[1] = d >= 2 ? q[d - 2] : 0;
    if (stride != 0) {
        value[2] = d >= stride + 1 ? q[d - stride - 1] : 0;
        value[3] = d >= stride ? q[d - stride] : 0;
        value[4] = stride > 1 && d + 1 >= stride ? q[d + 1 - stride] : 0;
        value[5] = d / 2 >= stride ? q[d - 2 * stride] : 0;
    } else {
        value[2] = value[3] = value[4] = value[5] = 0;
    }
}

/* A mean of earlier atoms in units of 1/16 of this atom's step. */
static int32_t in_steps(int32_t mean, unsigned step_index)
{
    static const int32_t inverse[4] = {65536, 55109, 46341, 38968}; /* 2^(16 - i/4), rounded */

    return (int32_t)((int64_t)mean * inverse[step_index & 3] >> (16 + (step_index >> 2)));
}

void atom_expect(const atom_model *m, const int16_t *q, uint32_t d, unsigned state, atom_expected *x)
{
    const atom_weights *w = &m->weights;
    int32_t near[ATOM_NEIGHBOURS];
    int32_t value = in_steps(m->dim[d].mean, m->step_index);
    const int32_t usual = in_steps(m->dim[d].magnitude, m->step_index);
    int32_t size;
    uint32_t sum = 0;

    atom_neighbours(q, d, m->stride, near);
    value *= w->value[ATOM_NEIGHBOURS];
    size = usual * w->size[ATOM_NEIGHBOURS];
    for (int i = 0; i < ATOM_NEIGHBOURS; i++) {
        const int32_t magnitude = near[i] < 0 ? -near[i] : near[i];

        value += near[i] * w->value[i] * (1 << MEAN_BITS);
        size += magnitude * w->size[i] * (1 << MEAN_BITS);
    }
    sum = (uint32_t)(near[0] < 0 ? -near[0] : near[0]) + (uint32_t)(near[3] < 0 ? -near[3] : near[3]);
    x->negative = value < 0;
    {
        const unsigned down = ATOM_WEIGHT_BITS + m->trellis; /* a level is two steps there */
        const uint32_t v = (uint32_t)(value < 0 ? -value : value) >> down;
        const uint32_t s = (uint32_t)size >> down;
        const unsigned bits = bit_length(s);

        x->shift = bits > 7 ? bits - 7 : 0;
        x->context[0] = (state & 1) * 64 + least(log_class(s, 2), 63);
        x->context[1] = (state & 1) * 256 + least(log_class(v, 1), 15) * 16 + least(log_class(s, 1), 15);
        x->context[2] = least(log_class((uint32_t)usual, 1), 31) * 4 + least(sum, 3);
    }
}

void atom_seen(atom_model *m, const int16_t *q)
{
    const int32_t rate = (int32_t)(65536 * 2 / (2 * m->seen + 2));

    for (uint32_t d = 0; d < m->dims; d++) {
        const int32_t entry = (int32_t)atom_expand(q[d], m->step_index) * (1 << MEAN_BITS);
        const int32_t magnitude = entry < 0 ? -entry : entry;
        atom_dim *t = &m->dim[d];

        t->mean += (int32_t)((int64_t)(entry - t->mean) * rate >> 16);
        t->magnitude += (int32_t)((int64_t)(magnitude - t->magnitude) * rate >> 16);
    }
    if (m->seen < MEAN_SEEN_LIMIT)
        m->seen++;
}
