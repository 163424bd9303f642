/* A source of what a gzip stream holds, over a source of the stream. */
#ifndef MDLA_GZIP_SOURCE_H
#define MDLA_GZIP_SOURCE_H

#include "mdla/base.h"

/* Takes over inner, also on failure. al must outlive the source. Checked to its end: reading past
 * the last byte fails unless the CRC and the length match and nothing but further gzip members
 * follows. Seeking restarts, so it is for rewinding; it is offered where inner can seek. */
mdla_status gzip_source(const mdla_allocator *al, mdla_source inner, mdla_source *out);

#endif
