/* The arrays of a file that holds several, as choose_array and mdla_array_list take them. */
#ifndef MDLA_ARRAY_LIST_H
#define MDLA_ARRAY_LIST_H

#include "input.h"
#include "mdla/mdla.h"

#define ARRAY_LIST_AXES_MAX 8 /* of an entry's shape; further axes aren't shown */

typedef struct array_list_item {
    char *name;
    char dtype[96];
    uint64_t shape[ARRAY_LIST_AXES_MAX];
} array_list_item;

/* entries point into items. */
typedef struct array_list {
    const mdla_allocator *al;
    size_t count, room;
    array_list_item *items;
    mdla_array_entry *entries;
} array_list;

void array_list_start(array_list *list, const mdla_allocator *al);
/* Copies all it is given. axes above ARRAY_LIST_AXES_MAX are cut. MDLA_OK or MDLA_ERR_MEMORY. */
mdla_status array_list_add(array_list *list, const mdla_array_entry *entry);
void array_list_free(array_list *list);

/* By kind. Each reads the headers from an input at its first byte. */
mdla_status array_list_safetensors(input *in, array_list *list, mdla_error *err);
mdla_status array_list_npz(input *in, array_list *list, mdla_error *err);
mdla_status array_list_arrow(input *in, array_list *list, mdla_error *err);

#endif
