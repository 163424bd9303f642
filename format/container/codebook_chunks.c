#include "container/codebook_chunks.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/sha256.h"
#include "codebook/atoms_decoder.h"
#include "codebook/priors_decoder.h"
#include "container/bytes.h"

/* Keeps a chunk's frame and payload: the canonical bytes are what the file holds. */
static mdla_status keep_bytes(chunk_reader *r, codebook *cb, const chunk *c, mdla_error *err)
{
    const size_t nbytes = c->nbytes + CHUNK_FRAME_NBYTES;
    uint8_t *grown = alloc_grown(cb->al, cb->bytes, cb->nbytes, cb->nbytes + nbytes, 1);
    uLong unused = 0;
    (void)unused;

    if (grown == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for a codebook", r->name);
    cb->bytes = grown;
    chunk_frame(c, grown + cb->nbytes);
    cb->nbytes += nbytes;
    cb->framing_bits += 8.0 * CHUNK_FRAME_NBYTES;
    return MDLA_OK;
}
