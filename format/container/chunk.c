#include "container/chunk.h"

#include "base/alloc.h"
#include "container/bytes.h"

#include <stdio.h>
#include <zlib.h>

const uint8_t chunk_magic_file[MAGIC_NBYTES] = {0x89, 'M', 'D', 'L', 'A', '\r', '\n', 0x1a};
const uint8_t chunk_magic_codebook[MAGIC_NBYTES] = {0x89, 'M', 'D', 'L', 'C', '\r', '\n', 0x1a};

#define READ_STEP ((size_t)1 << 20) /* payload memory grows by doubling from here */

void chunk_free(const mdla_allocator *al, chunk *c)
{
    alloc_free(al, c->payload);
    c->payload = NULL;
    c->capacity = c->nbytes = 0;
}

void chunk_type_text(uint32_t type, char text[20])
{
    size_t at = 0;

    for (unsigned i = 0; i < 4; i++) {
        const unsigned letter = type >> 8 * i & 255;

        if (letter >= 33 && letter < 127)
            text[at++] = (char)letter;
        else
            at += (size_t)snprintf(text + at, 5, "\\x%02x", letter);
    }
    text[at] = '\0';
}

static mdla_status read_some(chunk_reader *r, void *dst, size_t nbytes, size_t *got,
                             mdla_error *err)
{
    *got = 0;
    if (r->source.read(r->source.ctx, dst, nbytes, got) != MDLA_OK || *got > nbytes)
        return error_set(err, MDLA_ERR_IO, "%s: read failed at byte %llu", r->name,
                         (unsigned long long)r->offset);
    r->offset += *got;
    return MDLA_OK;
}

mdla_status chunk_read_bytes(chunk_reader *r, void *dst, size_t nbytes, mdla_error *err)
{
    size_t got;

    MDLA_TRY(read_some(r, dst, nbytes, &got, err));
    if (got < nbytes)
        return error_set(err, MDLA_ERR_TRUNCATED, "%s: ends early, at byte %llu", r->name,
                         (unsigned long long)r->offset);
    return MDLA_OK;
}

static mdla_status reserve(chunk_reader *r, chunk *c, size_t used, size_t nbytes, mdla_error *err)
{
    uint8_t *grown;

    if (nbytes <= c->capacity)
        return MDLA_OK;
    grown = alloc_grown(r->al, c->payload, used, nbytes, 1);
    if (grown == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for a chunk of %zu bytes", r->name,
                         nbytes);
    c->payload = grown;
    c->capacity = nbytes;
    return MDLA_OK;
}

static mdla_status read_payload(chunk_reader *r, chunk *c, size_t nbytes, mdla_error *err)
{
    size_t have = 0;

    MDLA_TRY(reserve(r, c, 0, 1, err)); /* also an empty payload has an address */
    while (have < nbytes) {
        const size_t step = have < READ_STEP ? READ_STEP : have;
        const size_t take = nbytes - have < step ? nbytes - have : step;

        MDLA_TRY(reserve(r, c, have, have + take, err));
        MDLA_TRY(chunk_read_bytes(r, c->payload + have, take, err));
        have += take;
    }
    c->nbytes = nbytes;
    return MDLA_OK;
}

mdla_status chunk_read(chunk_reader *r, chunk *c, bool *end, mdla_error *err)
{
    uint8_t frame[8], crc[4];
    char type[20];
    size_t got;
    uint32_t nbytes;
    uLong sum;

    c->offset = r->offset;
    MDLA_TRY(read_some(r, frame, sizeof frame, &got, err));
    if (end != NULL)
        *end = got == 0;
    if (got == 0 && end != NULL)
        return MDLA_OK;
    if (got < sizeof frame)
        return error_set(err, MDLA_ERR_TRUNCATED, "%s: ends early, at byte %llu", r->name,
                         (unsigned long long)r->offset);
    bytes_in in = {frame, frame + sizeof frame, false};
    c->type = bytes_u32(&in);
    nbytes = bytes_u32(&in);
    chunk_type_text(c->type, type);
    if (nbytes > r->max_chunk)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: chunk '%s' at byte %llu claims %u bytes, above the limit of %u",
                         r->name, type, (unsigned long long)c->offset, nbytes, r->max_chunk);
    MDLA_TRY(read_payload(r, c, nbytes, err));
    MDLA_TRY(chunk_read_bytes(r, crc, sizeof crc, err));
    sum = crc32_z(crc32_z(0, frame, sizeof frame), c->payload, c->nbytes);
    in = (bytes_in){crc, crc + sizeof crc, false};
    c->crc = bytes_u32(&in);
    if (c->crc != (uint32_t)sum)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: chunk '%s' at byte %llu: CRC mismatch, the file is damaged", r->name,
                         type, (unsigned long long)c->offset);
    return MDLA_OK;
}

