/* Chunks: the container's framed units (spec section 3): type, length, payload, CRC-32 over all
 * three. */
#ifndef MDLA_CHUNK_H
#define MDLA_CHUNK_H

#include "mdla/base.h"

#include <stdbool.h>

#define CHUNK_FRAME_NBYTES 12
#define MAGIC_NBYTES 8

extern const uint8_t chunk_magic_file[MAGIC_NBYTES];     /* a .mdla file */
extern const uint8_t chunk_magic_codebook[MAGIC_NBYTES]; /* a codebook file */

/* Types by their letters; a lower-case first letter marks an ancillary chunk, skipped where
 * unknown. */
#define CHUNK_TYPE(a, b, c, d)                                                                     \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define CHUNK_HEAD CHUNK_TYPE('H', 'E', 'A', 'D')
#define CHUNK_CODEBOOK CHUNK_TYPE('C', 'B', 'H', 'D')
#define CHUNK_BASIS CHUNK_TYPE('C', 'B', 'B', 'S')
#define CHUNK_PRIORS CHUNK_TYPE('C', 'B', 'P', 'R')
#define CHUNK_JOINT CHUNK_TYPE('C', 'B', 'J', 'M')
#define CHUNK_ATOMS CHUNK_TYPE('C', 'B', 'A', 'T')
#define CHUNK_REFERENCE CHUNK_TYPE('C', 'R', 'E', 'F')
#define CHUNK_BLOCK CHUNK_TYPE('B', 'L', 'C', 'K')
#define CHUNK_INDEX CHUNK_TYPE('I', 'N', 'D', 'X')
#define CHUNK_STATS CHUNK_TYPE('s', 't', 'a', 't')
#define CHUNK_TOKENS CHUNK_TYPE('t', 'o', 'k', 's')
#define CHUNK_PASSAGES CHUNK_TYPE('d', 'o', 'c', 's')
#define CHUNK_HOOK CHUNK_TYPE('h', 'o', 'o', 'k')
#define CHUNK_NOTE CHUNK_TYPE('n', 'o', 't', 'e')
#define CHUNK_POSTINGS CHUNK_TYPE('p', 'o', 's', 't')
#define CHUNK_TAIL CHUNK_TYPE('T', 'A', 'I', 'L')

static inline bool chunk_is_ancillary(uint32_t type)
{
    return (type & 0x20) != 0;
}

/* A chunk in memory. payload is the chunk's; reused from chunk to chunk. */
typedef struct chunk {
    uint32_t type;
    size_t nbytes; /* of the payload */
    uint8_t *payload;
    size_t capacity;
    uint32_t crc;
    uint64_t offset; /* of its frame in the file */
} chunk;

void chunk_free(const mdla_allocator *al, chunk *c);

/* A source with its position, so that messages can say where. */
typedef struct chunk_reader {
    mdla_source source;
    const mdla_allocator *al;
    uint32_t max_chunk;
    uint64_t offset;
    const char *name; /* for messages; the owner's */
} chunk_reader;

/* nbytes or MDLA_ERR_TRUNCATED. */
mdla_status chunk_read_bytes(chunk_reader *r, void *dst, size_t nbytes, mdla_error *err);

/* The next chunk, CRC checked. end (may be NULL): set and MDLA_OK returned where the data end
 * before its first byte. Memory is taken as data arrive: a length that lies costs nothing. */
mdla_status chunk_read(chunk_reader *r, chunk *c, bool *end, mdla_error *err);

/* Looks at the next chunk's type and length without taking it. Needs a source that can seek. */
mdla_status chunk_peek(chunk_reader *r, uint32_t *type, uint32_t *nbytes, mdla_error *err);

mdla_status chunk_seek(chunk_reader *r, uint64_t offset, mdla_error *err);

/* "BLCK", or "\xNN" escapes where a letter isn't printable. */
void chunk_type_text(uint32_t type, char text[20]);

/* A source that begins with a magic: taken over and its first bytes compared. MDLA_ERR_FORMAT for
 * others; on any failure the source is closed. */
mdla_status chunk_reader_open(const mdla_config *config, mdla_source source, const char *name,
                              chunk_reader *r, uint8_t magic[MAGIC_NBYTES], mdla_error *err);
void chunk_reader_close(chunk_reader *r);

/* Writing: a sink with its position. */
typedef struct chunk_writer {
    mdla_sink sink;
    uint64_t offset;
} chunk_writer;

mdla_status chunk_write_bytes(chunk_writer *w, const void *src, size_t nbytes);

/* A chunk whose payload is the parts one after the other. MDLA_ERR_LIMIT above 2^32 - 1 bytes. */
mdla_status chunk_write(chunk_writer *w, uint32_t type, const void *first, size_t first_nbytes,
                        const void *second, size_t second_nbytes);

#endif
