/* What the names in a pickle stand for: a fixed table, and the values that calls of them make. */
#include "saes/pickle.h"

#include "base/alloc.h"

#include <string.h>

enum { ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, SIZE, FIRST_STORAGE };

static const struct {
    const char *module, *word;
    int dtype;
} known[] = {
    {"collections", "OrderedDict", -1},         {"torch._utils", "_rebuild_tensor_v2", -1},
    {"torch._utils", "_rebuild_parameter", -1}, {"torch", "Size", -1},
    {"torch", "FloatStorage", MDLA_F32},        {"torch", "DoubleStorage", MDLA_F64},
    {"torch", "HalfStorage", MDLA_F16},         {"torch", "BFloat16Storage", MDLA_BF16},
    {"torch", "LongStorage", MDLA_I64},         {"torch", "IntStorage", MDLA_I32},
    {"torch", "ShortStorage", MDLA_I16},        {"torch", "CharStorage", MDLA_I8},
    {"torch", "ByteStorage", MDLA_U8},          {"torch", "BoolStorage", MDLA_BOOL},
};

mdla_status pickle_push_global(pickle_machine *m, const char *module, const char *word)
{
    pickle_value *value;
    size_t i;

    for (i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].module, module) == 0 && strcmp(known[i].word, word) == 0)
            break;
    if (i == sizeof known / sizeof known[0])
        return error_set(m->err, MDLA_ERR_UNSUPPORTED,
                         "%s: the pickle names %.60s.%.60s, which is neither a tensor nor a "
                         "dictionary of them; nothing in it is executed",
                         m->name, module, word);
    MDLA_TRY(pickle_push_new(m, PICKLE_GLOBAL, &value));
    value->whole = (int64_t)i;
    value->dtype = known[i].dtype;
    return MDLA_OK;
}

static const pickle_value *argument(const pickle_machine *m, const pickle_value *tuple, size_t i,
                                    pickle_type type)
{
    const pickle_value *const value = i < tuple->count ? pickle_item(m->p, tuple, i) : NULL;

    return value != NULL && value->type == type ? value : NULL;
}

/* (storage, offset, size, stride, requires_grad, hooks [, metadata]) */
static mdla_status rebuild_tensor(pickle_machine *m, uint32_t arguments)
{
    const pickle_value *const tuple = &m->p->values[arguments];
    pickle_value *tensor;
    uint32_t *items;
    size_t i;

    if (argument(m, tuple, 0, PICKLE_STORAGE) == NULL ||
        argument(m, tuple, 1, PICKLE_INT) == NULL || argument(m, tuple, 2, PICKLE_TUPLE) == NULL ||
        argument(m, tuple, 3, PICKLE_TUPLE) == NULL || tuple->count < 6 || tuple->count > 7)
        return pickle_bad(m, "_rebuild_tensor_v2 with other arguments than torch.save writes");
    items = alloc_array(m->p->al, 4, sizeof *items);
    if (items == NULL)
        return error_set(m->err, MDLA_ERR_MEMORY, "%s: out of memory", m->name);
    for (i = 0; i < 4; i++)
        items[i] = tuple->items[i];
    if (pickle_push_new(m, PICKLE_TENSOR, &tensor) != MDLA_OK) { /* tuple may have moved */
        alloc_free(m->p->al, items);
        return error_set(m->err, MDLA_ERR_MEMORY, "%s: out of memory", m->name);
    }
    tensor->items = items;
    tensor->count = tensor->room = 4;
    return MDLA_OK;
}

mdla_status pickle_reduce(pickle_machine *m)
{
    const pickle_value *arguments, *function;
    uint32_t at;

    if (m->stack_count < 2)
        return pickle_bad(m, "REDUCE on an empty stack");
    at = m->stack[--m->stack_count];
    arguments = &m->p->values[at];
    function = &m->p->values[m->stack[--m->stack_count]];
    if (function->type != PICKLE_GLOBAL || arguments->type != PICKLE_TUPLE)
        return pickle_bad(m, "REDUCE of something that is no name with a tuple");
    switch (function->whole) {
    case ORDERED_DICT: {
        pickle_value *dict;

        if (arguments->count != 0)
            return pickle_bad(m, "OrderedDict with arguments");
        MDLA_TRY(pickle_push_new(m, PICKLE_DICT, &dict));
        dict->ordered = true;
        return MDLA_OK;
    }
    case REBUILD_TENSOR: return rebuild_tensor(m, at);
    case REBUILD_PARAMETER:
        if (argument(m, arguments, 0, PICKLE_TENSOR) == NULL)
            return pickle_bad(m, "_rebuild_parameter of something that is no tensor");
        m->stack[m->stack_count++] = arguments->items[0];
        return MDLA_OK;
    case SIZE:
        if (arguments->count != 1 || (argument(m, arguments, 0, PICKLE_TUPLE) == NULL &&
                                      argument(m, arguments, 0, PICKLE_LIST) == NULL))
            return pickle_bad(m, "torch.Size of something that is no list");
        m->stack[m->stack_count++] = arguments->items[0];
        return MDLA_OK;
    default: return pickle_bad(m, "a storage class is called");
    }
}

/* ('storage', class, key, location, count) */
mdla_status pickle_persistent(pickle_machine *m)
{
    const pickle_value *tuple, *word, *class_name, *key, *count;
    pickle_value *storage;
    int64_t whole;
    uint32_t at;
    int dtype;

    if (m->stack_count == 0)
        return pickle_bad(m, "BINPERSID on an empty stack");
    at = m->stack[--m->stack_count];
    tuple = &m->p->values[at];
    if (tuple->type != PICKLE_TUPLE || tuple->count != 5)
        return pickle_bad(m, "a persistent id that is no tuple of five");
    word = argument(m, tuple, 0, PICKLE_TEXT);
    class_name = argument(m, tuple, 1, PICKLE_GLOBAL);
    key = argument(m, tuple, 2, PICKLE_TEXT);
    count = argument(m, tuple, 4, PICKLE_INT);
    if (word == NULL || strcmp(word->text, "storage") != 0 || class_name == NULL ||
        class_name->whole < FIRST_STORAGE || key == NULL || count == NULL || count->whole < 0)
        return pickle_bad(m, "a persistent id that names no storage");
    dtype = class_name->dtype;
    whole = count->whole;
    /* Pushing moves the values, not their text. */
    MDLA_TRY(pickle_push_text(m, (const uint8_t *)key->text, key->text_nbytes));
    storage = &m->p->values[m->stack[m->stack_count - 1]];
    storage->type = PICKLE_STORAGE;
    storage->dtype = dtype;
    storage->whole = whole;
    return MDLA_OK;
}
