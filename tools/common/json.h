/* A small JSON writer: values in order, commas and escapes by itself. Never fails; the stream keeps errors. */
#ifndef MDLA_TOOL_JSON_H
#define MDLA_TOOL_JSON_H

#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH_MAX = 8 };

/** Zeroed but for the stream. */
typedef struct json_writer {
    FILE *stream;
    int depth;
    int filled[JSON_DEPTH_MAX + 1]; /* nonzero: a value stands at this depth already */
} json_writer;

/* Each takes the name of the value: NULL inside an array and at the top. */
void json_begin_object(json_writer *json, const char *name);
void json_begin_array(json_writer *json, const char *name);
void json_end_object(json_writer *json);
void json_end_array(json_writer *json);
void json_text(json_writer *json, const char *name, const char *text); /* NULL text: null */
void json_count(json_writer *json, const char *name, uint64_t number);
void json_number(json_writer *json, const char *name, double number);  /* not finite: null */
void json_bool(json_writer *json, const char *name, int truth);

/** The shortest decimal that reads back as the same double, into text[32]; returns text. */
const char *json_shortest(double number, char *text);

#endif
