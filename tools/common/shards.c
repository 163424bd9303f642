/* Shards of rows by path, one after the other as one stream. Apart from files.c, so that a program that reads no
 * arrays doesn't link their readers. */
#include "common/files.h"

#include "common/tool.h"

#include <stdlib.h>

static int open_shard(const mdla_config *config, const char *path, const mdla_array_options *options,
                      int rewindable, mdla_rows **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_source source;
    mdla_status status;

    if (files_source(path, rewindable, &source) != 0)
        return -1;
    status = mdla_rows_open(config, source, files_name(path), options, out, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

int files_rows(const mdla_config *config, char **paths, size_t count, const mdla_array_options *options,
               int rewindable, mdla_rows **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;
    mdla_rows **parts;
    size_t opened = 0;

    *out = NULL;
    if (count == 1)
        return open_shard(config, paths[0], options, rewindable, out);
    parts = calloc(count, sizeof *parts);
    if (!parts) {
        tool_fail("out of memory for %zu shards", count);
        return -1;
    }
    while (opened < count &&
           open_shard(config, paths[opened], options, rewindable, &parts[opened]) == 0)
        opened++;
    if (opened < count) {
        for (size_t i = 0; i < opened; i++)
            mdla_rows_close(parts[i]);
        free(parts);
        return -1;
    }
    status = mdla_rows_concat(config, parts, count, out, &err);
    free(parts);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}
