/* A pipe made seekable: its bytes in a temporary file that has no name. */
#ifndef MDLA_TOOL_SPOOL_H
#define MDLA_TOOL_SPOOL_H

#include "mdla/base.h"

/**
 * Reads all of *source into an unlinked temporary file and puts that file in its place. name is how messages
 * call the source. On failure, which is reported, the source is closed. Returns 0 or -1.
 */
int spool_source(mdla_source *source, const char *name);

#endif
