/* Decoder side of a codebook's chunks. */
#include "base/alloc.h"
#include "base/sha256.h"
#include "codebook/atoms_decoder.h"
#include "codebook/priors_decoder.h"
#include "container/bytes.h"
#include "container/codebook_chunks.h"
#include "container/header.h"
#include "joint/joint_weights_decoder.h"

typedef struct codebook_parse {
    chunk_reader *r;
    const mdla_limits *limits;
    mdla_error *err;
    chunk c;
    codebook *cb;
    uint8_t *step_index; /* [width] */
    uint8_t *bytes;      /* [nbytes] the chunks so far, as they stood: they are what is hashed */
    size_t nbytes, chunks;
    uint32_t stride, flags;
} codebook_parse;

static mdla_status damaged(codebook_parse *p, const char *what)
{
    return error_set(p->err, MDLA_ERR_CORRUPT, "%s: codebook at byte %llu: %s", p->r->name,
                     (unsigned long long)p->c.offset, what);
}

static mdla_status no_memory(codebook_parse *p)
{
    return error_set(p->err, MDLA_ERR_MEMORY, "%s: no memory for its codebook", p->r->name);
}

static mdla_status keep_bytes(codebook_parse *p)
{
    uint8_t *at =
        alloc_grown(p->r->al, p->bytes, p->nbytes, p->nbytes + p->c.nbytes + CHUNK_FRAME_NBYTES, 1);

    if (at == NULL)
        return no_memory(p);
    p->bytes = at;
    at = bytes_put(bytes_put(at + p->nbytes, p->c.type, 4), p->c.nbytes, 4);
    if (p->c.nbytes != 0)
        memcpy(at, p->c.payload, p->c.nbytes);
    bytes_put(at + p->c.nbytes, p->c.crc, 4);
    p->nbytes += p->c.nbytes + CHUNK_FRAME_NBYTES;
    p->chunks++;
    return MDLA_OK;
}

static mdla_status next_chunk(codebook_parse *p, uint32_t type, const char *missing)
{
    MDLA_TRY(chunk_read(p->r, &p->c, NULL, p->err));
    if (p->c.type != type)
        return damaged(p, missing);
    return keep_bytes(p);
}

/* What the features are, where they aren't an SAE's. */
static mdla_status read_basis(codebook_parse *p, uint32_t dims, uint32_t width, uint32_t classes,
                              codebook_basis *out)
{
    unsigned kind, reserved;

    *out = (codebook_basis){CODEBOOK_SPARSE, 1};
    if ((p->flags & CODEBOOK_FLAG_BASIS) == 0)
        return MDLA_OK;
    MDLA_TRY(next_chunk(p, CHUNK_BASIS, "what its features are is missing"));
    bytes_in in = {p->c.payload, p->c.payload + p->c.nbytes, false};
    kind = bytes_u8(&in);
    reserved = bytes_u8(&in) | bytes_u16(&in);
    out->stages = bytes_u32(&in);
    if (in.failed || in.at != in.end)
        return damaged(p, "what its features are has the wrong size");
    if (kind < CODEBOOK_IDENTITY || kind > CODEBOOK_CHOICES || reserved != 0 ||
        p->flags != CODEBOOK_FLAG_BASIS)
        return error_set(p->err, MDLA_ERR_UNSUPPORTED,
                         "%s: codebook uses reserved values (kind %u, flags %#x)", p->r->name, kind,
                         p->flags);
    out->kind = (codebook_kind)kind;
    if ((kind == CODEBOOK_CHOICES ? out->stages == 0 || width % out->stages != 0 || classes != 1
                                  : out->stages != 1) ||
        (kind == CODEBOOK_IDENTITY && width != dims))
        return damaged(p, "its shape doesn't suit what its features are");
    return MDLA_OK;
}

