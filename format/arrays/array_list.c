#include "arrays/array_list.h"

#include "base/alloc.h"
#include "io_error.h"

#include <stdio.h>
#include <string.h>

void array_list_start(array_list *list, const mdla_allocator *al)
{
    memset(list, 0, sizeof *list);
    list->al = al;
}

void array_list_free(array_list *list)
{
    size_t i;

    for (i = 0; i < list->count; i++)
        alloc_free(list->al, list->items[i].name);
    alloc_free(list->al, list->items);
    alloc_free(list->al, list->entries);
    list->count = list->room = 0;
    list->items = NULL;
    list->entries = NULL;
}

/* The entries' pointers lead into items, which may have moved. */
static void point(array_list *list, size_t first)
{
    size_t i;

    for (i = first; i < list->count; i++) {
        list->entries[i].name = list->items[i].name;
        list->entries[i].dtype = list->items[i].dtype;
        list->entries[i].shape = list->items[i].shape;
    }
}

static mdla_status grow(array_list *list)
{
    const size_t room = list->room == 0 ? 8 : 2 * list->room;
    array_list_item *const items =
        alloc_grown(list->al, list->items, list->count, room, sizeof *items);
    mdla_array_entry *entries;

    if (items == NULL)
        return MDLA_ERR_MEMORY;
    list->items = items;
    entries = alloc_grown(list->al, list->entries, list->count, room, sizeof *entries);
    if (entries == NULL)
        return MDLA_ERR_MEMORY;
    list->entries = entries;
    list->room = room;
    point(list, 0);
    return MDLA_OK;
}

mdla_status array_list_add(array_list *list, const mdla_array_entry *entry)
{
    array_list_item *item;
    unsigned axis;

    if (list->count == list->room)
        MDLA_TRY(grow(list));
    item = &list->items[list->count];
    item->name = alloc_text(list->al, entry->name);
    if (item->name == NULL)
        return MDLA_ERR_MEMORY;
    (void)snprintf(item->dtype, sizeof item->dtype, "%s", entry->dtype);
    for (axis = 0; axis < entry->axes && axis < ARRAY_LIST_AXES_MAX; axis++)
        item->shape[axis] = entry->shape[axis];
    list->entries[list->count] = *entry;
    list->entries[list->count].axes = axis;
    list->count++;
    point(list, list->count - 1);
    return MDLA_OK;
}

static mdla_status list_input(input *in, array_list *list, mdla_error *err)
{
    const uint8_t *first;
    size_t count;

    MDLA_TRY(input_peek(in, 9, &first, &count, err));
    if (count >= 4 && memcmp(first, "\xff\xff\xff\xff", 4) == 0)
        return array_list_arrow(in, list, err);
    if (count >= 4 && memcmp(first, "PK", 2) == 0)
        return array_list_npz(in, list, err);
    if (count >= 9 && first[8] == '{' && memcmp(first, "\x93NUMPY", 6) != 0)
        return array_list_safetensors(in, list, err);
    return error_set(err, MDLA_ERR_FORMAT, "%s: no file of several arrays", in->name);
}

mdla_status mdla_array_list(const mdla_config *config, mdla_source source, const char *name,
                            mdla_array_visitor visitor, void *ctx, mdla_error *err)
{
    const mdla_allocator *const al = alloc_of(config);
    mdla_status status;
    array_list list;
    input in;
    size_t i;

    MDLA_TRY(input_open(al, source, name, &in, err));
    array_list_start(&list, al);
    status = list_input(&in, &list, err);
    if (status == MDLA_ERR_MEMORY)
        status = error_memory(err, name);
    for (i = 0; status == MDLA_OK && i < list.count; i++) {
        if (visitor(ctx, &list.entries[i]) != 0)
            status = error_set(err, MDLA_ERR_INTERRUPTED, "%s: stopped", name);
    }
    array_list_free(&list);
    input_close(&in);
    return status;
}
