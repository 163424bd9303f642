/* A progress line on standard error, with rate and time left; on a terminal only. */
#ifndef MDLA_TOOL_PROGRESS_H
#define MDLA_TOOL_PROGRESS_H

#include <stdint.h>

/** A mdla_progress callback; ctx is unused. Asks the library to stop once a signal came. */
int progress_show(void *ctx, const char *what, uint64_t done, uint64_t total);

/** Takes the line away before something else is printed. */
void progress_clear(void);

#endif