static bool all_zero(const uint8_t *bytes, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static mdla_status read_header(codebook_parse *p)
{
    uint32_t dims, width, classes, norms;
    codebook_basis basis;
    code_params fit;
    int32_t bias_exponent;
    bool cache;

    MDLA_TRY(next_chunk(p, CHUNK_CODEBOOK, "its header is missing"));
    bytes_in in = {p->c.payload, p->c.payload + p->c.nbytes, false};
    dims = bytes_u32(&in);
    width = bytes_u32(&in);
    params_get(&in, &fit);
    bias_exponent = bytes_i32(&in);
    classes = bytes_u32(&in);
    p->stride = bytes_u32(&in);
    p->flags = bytes_u32(&in);
    if (in.failed || in.at != in.end)
        return damaged(p, "its header has the wrong size");
    if ((p->flags & ~(CODEBOOK_FLAG_JOINT | CODEBOOK_FLAG_CACHE | CODEBOOK_FLAG_BASIS |
                      CODEBOOK_FLAG_SCALES | CODEBOOK_FLAG_OFFSETS)) != 0)
        return error_set(p->err, MDLA_ERR_UNSUPPORTED, "%s: codebook uses reserved flags %#x",
                         p->r->name, p->flags);
    cache = (p->flags & CODEBOOK_FLAG_CACHE) != 0;
    norms = p->flags & (CODEBOOK_FLAG_SCALES | CODEBOOK_FLAG_OFFSETS);
    if ((dims == 0) != cache || width == 0 || classes == 0 || classes > CODEBOOK_CLASSES_MAX ||
        norms == CODEBOOK_FLAG_OFFSETS || bias_exponent < -150 || bias_exponent > 100 ||
        (cache ? !all_zero(p->c.payload + 8, 16) || p->stride != 0 || norms != 0
               : p->stride >= dims || !code_params_in_range(&fit)))
        return damaged(p, "a value in its header is out of range");
    MDLA_TRY(read_basis(p, dims, width, classes, &basis));
    if (dims > p->limits->max_dims || width > p->limits->max_width ||
        codebook_memory(dims, width, &basis) > p->limits->max_memory)
        return error_set(p->err, MDLA_ERR_LIMIT,
                         "%s: codebook of %u features x %u dims is above the limits set",
                         p->r->name, width, dims);
    p->cb = codebook_new(p->r->al, dims, width, &basis);
    p->step_index = alloc_zeroed(p->r->al, width, 1);
    if (p->cb == NULL || p->step_index == NULL)
        return no_memory(p);
    p->cb->fit = fit;
    p->cb->bias_exponent = bias_exponent;
    p->cb->stride = p->stride;
    p->cb->class_count = classes;
    p->cb->norm = (p->flags & CODEBOOK_FLAG_OFFSETS) != 0  ? ROW_NORM_SCALE_OFFSET
                  : (p->flags & CODEBOOK_FLAG_SCALES) != 0 ? ROW_NORM_SCALE
                                                           : ROW_NORM_NONE;
    return MDLA_OK;
}

static mdla_status read_joint(codebook_parse *p)
{
    codebook *cb = p->cb;
    const uint64_t taken = codebook_memory(cb->dims, cb->width, &cb->basis);
    mdla_status status;

    MDLA_TRY(next_chunk(p, CHUNK_JOINT, "its joint model is missing"));
    status = joint_model_decode(cb->al, cb->width, cb->rate_index, cb->order, p->c.payload,
                                p->c.nbytes, p->limits->max_memory - taken, &cb->joint);
    if (status == MDLA_ERR_MEMORY)
        return no_memory(p);
    if (status == MDLA_ERR_LIMIT)
        return error_set(p->err, status, "%s: the codebook's joint model is above the limits set",
                         p->r->name);
    if (status == MDLA_ERR_UNSUPPORTED)
        return error_set(p->err, status, "%s: the codebook's joint model uses reserved values",
                         p->r->name);
    if (status != MDLA_OK)
        return damaged(p, "its joint model can't be decoded");
    cb->weight_bits = 8.0 * (double)p->c.nbytes;
    return MDLA_OK;
}

static mdla_status read_atoms(codebook_parse *p, uint32_t first, uint32_t count)
{
    codebook *cb = p->cb;
    const atom_group group = {cb->dims, p->stride, cb->order + first, count};
    range_decoder d;
    mdla_status status;

    MDLA_TRY(next_chunk(p, CHUNK_ATOMS, "atoms are missing"));
    range_decoder_init(&d, p->c.payload, p->c.nbytes);
    status = atoms_decode(cb->al, &d, &group, p->step_index, cb->atoms, NULL);
    if (status == MDLA_ERR_MEMORY)
        return no_memory(p);
    if (status != MDLA_OK || !range_decoder_finished(&d))
        return damaged(p, "atoms can't be decoded");
    cb->atom_bits += 8.0 * (double)p->c.nbytes;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t feature = cb->order[first + i];
        int16_t *atom = cb->atoms + (size_t)feature * cb->dims;

        for (uint32_t k = 0; k < cb->dims; k++) {
            const int64_t expanded = atom_expand(atom[k], p->step_index[feature]);

            if (expanded > ATOM_ENTRY_MAX || expanded < -ATOM_ENTRY_MAX)
                return damaged(p, "an atom's entry is out of range");
            atom[k] = (int16_t)expanded;
        }
    }
    return MDLA_OK;
}

static mdla_status read_all(codebook_parse *p)
{
    codebook *cb;
    mdla_status status;

    MDLA_TRY(read_header(p));
    cb = p->cb;
    MDLA_TRY(next_chunk(p, CHUNK_PRIORS, "priors are missing"));
    status = priors_decode(cb, p->c.payload, p->c.nbytes, &cb->bias_bits);
    if (status == MDLA_ERR_MEMORY)
        return no_memory(p);
    if (status != MDLA_OK)
        return damaged(p, "priors can't be decoded");
    cb->prior_bits = 8.0 * (double)p->c.nbytes - cb->bias_bits;
    if ((p->flags & CODEBOOK_FLAG_JOINT) != 0)
        MDLA_TRY(read_joint(p));
    for (uint32_t first = 0;
         !cb->cache && cb->basis.kind != CODEBOOK_IDENTITY && first < cb->width;) {
        const uint32_t group = codebook_group(cb->dims);
        const uint32_t count = cb->width - first < group ? cb->width - first : group;

        MDLA_TRY(read_atoms(p, first, count));
        first += count;
    }
    cb->bytes = p->bytes;
    cb->nbytes = p->nbytes;
    p->bytes = NULL;
    cb->framing_bits = 8.0 * ((double)p->chunks * CHUNK_FRAME_NBYTES + CODEBOOK_HEADER_NBYTES +
                              (cb->basis.kind != CODEBOOK_SPARSE ? BASIS_NBYTES : 0));
    codebook_derive_peaks(cb);
    codebook_name(cb);
    return MDLA_OK;
}

mdla_status codebook_chunks_read(chunk_reader *r, const mdla_limits *limits, codebook **out,
                                 mdla_error *err)
{
    codebook_parse p = {.r = r, .limits = limits, .err = err};
    const mdla_status status = read_all(&p);

    chunk_free(r->al, &p.c);
    alloc_free(r->al, p.step_index);
    alloc_free(r->al, p.bytes);
    *out = NULL;
    if (status != MDLA_OK)
        codebook_free(p.cb);
    else
        *out = p.cb;
    return status;
}
