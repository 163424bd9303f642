/* A temporary file without a name, for what has to be written before it is known how much it is. */
#ifndef MDLA_SCRATCH_H
#define MDLA_SCRATCH_H

#include "mdla/base.h"

/* In TMPDIR, else in /var/tmp; gone with the process whatever happens. Written through the sink,
 * then read through the source after a seek to 0. The source's close ends both; the sink's does
 * nothing. */
mdla_status scratch_file(mdla_sink *sink, mdla_source *source, mdla_error *err);

#endif
