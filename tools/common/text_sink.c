/* Formatted text into a sink. */
#include "common/text_sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 256 };

void text_sink_start(text_sink *text, mdla_sink sink)
{
    text->sink = sink;
    text->status = MDLA_OK;
    text->filled = 0;
}

static void flush(text_sink *text)
{
    if (text->status == MDLA_OK && text->filled > 0)
        text->status = text->sink.write(text->sink.ctx, text->buffer, text->filled);
    text->filled = 0;
}

void text_sink_format(text_sink *text, const char *format, ...)
{
    va_list args;
    int length;

    if (TEXT_SINK_BUFFER - text->filled < TEXT_MAX)
        flush(text);
    va_start(args, format);
    length = vsnprintf(text->buffer + text->filled, TEXT_MAX, format, args);
    va_end(args);
    if (length < 0 || length >= TEXT_MAX)
        text->status = MDLA_ERR_SPACE;
    else
        text->filled += (size_t)length;
}

void text_sink_put(text_sink *text, const void *bytes, size_t nbytes)
{
    const char *from = bytes;

    while (nbytes > 0 && text->status == MDLA_OK) {
        const size_t room = TEXT_SINK_BUFFER - text->filled;
        const size_t part = nbytes < room ? nbytes : room;

        memcpy(text->buffer + text->filled, from, part);
        text->filled += part;
        from += part;
        nbytes -= part;
        if (text->filled == TEXT_SINK_BUFFER)
            flush(text);
    }
}

mdla_status text_sink_close(text_sink *text, int keep)
{
    mdla_status closed;

    if (keep)
        flush(text);
    closed = text->sink.close(text->sink.ctx, keep && text->status == MDLA_OK);
    return text->status != MDLA_OK ? text->status : closed;
}
