#include "arrays/arrow_schema.h"

#include "base/alloc.h"
#include "io_error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 32
/* Also keeps vectors that share their elements from growing without end. */
#define NODES_MAX ((size_t)1 << 16)

enum {
    TYPE_NULL = 1,
    TYPE_INT = 2,
    TYPE_FLOAT = 3,
    TYPE_BINARY = 4,
    TYPE_UTF8 = 5,
    TYPE_BOOL = 6,
    TYPE_DURATION = 18, /* 6 to 11, 15 and 18 have a validity and a value buffer */
    TYPE_LIST = 12,
    TYPE_STRUCT = 13,
    TYPE_UNION = 14,
    TYPE_FIXED_BINARY = 15,
    TYPE_FIXED_LIST = 16,
    TYPE_MAP = 17,
    TYPE_LARGE_BINARY = 19,
    TYPE_LARGE_UTF8 = 20,
    TYPE_LARGE_LIST = 21,
    TYPE_RUN_ENDS = 22
};

/* Buffers of a field itself; -1: a type whose layout isn't known here. */
static int buffers_of(flatbuffer *fb, unsigned type, size_t type_table, int version)
{
    switch (type) {
    case TYPE_NULL:
    case TYPE_RUN_ENDS: return 0;
    case TYPE_STRUCT:
    case TYPE_FIXED_LIST: return 1;
    case TYPE_UNION: /* V4 had a validity buffer */
        return (version == 3) + 1 + (flatbuffer_i16(fb, type_table, 0, 0) == 1);
    case TYPE_BINARY:
    case TYPE_UTF8:
    case TYPE_LARGE_BINARY:
    case TYPE_LARGE_UTF8: return 3;
    case TYPE_INT:
    case TYPE_FLOAT:
    case TYPE_LIST:
    case TYPE_LARGE_LIST:
    case TYPE_MAP:
    case TYPE_FIXED_BINARY:
    case TYPE_DURATION: return 2;
    default: return type >= TYPE_BOOL && type < TYPE_LIST ? 2 : -1;
    }
}

/* Counts a field's nodes and buffers, its children's too, as they stand in depth-first order. */
static mdla_status count_field(arrow_message *m, size_t field, unsigned depth, const char *name,
                               arrow_schema *s, mdla_error *err)
{
    flatbuffer *const fb = &m->fb;
    const unsigned type = flatbuffer_u8(fb, field, 2, 0);
    const int buffers = buffers_of(fb, type, flatbuffer_table(fb, field, 3), m->version);
    size_t child_count, i;
    const size_t children = flatbuffer_vector(fb, field, 5, 4, &child_count);

    if (fb->bad || field == 0 || depth == DEPTH_MAX || s->node_count >= NODES_MAX)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: the Arrow schema is damaged or too deep",
                         name);
    if (flatbuffer_field(fb, field, 4) != 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: a dictionary-encoded Arrow column; write the data set without it",
                         name);
    if (buffers < 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: an Arrow column of type %u, which is not known here", name, type);
    s->node_count++;
    s->buffer_count += (size_t)buffers;
    for (i = 0; i < child_count; i++)
        MDLA_TRY(count_field(m, flatbuffer_element(fb, children, i), depth + 1, name, s, err));
    return MDLA_OK;
}

static int number_type(flatbuffer *fb, unsigned type, size_t table)
{
    static const mdla_dtype floats[] = {MDLA_F16, MDLA_F32, MDLA_F64};
    const int16_t precision = flatbuffer_i16(fb, table, 0, 0);
    const int is_signed = flatbuffer_u8(fb, table, 1, 0) != 0;

    if (type == TYPE_FLOAT)
        return precision >= 0 && precision <= 2 ? (int)floats[precision] : -1;
    if (type != TYPE_INT)
        return -1;
    switch (flatbuffer_i32(fb, table, 0, 0)) {
    case 8: return is_signed ? MDLA_I8 : MDLA_U8;
    case 16: return is_signed ? MDLA_I16 : MDLA_U16;
    case 32: return is_signed ? MDLA_I32 : MDLA_U32;
    case 64: return is_signed ? MDLA_I64 : MDLA_U64;
    default: return -1;
    }
}

