/* Sentences for failed system calls, callbacks and allocations. */
#ifndef MDLA_IO_ERROR_H
#define MDLA_IO_ERROR_H

#include "mdla/base.h"

/* "NAME: cannot WHAT: No such file or directory", by errno; without the last part where errno is 0.
 * name may be NULL (a sink has none). Returns MDLA_ERR_IO. */
mdla_status error_io(mdla_error *err, const char *name, const char *what);

/* "NAME: out of memory"; name may be NULL. Returns MDLA_ERR_MEMORY. */
mdla_status error_memory(mdla_error *err, const char *name);

#endif
