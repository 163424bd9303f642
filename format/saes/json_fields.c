#include "saes/json_fields.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const json_t *fields_get(const fields *f, const char *key)
{
    const json_t *const value = json_object_get(f->object, key);

    return json_is_null(value) ? NULL : value;
}

bool fields_is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

mdla_status fields_refuse(const fields *f, const char *key, const char *why, mdla_error *err)
{
    const json_t *const value = fields_get(f, key);

    if (!json_is_string(value))
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: %s: %s", f->name, key, why);
    return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: %s '%.60s': %s", f->name, key,
                     json_string_value(value), why);
}

mdla_status fields_refuse_true(const fields *f, const char *key, const char *why, mdla_error *err)
{
    const json_t *const value = fields_get(f, key);

    return value == NULL || json_is_false(value) ? MDLA_OK : fields_refuse(f, key, why, err);
}

mdla_status fields_flag(const fields *f, const char *key, bool absent, bool *out, mdla_error *err)
{
    const json_t *const value = fields_get(f, key);

    *out = value != NULL ? json_is_true(value) : absent;
    if (value != NULL && !json_is_boolean(value))
        return fields_refuse(f, key, "neither true nor false", err);
    return MDLA_OK;
}

mdla_status fields_count_or(const fields *f, const char *key, uint32_t limit, bool zero_is_absent,
                            uint32_t *out, mdla_error *err)
{
    const json_t *const value = fields_get(f, key);
    const double number = json_number_value(value);

    if (value == NULL || (zero_is_absent && json_is_number(value) && number == 0.0))
        return MDLA_OK;
    if (!json_is_number(value) || !(number >= 1.0) || number != floor(number))
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s must be a whole number from 1 on", f->name,
                         key);
    if (number > limit)
        return error_set(err, MDLA_ERR_LIMIT, "%s: %s is %.0f; the limit is %" PRIu32, f->name, key,
                         number, limit);
    *out = (uint32_t)number;
    return MDLA_OK;
}

mdla_status fields_count(const fields *f, const char *key, uint32_t limit, uint32_t *out,
                         mdla_error *err)
{
    if (fields_get(f, key) == NULL)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s is missing", f->name, key);
    return fields_count_or(f, key, limit, false, out, err);
}

mdla_status fields_number_or(const fields *f, const char *key, double *out, mdla_error *err)
{
    const json_t *const value = fields_get(f, key);

    if (value == NULL)
        return MDLA_OK;
    if (!json_is_number(value))
        return fields_refuse(f, key, "is no number", err);
    *out = json_number_value(value);
    return MDLA_OK;
}

mdla_status fields_choice(const fields *f, const char *key, const char *const *known, int absent,
                          int *out, mdla_error *err)
{
    const json_t *const value = fields_get(f, key);
    char list[160] = "";
    int i;

    *out = absent;
    if (value == NULL)
        return absent >= 0 ? MDLA_OK
                           : error_set(err, MDLA_ERR_CORRUPT, "%s: %s is missing", f->name, key);
    for (i = 0; known[i] != NULL; i++) {
        const size_t used = strlen(list);

        if (fields_is_text(value, known[i])) {
            *out = i;
            return MDLA_OK;
        }
        (void)snprintf(list + used, sizeof list - used, "%s%s", i != 0 ? ", " : "", known[i]);
    }
    if (!json_is_string(value))
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: %s is none of: %s", f->name, key, list);
    return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: %s '%.60s' is not known; known are %s",
                     f->name, key, json_string_value(value), list);
}
