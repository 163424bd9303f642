/* The public codebook handle: reading, writing, questions. Making one is fit.c's. */
#include "base/alloc.h"
#include "container/codebook_chunks.h"
#include "container/header.h"
#include "handles.h"

#include <math.h>
#include <string.h>

/* The codebook in a codebook file or a .mdla file, from behind the magic. */
static mdla_status read_behind(chunk_reader *r, const mdla_config *config, bool in_file,
                               codebook **out, mdla_error *err)
{
    mdla_config defaults;
    const mdla_limits *limits = config != NULL ? &config->limits : &defaults.limits;
    chunk c = {0};
    file_header header;
    mdla_status status = MDLA_OK;
    uint8_t extra;
    size_t got = 0;

    mdla_config_init(&defaults);
    if (in_file) {
        status = chunk_read(r, &c, NULL, err);
        if (status == MDLA_OK)
            status = header_get(&c, limits, r->name, &header, err);
        chunk_free(r->al, &c);
        if (status == MDLA_OK && !header.embedded)
            status =
                error_set(err, MDLA_ERR_ARGUMENT, "%s: names its codebook and holds none", r->name);
    }
    if (status == MDLA_OK)
        status = codebook_chunks_read(r, limits, out, err);
    if (status != MDLA_OK || in_file)
        return status;
    if (r->source.read(r->source.ctx, &extra, 1, &got) != MDLA_OK || got != 0) {
        codebook_free(*out);
        return error_set(err, MDLA_ERR_CORRUPT, "%s: more data follow the codebook", r->name);
    }
    return MDLA_OK;
}

mdla_status mdla_codebook_read(const mdla_config *config, mdla_source source, const char *name,
                               mdla_codebook **out, mdla_error *err)
{
    const mdla_allocator *al = alloc_of(config);
    uint8_t magic[MAGIC_NBYTES];
    chunk_reader r;
    codebook *cb = NULL;
    mdla_status status;

    *out = NULL;
    MDLA_TRY(chunk_reader_open(config, source, name, &r, magic, err));
    status = read_behind(&r, config, memcmp(magic, chunk_magic_file, MAGIC_NBYTES) == 0, &cb, err);
    chunk_reader_close(&r);
    if (status != MDLA_OK)
        return status;
    *out = alloc_zeroed(al, 1, sizeof **out);
    if (*out == NULL) {
        codebook_free(cb);
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for a codebook", name);
    }
    (*out)->cb = cb;
    return MDLA_OK;
}

mdla_status mdla_codebook_write(const mdla_codebook *book, mdla_sink sink, mdla_error *err)
{
    chunk_writer w = {sink, 0};
    mdla_status status = chunk_write_bytes(&w, chunk_magic_codebook, MAGIC_NBYTES);
    mdla_status closed;

    if (status == MDLA_OK)
        status = chunk_write_bytes(&w, book->cb->bytes, book->cb->nbytes);
    closed = sink.close(sink.ctx, status == MDLA_OK);
    if (status == MDLA_OK)
        status = closed;
    return status == MDLA_OK ? MDLA_OK : error_set(err, status, "codebook can't be written");
}

void mdla_codebook_free(mdla_codebook *book)
{
    if (book == NULL)
        return;
    const mdla_allocator *al = book->cb->al;

    codebook_free(book->cb);
    alloc_free(al, book);
}

const char *mdla_basis_name(mdla_basis basis)
{
    static const char *const names[] = {"sae", "dense", "pca", "onehot", "rvq"};

    return (unsigned)basis < sizeof names / sizeof names[0] ? names[basis] : NULL;
}

static mdla_basis basis_of(const codebook_basis *b)
{
    static const mdla_basis bases[] = {MDLA_BASIS_SAE, MDLA_BASIS_DENSE, MDLA_BASIS_PCA,
                                       MDLA_BASIS_ONEHOT};

    return b->stages > 1 ? MDLA_BASIS_RVQ : bases[b->kind];
}

void mdla_codebook_query(const mdla_codebook *book, mdla_codebook_info *out)
{
    const struct codebook *cb = book->cb;

    *out = (mdla_codebook_info){.basis = basis_of(&cb->basis),
                                .stages = cb->basis.stages,
                                .dims = cb->dims,
                                .width = cb->width,
                                .stride = cb->stride,
                                .cache = cb->cache,
                                .step = cb->cache ? 0.0 : quant_step_value(cb->fit.step),
                                .nbytes = cb->nbytes,
                                .atom_bits = cb->atom_bits,
                                .bias_bits = cb->bias_bits,
                                .prior_bits = cb->prior_bits,
                                .weight_bits = cb->weight_bits};
    if (cb->joint != NULL)
        out->weights = cb->joint->within.count + cb->joint->before.count;
    memcpy(out->sha256, cb->sha256, sizeof out->sha256);
}

mdla_status mdla_codebook_atom(const mdla_codebook *book, uint32_t feature, float *dst)
{
    const struct codebook *cb = book->cb;

    if (feature >= cb->width)
        return MDLA_ERR_ARGUMENT;
    for (uint32_t d = 0; d < cb->dims; d++)
        dst[d] =
            cb->basis.kind == CODEBOOK_IDENTITY
                ? (float)(d == feature)
                : (float)cb->atoms[(size_t)feature * cb->dims + d] / (float)(1 << ATOM_SCALE_BITS);
    return MDLA_OK;
}

/* Weights of one kind, of all sources. */
static void visit_kind(const struct codebook *cb, const joint_weights *w, int before,
                       uint32_t *entry, mdla_weight_visitor visitor, void *ctx, bool *stop)
{
    for (uint32_t rank = 0; rank < w->done && !*stop; rank++) {
        const uint32_t count = joint_weights_list(w, rank, entry);

        for (uint32_t i = 0; i < count && !*stop; i++) {
            const mdla_joint_weight weight = {
                .from = cb->order[rank],
                .to = cb->order[joint_target(entry[i])],
                .before = before,
                .octaves =
                    ldexp((double)joint_weight(entry[i]) / JOINT_UNIT, (int)cb->joint->shift)};

            *stop = visitor(ctx, &weight) != 0;
        }
    }
}

mdla_status mdla_codebook_visit_weights(const mdla_codebook *book, mdla_weight_visitor visitor,
                                        void *ctx, mdla_error *err)
{
    const struct codebook *cb = book->cb;
    uint32_t *entry;
    bool stop = false;

    if (cb->joint == NULL)
        return MDLA_OK;
    entry = alloc_array(cb->al, cb->width, sizeof *entry);
    if (entry == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "no memory for the weights of %u features",
                         cb->width);
    visit_kind(cb, &cb->joint->within, 0, entry, visitor, ctx, &stop);
    visit_kind(cb, &cb->joint->before, 1, entry, visitor, ctx, &stop);
    alloc_free(cb->al, entry);
    return MDLA_OK;
}
