/* Encoder side of a codebook's chunks. */
#include "base/alloc.h"
#include "base/sha256.h"
#include "codebook/atoms_encoder.h"
#include "codebook/priors_encoder.h"
#include "container/bytes.h"
#include "container/codebook_chunks.h"
#include "container/header.h"
#include "joint/joint_weights_encoder.h"

/* A sink that appends to the codebook's canonical bytes. */
static mdla_status append(void *ctx, const void *src, size_t nbytes)
{
    codebook *cb = ctx;
    uint8_t *grown = alloc_grown(cb->al, cb->bytes, cb->nbytes, cb->nbytes + nbytes, 1);

    if (grown == NULL)
        return MDLA_ERR_MEMORY;
    cb->bytes = grown;
    memcpy(grown + cb->nbytes, src, nbytes);
    cb->nbytes += nbytes;
    return MDLA_OK;
}

static mdla_status put_header(const codebook *cb, uint32_t stride, chunk_writer *w)
{
    uint8_t header[CODEBOOK_HEADER_NBYTES];
    uint8_t *at = header;

    at = bytes_put(at, cb->dims, 4);
    at = bytes_put(at, cb->width, 4);
    at = params_put(&cb->fit, at); /* of a cache all 0 */
    at = bytes_put(at, (uint32_t)cb->bias_exponent, 4);
    at = bytes_put(at, cb->class_count, 4);
    at = bytes_put(at, stride, 4);
    bytes_put(at,
              (cb->joint != NULL ? CODEBOOK_FLAG_JOINT : 0) |
                  (cb->cache ? CODEBOOK_FLAG_CACHE : 0) |
                  (cb->basis.kind != CODEBOOK_SPARSE ? CODEBOOK_FLAG_BASIS : 0) |
                  (cb->norm != ROW_NORM_NONE ? CODEBOOK_FLAG_SCALES : 0) |
                  (cb->norm == ROW_NORM_SCALE_OFFSET ? CODEBOOK_FLAG_OFFSETS : 0),
              4);
    return chunk_write(w, CHUNK_CODEBOOK, header, sizeof header, NULL, 0);
}

static mdla_status put_basis(codebook *cb, chunk_writer *w)
{
    uint8_t payload[BASIS_NBYTES];

    if (cb->basis.kind == CODEBOOK_SPARSE)
        return MDLA_OK;
    bytes_put(bytes_put(payload, cb->basis.kind, 4), cb->basis.stages, 4);
    cb->framing_bits += 8.0 * (BASIS_NBYTES + CHUNK_FRAME_NBYTES);
    return chunk_write(w, CHUNK_BASIS, payload, sizeof payload, NULL, 0);
}

static mdla_status put_joint(codebook *cb, range_encoder *e, chunk_writer *w)
{
    uint8_t header[JOINT_HEADER_NBYTES];

    cb->weight_bits = 0.0;
    if (cb->joint == NULL)
        return MDLA_OK;
    MDLA_TRY(joint_model_encode(cb->joint, cb->rate_index, cb->order, header, e));
    cb->weight_bits = 8.0 * (double)(JOINT_HEADER_NBYTES + e->nbytes);
    cb->framing_bits += 8.0 * CHUNK_FRAME_NBYTES;
    return chunk_write(w, CHUNK_JOINT, header, JOINT_HEADER_NBYTES, e->payload, e->nbytes);
}

static mdla_status put_atoms(codebook *cb, uint32_t stride, const uint8_t *step_index,
                             const int16_t *q, range_encoder *e, chunk_writer *w)
{
    const uint32_t group_size = codebook_group(cb->dims);

    for (uint32_t first = 0; first < cb->width && cb->basis.kind != CODEBOOK_IDENTITY;) {
        const uint32_t count = cb->width - first < group_size ? cb->width - first : group_size;
        const atom_group group = {cb->dims, stride, cb->order + first, count};

        range_encoder_start(e, cb->al);
        MDLA_TRY(atoms_encode(cb->al, e, &group, step_index, q, NULL));
        MDLA_TRY(range_encoder_finish(e));
        cb->atom_bits += 8.0 * (double)e->nbytes;
        cb->framing_bits += 8.0 * CHUNK_FRAME_NBYTES;
        MDLA_TRY(chunk_write(w, CHUNK_ATOMS, e->payload, e->nbytes, NULL, 0));
        first += count;
    }
    return MDLA_OK;
}

static mdla_status make(codebook *cb, uint32_t stride, const uint8_t *step_index, const int16_t *q,
                        range_encoder *e)
{
    chunk_writer w = {{cb, append, NULL}, 0};

    cb->framing_bits = 8.0 * (CODEBOOK_HEADER_NBYTES + 2 * CHUNK_FRAME_NBYTES);
    MDLA_TRY(put_header(cb, stride, &w));
    MDLA_TRY(put_basis(cb, &w));
    MDLA_TRY(priors_encode(cb, e, &cb->bias_bits));
    MDLA_TRY(chunk_write(&w, CHUNK_PRIORS, e->payload, e->nbytes, NULL, 0));
    cb->prior_bits = 8.0 * (double)e->nbytes - cb->bias_bits;
    MDLA_TRY(put_joint(cb, e, &w));
    return cb->cache ? MDLA_OK : put_atoms(cb, stride, step_index, q, e, &w);
}

mdla_status codebook_chunks_make(codebook *cb, uint32_t stride, const uint8_t *step_index,
                                 const int16_t *q)
{
    range_encoder e = {0};
    mdla_status status;

    cb->stride = stride;
    status = make(cb, stride, step_index, q, &e);

    range_encoder_free(&e);
    if (status == MDLA_OK)
        codebook_name(cb);
    return status;
}
