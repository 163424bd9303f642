/* mdla-info on arrays: what a file of several holds, and the values of one. */
#include "info.h"

#include "common/json.h"
#include "common/numbers.h"
#include "common/progress.h"
#include "common/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The list ----------------------------------------------------------------------------------
 */

typedef struct info_array_line {
    char *name, *dtype;
    char shape[200]; /* "10 x 6" */
} info_array_line;

static void put_shape(info_array_line *line, const mdla_array_entry *entry)
{
    size_t used = 0;

    line->shape[0] = '\0';
    for (unsigned axis = 0; axis < entry->axes && used + 30 < sizeof line->shape; axis++) {
        char size[24] = "?";

        if (entry->shape[axis] != MDLA_UNKNOWN)
            snprintf(size, sizeof size, "%llu", (unsigned long long)entry->shape[axis]);
        used += (size_t)snprintf(line->shape + used, sizeof line->shape - used, "%s%s",
                                 axis == 0 ? "" : " x ", size);
    }
}

int info_arrays_add(void *ctx, const mdla_array_entry *entry)
{
    info_arrays *arrays = ctx;
    info_array_line *grown = realloc(arrays->lines, (arrays->count + 1) * sizeof *grown);
    info_array_line *line;

    if (!grown)
        return 1;
    arrays->lines = grown;
    line = &grown[arrays->count];
    line->name = strdup(entry->name);
    line->dtype = strdup(entry->dtype);
    put_shape(line, entry);
    arrays->count++;
    return !line->name || !line->dtype;
}

void info_arrays_free(info_arrays *arrays)
{
    for (size_t i = 0; i < arrays->count; i++) {
        free(arrays->lines[i].name);
        free(arrays->lines[i].dtype);
    }
    free(arrays->lines);
}

static void print_list(const char *name, const info_arrays *arrays)
{
    size_t widest = 0, widest_dtype = 0;

    for (size_t i = 0; i < arrays->count; i++) {
        const size_t length = strlen(arrays->lines[i].name);
        const size_t dtype_length = strlen(arrays->lines[i].dtype);

        widest = length > widest && length < 60 ? length : widest;
        widest_dtype = dtype_length > widest_dtype ? dtype_length : widest_dtype;
    }
    printf("%s: %zu array%s\n", name, arrays->count, arrays->count == 1 ? "" : "s");
    for (size_t i = 0; i < arrays->count; i++)
        printf("  %-*s  %-*s  %s\n", (int)widest, arrays->lines[i].name, (int)widest_dtype,
               arrays->lines[i].dtype, arrays->lines[i].shape);
}

static void json_list(json_writer *json, const info_arrays *arrays)
{
    json_begin_array(json, "arrays");
    for (size_t i = 0; i < arrays->count; i++) {
        json_begin_object(json, NULL);
        json_text(json, "name", arrays->lines[i].name);
        json_text(json, "dtype", arrays->lines[i].dtype);
        json_text(json, "shape", arrays->lines[i].shape);
        json_end_object(json);
    }
    json_end_array(json);
}

/* ---- Values ------------------------------------------------------------------------------------
 */

/* Reads to the end; sets *count to the rows. */
static mdla_status hash_array(mdla_rows *rows, mdla_value_hash *hash, uint64_t *count,
                              mdla_error *err)
{
    enum { BUFFER_VALUES = 1 << 18 };
    const uint32_t dims = mdla_rows_dims(rows);
    const size_t at_once = dims < BUFFER_VALUES ? BUFFER_VALUES / dims : 1;
    float *values = malloc(at_once * dims * sizeof *values);
    mdla_status status = values ? MDLA_OK : MDLA_ERR_MEMORY;
    size_t got = 1;

    *count = 0;
    while (status == MDLA_OK && got > 0) {
        status = mdla_rows_read(rows, values, at_once, &got, err);
        if (status == MDLA_OK)
            mdla_value_hash_update(hash, values, got * dims);
        *count += got;
        if (progress_show(NULL, "read", *count, mdla_rows_count(rows)) != 0)
            status = MDLA_ERR_INTERRUPTED;
    }
    free(values);
    return status;
}

/* Where one of several arrays has to be named first. */
static int show_list_alone(const char *name, const info_arrays *arrays, int as_json)
{
    json_writer json = {.stream = stdout};

    if (!as_json) {
        print_list(name, arrays);
        return TOOL_DONE;
    }
    json_begin_object(&json, NULL);
    json_text(&json, "file", name);
    json_text(&json, "kind", "arrays");
    json_list(&json, arrays);
    json_end_object(&json);
    return TOOL_DONE;
}

int info_array(const mdla_config *config, const char *name, mdla_rows *rows,
               const info_arrays *arrays, int as_json)
{
    const int listed = arrays && arrays->listed;
    const char *dtype = rows ? mdla_dtype_name(mdla_rows_dtype(rows)) : NULL;
    mdla_error err = {MDLA_OK, ""};
    char text[SHA256_TEXT_MAX], shown[NUMBER_TEXT_MAX];
    mdla_value_hash *hash = NULL;
    uint8_t sha256[32];
    uint64_t count = 0;
    mdla_status status;

    if (!rows)
        return show_list_alone(name, arrays, as_json);
    status = mdla_value_hash_new(config, &hash);
    if (status == MDLA_OK)
        status = hash_array(rows, hash, &count, &err);
    mdla_value_hash_finish(hash, sha256);
    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    if (as_json) {
        json_writer json = {.stream = stdout};

        json_begin_object(&json, NULL);
        json_text(&json, "file", name);
        json_text(&json, "kind", "array");
        json_count(&json, "rows", count);
        json_count(&json, "dims", mdla_rows_dims(rows));
        json_text(&json, "dtype", dtype);
        json_text(&json, "float32_sha256", number_sha256(sha256, text));
        if (listed)
            json_list(&json, arrays);
        json_end_object(&json);
        return TOOL_DONE;
    }
    if (listed)
        print_list(name, arrays);
    printf("%s: array, %s rows x %u dims of %s\n", name, number_grouped(count, shown),
           mdla_rows_dims(rows), dtype);
    printf("  float32   SHA-256 %s\n", number_sha256(sha256, text));
    return TOOL_DONE;
}
