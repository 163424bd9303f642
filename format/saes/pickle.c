/* The stack machine: opcodes of protocol 2 that build plain values. Nothing here is recursive, so
 * nesting needs no limit; the number of opcodes bounds memory. */
#include "saes/pickle.h"

#include "base/alloc.h"

#include <string.h>

#define STEPS_MAX 1000000u
#define MEMO_MAX 1000000u
#define LINE_MAX_NBYTES 200

enum {
    OP_MARK = 0x28,
    OP_EMPTY_TUPLE = 0x29,
    OP_STOP = 0x2e,
    OP_BINFLOAT = 0x47,
    OP_BININT = 0x4a,
    OP_BININT1 = 0x4b,
    OP_BININT2 = 0x4d,
    OP_NONE = 0x4e,
    OP_BINPERSID = 0x51,
    OP_REDUCE = 0x52,
    OP_SHORT_BINSTRING = 0x55,
    OP_BINUNICODE = 0x58,
    OP_EMPTY_LIST = 0x5d,
    OP_APPEND = 0x61,
    OP_BUILD = 0x62,
    OP_GLOBAL = 0x63,
    OP_APPENDS = 0x65,
    OP_BINGET = 0x68,
    OP_LONG_BINGET = 0x6a,
    OP_BINPUT = 0x71,
    OP_LONG_BINPUT = 0x72,
    OP_SETITEM = 0x73,
    OP_TUPLE = 0x74,
    OP_SETITEMS = 0x75,
    OP_EMPTY_DICT = 0x7d,
    OP_PROTO = 0x80,
    OP_TUPLE1 = 0x85,
    OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_LONG1 = 0x8a
};

/* ---- Stack and values ------------------------------------------------------------------------ */

mdla_status pickle_bad(const pickle_machine *m, const char *what)
{
    return error_set(m->err, MDLA_ERR_CORRUPT, "%s: the pickle has %s before byte %zu", m->name,
                     what, m->at);
}

static mdla_status no_memory(const pickle_machine *m)
{
    return error_set(m->err, MDLA_ERR_MEMORY, "%s: out of memory", m->name);
}

static bool append_number(const mdla_allocator *al, uint32_t **list, size_t *count, size_t *room,
                          uint32_t number)
{
    if (*count == *room) {
        const size_t more = *room == 0 ? 8 : 2 * *room;
        uint32_t *const grown = alloc_grown(al, *list, *count, more, sizeof *grown);

        if (grown == NULL)
            return false;
        *list = grown;
        *room = more;
    }
    (*list)[(*count)++] = number;
    return true;
}

static mdla_status push(pickle_machine *m, uint32_t number)
{
    return append_number(m->p->al, &m->stack, &m->stack_count, &m->stack_room, number)
               ? MDLA_OK
               : no_memory(m);
}

mdla_status pickle_push_new(pickle_machine *m, pickle_type type, pickle_value **out)
{
    pickle *const p = m->p;

    if (p->count == p->room) {
        const size_t more = p->room == 0 ? 64 : 2 * p->room;
        pickle_value *const grown =
            alloc_grown(p->al, p->values, p->count, more, sizeof *p->values);

        if (grown == NULL)
            return no_memory(m);
        p->values = grown;
        p->room = more;
    }
    memset(&p->values[p->count], 0, sizeof *p->values);
    p->values[p->count].type = type;
    *out = &p->values[p->count++]; /* fewer than 2^32: STEPS_MAX bounds them */
    return push(m, (uint32_t)(p->count - 1));
}

mdla_status pickle_push_text(pickle_machine *m, const uint8_t *text, size_t nbytes)
{
    char *const copy = alloc_array(m->p->al, nbytes + 1, 1);
    pickle_value *value;
    mdla_status status;

    if (copy == NULL)
        return no_memory(m);
    if (nbytes != 0)
        memcpy(copy, text, nbytes);
    copy[nbytes] = '\0';
    status = pickle_push_new(m, PICKLE_TEXT, &value);
    if (status != MDLA_OK) {
        alloc_free(m->p->al, copy);
        return status;
    }
    value->text = copy;
    value->text_nbytes = nbytes;
    return MDLA_OK;
}

static mdla_status push_whole(pickle_machine *m, pickle_type type, int64_t whole)
{
    pickle_value *value;

    MDLA_TRY(pickle_push_new(m, type, &value));
    value->whole = whole;
    return MDLA_OK;
}