mdla_status chunk_reader_open(const mdla_config *config, mdla_source source, const char *name,
                              chunk_reader *r, uint8_t magic[MAGIC_NBYTES], mdla_error *err)
{
    mdla_config defaults;
    mdla_status status;

    mdla_config_init(&defaults);
    *r = (chunk_reader){source, alloc_of(config),
                        config != NULL ? config->limits.max_chunk : defaults.limits.max_chunk, 0,
                        name};
    status = chunk_read_bytes(r, magic, MAGIC_NBYTES, err);
    if (status == MDLA_ERR_TRUNCATED)
        status =
            error_set(err, MDLA_ERR_FORMAT, "%s: not a .mdla file or codebook: too short", name);
    else if (status == MDLA_OK && memcmp(magic, chunk_magic_file, MAGIC_NBYTES) != 0 &&
             memcmp(magic, chunk_magic_codebook, MAGIC_NBYTES) != 0)
        status = error_set(err, MDLA_ERR_FORMAT, "%s: not a .mdla file or codebook", name);
    if (status != MDLA_OK)
        chunk_reader_close(r);
    return status;
}

void chunk_reader_close(chunk_reader *r)
{
    if (r->source.close != NULL)
        r->source.close(r->source.ctx);
    r->source.close = NULL;
}

mdla_status chunk_seek(chunk_reader *r, uint64_t offset, mdla_error *err)
{
    if (r->source.seek == NULL)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: can't seek in a pipe", r->name);
    if (r->source.seek(r->source.ctx, offset) != MDLA_OK)
        return error_set(err, MDLA_ERR_IO, "%s: can't go to byte %llu", r->name,
                         (unsigned long long)offset);
    r->offset = offset;
    return MDLA_OK;
}

mdla_status chunk_peek(chunk_reader *r, uint32_t *type, uint32_t *nbytes, mdla_error *err)
{
    const uint64_t before = r->offset;
    uint8_t frame[8];

    MDLA_TRY(chunk_read_bytes(r, frame, sizeof frame, err));
    bytes_in in = {frame, frame + sizeof frame, false};
    *type = bytes_u32(&in);
    *nbytes = bytes_u32(&in);
    return chunk_seek(r, before, err);
}

mdla_status chunk_write_bytes(chunk_writer *w, const void *src, size_t nbytes)
{
    MDLA_TRY(w->sink.write(w->sink.ctx, src, nbytes));
    w->offset += nbytes;
    return MDLA_OK;
}

mdla_status chunk_write(chunk_writer *w, uint32_t type, const void *first, size_t first_nbytes,
                        const void *second, size_t second_nbytes)
{
    uint8_t frame[8], crc[4];
    uLong sum;

    if (first_nbytes > UINT32_MAX || second_nbytes > UINT32_MAX - first_nbytes)
        return MDLA_ERR_LIMIT;
    bytes_put(bytes_put(frame, type, 4), first_nbytes + second_nbytes, 4);
    sum = crc32_z(0, frame, sizeof frame);
    if (first_nbytes != 0)
        sum = crc32_z(sum, first, first_nbytes);
    if (second_nbytes != 0)
        sum = crc32_z(sum, second, second_nbytes);
    bytes_put(crc, sum, 4);
    MDLA_TRY(chunk_write_bytes(w, frame, sizeof frame));
    if (first_nbytes != 0)
        MDLA_TRY(chunk_write_bytes(w, first, first_nbytes));
    if (second_nbytes != 0)
        MDLA_TRY(chunk_write_bytes(w, second, second_nbytes));
    return chunk_write_bytes(w, crc, sizeof crc);
}
