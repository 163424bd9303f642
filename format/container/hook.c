#include "container/hook.h"

#include "base/alloc.h"

#include <string.h>

bool hook_is_name(const char *text, size_t nbytes)
{
    size_t at = 0;

    if (nbytes == 0 || nbytes > HOOK_NBYTES_MAX)
        return false;
    while (at < nbytes) {
        const size_t length = mdla_utf8_length(text + at);

        if (length == 0 || (unsigned char)text[at] < 0x20 || text[at] == 0x7f)
            return false;
        at += length;
    }
    return true;
}

mdla_status hook_check(const char *hook, mdla_error *err)
{
    if (hook == NULL || hook_is_name(hook, strlen(hook)))
        return MDLA_OK;
    return error_set(err, MDLA_ERR_ARGUMENT,
                     "a hook's name has 1 to %d bytes of UTF-8 and no control characters",
                     HOOK_NBYTES_MAX);
}

size_t hook_put_json(const char *hook, char text[HOOK_JSON_ROOM])
{
    size_t used = 0;

    text[used++] = '"';
    for (; *hook != '\0'; hook++) {
        if (*hook == '"' || *hook == '\\')
            text[used++] = '\\';
        text[used++] = *hook;
    }
    text[used++] = '"';
    return used;
}

const char *hook_of_folder(const mdla_folder *folder)
{
    const char *const slash = folder->origin != NULL ? strrchr(folder->origin, '/') : NULL;
    const char *const last = slash != NULL ? slash + 1 : folder->origin;

    if (last == NULL || strncmp(last, "layers.", 7) != 0 || !hook_is_name(last, strlen(last)))
        return NULL;
    return last;
}
