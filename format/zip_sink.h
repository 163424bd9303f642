/* ZIP archives, written: stored members, one after the other, to a sink that needn't seek. Sizes
 * and CRCs follow each member (a zip64 data descriptor) and stand in the directory, as Python
 * writes them to a pipe. */
#ifndef MDLA_ZIP_SINK_H
#define MDLA_ZIP_SINK_H

#include "mdla/base.h"

#include <stdbool.h>

enum { ZIP_SINK_MEMBERS_MAX = 16, ZIP_SINK_NAME_MAX = 64 };

typedef struct zip_sink_member {
    char name[ZIP_SINK_NAME_MAX];
    uint32_t crc;
    uint64_t nbytes, offset;
} zip_sink_member;

typedef struct zip_sink {
    mdla_sink *sink; /* the caller's, who closes it */
    uint64_t position;
    zip_sink_member members[ZIP_SINK_MEMBERS_MAX];
    size_t count;
} zip_sink;

void zip_sink_start(zip_sink *zip, mdla_sink *sink);
/* Ends the member before. name: plain ASCII. */
mdla_status zip_sink_member_begin(zip_sink *zip, const char *name, mdla_error *err);
mdla_status zip_sink_write(zip_sink *zip, const void *src, size_t nbytes, mdla_error *err);
/* Ends the last member and writes the directory. */
mdla_status zip_sink_finish(zip_sink *zip, mdla_error *err);

#endif
