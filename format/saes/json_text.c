#include "saes/json_text.h"

#include "base/alloc.h"
#include "io_error.h"

mdla_status json_text_parse(const char *text, size_t nbytes, const char *name, const char *what,
                            json_t **out, mdla_error *err)
{
    json_error_t error;

    *out = json_loadb(text, nbytes, JSON_REJECT_DUPLICATES, &error);
    if (*out == NULL)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s is no valid JSON at byte %d: %s", name,
                         what, error.position, error.text);
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s is no JSON object", name, what);
    }
    return MDLA_OK;
}

mdla_status json_text_load(input *in, json_t **out, mdla_error *err)
{
    size_t room = 0, used = 0, got;
    char *text = NULL;
    mdla_status status;

    *out = NULL;
    do {
        const size_t more = room == 0 ? 4096 : room;
        char *const grown = alloc_grown(in->al, text, used, room + more, 1);

        if (grown == NULL) {
            status = error_memory(err, in->name);
            break;
        }
        text = grown;
        room += more;
        status = input_read_some(in, text + used, room - used, &got, err);
        used += got;
    } while (status == MDLA_OK && used == room && room <= JSON_FILE_MAX);
    if (status == MDLA_OK && used > JSON_FILE_MAX)
        status = error_set(err, MDLA_ERR_LIMIT, "%s: more than %zu bytes of JSON", in->name,
                           JSON_FILE_MAX);
    if (status == MDLA_OK)
        status = json_text_parse(text, used, in->name, "the file", out, err);
    alloc_free(in->al, text);
    return status;
}
