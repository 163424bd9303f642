/* The directory of a ZIP archive; its members are in zip_member.c. */
#include "zip_source.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY_MAX ((uint64_t)64 << 20)
#define MEMBERS_MAX ((uint64_t)1 << 17)
#define END_NBYTES 22 /* of the end record without its comment */
#define COMMENT_MAX 65535
#define LOCATOR_NBYTES 20 /* of the zip64 locator before it */
#define END64_NBYTES 56
#define ENTRY_NBYTES 46
#define DEFLATE_RATIO 1032 /* deflate makes no more of a byte than this */

/* Where the directory lies, as the end records say. */
typedef struct directory {
    uint64_t count, nbytes, offset;
} directory;

static uint64_t little(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;

    while (count-- != 0)
        value = value << 8 | bytes[count];
    return value;
}

static mdla_status bad(const zip_archive *zip, const char *what, mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT, "%s: ZIP directory: %s", zip->in.name, what);
}

static mdla_status read_at(zip_archive *zip, uint64_t offset, void *dst, size_t nbytes,
                           mdla_error *err)
{
    if (offset > zip->in.source.nbytes || nbytes > zip->in.source.nbytes - offset)
        return bad(zip, "an offset lies outside the file", err);
    MDLA_TRY(input_seek(&zip->in, offset, err));
    return input_read(&zip->in, dst, nbytes, "the ZIP directory", err);
}

/* ---- The end records ------------------------------------------------------------------------- */

static mdla_status read_end64(zip_archive *zip, const uint8_t *locator, directory *out,
                              mdla_error *err)
{
    uint8_t end[END64_NBYTES];

    MDLA_TRY(read_at(zip, little(locator + 8, 8), end, sizeof end, err));
    if (memcmp(end, "PK\6\6", 4) != 0)
        return bad(zip, "its zip64 locator leads nowhere", err);
    if (little(end + 16, 4) != 0 || little(end + 20, 4) != 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: one part of a split ZIP archive",
                         zip->in.name);
    out->count = little(end + 32, 8);
    out->nbytes = little(end + 40, 8);
    out->offset = little(end + 48, 8);
    return MDLA_OK;
}

/* The last end record whose comment ends with the file. tail: the file's last nbytes. */
static const uint8_t *find_end(const uint8_t *tail, size_t nbytes)
{
    size_t at;

    if (nbytes < END_NBYTES)
        return NULL;
    for (at = nbytes - END_NBYTES + 1; at-- != 0;) {
        if (memcmp(tail + at, "PK\5\6", 4) == 0 &&
            little(tail + at + 20, 2) == nbytes - at - END_NBYTES)
            return tail + at;
    }
    return NULL;
}

static mdla_status find_directory(zip_archive *zip, directory *out, mdla_error *err)
{
    const uint64_t total = zip->in.source.nbytes;
    const uint64_t most = END_NBYTES + COMMENT_MAX + LOCATOR_NBYTES;
    const size_t nbytes = (size_t)(total < most ? total : most);
    uint8_t *const tail = alloc_array(zip->in.al, nbytes, 1);
    const uint8_t *end = NULL;
    mdla_status status;

    if (tail == NULL)
        return error_memory(err, zip->in.name);
    status = read_at(zip, total - nbytes, tail, nbytes, err);
    if (status == MDLA_OK && (end = find_end(tail, nbytes)) == NULL)
        status = error_set(err, MDLA_ERR_TRUNCATED,
                           "%s: no ZIP directory at its end: the file is cut off, or no archive",
                           zip->in.name);
    if (status == MDLA_OK && end - tail >= LOCATOR_NBYTES &&
        memcmp(end - LOCATOR_NBYTES, "PK\6\7", 4) == 0) {
        status = read_end64(zip, end - LOCATOR_NBYTES, out, err);
    } else if (status == MDLA_OK) {
        out->count = little(end + 10, 2);
        out->nbytes = little(end + 12, 4);
        out->offset = little(end + 16, 4);
        if (little(end + 4, 2) != 0 || little(end + 6, 2) != 0)
            status = error_set(err, MDLA_ERR_UNSUPPORTED, "%s: one part of a split ZIP archive",
                               zip->in.name);
    }
    alloc_free(zip->in.al, tail);
    return status;
}

