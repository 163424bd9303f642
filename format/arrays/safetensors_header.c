#include "arrays/safetensors_header.h"

#include "base/checked.h"
#include "container/hook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *dtype_word(mdla_dtype dtype)
{
    static const char *const words[] = {
        [MDLA_F32] = "F32",   [MDLA_F16] = "F16", [MDLA_BF16] = "BF16", [MDLA_F64] = "F64",
        [MDLA_U8] = "U8",     [MDLA_I8] = "I8",   [MDLA_U16] = "U16",   [MDLA_I16] = "I16",
        [MDLA_U32] = "U32",   [MDLA_I32] = "I32", [MDLA_U64] = "U64",   [MDLA_I64] = "I64",
        [MDLA_BOOL] = "BOOL",
    };
    return words[dtype];
}

/* The bytes of an entry's values. */
static bool size_of(const tensor_entry *e, uint64_t *nbytes)
{
    unsigned axis;

    *nbytes = mdla_dtype_nbytes(e->dtype);
    for (axis = 0; axis < e->axes; axis++) {
        if (!checked_mul_u64(*nbytes, e->shape[axis], nbytes))
            return false;
    }
    return true;
}

size_t safetensors_header_write(const tensor_entry *entries, size_t count, const char *hook,
                                uint8_t header[SAFETENSORS_HEADER_ROOM])
{
    char *const text = (char *)header + 8;
    const size_t room = SAFETENSORS_HEADER_ROOM - 8;
    uint64_t begin = 0, nbytes, end;
    size_t used, i;

    used = (size_t)snprintf(text, room, "{");
    if (hook != NULL) {
        used += (size_t)snprintf(text + used, room - used, "\"__metadata__\":{\"hook_name\":");
        used += hook_put_json(hook, text + used);
        used += (size_t)snprintf(text + used, room - used, "},");
    }
    for (i = 0; i < count; i++) {
        const tensor_entry *const e = &entries[i];
        char shape[48] = "";

        if (!size_of(e, &nbytes) || !checked_add_u64(begin, nbytes, &end))
            return 0;
        if (e->axes == 1)
            (void)snprintf(shape, sizeof shape, "%" PRIu64, e->shape[0]);
        else if (e->axes == 2)
            (void)snprintf(shape, sizeof shape, "%" PRIu64 ",%" PRIu64, e->shape[0], e->shape[1]);
        used += (size_t)snprintf(
            text + used, room - used,
            "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
            i == 0 ? "" : ",", e->name, dtype_word(e->dtype), shape, begin, end);
        begin = end;
    }
    text[used++] = '}';
    while (used % 8 != 0) /* the values begin at a multiple of 8 */
        text[used++] = ' ';
    for (i = 0; i < 8; i++)
        header[i] = (uint8_t)((uint64_t)used >> 8 * i);
    return 8 + used;
}
