/* ZIP archives, written in one go to a sink that can't seek: .npz files. Sizes and CRC-32 follow
 * each member's data (a descriptor), with zip64 wherever a size isn't known to be small, as
 * Python's zipfile writes to a pipe.
 */
#ifndef MDLA_ZIP_WRITER_H
#define MDLA_ZIP_WRITER_H

#include "mdla/base.h"

#include <stdbool.h>
#include <zlib.h>

#define ZIP_WRITER_NAME_MAX 80

typedef struct zip_written {
    char name[ZIP_WRITER_NAME_MAX];
    bool deflated;
    uint32_t crc;
    uint64_t packed_nbytes, nbytes, header_offset;
} zip_written;

typedef struct zip_writer {
    const mdla_allocator *al;
    mdla_sink *sink; /* the caller's, who closes it */
    uint64_t position;
    zip_written *members;
    size_t count, room;
    bool open;     /* the last member takes data */
    bool z_inited; /* z is to be ended */
    z_stream z;
    uint8_t buffer[32768];
} zip_writer;

/* sink must outlive the writer. */
void zip_writer_start(zip_writer *zip, const mdla_allocator *al, mdla_sink *sink);

/* Each returns MDLA_OK, MDLA_ERR_MEMORY or what the sink said; after a failure only
 * zip_writer_free. */
mdla_status zip_writer_member(zip_writer *zip, const char *name, bool deflated);
mdla_status zip_writer_write(zip_writer *zip, const void *src, size_t nbytes);
mdla_status zip_writer_finish(zip_writer *zip);

/* Needed in any case; writes nothing. */
void zip_writer_free(zip_writer *zip);

#endif