/* ---- Entries --------------------------------------------------------------------------------- */

/* The zip64 extra holds, in this order, those fields alone that are all ones in the entry. */
static mdla_status read_extra(const zip_archive *zip, zip_member *m, const uint8_t *extra,
                              size_t nbytes, mdla_error *err)
{
    uint64_t *const fields[] = {&m->nbytes, &m->packed_nbytes, &m->header_offset};
    bool needed = false;
    size_t i;

    for (i = 0; i < 3; i++)
        needed = needed || *fields[i] == UINT32_MAX;
    if (!needed)
        return MDLA_OK;
    while (nbytes >= 4) {
        const unsigned id = (unsigned)little(extra, 2);
        size_t size = (size_t)little(extra + 2, 2);

        extra += 4;
        nbytes -= 4;
        if (size > nbytes)
            return bad(zip, "an extra field is cut off", err);
        if (id != 1) {
            extra += size;
            nbytes -= size;
            continue;
        }
        for (i = 0; i < 3; i++) {
            if (*fields[i] != UINT32_MAX)
                continue;
            if (size < 8)
                return bad(zip, "a zip64 field is missing", err);
            *fields[i] = little(extra, 8);
            extra += 8;
            size -= 8;
        }
        return MDLA_OK;
    }
    return MDLA_OK; /* 0xFFFFFFFF is meant; checked against the file like any other */
}

static mdla_status check_entry(const zip_archive *zip, const zip_member *m, mdla_error *err)
{
    const uint64_t total = zip->in.source.nbytes;
    uint64_t most;

    if (m->header_offset > total || m->packed_nbytes > total - m->header_offset)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: member %.80s lies outside the file",
                         zip->in.name, m->name);
    if (m->method == ZIP_STORED && m->nbytes != m->packed_nbytes)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: member %.80s is stored, yet has two sizes",
                         zip->in.name, m->name);
    if (!checked_mul_u64(m->packed_nbytes, DEFLATE_RATIO, &most))
        most = UINT64_MAX;
    if (m->method == ZIP_DEFLATED && m->nbytes > most)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: member %.80s claims %" PRIu64 " bytes, more than deflate can make "
                         "of %" PRIu64,
                         zip->in.name, m->name, m->nbytes, m->packed_nbytes);
    return MDLA_OK;
}

/* One entry at bytes, of which left are there; *used of them belong to it. */
static mdla_status read_entry(const zip_archive *zip, zip_member *m, const uint8_t *bytes,
                              size_t left, size_t *used, mdla_error *err)
{
    size_t name_nbytes, extra_nbytes;

    if (left < ENTRY_NBYTES || memcmp(bytes, "PK\1\2", 4) != 0)
        return bad(zip, "an entry is missing", err);
    name_nbytes = (size_t)little(bytes + 28, 2);
    extra_nbytes = (size_t)little(bytes + 30, 2);
    *used = ENTRY_NBYTES + name_nbytes + extra_nbytes + (size_t)little(bytes + 32, 2);
    if (*used > left)
        return bad(zip, "an entry is cut off", err);
    m->name = alloc_array(zip->in.al, name_nbytes + 1, 1);
    if (m->name == NULL)
        return error_memory(err, zip->in.name);
    memcpy(m->name, bytes + ENTRY_NBYTES, name_nbytes);
    m->name[name_nbytes] = '\0';
    if (memchr(m->name, '\0', name_nbytes) != NULL)
        return bad(zip, "a name holds a zero byte", err);
    m->encrypted = (little(bytes + 8, 2) & 1) != 0;
    m->method = (unsigned)little(bytes + 10, 2);
    m->crc = (uint32_t)little(bytes + 16, 4);
    m->packed_nbytes = little(bytes + 20, 4);
    m->nbytes = little(bytes + 24, 4);
    m->header_offset = little(bytes + 42, 4);
    MDLA_TRY(read_extra(zip, m, bytes + ENTRY_NBYTES + name_nbytes, extra_nbytes, err));
    return check_entry(zip, m, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const zip_member *const *)a)->name, (*(const zip_member *const *)b)->name);
}

