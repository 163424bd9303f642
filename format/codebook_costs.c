/* What each atom of a codebook took: its canonical bytes are decoded once more, and charged. */
#include "base/alloc.h"
#include "codebook/atoms_decoder.h"
#include "container/bytes.h"
#include "container/codebook_chunks.h"
#include "handles.h"

/* A group's atoms under numbers of their own. */
typedef struct group_costs {
    uint32_t *order;     /* [group] 0, 1, ... */
    uint8_t *step_index; /* [group] */
    int16_t *q;          /* [group][dims] */
    double *bits;        /* [group] */
} group_costs;

static mdla_status charge_group(const codebook *cb, group_costs *g, uint32_t first, uint32_t count,
                                const uint8_t *payload, size_t nbytes, double *bits)
{
    const atom_group group = {cb->dims, cb->stride, g->order, count};
    range_decoder d;

    range_decoder_init(&d, payload, nbytes);
    MDLA_TRY(atoms_decode(cb->al, &d, &group, g->step_index, g->q, g->bits));
    for (uint32_t i = 0; i < count; i++)
        bits[cb->order[first + i]] = g->bits[i];
    return MDLA_OK;
}

/* The chunks were checked, or written, when the codebook came to be. */
static mdla_status charge_all(const codebook *cb, group_costs *g, uint32_t group, double *bits)
{
    bytes_in in = {cb->bytes, cb->bytes + cb->nbytes, false};
    uint32_t first = 0;

    while (in.at != in.end) {
        const uint32_t type = bytes_u32(&in), nbytes = bytes_u32(&in);

        if (type == CHUNK_ATOMS) {
            const uint32_t left = cb->width - first, count = left < group ? left : group;

            MDLA_TRY(charge_group(cb, g, first, count, in.at, nbytes, bits));
            first += count;
        }
        in.at += nbytes + 4; /* the CRC */
    }
    return MDLA_OK;
}

mdla_status mdla_codebook_atom_costs(const mdla_codebook *book, double *bits)
{
    const codebook *cb = book->cb;
    const uint32_t whole = codebook_group(cb->dims);
    const uint32_t group = whole < cb->width ? whole : cb->width;
    group_costs g = {alloc_array(cb->al, group, sizeof *g.order),
                     alloc_array(cb->al, group, sizeof *g.step_index),
                     alloc_array(cb->al, (size_t)group * cb->dims, sizeof *g.q),
                     alloc_array(cb->al, group, sizeof *g.bits)};
    mdla_status status = MDLA_ERR_MEMORY;

    if (g.order != NULL && g.step_index != NULL && g.q != NULL && g.bits != NULL) {
        for (uint32_t i = 0; i < group; i++)
            g.order[i] = i;
        status = charge_all(cb, &g, group, bits);
    }
    alloc_free(cb->al, g.order);
    alloc_free(cb->al, g.step_index);
    alloc_free(cb->al, g.q);
    alloc_free(cb->al, g.bits);
    return status;
}
