/* Atoms of a codebook, decoder side: integers and libc alone. */
#ifndef MDLA_ATOMS_DECODER_H
#define MDLA_ATOMS_DECODER_H

#include "codebook/atoms_common.h"
#include "rangecoder/range_decoder.h"

/* Decodes a group into q [width][dims] and step_index [width], rows of the group's features alone;
 * where bits [width] isn't NULL, also what each atom took.
 * The caller has checked dims (1 .. 65,536), stride (0 or below dims) and that every number in
 * order is below width. MDLA_ERR_CORRUPT where a value is out of range; the payload's end is the
 * caller's to check (range_decoder_finished). After an error the rows of the group are undefined.
 */
mdla_status atoms_decode(const mdla_allocator *al, range_decoder *d, const atom_group *group,
                         uint8_t *step_index, int16_t *q, double *bits);

#endif
