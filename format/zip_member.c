/* The content of a ZIP archive's members, stored or deflated, with their sizes and CRC-32. */
#include "zip_source.h"

#include "base/alloc.h"
#include "io_error.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

#define INPUT_NBYTES 32768
#define LOCAL_NBYTES 30

typedef struct member_source {
    zip_archive *zip;
    const zip_member *member;
    uint64_t data_offset; /* of its first packed byte in the archive */
    uint64_t position;    /* of the next byte of content */
    uint64_t packed;      /* packed bytes taken so far, deflated members alone */
    uLong crc;
    bool checked; /* crc is that of all content before position */
    z_stream z;
    uint8_t buffer[INPUT_NBYTES];
} member_source;

static voidpf zlib_alloc(voidpf opaque, uInt count, uInt size)
{
    return alloc_zeroed(opaque, count, size);
}

static void zlib_free(voidpf opaque, voidpf ptr)
{
    alloc_free(opaque, ptr);
}

/* Bytes of the archive; they were checked to be there. */
static mdla_status take(member_source *m, uint64_t offset, void *dst, size_t nbytes)
{
    mdla_error unused;

    if (input_seek(&m->zip->in, m->data_offset + offset, &unused) != MDLA_OK)
        return unused.status;
    return input_read(&m->zip->in, dst, nbytes, "a member", &unused) == MDLA_OK ? MDLA_OK
                                                                                : unused.status;
}

/* Exactly want bytes, or as many as the stream has left where *got falls short. */
static mdla_status inflate_some(member_source *m, uint8_t *dst, size_t want, size_t *got)
{
    *got = 0;
    while (*got < want) {
        const size_t room = want - *got < UINT_MAX ? want - *got : UINT_MAX;
        mdla_status status;
        int result;

        if (m->z.avail_in == 0 && m->packed < m->member->packed_nbytes) {
            const uint64_t left = m->member->packed_nbytes - m->packed;
            const size_t more = left < INPUT_NBYTES ? (size_t)left : INPUT_NBYTES;

            status = take(m, m->packed, m->buffer, more);
            if (status != MDLA_OK)
                return status;
            m->packed += more;
            m->z.next_in = m->buffer;
            m->z.avail_in = (uInt)more;
        }
        m->z.next_out = dst + *got;
        m->z.avail_out = (uInt)room;
        result = inflate(&m->z, Z_NO_FLUSH);
        *got += room - m->z.avail_out;
        if (result == Z_STREAM_END)
            return m->z.avail_in == 0 && m->packed == m->member->packed_nbytes ? MDLA_OK
                                                                               : MDLA_ERR_CORRUPT;
        if (result == Z_MEM_ERROR)
            return MDLA_ERR_MEMORY;
        if (result != Z_OK) /* Z_BUF_ERROR: the packed bytes end too early */
            return MDLA_ERR_CORRUPT;
    }
    return MDLA_OK;
}

/* All content was read: the size must be the one promised, and the CRC too. */
static mdla_status check_end(member_source *m)
{
    uint8_t more;
    size_t got = 0;

    if (m->member->method == ZIP_DEFLATED) {
        const mdla_status status = inflate_some(m, &more, 1, &got);

        if (status != MDLA_OK)
            return status;
    }
    if (got != 0)
        return MDLA_ERR_CORRUPT;
    if (m->member->crc == 0 && m->zip->zero_crc_is_none)
        return MDLA_OK;
    return m->crc == m->member->crc ? MDLA_OK : MDLA_ERR_CORRUPT;
}

static mdla_status member_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    member_source *const m = ctx;
    const uint64_t left = m->member->nbytes - m->position;
    const size_t want = nbytes < left ? nbytes : (size_t)left;
    mdla_status status;
    size_t done = want, at, n;

    *got = 0;
    if (want == 0)
        return MDLA_OK;
    status = m->member->method == ZIP_STORED ? take(m, m->position, dst, want)
                                             : inflate_some(m, dst, want, &done);
    if (status != MDLA_OK || done != want)
        return status != MDLA_OK ? status : MDLA_ERR_CORRUPT;
    for (at = 0; m->checked && at < want; at += n) {
        n = want - at < UINT_MAX ? want - at : UINT_MAX;
        m->crc = crc32(m->crc, (const Bytef *)dst + at, (uInt)n);
    }
    m->position += want;
    if (m->checked && m->position == m->member->nbytes) {
        status = check_end(m);
        m->checked = false;
    }
    *got = status == MDLA_OK ? want : 0;
    return status;
}