/* Goes down the lists to the values. Leaves dtype -1 where there are no numbers. */
static void descend(arrow_message *m, size_t field, arrow_column *c)
{
    static const char *const words[] = {"list<", "large_list<", "fixed_list<"};
    flatbuffer *const fb = &m->fb;
    const char *word = "values of another type";
    size_t used = 0, i;

    c->dtype = -1;
    for (;;) {
        const unsigned type = flatbuffer_u8(fb, field, 2, 0);
        const size_t table = flatbuffer_table(fb, field, 3);
        size_t child_count;
        const size_t children = flatbuffer_vector(fb, field, 5, 4, &child_count);
        int32_t size = 0;

        if (type == TYPE_INT || type == TYPE_FLOAT) {
            c->dtype = number_type(fb, type, table);
            if (c->dtype >= 0)
                word = mdla_dtype_name((mdla_dtype)c->dtype);
            break;
        }
        if (type == TYPE_FIXED_LIST)
            size = flatbuffer_i32(fb, table, 0, 0);
        else if (type != TYPE_LIST && type != TYPE_LARGE_LIST)
            break;
        if (child_count != 1 || c->levels == ARROW_LEVELS_MAX || size < 0)
            break;
        c->list[c->levels] = type == TYPE_LIST         ? ARROW_LIST
                             : type == TYPE_LARGE_LIST ? ARROW_LARGE_LIST
                                                       : ARROW_FIXED_LIST;
        c->size[c->levels++] = (uint64_t)size;
        field = flatbuffer_element(fb, children, 0);
    }
    for (i = 0; i < c->levels; i++)
        used += strlen(strcpy(c->text + used, words[c->list[i]]));
    (void)snprintf(c->text + used, sizeof c->text - used, "%s", c->dtype >= 0 ? word : "?");
    for (i = 0; i < c->levels; i++)
        strcat(c->text, ">");
}

static mdla_status read_column(arrow_message *m, size_t field, const char *name, arrow_schema *s,
                               mdla_error *err)
{
    arrow_column *const c = &s->columns[s->count];
    size_t length = 0;
    const char *const text = flatbuffer_text(&m->fb, field, 0, &length);

    c->first_node = s->node_count;
    c->first_buffer = s->buffer_count;
    MDLA_TRY(count_field(m, field, 0, name, s, err));
    c->name = alloc_zeroed(s->al, length + 1, 1);
    if (c->name == NULL)
        return error_memory(err, name);
    if (length != 0)
        memcpy(c->name, text, length);
    s->count++;
    descend(m, field, c);
    return MDLA_OK;
}

mdla_status arrow_schema_read(const mdla_allocator *al, arrow_message *m, const char *name,
                              arrow_schema *out, mdla_error *err)
{
    flatbuffer *const fb = &m->fb;
    size_t count, i;
    const size_t fields = flatbuffer_vector(fb, m->header, 1, 4, &count);

    memset(out, 0, sizeof *out);
    out->al = al;
    if (flatbuffer_i16(fb, m->header, 0, 0) != 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: a big-endian Arrow stream", name);
    if (count > NODES_MAX)
        return error_set(err, MDLA_ERR_LIMIT, "%s: %zu Arrow columns; the limit is %zu", name,
                         count, NODES_MAX);
    out->columns = alloc_zeroed(al, count, sizeof *out->columns);
    if (out->columns == NULL)
        return error_memory(err, name);
    for (i = 0; i < count; i++)
        MDLA_TRY(read_column(m, flatbuffer_element(fb, fields, i), name, out, err));
    if (fb->bad)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: the Arrow schema is damaged", name);
    return MDLA_OK;
}

void arrow_schema_free(arrow_schema *schema)
{
    size_t i;

    for (i = 0; i < schema->count; i++)
        alloc_free(schema->al, schema->columns[i].name);
    if (schema->columns != NULL)
        alloc_free(schema->al, schema->columns);
    schema->columns = NULL;
    schema->count = 0;
}

mdla_status arrow_schema_list(const arrow_schema *schema, array_list *list)
{
    size_t i;

    for (i = 0; i < schema->count; i++) {
        const arrow_column *const c = &schema->columns[i];
        uint64_t shape[ARROW_LEVELS_MAX + 1] = {MDLA_UNKNOWN};
        unsigned level;
        mdla_array_entry entry = {c->name, c->text, 0, 0, shape};

        entry.is_float = c->dtype == MDLA_F16 || c->dtype == MDLA_F32 || c->dtype == MDLA_F64;
        entry.axes = c->dtype >= 0 ? c->levels + 1 : 0;
        for (level = 0; level < c->levels; level++)
            shape[level + 1] = c->list[level] == ARROW_FIXED_LIST ? c->size[level] : MDLA_UNKNOWN;
        MDLA_TRY(array_list_add(list, &entry));
    }
    return MDLA_OK;
}
