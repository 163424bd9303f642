/* Python pickles of tensors, read without executing anything.
 *
 * A pickle is a program for a small stack machine that may call any function by name. This machine
 * knows the opcodes and the few names that torch.save uses for dictionaries of tensors, and refuses
 * everything else by opcode and offset or by dotted name. Names are never resolved.
 */
#ifndef MDLA_PICKLE_H
#define MDLA_PICKLE_H

#include "mdla/mdla.h"

#include <stdbool.h>

typedef enum pickle_type {
    PICKLE_NONE,
    PICKLE_BOOL,    /* whole */
    PICKLE_INT,     /* whole */
    PICKLE_FLOAT,   /* real */
    PICKLE_TEXT,    /* text */
    PICKLE_LIST,    /* items */
    PICKLE_TUPLE,   /* items */
    PICKLE_DICT,    /* items: keys and values in turn */
    PICKLE_GLOBAL,  /* whole: which of the names known */
    PICKLE_STORAGE, /* whole: values in it; text: its key; dtype */
    PICKLE_TENSOR   /* items: storage, offset, sizes, strides */
} pickle_type;

typedef struct pickle_value {
    pickle_type type;
    bool ordered; /* a dict that OrderedDict made */
    int dtype;
    int64_t whole;
    double real;
    char *text; /* its own, with a terminating zero; text_nbytes tells zeros inside */
    size_t text_nbytes;
    uint32_t *items; /* numbers of values */
    size_t count, room;
} pickle_value;

typedef struct pickle {
    const mdla_allocator *al;
    pickle_value *values;
    size_t count, room;
    uint32_t root;
} pickle;

/* name is for messages. */
mdla_status pickle_read(const mdla_allocator *al, const uint8_t *bytes, size_t nbytes,
                        const char *name, pickle *out, mdla_error *err);
void pickle_free(pickle *p); /* accepts a zeroed one */

static inline const pickle_value *pickle_item(const pickle *p, const pickle_value *of, size_t i)
{
    return &p->values[of->items[i]];
}

/* The value under a text key; NULL where there is none, or dict is no dict. */
const pickle_value *pickle_get(const pickle *p, const pickle_value *dict, const char *key);

/* The values that a REDUCE, BUILD or persistent id makes; pickle.c's own. */
typedef struct pickle_machine {
    pickle *p;
    const char *name;
    const uint8_t *bytes;
    size_t nbytes, at;
    uint32_t *stack, *marks, *memo;
    size_t stack_count, stack_room, mark_count, mark_room, memo_room;
    mdla_error *err;
} pickle_machine;

mdla_status pickle_bad(const pickle_machine *m, const char *what);
mdla_status pickle_push_new(pickle_machine *m, pickle_type type, pickle_value **out);
mdla_status pickle_push_text(pickle_machine *m, const uint8_t *text, size_t nbytes);
mdla_status pickle_push_global(pickle_machine *m, const char *module, const char *word);
mdla_status pickle_reduce(pickle_machine *m);
mdla_status pickle_persistent(pickle_machine *m);

#endif
