#include "codebook/atoms_trellis.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

#define LOG_ENTRIES 4096

struct atom_trellis {
    uint32_t dims, window;        /* entries behind d that expectations look at */
    float log_bits[LOG_ENTRIES];  /* -log2 of a probability, by its upper 12 bits */
    int16_t *path[2][ATOM_STATES]; /* [dims] each: the entries of the best path into a state, window alone */
    uint8_t *from;                /* [dims][states]: the state before */
    int16_t *entry;               /* [dims][states] */
};

/* Bits of the decisions about one level, looked up as needed. */
typedef struct decision_bits {
    float bit[ATOM_SLOTS][2];
    unsigned known;
} decision_bits;

atom_trellis *atom_trellis_new(const mdla_allocator *al, uint32_t dims, uint32_t stride)
{
    atom_trellis *t = alloc_zeroed(al, 1, sizeof *t);
    int16_t *paths;

    if (t == NULL)
        return NULL;
    t->dims = dims;
    t->window = stride != 0 ? 2 * stride : 2;
    paths = t->path[0][0] = alloc_zeroed(al, dims, 2 * ATOM_STATES * sizeof *paths);
    t->from = alloc_array(al, dims, ATOM_STATES);
    t->entry = alloc_array(al, dims, ATOM_STATES * sizeof *t->entry);
    if (paths == NULL || t->from == NULL || t->entry == NULL) {
        atom_trellis_free(al, t);
        return NULL;
    }
    for (size_t i = 0; i < 2 * ATOM_STATES; i++)
        t->path[i / ATOM_STATES][i % ATOM_STATES] = paths + i * dims;
    for (int i = 0; i < LOG_ENTRIES; i++)
        t->log_bits[i] = (float)-log2((i + 0.5) / LOG_ENTRIES);
    return t;
}

void atom_trellis_free(const mdla_allocator *al, atom_trellis *t)
{
    if (t == NULL)
        return;
    alloc_free(al, t->path[0][0]);
    alloc_free(al, t->from);
    alloc_free(al, t->entry);
    alloc_free(al, t);
}

static float level_bits(const atom_trellis *t, atom_model *m, const atom_expected *x, decision_bits *b,
                        int32_t level)
{
    const unsigned negative = level < 0;
    const uint32_t magnitude = (uint32_t)(negative ? -level : level);
    const uint32_t run = level != 0 ? (magnitude - 1) >> x->shift : 0;
    const unsigned unary = run < ATOM_UNARY_MAX ? run : ATOM_UNARY_MAX;
    const unsigned slots = level == 0 ? 1 : unary < ATOM_UNARY_MAX ? ATOM_SLOT_UNARY + unary + 1 : ATOM_SLOTS;
    float bits;

    for (; b->known < slots; b->known++) {
        const uint32_t p = atom_decision(m, x, b->known) >> (RANGE_BIT_BITS - 12);

        b->bit[b->known][1] = t->log_bits[p];
        b->bit[b->known][0] = t->log_bits[LOG_ENTRIES - 1 - p];
    }
    if (level == 0)
        return b->bit[ATOM_SLOT_ZERO][0];
    bits = b->bit[ATOM_SLOT_ZERO][1] + b->bit[ATOM_SLOT_SIGN][negative ^ x->negative] + (float)x->shift;
    for (unsigned i = 0; i < unary; i++)
        bits += b->bit[ATOM_SLOT_UNARY + i][1];
    if (unary < ATOM_UNARY_MAX)
        bits += b->bit[ATOM_SLOT_UNARY + unary][0];
    else
        bits += 2 * log2f((float)(run - ATOM_UNARY_MAX + 1)) + 1;
    return bits;
}

/* Levels worth trying in a state: the two around the target, and zero. */
static int candidates(const atom_model *m, unsigned state, double target, int32_t limit, int32_t level[3])
{
    const double size = fmin(fabs(target), limit);
    const int32_t lower = (int32_t)((size + (state & 1)) / 2);
    const int32_t sign = target < 0 ? -1 : 1;
    int n = 0;

    level[n++] = 0;
    if (lower > 0)
        level[n++] = sign * lower;
    if (atom_entry(m, state, lower + 1) <= limit)
        level[n++] = sign * (lower + 1);
    return n;
}

void atom_trellis_round(atom_trellis *t, atom_model *m, const float *target, double error_bits, int16_t *q)
{
    const double inverse = exp2(ATOM_SCALE_BITS - m->step_index / 4.0);
    const int32_t limit = atom_entry_limit(m->step_index);
    double cost[ATOM_STATES], next_cost[ATOM_STATES];
    unsigned best = 0;

    for (int s = 0; s < ATOM_STATES; s++)
        cost[s] = s == 0 ? 0.0 : INFINITY;
    for (uint32_t d = 0; d < t->dims; d++) {
        const double aim = (double)target[d] * inverse;
        uint8_t *from = t->from + (size_t)d * ATOM_STATES;
        int16_t *entry = t->entry + (size_t)d * ATOM_STATES;
        const uint32_t kept = d < t->window ? d : t->window;

        for (int s = 0; s < ATOM_STATES; s++)
            next_cost[s] = INFINITY;
        for (unsigned s = 0; s < ATOM_STATES; s++) {
            atom_expected x;
            decision_bits bits;
            int32_t level[3];
            int n;

            if (!(cost[s] < INFINITY))
                continue;
            bits.known = 0;
            atom_expect(m, t->path[d & 1][s], d, s, &x);
            n = candidates(m, s, aim, limit, level);
            for (int i = 0; i < n; i++) {
                const int32_t e = atom_entry(m, s, level[i]);
                const double error = aim - e;
                const double total =
                    cost[s] + error_bits * error * error + (double)level_bits(t, m, &x, &bits, level[i]);
                const unsigned next = atom_next_state(m, s, level[i]);

                if (total < next_cost[next]) {
                    next_cost[next] = total;
                    from[next] = (uint8_t)s;
                    entry[next] = (int16_t)e;
                }
            }
        }
        for (unsigned s = 0; s < ATOM_STATES; s++) {
            cost[s] = next_cost[s];
            if (!(cost[s] < INFINITY))
                continue;
            memcpy(t->path[(d + 1) & 1][s] + d - kept, t->path[d & 1][from[s]] + d - kept, kept * sizeof *q);
            t->path[(d + 1) & 1][s][d] = entry[s];
        }
    }
    for (unsigned s = 1; s < ATOM_STATES; s++)
        if (cost[s] < cost[best])
            best = s;
    for (uint32_t d = t->dims; d-- > 0;) {
        q[d] = t->entry[(size_t)d * ATOM_STATES + best];
        best = t->from[(size_t)d * ATOM_STATES + best];
    }
}
