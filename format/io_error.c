#include "io_error.h"

#include "base/alloc.h"

#include <errno.h>
#include <string.h>

mdla_status error_io(mdla_error *err, const char *name, const char *what)
{
    const char *before = name != NULL ? name : "";
    const char *colon = name != NULL ? ": " : "";
    char reason[128];

    if (errno == 0 || strerror_r(errno, reason, sizeof reason) != 0)
        return error_set(err, MDLA_ERR_IO, "%s%scannot %s", before, colon, what);
    return error_set(err, MDLA_ERR_IO, "%s%scannot %s: %s", before, colon, what, reason);
}

mdla_status error_memory(mdla_error *err, const char *name)
{
    return name != NULL ? error_set(err, MDLA_ERR_MEMORY, "%s: out of memory", name)
                        : error_set(err, MDLA_ERR_MEMORY, "out of memory");
}