/* The last count values of the stack become the items of a new tuple. */
static mdla_status make_tuple(pickle_machine *m, size_t count)
{
    pickle_value *tuple;
    uint32_t *items;
    mdla_status status;

    if (count > m->stack_count)
        return pickle_bad(m, "a tuple of more than there is");
    items = alloc_array(m->p->al, count, sizeof *items);
    if (items == NULL)
        return no_memory(m);
    m->stack_count -= count;
    if (count != 0)
        memcpy(items, m->stack + m->stack_count, count * sizeof *items);
    status = pickle_push_new(m, PICKLE_TUPLE, &tuple);
    if (status != MDLA_OK) {
        alloc_free(m->p->al, items);
        return status;
    }
    tuple->items = items;
    tuple->count = tuple->room = count;
    return MDLA_OK;
}

/* The last count values of the stack go into the list or dict below them. */
static mdla_status add_items(pickle_machine *m, pickle_type type, size_t count)
{
    pickle_value *into;
    size_t i;

    if (count >= m->stack_count)
        return pickle_bad(m, "items for nothing");
    m->stack_count -= count;
    into = &m->p->values[m->stack[m->stack_count - 1]];
    if (into->type != type || (type == PICKLE_DICT && count % 2 != 0))
        return pickle_bad(m, "items for a value that can't hold them");
    for (i = 0; i < count; i++)
        if (!append_number(m->p->al, &into->items, &into->count, &into->room,
                           m->stack[m->stack_count + i]))
            return no_memory(m);
    return MDLA_OK;
}

/* How many values stand above the last mark, which goes. */
static mdla_status take_mark(pickle_machine *m, size_t *count)
{
    if (m->mark_count == 0 || m->marks[m->mark_count - 1] > m->stack_count)
        return pickle_bad(m, "no mark where one is needed");
    *count = m->stack_count - m->marks[--m->mark_count];
    return MDLA_OK;
}

/* State of an OrderedDict ({'_metadata': ...}) says nothing about tensors. */
static mdla_status build(pickle_machine *m)
{
    if (m->stack_count < 2)
        return pickle_bad(m, "BUILD on an empty stack");
    m->stack_count--;
    if (!m->p->values[m->stack[m->stack_count - 1]].ordered)
        return error_set(m->err, MDLA_ERR_UNSUPPORTED,
                         "%s: the pickle has BUILD on something that is no OrderedDict at byte "
                         "%zu; not executed",
                         m->name, m->at - 1);
    return MDLA_OK;
}

static mdla_status memo_put(pickle_machine *m, uint32_t index)
{
    if (index >= MEMO_MAX || m->stack_count == 0)
        return pickle_bad(m, "a memo that is out of range");
    if (index >= m->memo_room) {
        const size_t more = 2 * (size_t)index + 64;
        uint32_t *const grown = alloc_grown(m->p->al, m->memo, m->memo_room, more, sizeof *m->memo);

        if (grown == NULL)
            return no_memory(m);
        memset(grown + m->memo_room, 0xff, (more - m->memo_room) * sizeof *grown);
        m->memo = grown;
        m->memo_room = more;
    }
    m->memo[index] = m->stack[m->stack_count - 1];
    return MDLA_OK;
}

static mdla_status memo_get(pickle_machine *m, uint32_t index)
{
    if (index >= m->memo_room || m->memo[index] == UINT32_MAX)
        return pickle_bad(m, "a memo that was never stored");
    return push(m, m->memo[index]);
}

/* ---- Opcodes --------------------------------------------------------------------------------- */

static mdla_status take(pickle_machine *m, size_t count, const uint8_t **out)
{
    if (count > m->nbytes - m->at)
        return error_set(m->err, MDLA_ERR_TRUNCATED, "%s: the pickle ends early, at byte %zu",
                         m->name, m->nbytes);
    *out = m->bytes + m->at;
    m->at += count;
    return MDLA_OK;
}

static uint64_t little(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;

    while (count-- != 0)
        value = value << 8 | bytes[count];
    return value;
}

static mdla_status take_number(pickle_machine *m, size_t count, uint64_t *out)
{
    const uint8_t *bytes = NULL;

    MDLA_TRY(take(m, count, &bytes));
    *out = little(bytes, count);
    return MDLA_OK;
}