static mdla_status restart(member_source *m)
{
    m->position = m->packed = 0;
    m->crc = crc32(0, NULL, 0);
    m->checked = true;
    if (m->member->method == ZIP_STORED)
        return MDLA_OK;
    m->z.avail_in = 0;
    return inflateReset(&m->z) == Z_OK ? MDLA_OK : MDLA_ERR_CORRUPT;
}

static mdla_status member_seek(void *ctx, uint64_t offset)
{
    member_source *const m = ctx;
    uint8_t scratch[4096];
    mdla_status status = MDLA_OK;

    if (offset > m->member->nbytes)
        offset = m->member->nbytes;
    if (offset == m->position)
        return MDLA_OK;
    if (offset == 0)
        return restart(m);
    if (m->member->method == ZIP_STORED) {
        m->position = offset;
        m->checked = false;
        return MDLA_OK;
    }
    if (offset < m->position)
        status = restart(m);
    while (status == MDLA_OK && m->position < offset) {
        const uint64_t left = offset - m->position;
        size_t got;

        status =
            member_read(m, scratch, left < sizeof scratch ? (size_t)left : sizeof scratch, &got);
    }
    return status;
}

static void member_close(void *ctx)
{
    member_source *const m = ctx;

    if (m->member->method == ZIP_DEFLATED)
        inflateEnd(&m->z);
    alloc_free(m->zip->in.al, m);
}

/* The local header says nothing but where the data begin; it must be the member's own. */
static mdla_status find_data(zip_archive *zip, const zip_member *member, uint64_t *offset,
                             mdla_error *err)
{
    const size_t name_nbytes = strlen(member->name);
    const uint64_t total = zip->in.source.nbytes;
    uint8_t header[LOCAL_NBYTES];

    MDLA_TRY(input_seek(&zip->in, member->header_offset, err));
    MDLA_TRY(input_read(&zip->in, header, sizeof header, member->name, err));
    *offset = member->header_offset + LOCAL_NBYTES + name_nbytes +
              (header[28] | (unsigned)header[29] << 8); /* the extra's size differs from the
                                                           directory's: torch pads with it */
    if (memcmp(header, "PK\3\4", 4) != 0 ||
        name_nbytes != (header[26] | (unsigned)header[27] << 8) || *offset > total ||
        member->packed_nbytes > total - *offset)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: member %.80s is not where the ZIP directory says", zip->in.name,
                         member->name);
    return MDLA_OK;
}

mdla_status zip_member_open(zip_archive *zip, const zip_member *member, mdla_source *out,
                            mdla_error *err)
{
    member_source *m;
    uint64_t offset;

    memset(out, 0, sizeof *out);
    if (member->encrypted)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: member %.80s is encrypted", zip->in.name,
                         member->name);
    if (member->method != ZIP_STORED && member->method != ZIP_DEFLATED)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: member %.80s: compression method %u is not supported; stored and "
                         "deflated members are",
                         zip->in.name, member->name, member->method);
    MDLA_TRY(find_data(zip, member, &offset, err));
    m = alloc_zeroed(zip->in.al, 1, sizeof *m);
    if (m == NULL)
        return error_memory(err, zip->in.name);
    m->zip = zip;
    m->member = member;
    m->data_offset = offset;
    m->crc = crc32(0, NULL, 0);
    m->checked = true;
    m->z.zalloc = zlib_alloc;
    m->z.zfree = zlib_free;
    m->z.opaque = (voidpf)zip->in.al; /* zlib hands it back alone, never writes to it */
    if (member->method == ZIP_DEFLATED && inflateInit2(&m->z, -MAX_WBITS) != Z_OK) {
        alloc_free(zip->in.al, m);
        return error_memory(err, zip->in.name);
    }
    out->ctx = m;
    out->read = member_read;
    out->seek = member_seek;
    out->nbytes = member->nbytes;
    out->close = member_close;
    return MDLA_OK;
}
