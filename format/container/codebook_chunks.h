/* A codebook as chunks (spec section 7): from a file, and its canonical bytes. */
#ifndef MDLA_CODEBOOK_CHUNKS_H
#define MDLA_CODEBOOK_CHUNKS_H

#include "codebook/codebook.h"
#include "container/chunk.h"

#define CODEBOOK_HEADER_NBYTES 36
#define CODEBOOK_FLAG_JOINT 1u    /* a joint model stands behind the priors */
#define CODEBOOK_FLAG_CACHE 2u    /* of a code without atoms */
#define CODEBOOK_FLAG_BASIS 4u    /* the features aren't an SAE's: CBBS follows */
#define CODEBOOK_FLAG_SCALES 8u   /* rows have a scale each */
#define CODEBOOK_FLAG_OFFSETS 16u /* and an offset */
#define BASIS_NBYTES 8
#define CODEBOOK_GROUP_ENTRIES                                                                     \
    ((uint32_t)1 << 24) /* most atom entries in one chunk; one atom at least */

/* Features in one atoms chunk, the last one's fewer. */
static inline uint32_t codebook_group(uint32_t dims)
{
    return dims >= CODEBOOK_GROUP_ENTRIES ? 1 : CODEBOOK_GROUP_ENTRIES / dims;
}

/* Reads a codebook's chunks at the reader's position into a new codebook, with its canonical bytes
 * and name. */
mdla_status codebook_chunks_read(chunk_reader *r, const mdla_limits *limits, codebook **out,
                                 mdla_error *err);

/* Bytes 8 .. 35 of CBHD, the steps, the bias and the atoms aren't a cache's: 0, and no CBAT.
 *
 * Codes atoms q [width][dims] at step_index [width] with everything else that cb holds; sets cb's
 * canonical bytes, name and bit counts. stride: neighbours for the atoms' contexts, 0 for none. A
 * cache's codebook and CODEBOOK_IDENTITY have no atoms: q and step_index aren't looked at. */
mdla_status codebook_chunks_make(codebook *cb, uint32_t stride, const uint8_t *step_index,
                                 const int16_t *q);

#endif