static mdla_status take_line(pickle_machine *m, char *line)
{
    const uint8_t *const end = memchr(m->bytes + m->at, '\n', m->nbytes - m->at);
    const size_t length = end != NULL ? (size_t)(end - (m->bytes + m->at)) : 0;

    if (end == NULL)
        return error_set(m->err, MDLA_ERR_TRUNCATED, "%s: the pickle ends early, in a name",
                         m->name);
    if (length >= LINE_MAX_NBYTES)
        return pickle_bad(m, "a name of endless length");
    memcpy(line, m->bytes + m->at, length);
    line[length] = '\0';
    m->at += length + 1;
    return MDLA_OK;
}

static mdla_status op_global(pickle_machine *m)
{
    char module[LINE_MAX_NBYTES], word[LINE_MAX_NBYTES];

    MDLA_TRY(take_line(m, module));
    MDLA_TRY(take_line(m, word));
    return pickle_push_global(m, module, word);
}

static mdla_status op_text(pickle_machine *m, size_t length_nbytes)
{
    const uint8_t *text = NULL;
    uint64_t nbytes = 0;

    MDLA_TRY(take_number(m, length_nbytes, &nbytes));
    if (nbytes > m->nbytes)
        nbytes = m->nbytes; /* too many all the same */
    MDLA_TRY(take(m, (size_t)nbytes, &text));
    return pickle_push_text(m, text, (size_t)nbytes);
}

static mdla_status op_long(pickle_machine *m)
{
    const uint8_t *bytes = NULL;
    uint64_t nbytes = 0, value;

    MDLA_TRY(take_number(m, 1, &nbytes));
    MDLA_TRY(take(m, (size_t)nbytes, &bytes));
    if (nbytes > 8)
        return pickle_bad(m, "a whole number of more than 64 bits");
    value = little(bytes, (size_t)nbytes);
    if (nbytes > 0 && nbytes < 8 && (bytes[nbytes - 1] & 0x80) != 0)
        value |= UINT64_MAX << 8 * nbytes;
    return push_whole(m, PICKLE_INT,
                      value <= INT64_MAX ? (int64_t)value : -(int64_t)(UINT64_MAX - value) - 1);
}

static mdla_status op_float(pickle_machine *m)
{
    const uint8_t *bytes = NULL;
    pickle_value *value;
    uint64_t bits = 0;
    double real;
    int i;

    MDLA_TRY(take(m, 8, &bytes));
    for (i = 0; i < 8; i++)
        bits = bits << 8 | bytes[i];
    memcpy(&real, &bits, sizeof real);
    MDLA_TRY(pickle_push_new(m, PICKLE_FLOAT, &value));
    value->real = real;
    return MDLA_OK;
}

static mdla_status op_int(pickle_machine *m, size_t nbytes)
{
    uint64_t value = 0;

    MDLA_TRY(take_number(m, nbytes, &value));
    if (nbytes == 4 && value > INT32_MAX)
        return push_whole(m, PICKLE_INT, (int64_t)value - ((int64_t)1 << 32));
    return push_whole(m, PICKLE_INT, (int64_t)value);
}

static mdla_status op_memo(pickle_machine *m, size_t nbytes,
                           mdla_status (*act)(pickle_machine *, uint32_t))
{
    uint64_t index = 0;

    MDLA_TRY(take_number(m, nbytes, &index));
    return act(m, (uint32_t)index);
}

static mdla_status op_marked(pickle_machine *m, uint8_t op)
{
    size_t count = 0;

    MDLA_TRY(take_mark(m, &count));
    if (op == OP_TUPLE)
        return make_tuple(m, count);
    return add_items(m, op == OP_APPENDS ? PICKLE_LIST : PICKLE_DICT, count);
}

