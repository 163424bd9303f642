/* Where in a model the rows stood, by name (spec section 4.9). */
#ifndef MDLA_HOOK_H
#define MDLA_HOOK_H

#include "mdla/mdla.h"

#include <stdbool.h>

#define HOOK_NBYTES_MAX 255

/* 1 .. HOOK_NBYTES_MAX bytes of UTF-8 without control characters; text[nbytes] is zero. */
bool hook_is_name(const char *text, size_t nbytes);

/* MDLA_ERR_ARGUMENT where it is no such name; NULL will do. */
mdla_status hook_check(const char *hook, mdla_error *err);

/* A name as a JSON string, quotes and all, without a terminating zero; returns its bytes. */
#define HOOK_JSON_ROOM (2 * HOOK_NBYTES_MAX + 2)
size_t hook_put_json(const char *hook, char text[HOOK_JSON_ROOM]);

/* The last part of the folder's path where it is a module's name, as sparsify and delphi call their
 * folders ("layers.5.mlp"); else NULL. The folder's. */
const char *hook_of_folder(const mdla_folder *folder);

#endif