static mdla_status refuse_repeated(const zip_archive *zip, mdla_error *err)
{
    const zip_member **const sorted = alloc_array(zip->in.al, zip->count, sizeof *sorted);
    mdla_status status = MDLA_OK;
    size_t i;

    if (sorted == NULL)
        return error_memory(err, zip->in.name);
    for (i = 0; i < zip->count; i++)
        sorted[i] = &zip->members[i];
    qsort(sorted, zip->count, sizeof *sorted, by_name);
    for (i = 1; i < zip->count && status == MDLA_OK; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            status = error_set(err, MDLA_ERR_CORRUPT, "%s: two members are named %.80s",
                               zip->in.name, sorted[i]->name);
    alloc_free(zip->in.al, sorted);
    return status;
}

static mdla_status read_entries(zip_archive *zip, const uint8_t *bytes, const directory *dir,
                                mdla_error *err)
{
    size_t at = 0, used = 0;

    zip->members = alloc_zeroed(zip->in.al, (size_t)dir->count, sizeof *zip->members);
    if (zip->members == NULL)
        return error_memory(err, zip->in.name);
    while (zip->count < dir->count) {
        zip->count++; /* counted first: closing frees what read_entry allocated */
        MDLA_TRY(read_entry(zip, &zip->members[zip->count - 1], bytes + at,
                            (size_t)dir->nbytes - at, &used, err));
        at += used;
    }
    if (at != dir->nbytes)
        return bad(zip, "has more entries than it counts", err);
    return refuse_repeated(zip, err);
}

static mdla_status read_directory(zip_archive *zip, mdla_error *err)
{
    directory dir = {0};
    mdla_status status;
    uint8_t *bytes;

    if (!input_can_seek(&zip->in) || zip->in.source.nbytes == MDLA_UNKNOWN)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: a ZIP archive can't be read from a pipe; give a file", zip->in.name);
    MDLA_TRY(find_directory(zip, &dir, err));
    if (dir.nbytes > DIRECTORY_MAX || dir.count > MEMBERS_MAX)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: a ZIP directory of %" PRIu64 " members and %" PRIu64
                         " bytes; at most %" PRIu64 " and %" PRIu64 " are read",
                         zip->in.name, dir.count, dir.nbytes, MEMBERS_MAX, DIRECTORY_MAX);
    if (dir.offset > zip->in.source.nbytes || dir.nbytes > zip->in.source.nbytes - dir.offset ||
        dir.count > dir.nbytes / ENTRY_NBYTES)
        return bad(zip, "doesn't fit into the file", err);
    bytes = alloc_array(zip->in.al, (size_t)dir.nbytes, 1);
    if (bytes == NULL)
        return error_memory(err, zip->in.name);
    status = read_at(zip, dir.offset, bytes, (size_t)dir.nbytes, err);
    if (status == MDLA_OK)
        status = read_entries(zip, bytes, &dir, err);
    alloc_free(zip->in.al, bytes);
    return status;
}

mdla_status zip_open(const mdla_allocator *al, mdla_source source, const char *name,
                     bool zero_crc_is_none, zip_archive **out, mdla_error *err)
{
    zip_archive *const zip = alloc_zeroed(al, 1, sizeof *zip);
    mdla_status status;

    *out = NULL;
    if (zip == NULL) {
        if (source.close != NULL)
            source.close(source.ctx);
        return error_memory(err, name);
    }
    zip->zero_crc_is_none = zero_crc_is_none;
    status = input_open(al, source, name, &zip->in, err);
    if (status == MDLA_OK)
        status = read_directory(zip, err);
    if (status != MDLA_OK) {
        zip->in.al = al; /* zeroed where input_open failed */
        zip_close(zip);
        return status;
    }
    *out = zip;
    return MDLA_OK;
}

void zip_close(zip_archive *zip)
{
    const mdla_allocator *al;
    size_t i;

    if (zip == NULL)
        return;
    al = zip->in.al;
    for (i = 0; i < zip->count; i++)
        alloc_free(al, zip->members[i].name);
    alloc_free(al, zip->members);
    input_close(&zip->in);
    alloc_free(al, zip);
}

const zip_member *zip_find(const zip_archive *zip, const char *name)
{
    size_t i;

    for (i = 0; i < zip->count; i++)
        if (strcmp(zip->members[i].name, name) == 0)
            return &zip->members[i];
    return NULL;
}
