#include "zip_sink.h"

#include "base/alloc.h"
#include "io_error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* Records are put together here; the longest is the directory's end. */
typedef struct record {
    uint8_t bytes[256];
    size_t count;
} record;

static void put(record *r, uint64_t value, unsigned nbytes)
{
    while (nbytes-- != 0) {
        r->bytes[r->count++] = (uint8_t)value;
        value >>= 8;
    }
}

static void put_text(record *r, const char *text)
{
    const size_t length = strlen(text);

    memcpy(r->bytes + r->count, text, length);
    r->count += length;
}

static mdla_status write_bytes(zip_sink *zip, const void *src, size_t nbytes, mdla_error *err)
{
    mdla_status status;

    errno = 0;
    status = zip->sink->write(zip->sink->ctx, src, nbytes);
    if (status == MDLA_ERR_IO)
        return error_io(err, NULL, "write the archive");
    zip->position += nbytes;
    return status == MDLA_OK ? MDLA_OK
                             : error_set(err, status, "the archive: %s", mdla_status_text(status));
}

static mdla_status write_record(zip_sink *zip, const record *r, mdla_error *err)
{
    return write_bytes(zip, r->bytes, r->count, err);
}

void zip_sink_start(zip_sink *zip, mdla_sink *sink)
{
    memset(zip, 0, sizeof *zip);
    zip->sink = sink;
}

/* Version needed, flags (bit 3: sizes follow), method, a date: 1980-01-01, so that the same content
 * gives the same bytes. */
static void put_common(record *r)
{
    put(r, 45, 2);
    put(r, 8, 2);
    put(r, 0, 2);
    put(r, 0, 2);
    put(r, 33, 2);
}

static mdla_status end_member(zip_sink *zip, mdla_error *err)
{
    const zip_sink_member *m;
    record r = {.count = 0};

    if (zip->count == 0)
        return MDLA_OK;
    m = &zip->members[zip->count - 1];
    put_text(&r, "PK\7\10");
    put(&r, m->crc, 4);
    put(&r, m->nbytes, 8);
    put(&r, m->nbytes, 8);
    return write_record(zip, &r, err);
}

mdla_status zip_sink_member_begin(zip_sink *zip, const char *name, mdla_error *err)
{
    zip_sink_member *m;
    record r = {.count = 0};

    MDLA_TRY(end_member(zip, err));
    if (zip->count == ZIP_SINK_MEMBERS_MAX || strlen(name) >= ZIP_SINK_NAME_MAX)
        return error_set(err, MDLA_ERR_LIMIT, "too many members for one archive");
    m = &zip->members[zip->count++];
    (void)snprintf(m->name, sizeof m->name, "%s", name);
    m->offset = zip->position;
    m->crc = (uint32_t)crc32(0, NULL, 0);
    put_text(&r, "PK\3\4");
    put_common(&r);
    put(&r, 0, 4);
    put(&r, UINT32_MAX, 4);
    put(&r, UINT32_MAX, 4);
    put(&r, strlen(name), 2);
    put(&r, 20, 2);
    put_text(&r, name);
    put(&r, 1, 2); /* zip64: sizes of 8 bytes, which follow the data */
    put(&r, 16, 2);
    put(&r, 0, 8);
    put(&r, 0, 8);
    return write_record(zip, &r, err);
}

mdla_status zip_sink_write(zip_sink *zip, const void *src, size_t nbytes, mdla_error *err)
{
    zip_sink_member *const m = &zip->members[zip->count - 1];
    size_t at, n;

    for (at = 0; at < nbytes; at += n) {
        n = nbytes - at < UINT_MAX ? nbytes - at : UINT_MAX;
        m->crc = (uint32_t)crc32(m->crc, (const Bytef *)src + at, (uInt)n);
    }
    m->nbytes += nbytes;
    return write_bytes(zip, src, nbytes, err);
}

static mdla_status write_entry(zip_sink *zip, const zip_sink_member *m, mdla_error *err)
{
    record r = {.count = 0};

    put_text(&r, "PK\1\2");
    put(&r, 45, 2);
    put_common(&r);
    put(&r, m->crc, 4);
    put(&r, UINT32_MAX, 4);
    put(&r, UINT32_MAX, 4);
    put(&r, strlen(m->name), 2);
    put(&r, 28, 2);
    put(&r, 0, 2 + 2 + 2 + 4); /* comment, disk, attributes */
    put(&r, UINT32_MAX, 4);
    put_text(&r, m->name);
    put(&r, 1, 2);
    put(&r, 24, 2);
    put(&r, m->nbytes, 8);
    put(&r, m->nbytes, 8);
    put(&r, m->offset, 8);
    return write_record(zip, &r, err);
}

mdla_status zip_sink_finish(zip_sink *zip, mdla_error *err)
{
    uint64_t begin, end;
    record r = {.count = 0};
    size_t i;

    MDLA_TRY(end_member(zip, err));
    begin = zip->position;
    for (i = 0; i < zip->count; i++)
        MDLA_TRY(write_entry(zip, &zip->members[i], err));
    end = zip->position;
    put_text(&r, "PK\6\6");
    put(&r, 44, 8);
    put(&r, 45, 2);
    put(&r, 45, 2);
    put(&r, 0, 8);
    put(&r, zip->count, 8);
    put(&r, zip->count, 8);
    put(&r, end - begin, 8);
    put(&r, begin, 8);
    put_text(&r, "PK\6\7");
    put(&r, 0, 4);
    put(&r, end, 8);
    put(&r, 1, 4);
    put_text(&r, "PK\5\6");
    put(&r, 0, 4);
    put(&r, zip->count, 2);
    put(&r, zip->count, 2);
    put(&r, end - begin < UINT32_MAX ? end - begin : UINT32_MAX, 4);
    put(&r, begin < UINT32_MAX ? begin : UINT32_MAX, 4);
    put(&r, 0, 2);
    return write_record(zip, &r, err);
}
