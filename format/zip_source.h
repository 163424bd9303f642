/* ZIP archives, read: what .npz files and torch's .pt files are made of.
 *
 * Everything is taken from the central directory, with its zip64 records, so archives that were
 * written to a pipe (data descriptors) read like any other. Stored and deflated members; the rest
 * is refused by name. Every size and offset is checked against the file before it is used.
 */
#ifndef MDLA_ZIP_SOURCE_H
#define MDLA_ZIP_SOURCE_H

#include "input.h"

typedef struct zip_member {
    char *name; /* as it stands there, which is no path to be followed; without zero bytes */
    bool encrypted;
    unsigned method; /* ZIP_STORED, ZIP_DEFLATED or one that zip_member_open refuses */
    uint32_t crc;
    uint64_t packed_nbytes, nbytes;
    uint64_t header_offset;
} zip_member;

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8 };

typedef struct zip_archive {
    input in;
    size_t count;
    zip_member *members; /* in the directory's order */
    bool zero_crc_is_none;
} zip_archive;

/* Takes over the source, also on failure; it must be able to seek and know its size.
 * zero_crc_is_none: a CRC of 0 was never computed, as torch can leave it. */
mdla_status zip_open(const mdla_allocator *al, mdla_source source, const char *name,
                     bool zero_crc_is_none, zip_archive **out, mdla_error *err);
void zip_close(zip_archive *zip); /* accepts NULL */

/* NULL where there is none of that name. */
const zip_member *zip_find(const zip_archive *zip, const char *name);

/* A member's content as a source that can seek (a deflated one by inflating again). Reading from
 * the first byte to the last checks size and CRC-32: MDLA_ERR_CORRUPT with the last byte. The
 * archive must outlive it; of several open members one is read at a time. */
mdla_status zip_member_open(zip_archive *zip, const zip_member *member, mdla_source *out,
                            mdla_error *err);

#endif
