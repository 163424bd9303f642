/* Bytes that have to wait until something before them is known, in an unnamed temporary file. */
#ifndef MDLA_SCRATCH_H
#define MDLA_SCRATCH_H

#include "mdla/base.h"

/* Two sides of one file in TMPDIR (else /var/tmp): what is written to sink is what source reads,
 * from the start. Both are to be closed; the file is gone with the second, or with the process. */
mdla_status scratch_open(mdla_sink *sink, mdla_source *source, mdla_error *err);

#endif
