/* Members of a configuration, read strictly: what is absent, what is of another type and what isn't
 * known each get their sentence. */
#ifndef MDLA_JSON_FIELDS_H
#define MDLA_JSON_FIELDS_H

#include "mdla/mdla.h"

#include <jansson.h>
#include <stdbool.h>

/* The object being read and the name of its file. Absent and null mean the same to every tool that
 * writes these files. */
typedef struct fields {
    const json_t *object;
    const char *name;
} fields;

/* NULL where it is absent or null. */
const json_t *fields_get(const fields *f, const char *key);
bool fields_is_text(const json_t *value, const char *text); /* accepts NULL */

/* "NAME: KEY: WHY", MDLA_ERR_UNSUPPORTED; with the value where it is text. */
mdla_status fields_refuse(const fields *f, const char *key, const char *why, mdla_error *err);
/* Refuses the member where it is there and isn't false. */
mdla_status fields_refuse_true(const fields *f, const char *key, const char *why, mdla_error *err);

mdla_status fields_flag(const fields *f, const char *key, bool absent, bool *out, mdla_error *err);

/* A whole number from 1 to limit. fields_count: MDLA_ERR_CORRUPT where it is absent;
 * fields_count_or: absent, or 0 where zero_is_absent, leaves *out as it is. */
mdla_status fields_count(const fields *f, const char *key, uint32_t limit, uint32_t *out,
                         mdla_error *err);
mdla_status fields_count_or(const fields *f, const char *key, uint32_t limit, bool zero_is_absent,
                            uint32_t *out, mdla_error *err);

/* A finite number; absent leaves *out as it is. */
mdla_status fields_number_or(const fields *f, const char *key, double *out, mdla_error *err);

/* Which of the known texts a member is; absent (an index, or -1: must be there) where it isn't.
 * known ends with NULL. */
mdla_status fields_choice(const fields *f, const char *key, const char *const *known, int absent,
                          int *out, mdla_error *err);

#endif
