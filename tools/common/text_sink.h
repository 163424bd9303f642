/* Text into a mdla_sink, buffered; the first failure sticks. */
#ifndef MDLA_TOOL_TEXT_SINK_H
#define MDLA_TOOL_TEXT_SINK_H

#include "mdla/base.h"

enum { TEXT_SINK_BUFFER = 1 << 16 };

typedef struct text_sink {
    mdla_sink sink;
    mdla_status status;
    size_t filled;
    char buffer[TEXT_SINK_BUFFER];
} text_sink;

void text_sink_start(text_sink *text, mdla_sink sink);
/** At most 255 bytes a call. */
void text_sink_format(text_sink *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Bytes as they are, any number. */
void text_sink_put(text_sink *text, const void *bytes, size_t nbytes);
/** Writes what is left and closes the sink; keep 0, or an earlier failure, discards it. */
mdla_status text_sink_close(text_sink *text, int keep);

#endif
