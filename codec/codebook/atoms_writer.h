/* Coding one atom at a time, with a meter: what atoms_encode sends and the quantiser tries. */
#ifndef MDLA_ATOMS_WRITER_H
#define MDLA_ATOMS_WRITER_H

#include "codebook/atoms_model.h"
#include "rangecoder/range_encoder.h"

typedef struct atom_writer {
    range_encoder *e; /* NULL: only the meter runs */
    double bits;      /* -log2 p of what was sent */
} atom_writer;

void atom_write_header(atom_writer *w, const atom_model *m);
void atom_write_step(atom_writer *w, atom_model *m, unsigned step_index);

/* Entries of one atom; with a trellis they lie on it. */
void atom_write_entries(atom_writer *w, atom_model *m, const int16_t *q);

/* The level that stands for entry in this state; false where the trellis has none. */
static inline bool atom_level(const atom_model *m, unsigned state, int32_t entry, int32_t *level)
{
    const int32_t odd = (int32_t)(state & 1);

    *level = m->trellis ? (entry + (entry > 0 ? odd : entry < 0 ? -odd : 0)) / 2 : entry;
    return atom_entry(m, state, *level) == entry;
}

#endif
