/* JSON as RFC 8259 has it, two spaces a level. Strings are taken to be UTF-8 and pass unchanged but
 * for quotes, backslashes and control characters; bytes that are no UTF-8 become U+FFFD. */
#include "common/json.h"

#include "mdla/base.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put_string(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const size_t length = mdla_utf8_length((const char *)p);

        if (*p == '"' || *p == '\\')
            fprintf(stream, "\\%c", *p);
        else if (*p == '\n')
            fputs("\\n", stream);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(stream, "\\u%04x", (unsigned)*p);
        else if (length == 0)
            fputs("\\ufffd", stream);
        else
            fwrite(p, 1, length, stream);
        p += length ? length : 1;
    }
    fputc('"', stream);
}

static void indent(const json_writer *json)
{
    fputc('\n', json->stream);
    for (int i = 0; i < json->depth; i++)
        fputs("  ", json->stream);
}

static void begin_value(json_writer *json, const char *name)
{
    if (json->filled[json->depth])
        fputc(',', json->stream);
    json->filled[json->depth] = 1;
    if (json->depth > 0)
        indent(json);
    if (name) {
        put_string(json->stream, name);
        fputs(": ", json->stream);
    }
}

static void begin(json_writer *json, const char *name, char bracket)
{
    begin_value(json, name);
    fputc(bracket, json->stream);
    assert(json->depth < JSON_DEPTH_MAX);
    json->filled[++json->depth] = 0;
}

static void end(json_writer *json, char bracket)
{
    const int filled = json->filled[json->depth];

    json->depth--;
    if (filled)
        indent(json);
    fputc(bracket, json->stream);
    if (json->depth == 0)
        fputc('\n', json->stream);
}

void json_begin_object(json_writer *json, const char *name)
{
    begin(json, name, '{');
}

void json_begin_array(json_writer *json, const char *name)
{
    begin(json, name, '[');
}

void json_end_object(json_writer *json)
{
    end(json, '}');
}

void json_end_array(json_writer *json)
{
    end(json, ']');
}

void json_text(json_writer *json, const char *name, const char *text)
{
    begin_value(json, name);
    if (text)
        put_string(json->stream, text);
    else
        fputs("null", json->stream);
}

void json_count(json_writer *json, const char *name, uint64_t number)
{
    begin_value(json, name);
    fprintf(json->stream, "%llu", (unsigned long long)number);
}

const char *json_shortest(double number, char *text)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    return text;
}

void json_number(json_writer *json, const char *name, double number)
{
    char text[32];

    begin_value(json, name);
    fputs(isfinite(number) ? json_shortest(number, text) : "null", json->stream);
}

void json_bool(json_writer *json, const char *name, int truth)
{
    begin_value(json, name);
    fputs(truth ? "true" : "false", json->stream);
}
