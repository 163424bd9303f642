#include "zip_writer.h"

#include "base/alloc.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define VERSION_ZIP64 45
#define FLAG_DESCRIPTOR 8
#define DATE_1980 0x21 /* 1 January 1980: the same rows give the same file */
#define MODE_FILE ((uint32_t)0100600 << 16)
#define MADE_BY_UNIX (3 << 8)

/* A record under construction: little-endian numbers of stated sizes. */
typedef struct record {
    uint8_t bytes[160 + ZIP_WRITER_NAME_MAX];
    size_t used;
} record;

static void put(record *r, uint64_t value, unsigned nbytes)
{
    while (nbytes-- > 0) {
        r->bytes[r->used++] = (uint8_t)value;
        value >>= 8;
    }
}

static void put_text(record *r, const char *text)
{
    const size_t length = strlen(text);

    memcpy(r->bytes + r->used, text, length);
    r->used += length;
}

static uint32_t low(uint64_t value)
{
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static mdla_status write_out(zip_writer *zip, const void *src, size_t nbytes)
{
    zip->position += nbytes;
    return zip->sink->write(zip->sink->ctx, src, nbytes);
}

static mdla_status write_record(zip_writer *zip, const record *r)
{
    return write_out(zip, r->bytes, r->used);
}

static voidpf zlib_alloc(voidpf opaque, uInt count, uInt size)
{
    return alloc_zeroed(opaque, count, size);
}

static void zlib_free(voidpf opaque, voidpf ptr)
{
    alloc_free(opaque, ptr);
}

void zip_writer_start(zip_writer *zip, const mdla_allocator *al, mdla_sink *sink)
{
    memset(zip, 0, sizeof *zip);
    zip->al = al;
    zip->sink = sink;
    zip->z.zalloc = zlib_alloc;
    zip->z.zfree = zlib_free;
    zip->z.opaque = (voidpf)al; /* zlib hands it back alone, never writes to it */
}

void zip_writer_free(zip_writer *zip)
{
    if (zip->z_inited)
        (void)deflateEnd(&zip->z);
    zip->z_inited = false;
    if (zip->members != NULL)
        alloc_free(zip->al, zip->members);
    zip->members = NULL;
}

/* ---- Members ----------------------------------------------------------------------------------
 */

/* Takes what is there in z, or with Z_FINISH all that is left. */
static mdla_status deflate_some(zip_writer *zip, int flush)
{
    zip_written *const m = &zip->members[zip->count - 1];
    int result;

    do {
        size_t nbytes;

        zip->z.next_out = zip->buffer;
        zip->z.avail_out = sizeof zip->buffer;
        result = deflate(&zip->z, flush);
        nbytes = sizeof zip->buffer - zip->z.avail_out;
        m->packed_nbytes += nbytes;
        if (nbytes != 0)
            MDLA_TRY(write_out(zip, zip->buffer, nbytes));
    } while (flush == Z_FINISH ? result != Z_STREAM_END : zip->z.avail_in != 0);
    return MDLA_OK;
}

static mdla_status end_member(zip_writer *zip)
{
    const zip_written *const m = &zip->members[zip->count - 1];
    record r = {.used = 0};

    if (m->deflated) {
        zip->z.next_in = zip->buffer;
        zip->z.avail_in = 0;
        MDLA_TRY(deflate_some(zip, Z_FINISH));
    }
    zip->open = false;
    put_text(&r, "PK\7\10");
    put(&r, m->crc, 4);
    put(&r, m->packed_nbytes, 8);
    put(&r, m->nbytes, 8);
    return write_record(zip, &r);
}

static mdla_status grow(zip_writer *zip)
{
    const size_t room = zip->room == 0 ? 8 : 2 * zip->room;
    zip_written *const grown = alloc_grown(zip->al, zip->members, zip->count, room, sizeof *grown);

    if (grown == NULL)
        return MDLA_ERR_MEMORY;
    zip->members = grown;
    zip->room = room;
    return MDLA_OK;
}

mdla_status zip_writer_member(zip_writer *zip, const char *name, bool deflated)
{
    record r = {.used = 0};
    zip_written *m;

    if (zip->open)
        MDLA_TRY(end_member(zip));
    if (zip->count == zip->room)
        MDLA_TRY(grow(zip));
    if (deflated) {
        const int result =
            zip->z_inited ? deflateReset(&zip->z)
                          : deflateInit2(&zip->z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);

        if (result != Z_OK)
            return MDLA_ERR_MEMORY;
        zip->z_inited = true;
    }
    m = &zip->members[zip->count++];
    memset(m, 0, sizeof *m);
    (void)snprintf(m->name, sizeof m->name, "%s", name);
    m->deflated = deflated;
    m->crc = (uint32_t)crc32(0, NULL, 0);
    m->header_offset = zip->position;
    zip->open = true;
    put_text(&r, "PK\3\4");
    put(&r, VERSION_ZIP64, 2);
    put(&r, FLAG_DESCRIPTOR, 2);
    put(&r, deflated ? 8 : 0, 2);
    put(&r, 0, 2); /* time */
    put(&r, DATE_1980, 2);
    put(&r, 0, 4);          /* CRC: in the descriptor */
    put(&r, UINT32_MAX, 4); /* sizes: in the extra field, which says 0, */
    put(&r, UINT32_MAX, 4); /* as they stand in the descriptor */
    put(&r, strlen(m->name), 2);
    put(&r, 20, 2);
    put_text(&r, m->name);
    put(&r, 1, 2);
    put(&r, 16, 2);
    put(&r, 0, 8);
    put(&r, 0, 8);
    return write_record(zip, &r);
}

mdla_status zip_writer_write(zip_writer *zip, const void *src, size_t nbytes)
{
    zip_written *const m = &zip->members[zip->count - 1];
    const uint8_t *at = src;

    m->nbytes += nbytes;
    while (nbytes > 0) {
        const uInt piece = nbytes < UINT_MAX ? (uInt)nbytes : UINT_MAX;

        m->crc = (uint32_t)crc32(m->crc, at, piece);
        if (m->deflated) {
            zip->z.next_in = (Bytef *)(uintptr_t)at; /* read alone */
            zip->z.avail_in = piece;
            MDLA_TRY(deflate_some(zip, Z_NO_FLUSH));
        } else {
            m->packed_nbytes += piece;
            MDLA_TRY(write_out(zip, at, piece));
        }
        at += piece;
        nbytes -= piece;
    }
    return MDLA_OK;
}

/* ---- The directory ----------------------------------------------------------------------------
 */

/* The zip64 extra holds, in this order, the fields that are too large for the entry. */
static void put_extra(record *r, const zip_written *m)
{
    const uint64_t fields[] = {m->nbytes, m->packed_nbytes, m->header_offset};
    unsigned i, large = 0;

    for (i = 0; i < 3; i++)
        large += fields[i] >= UINT32_MAX;
    if (large == 0)
        return;
    put(r, 1, 2);
    put(r, 8 * large, 2);
    for (i = 0; i < 3; i++) {
        if (fields[i] >= UINT32_MAX)
            put(r, fields[i], 8);
    }
}

static mdla_status write_entry(zip_writer *zip, const zip_written *m)
{
    record r = {.used = 0}, extra = {.used = 0};

    put_extra(&extra, m);
    put_text(&r, "PK\1\2");
    put(&r, MADE_BY_UNIX | VERSION_ZIP64, 2);
    put(&r, VERSION_ZIP64, 2);
    put(&r, FLAG_DESCRIPTOR, 2);
    put(&r, m->deflated ? 8 : 0, 2);
    put(&r, 0, 2);
    put(&r, DATE_1980, 2);
    put(&r, m->crc, 4);
    put(&r, low(m->packed_nbytes), 4);
    put(&r, low(m->nbytes), 4);
    put(&r, strlen(m->name), 2);
    put(&r, extra.used, 2);
    put(&r, 0, 2); /* comment, disk, internal attributes */
    put(&r, 0, 2);
    put(&r, 0, 2);
    put(&r, MODE_FILE, 4);
    put(&r, low(m->header_offset), 4);
    put_text(&r, m->name);
    memcpy(r.bytes + r.used, extra.bytes, extra.used);
    r.used += extra.used;
    return write_record(zip, &r);
}

/* The zip64 end record and its locator, where the plain one has no room. */
static mdla_status write_end64(zip_writer *zip, uint64_t directory, uint64_t nbytes)
{
    const uint64_t position = zip->position;
    record r = {.used = 0};

    put_text(&r, "PK\6\6");
    put(&r, 44, 8);
    put(&r, MADE_BY_UNIX | VERSION_ZIP64, 2);
    put(&r, VERSION_ZIP64, 2);
    put(&r, 0, 4);
    put(&r, 0, 4);
    put(&r, zip->count, 8);
    put(&r, zip->count, 8);
    put(&r, nbytes, 8);
    put(&r, directory, 8);
    put_text(&r, "PK\6\7");
    put(&r, 0, 4);
    put(&r, position, 8);
    put(&r, 1, 4);
    return write_record(zip, &r);
}

mdla_status zip_writer_finish(zip_writer *zip)
{
    record r = {.used = 0};
    uint64_t directory, nbytes;
    size_t i;

    if (zip->open)
        MDLA_TRY(end_member(zip));
    directory = zip->position;
    for (i = 0; i < zip->count; i++)
        MDLA_TRY(write_entry(zip, &zip->members[i]));
    nbytes = zip->position - directory;
    if (directory >= UINT32_MAX || zip->count >= UINT16_MAX)
        MDLA_TRY(write_end64(zip, directory, nbytes));
    put_text(&r, "PK\5\6");
    put(&r, 0, 2);
    put(&r, 0, 2);
    put(&r, zip->count < UINT16_MAX ? zip->count : UINT16_MAX, 2);
    put(&r, zip->count < UINT16_MAX ? zip->count : UINT16_MAX, 2);
    put(&r, low(nbytes), 4);
    put(&r, low(directory), 4);
    put(&r, 0, 2);
    return write_record(zip, &r);
}
