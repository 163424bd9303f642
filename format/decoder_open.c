/* Opening a .mdla file: everything but its blocks is read and checked here. */
#include "decoder.h"

#include "base/alloc.h"
#include "container/bytes.h"
#include "container/codebook_chunks.h"
#include "container/hook.h"

#include <math.h>
#include <zlib.h>

static char *copy_text(const mdla_allocator *al, const void *text, size_t nbytes)
{
    char *copy = alloc_array(al, nbytes + 1, 1);

    if (copy != NULL) {
        if (nbytes != 0)
            memcpy(copy, text, nbytes);
        copy[nbytes] = '\0';
    }
    return copy;
}

static mdla_status corrupt(const mdla_decoder *d, uint64_t offset, const char *what,
                           mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT, "%s: byte %llu: %s", d->name,
                     (unsigned long long)offset, what);
}

/* The first bytes of the SHA-256 of the codebook that the file names. */
static const char *short_sha256(const mdla_decoder *d, char hex[17])
{
    for (unsigned i = 0; i < 8; i++) {
        hex[2 * i] = "0123456789abcdef"[d->codebook_sha256[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[d->codebook_sha256[i] & 15];
    }
    hex[16] = '\0';
    return hex;
}

mdla_status decoder_need_codebook(const mdla_decoder *d, mdla_error *err)
{
    char hex[17];

    return d->used.cb != NULL
               ? MDLA_OK
               : error_set(err, MDLA_ERR_ARGUMENT,
                           "%s: needs the codebook with SHA-256 %s...; give that codebook", d->name,
                           short_sha256(d, hex));
}

static mdla_status read_reference(mdla_decoder *d, const mdla_codebook *given, mdla_error *err)
{
    char hex[17];

    MDLA_TRY(chunk_read(&d->r, &d->scratch, NULL, err));
    if (d->scratch.type != CHUNK_REFERENCE || d->scratch.nbytes != REFERENCE_NBYTES)
        return corrupt(d, d->scratch.offset, "the codebook's name is missing", err);
    memcpy(d->codebook_sha256, d->scratch.payload, 32);
    if (given == NULL)
        return d->outline ? MDLA_OK : decoder_need_codebook(d, err);
    if (memcmp(given->cb->sha256, d->codebook_sha256, 32) != 0)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "%s: was encoded with another codebook, SHA-256 %s...; give that one",
                         d->name, short_sha256(d, hex));
    d->used = *given;
    return MDLA_OK;
}

static mdla_status read_codebook(mdla_decoder *d, const mdla_codebook *given, mdla_error *err)
{
    const uint64_t before = d->r.offset;

    if (d->header.embedded) {
        MDLA_TRY(codebook_chunks_read(&d->r, &d->config.limits, &d->own.cb, err));
        d->used = d->own;
        memcpy(d->codebook_sha256, d->own.cb->sha256, 32);
    } else {
        MDLA_TRY(read_reference(d, given, err));
    }
    d->codebook_nbytes = d->r.offset - before;
    if (d->used.cb == NULL)
        return MDLA_OK;
    if (d->used.cb->dims != d->header.dims || d->used.cb->width != d->header.width)
        return corrupt(d, before, "the codebook's shape is not the header's", err);
    return MDLA_OK;
}

/* The row index against the blocks, which fill the file from the codebook to the index. */
static mdla_status read_index(mdla_decoder *d, mdla_error *err)
{
    bytes_in in = {d->scratch.payload, d->scratch.payload + d->scratch.nbytes, false};
    uint64_t offset = d->first_block_offset, row = 0;

    if (d->scratch.nbytes / 2 < d->tail.blocks) /* two varints a block: bounds the memory */
        return corrupt(d, d->scratch.offset, "the row index is too short", err);
    d->index = alloc_array(d->al, (size_t)d->tail.blocks, sizeof *d->index);
    if (d->index == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its row index", d->name);
    for (uint64_t b = 0; b < d->tail.blocks; b++) {
        const uint64_t rows = bytes_varint(&in), nbytes = bytes_varint(&in);

        if (in.failed || rows == 0 || rows > d->header.block_rows || nbytes > UINT32_MAX ||
            nbytes < CHUNK_FRAME_NBYTES + BLOCK_HEADER_NBYTES ||
            nbytes > d->tail.index_offset - offset)
            return corrupt(d, d->scratch.offset, "the row index is damaged", err);
        d->index[b] = (block_entry){offset, row, (uint32_t)rows, (uint32_t)nbytes};
        offset += nbytes;
        row += rows;
    }
    if (in.at != in.end || offset != d->tail.index_offset || row != d->tail.rows)
        return corrupt(d, d->scratch.offset, "the row index doesn't match the file", err);
    return MDLA_OK;
}

static mdla_status read_hook(mdla_decoder *d, mdla_error *err)
{
    const chunk *c = &d->scratch;

    if (d->hook != NULL || c->nbytes == 0 || c->nbytes > HOOK_NBYTES_MAX)
        return corrupt(d, c->offset, "the hook's name is none", err);
    d->hook_nbytes = c->nbytes + CHUNK_FRAME_NBYTES;
    d->hook = copy_text(d->al, c->payload, c->nbytes);
    if (d->hook == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its hook's name", d->name);
    return hook_is_name(d->hook, c->nbytes)
               ? MDLA_OK
               : corrupt(d, c->offset, "the hook's name isn't plain UTF-8", err);
}

static mdla_status read_ancillary(mdla_decoder *d, mdla_error *err)
{
    const chunk *c = &d->scratch;
    char type[20];

    if (!chunk_is_ancillary(c->type)) {
        chunk_type_text(c->type, type);
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: unknown critical chunk '%s' at byte %llu: use a newer mdla", d->name,
                         type, (unsigned long long)c->offset);
    }
    if (d->header.code.cache && (c->type == CHUNK_STATS || c->type == CHUNK_POSTINGS))
        return corrupt(d, c->offset, "what a latent cache hasn't got", err);
    if (c->type == CHUNK_POSTINGS)
        return decoder_add_postings(d, err);
    if (c->type == CHUNK_HOOK)
        return read_hook(d, err);
    d->ancillary_nbytes += c->nbytes + CHUNK_FRAME_NBYTES;
    if ((c->type == CHUNK_STATS && d->has_stats) || (c->type == CHUNK_NOTE && d->note != NULL))
        return corrupt(d, c->offset, "a chunk that may stand once stands twice", err);
    if (c->type == CHUNK_STATS) {
        MDLA_TRY(stats_get(c, d->name, &d->stats, err));
        d->has_stats = true;
    } else if (c->type == CHUNK_NOTE) {
        d->note_nbytes = c->nbytes + CHUNK_FRAME_NBYTES;
        d->note = copy_text(d->al, c->payload, c->nbytes);
        if (d->note == NULL)
            return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its note", d->name);
    }
    return MDLA_OK;
}

typedef mdla_status (*chunk_passer)(mdla_decoder *d, uint32_t nbytes, mdla_error *err);

/* Of chunks that are read only when they are asked for; NULL: of the others. */
static chunk_passer passer_of(uint32_t type)
{
    switch (type) {
    case CHUNK_POSTINGS: return decoder_pass_postings;
    case CHUNK_TOKENS: return decoder_pass_tokens;
    case CHUNK_PASSAGES: return decoder_pass_passages;
    default: return NULL;
    }
}

mdla_status decoder_read_trailer(mdla_decoder *d, bool have, mdla_error *err)
{
    const uint64_t index_offset = have ? d->scratch.offset : d->r.offset;
    uint8_t extra;
    size_t got = 0;
    file_tail tail;

    if (!have)
        MDLA_TRY(chunk_read(&d->r, &d->scratch, NULL, err));
    if (d->scratch.type != CHUNK_INDEX)
        return corrupt(d, d->scratch.offset, "the row index is missing", err);
    d->index_nbytes = d->scratch.nbytes + CHUNK_FRAME_NBYTES;
    d->ancillary_nbytes = 0;
    if (d->seekable)
        MDLA_TRY(read_index(d, err));
    else if (crc32_z(0, d->scratch.payload, d->scratch.nbytes) != d->index_sum)
        return corrupt(d, d->scratch.offset, "the row index doesn't match the blocks", err);
    for (;;) {
        uint32_t type = 0, nbytes;

        if (d->seekable)
            MDLA_TRY(chunk_peek(&d->r, &type, &nbytes, err));
        if (passer_of(type) != NULL) {
            MDLA_TRY(passer_of(type)(d, nbytes, err));
            continue;
        }
        MDLA_TRY(chunk_read(&d->r, &d->scratch, NULL, err));
        if (d->scratch.type == CHUNK_TAIL)
            break;
        MDLA_TRY(read_ancillary(d, err));
    }
    MDLA_TRY(decoder_end_postings(d, err));
    if (d->tokens.count != 0 && d->tokens.rows != d->tail.rows)
        return corrupt(d, index_offset, "not every row has a token id", err);
    if (d->passages.count != 0 && d->passages.rows != d->tail.rows)
        return corrupt(d, index_offset, "not every row has a passage number", err);
    MDLA_TRY(tail_get(&d->scratch, &d->config.limits, d->name, &tail, err));
    if (tail.index_offset != index_offset ||
        (!d->seekable && (tail.rows != d->next_row || tail.blocks != d->next_block)))
        return corrupt(d, d->scratch.offset, "the tail doesn't match the file", err);
    if (d->r.source.read(d->r.source.ctx, &extra, 1, &got) != MDLA_OK)
        return error_set(err, MDLA_ERR_IO, "%s: read failed after the end mark", d->name);
    if (got != 0)
        return corrupt(d, d->r.offset, "more data follow the end mark", err);
    d->tail = tail;
    d->complete = true;
    return MDLA_OK;
}

/* Where the source can seek: the tail first, since it says where the row index stands. */
static mdla_status read_end(mdla_decoder *d, mdla_error *err)
{
    const uint64_t size = d->r.source.nbytes;
    uint8_t frame[8];

    if (size < d->first_block_offset + TAIL_NBYTES + 2 * CHUNK_FRAME_NBYTES)
        return error_set(err, MDLA_ERR_TRUNCATED, "%s: no end mark: the file is cut short",
                         d->name);
    MDLA_TRY(chunk_seek(&d->r, size - TAIL_NBYTES - CHUNK_FRAME_NBYTES, err));
    MDLA_TRY(chunk_read_bytes(&d->r, frame, sizeof frame, err));
    bytes_in in = {frame, frame + sizeof frame, false};
    if (bytes_u32(&in) != CHUNK_TAIL || bytes_u32(&in) != TAIL_NBYTES)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: no end mark: the file is cut short or damaged", d->name);
    MDLA_TRY(chunk_seek(&d->r, size - TAIL_NBYTES - CHUNK_FRAME_NBYTES, err));
    MDLA_TRY(chunk_read(&d->r, &d->scratch, NULL, err));
    MDLA_TRY(tail_get(&d->scratch, &d->config.limits, d->name, &d->tail, err));
    if (d->tail.index_offset < d->first_block_offset || d->tail.index_offset >= size)
        return corrupt(d, d->scratch.offset, "the tail points outside the file", err);
    MDLA_TRY(chunk_seek(&d->r, d->tail.index_offset, err));
    MDLA_TRY(decoder_read_trailer(d, false, err));
    return chunk_seek(&d->r, d->first_block_offset, err);
}

static mdla_status read_all(mdla_decoder *d, const mdla_codebook *given, mdla_error *err)
{
    mdla_status status;

    MDLA_TRY(chunk_read(&d->r, &d->scratch, NULL, err));
    MDLA_TRY(header_get(&d->scratch, &d->config.limits, d->name, &d->header, err));
    MDLA_TRY(read_codebook(d, given, err));
    d->first_block_offset = d->r.offset;
    if ((!d->header.code.exact && !code_params_in_range(&d->header.params)) ||
        !norm_grid_in_range(&d->header.code.norm)) /* an outline's too, which has no model */
        return corrupt(d, MAGIC_NBYTES, "the header's step is out of range", err);
    status = d->used.cb != NULL
                 ? code_model_new(d->al, d->used.cb, &d->header.params, &d->header.code, &d->model)
                 : MDLA_OK;
    if (status == MDLA_ERR_MEMORY)
        return error_set(err, status, "%s: no memory for its model", d->name);
    if (status != MDLA_OK)
        return corrupt(d, MAGIC_NBYTES, "the header's step or model doesn't suit the codebook",
                       err);
    return d->seekable ? read_end(d, err) : MDLA_OK;
}

static mdla_status open_file(const mdla_config *config, mdla_source source, const char *name,
                             const mdla_codebook *given, bool outline, mdla_decoder **out,
                             mdla_error *err)
{
    const mdla_allocator *al = alloc_of(config);
    mdla_decoder *d = alloc_zeroed(al, 1, sizeof *d);
    uint8_t magic[MAGIC_NBYTES];
    mdla_status status;

    *out = NULL;
    if (d != NULL)
        d->name = copy_text(al, name, strlen(name));
    if (d == NULL || d->name == NULL) {
        if (source.close != NULL)
            source.close(source.ctx);
        alloc_free(al, d);
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory to open it", name);
    }
    if (config != NULL)
        d->config = *config;
    else
        mdla_config_init(&d->config);
    d->al = al;
    d->outline = outline;
    status = chunk_reader_open(config, source, d->name, &d->r, magic, err);
    if (status == MDLA_OK && memcmp(magic, chunk_magic_file, MAGIC_NBYTES) != 0)
        status = error_set(err, MDLA_ERR_FORMAT, "%s: is a codebook, not a .mdla file", name);
    d->seekable = status == MDLA_OK && source.seek != NULL && source.nbytes != MDLA_UNKNOWN;
    if (status == MDLA_OK)
        status = read_all(d, given, err);
    if (status != MDLA_OK) {
        mdla_decoder_close(d);
        return status;
    }
    *out = d;
    return MDLA_OK;
}

mdla_status mdla_decoder_open(const mdla_config *config, mdla_source source, const char *name,
                              const mdla_codebook *given, mdla_decoder **out, mdla_error *err)
{
    return open_file(config, source, name, given, false, out, err);
}

mdla_status mdla_decoder_open_outline(const mdla_config *config, mdla_source source,
                                      const char *name, mdla_decoder **out, mdla_error *err)
{
    return open_file(config, source, name, NULL, true, out, err);
}

void mdla_decoder_close(mdla_decoder *d)
{
    if (d == NULL)
        return;
    decoder_free_slots(d);
    chunk_reader_close(&d->r);
    chunk_free(d->al, &d->scratch);
    code_model_free(d->model);
    codebook_free(d->own.cb);
    alloc_free(d->al, d->index);
    alloc_free(d->al, d->postings.entries);
    alloc_free(d->al, d->tokens.entries);
    alloc_free(d->al, d->passages.entries);
    alloc_free(d->al, d->note);
    alloc_free(d->al, d->hook);
    alloc_free(d->al, d->name);
    alloc_free(d->al, d);
}

const mdla_codebook *mdla_decoder_codebook(const mdla_decoder *d)
{
    return d->used.cb != NULL ? &d->used : NULL;
}

void mdla_decoder_query(const mdla_decoder *d, mdla_file_info *out)
{
    *out = (mdla_file_info){
        .version_major = MDLA_FORMAT_MAJOR,
        .version_minor = MDLA_FORMAT_MINOR,
        .dims = d->header.dims,
        .width = d->header.width,
        .block_rows = d->header.block_rows,
        .rows = d->complete ? d->tail.rows : MDLA_UNKNOWN,
        .blocks = d->complete ? d->tail.blocks : MDLA_UNKNOWN,
        .nbytes = d->complete ? d->r.source.nbytes : MDLA_UNKNOWN,
        .dtype = d->header.dtype,
        .step = d->header.code.exact ? 0.0 : quant_step_value(d->header.params.step),
        .model = d->header.code.joint ? MDLA_MODEL_JOINT : MDLA_MODEL_ADDITIVE,
        .passages = d->header.code.passages,
        .cache = d->header.code.cache,
        .context = d->header.context,
        .passage_numbers = d->passages.count != 0,
        .tokens = d->tokens.count != 0,
        .embedded = d->header.embedded,
        .postings = d->postings.count != 0,
        .fvu = d->has_stats && d->stats.deviation_sum > 0.0
                   ? d->stats.error_sum / d->stats.deviation_sum
                   : (double)NAN,
        .has_decoded_sha256 = d->has_stats,
        .note = d->note,
        .hook = d->hook,
    };
    memcpy(out->codebook_sha256, d->codebook_sha256, 32);
    memcpy(out->decoded_sha256, d->stats.decoded_sha256, 32);
}
