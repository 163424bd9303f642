/* JSON through jansson, from an input. Its memory is malloc's for the time of the parse: jansson's
 * hook for another allocator is a global of the process, which is not ours to set. */
#ifndef MDLA_JSON_TEXT_H
#define MDLA_JSON_TEXT_H

#include "input.h"

#include <jansson.h>

/* Parses nbytes of UTF-8 text that must be one object, names not repeated. what names it in
 * messages, such as "header". The caller owns *out: json_decref. */
mdla_status json_text_parse(const char *text, size_t nbytes, const char *name, const char *what,
                            json_t **out, mdla_error *err);

/* Reads the input to its end, JSON_FILE_MAX bytes at most, and parses it. */
#define JSON_FILE_MAX ((size_t)4 << 20)
mdla_status json_text_load(input *in, json_t **out, mdla_error *err);

#endif
