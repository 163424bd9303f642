/* The columns of an Arrow schema: which are lists of numbers, and where each one's nodes and
 * buffers stand in a record batch. */
#ifndef MDLA_ARROW_SCHEMA_H
#define MDLA_ARROW_SCHEMA_H

#include "arrays/array_list.h"
#include "arrays/arrow_message.h"

#define ARROW_LEVELS_MAX 6

typedef enum arrow_list { ARROW_LIST, ARROW_LARGE_LIST, ARROW_FIXED_LIST } arrow_list;

typedef struct arrow_column {
    char *name;
    int dtype;       /* of the values, a mdla_dtype; -1: no lists of numbers */
    unsigned levels; /* of lists; 0: plain numbers */
    arrow_list list[ARROW_LEVELS_MAX];
    uint64_t size[ARROW_LEVELS_MAX]; /* of fixed lists; 0 for others */
    char text[96];                   /* the type in words: room for 6 levels */
    size_t first_node, first_buffer;
} arrow_column;

typedef struct arrow_schema {
    const mdla_allocator *al;
    size_t count;
    arrow_column *columns;
    size_t node_count, buffer_count; /* of a record batch */
} arrow_schema;

/* name is the file's. Free in any case. */
mdla_status arrow_schema_read(const mdla_allocator *al, arrow_message *m, const char *name,
                              arrow_schema *out, mdla_error *err);
void arrow_schema_free(arrow_schema *schema);

/* MDLA_OK or MDLA_ERR_MEMORY. */
mdla_status arrow_schema_list(const arrow_schema *schema, array_list *list);

#endif
