#include "arrays/choose.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text that is cut where there is no more room. */
typedef struct note {
    char text[300];
    size_t used;
} note;

static void note_add(note *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note_add(note *n, const char *format, ...)
{
    const size_t room = sizeof n->text - n->used;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(n->text + n->used, room, format, args);
    va_end(args);
    if (length > 0)
        n->used += (size_t)length < room ? (size_t)length : room - 1;
}

/* "acts (F32 10 x 6), tokens (I64 10)", as many as there is room for. */
static void describe(const mdla_array_entry *entries, size_t count, note *n)
{
    size_t i;
    unsigned axis;

    n->used = 0;
    n->text[0] = '\0';
    for (i = 0; i < count; i++) {
        const mdla_array_entry *const e = &entries[i];

        if (n->used > sizeof n->text - 100) {
            note_add(n, " and %zu more", count - i);
            break;
        }
        note_add(n, "%s%.60s (%.30s", i == 0 ? "" : ", ", e->name, e->dtype);
        for (axis = 0; axis < e->axes && axis < 6; axis++) {
            note_add(n, axis == 0 ? " " : " x ");
            if (e->shape[axis] == MDLA_UNKNOWN)
                note_add(n, "?");
            else
                note_add(n, "%" PRIu64, e->shape[axis]);
        }
        note_add(n, ")");
    }
}

/* The only matrix of floats, or count. */
static size_t only_matrix(const mdla_array_entry *entries, size_t count)
{
    size_t found = count, i;

    for (i = 0; i < count; i++) {
        if (!entries[i].is_float || entries[i].axes < 2)
            continue;
        if (found != count)
            return count;
        found = i;
    }
    return found;
}

mdla_status choose_array(const mdla_array_entry *entries, size_t count, const char *wanted,
                         const char *file, size_t *index, mdla_error *err)
{
    note n;

    if (count == 0)
        return error_set(err, MDLA_ERR_DATA, "%s: holds no arrays", file);
    if (wanted != NULL) {
        for (*index = 0; *index < count; (*index)++) {
            if (strcmp(entries[*index].name, wanted) == 0)
                return MDLA_OK;
        }
        describe(entries, count, &n);
        return error_set(err, MDLA_ERR_ARGUMENT, "%s: holds no array %.80s, but %s", file, wanted,
                         n.text);
    }
    *index = count == 1 ? 0 : only_matrix(entries, count);
    if (*index != count)
        return MDLA_OK;
    describe(entries, count, &n);
    return error_set(err, MDLA_ERR_ARGUMENT, "%s: holds %zu arrays: %s; say which one", file, count,
                     n.text);
}