static mdla_status step(pickle_machine *m, uint8_t op)
{
    pickle_value *unused;

    switch (op) {
    case OP_MARK:
        return append_number(m->p->al, &m->marks, &m->mark_count, &m->mark_room,
                             (uint32_t)m->stack_count)
                   ? MDLA_OK
                   : no_memory(m);
    case OP_EMPTY_TUPLE: return make_tuple(m, 0);
    case OP_BINFLOAT: return op_float(m);
    case OP_BININT: return op_int(m, 4);
    case OP_BININT1: return op_int(m, 1);
    case OP_BININT2: return op_int(m, 2);
    case OP_LONG1: return op_long(m);
    case OP_NONE: return push_whole(m, PICKLE_NONE, 0);
    case OP_NEWTRUE:
    case OP_NEWFALSE: return push_whole(m, PICKLE_BOOL, op == OP_NEWTRUE);
    case OP_BINPERSID: return pickle_persistent(m);
    case OP_REDUCE: return pickle_reduce(m);
    case OP_SHORT_BINSTRING: return op_text(m, 1);
    case OP_BINUNICODE: return op_text(m, 4);
    case OP_EMPTY_LIST: return pickle_push_new(m, PICKLE_LIST, &unused);
    case OP_EMPTY_DICT: return pickle_push_new(m, PICKLE_DICT, &unused);
    case OP_APPEND: return add_items(m, PICKLE_LIST, 1);
    case OP_SETITEM: return add_items(m, PICKLE_DICT, 2);
    case OP_BUILD: return build(m);
    case OP_GLOBAL: return op_global(m);
    case OP_APPENDS:
    case OP_SETITEMS:
    case OP_TUPLE: return op_marked(m, op);
    case OP_BINGET: return op_memo(m, 1, memo_get);
    case OP_LONG_BINGET: return op_memo(m, 4, memo_get);
    case OP_BINPUT: return op_memo(m, 1, memo_put);
    case OP_LONG_BINPUT: return op_memo(m, 4, memo_put);
    case OP_TUPLE1:
    case OP_TUPLE1 + 1:
    case OP_TUPLE3: return make_tuple(m, (size_t)op - OP_TUPLE1 + 1);
    default:
        return error_set(m->err, MDLA_ERR_UNSUPPORTED,
                         "%s: the pickle has opcode 0x%02x at byte %zu, which no dictionary of "
                         "tensors needs; nothing in it is executed",
                         m->name, op, m->at - 1);
    }
}

static mdla_status run(pickle_machine *m)
{
    const uint8_t *op = NULL;
    uint32_t steps;

    MDLA_TRY(take(m, 2, &op));
    if (op[0] != OP_PROTO || op[1] != 2)
        return error_set(m->err, MDLA_ERR_UNSUPPORTED,
                         "%s: a pickle of another protocol than 2, which torch.save writes",
                         m->name);
    for (steps = 0; steps < STEPS_MAX; steps++) {
        MDLA_TRY(take(m, 1, &op));
        if (*op == OP_STOP) {
            if (m->stack_count != 1 || m->at != m->nbytes)
                return pickle_bad(m, "more or less than one value at its end");
            m->p->root = m->stack[0];
            return MDLA_OK;
        }
        MDLA_TRY(step(m, *op));
    }
    return error_set(m->err, MDLA_ERR_LIMIT, "%s: a pickle of more than %u opcodes", m->name,
                     STEPS_MAX);
}

mdla_status pickle_read(const mdla_allocator *al, const uint8_t *bytes, size_t nbytes,
                        const char *name, pickle *out, mdla_error *err)
{
    pickle_machine m = {.p = out, .name = name, .bytes = bytes, .nbytes = nbytes, .err = err};
    mdla_status status;

    memset(out, 0, sizeof *out);
    out->al = al;
    status = run(&m);
    alloc_free(al, m.stack);
    alloc_free(al, m.marks);
    alloc_free(al, m.memo);
    if (status != MDLA_OK)
        pickle_free(out);
    return status;
}

void pickle_free(pickle *p)
{
    size_t i;

    for (i = 0; i < p->count; i++) {
        alloc_free(p->al, p->values[i].text);
        alloc_free(p->al, p->values[i].items);
    }
    if (p->al != NULL)
        alloc_free(p->al, p->values);
    memset(p, 0, sizeof *p);
}

const pickle_value *pickle_get(const pickle *p, const pickle_value *dict, const char *key)
{
    size_t i;

    for (i = dict->type == PICKLE_DICT ? dict->count : 0; i >= 2; i -= 2) {
        const pickle_value *const name = pickle_item(p, dict, i - 2);

        if (name->type == PICKLE_TEXT && strcmp(name->text, key) == 0)
            return pickle_item(p, dict, i - 1);
    }
    return NULL;
}
