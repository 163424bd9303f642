/* Shards of rows by name, one after the other as one stream. Apart from files.c, so that a program
 * that reads no arrays doesn't link their readers. */
#include "common/files.h"
#include "common/path_list.h"

#include "common/tool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How an array of several is named here, the library doesn't know. */
static int fail_to_open(mdla_status status, const mdla_error *err)
{
    if (status == MDLA_ERR_ARGUMENT && strstr(err->text, "; say which one"))
        tool_fail("%s, as FILE:NAME", err->text);
    else
        tool_fail_status(status, err);
    return -1;
}

static int open_shard(const mdla_config *config, const mdla_shard *shard,
                      const mdla_array_options *options, int rewindable, mdla_rows **out)
{
    mdla_array_options with_array = *options;
    mdla_error err = {MDLA_OK, ""};
    mdla_source source;
    mdla_status status;

    if (shard->array)
        with_array.array = shard->array;
    if (files_source(shard->file, rewindable, &source) != 0)
        return -1;
    status = mdla_rows_open(config, source, files_name(shard->file), &with_array, out, &err);
    return status == MDLA_OK ? 0 : fail_to_open(status, &err);
}

/* All open at once: what pipes need. */
static int open_together(const mdla_config *config, const path_list *list,
                         const mdla_array_options *options, int rewindable, mdla_rows **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_rows **parts = calloc(list->count, sizeof *parts);
    mdla_status status;
    size_t opened = 0;

    if (!parts) {
        tool_fail("out of memory for %zu shards", list->count);
        return -1;
    }
    while (opened < list->count &&
           open_shard(config, &list->shards[opened], options, rewindable, &parts[opened]) == 0)
        opened++;
    if (opened < list->count) {
        for (size_t i = 0; i < opened; i++)
            mdla_rows_close(parts[i]);
        free(parts);
        return -1;
    }
    status = mdla_rows_concat(config, parts, list->count, out, &err);
    free(parts);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

static mdla_status open_path(void *ctx, const char *path, mdla_source *out, mdla_error *err)
{
    (void)ctx;
    return mdla_source_file(path, out, err);
}

static int open_in_turn(const mdla_config *config, const path_list *list,
                        const mdla_array_options *options, mdla_rows **out)
{
    const mdla_folder anywhere = {.open = open_path};
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    for (size_t i = 0; i < list->count; i++)
        if (files_note_read(list->shards[i].file) != 0)
            return -1;
    status = mdla_rows_open_shards(config, anywhere, list->shards, list->count, options, out, &err);
    return status == MDLA_OK ? 0 : fail_to_open(status, &err);
}

static int are_files(const path_list *list)
{
    struct stat st;

    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->shards[i].file, "-") == 0 || stat(list->shards[i].file, &st) != 0 ||
            !S_ISREG(st.st_mode))
            return 0;
    return 1;
}

int files_rows(const mdla_config *config, char **paths, size_t count,
               const mdla_array_options *options, int rewindable, mdla_rows **out)
{
    path_list list = {NULL, 0, 0};
    int result = 0;

    *out = NULL;
    for (size_t i = 0; i < count && result == 0; i++)
        result = path_list_add(&list, config, paths[i]);
    if (result == 0 && list.count == 0) {
        tool_fail("%s: holds no files of rows", count > 0 ? paths[0] : "the list");
        result = -1;
    }
    if (result == 0 && list.count == 1)
        result = open_shard(config, &list.shards[0], options, rewindable, out);
    else if (result == 0 && are_files(&list))
        result = open_in_turn(config, &list, options, out);
    else if (result == 0)
        result = open_together(config, &list, options, rewindable, out);
    path_list_free(&list);
    return result;
}

int files_numbers(const mdla_config *config, const char *path, mdla_rows **out)
{
    const mdla_array_options options = {.numbers = 1};
    char *name = (char *)(uintptr_t)path; /* read alone */

    return files_rows(config, &name, 1, &options, 1, out);
}
