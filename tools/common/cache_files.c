#include "common/cache_files.h"

#include "common/files.h"
#include "common/progress.h"
#include "common/tool.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct name_list {
    char **names;
    size_t count, room;
} name_list;

static int add_name(name_list *list, const char *name)
{
    if (list->count == list->room) {
        const size_t room = 2 * list->room + 16;
        char **grown = realloc(list->names, room * sizeof *grown);

        if (!grown)
            return -1;
        list->names = grown;
        list->room = room;
    }
    list->names[list->count] = strdup(name);
    return list->names[list->count] ? (list->count++, 0) : -1;
}

static int list_folder(const char *path, name_list *list)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    int result = 0;

    if (!dir) {
        tool_fail("%s: can't be listed: %s", path, strerror(errno));
        return -1;
    }
    while (result == 0 && (entry = readdir(dir)) != NULL)
        result = add_name(list, entry->d_name);
    closedir(dir);
    if (result != 0)
        tool_fail("out of memory");
    return result;
}

/* How a shape is given here, the library doesn't know. */
static void fail_to_read(mdla_status status, const mdla_error *err, int has_shape)
{
    if (status == MDLA_ERR_ARGUMENT && has_shape && strstr(err->text, "; say "))
        tool_fail("%s: --shape ROWS,FEATURES,CONTEXT", err->text);
    else
        tool_fail_status(status, err);
}

static int read_folder(const mdla_config *config, const char *path, const mdla_codes_shape *shape,
                       mdla_codes **out)
{
    mdla_error err = {MDLA_OK, ""};
    name_list list = {NULL, 0, 0};
    mdla_folder folder;
    mdla_status status = MDLA_OK;
    int result = list_folder(path, &list);

    if (result == 0) {
        status = mdla_folder_path(path, 0, &folder, &err);
        if (status == MDLA_OK)
            status = mdla_codes_read_folder(config, folder, (const char *const *)list.names,
                                            list.count, path, shape, out, &err);
        if (status != MDLA_OK) {
            fail_to_read(status, &err, shape != NULL);
            result = -1;
        }
    }
    while (list.count > 0)
        free(list.names[--list.count]);
    free(list.names);
    return result;
}

int cache_files_read(const mdla_config *config, const char *path, const mdla_codes_shape *shape,
                     mdla_codes **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_source source;
    mdla_status status;
    struct stat st;

    *out = NULL;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return read_folder(config, path, shape, out);
    if (files_source(path, 1, &source) != 0)
        return -1;
    status = mdla_codes_read(config, source, files_name(path), shape, out, &err);
    if (status == MDLA_OK)
        return 0;
    fail_to_read(status, &err, shape != NULL);
    return -1;
}

typedef struct comparison {
    mdla_codes *codes;
    cache_difference *difference;
    mdla_coded_feature *sorted; /* [room] */
    size_t room;
    int out_of_memory;
} comparison;

static int by_feature(const void *a, const void *b)
{
    const uint32_t x = ((const mdla_coded_feature *)a)->feature,
                   y = ((const mdla_coded_feature *)b)->feature;

    return (x > y) - (x < y);
}

static void compare_strengths(cache_difference *d, float wanted, float got)
{
    const double off = fabs((double)wanted - (double)got);

    d->changed += memcmp(&wanted, &got, sizeof got) != 0;
    d->largest = fmax(d->largest, off);
    d->error += off * off;
}

static int compare_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                       const mdla_symbol_bits *bits)
{
    comparison *c = ctx;
    cache_difference *d = c->difference;
    const uint32_t *features;
    const float *strengths;
    size_t wanted = mdla_codes_row(c->codes, row, &features, &strengths), i = 0, k = 0;

    (void)bits;
    if (count > c->room) {
        free(c->sorted);
        c->room = count + count / 2;
        c->sorted = malloc(c->room * sizeof *c->sorted);
        if (!c->sorted) {
            c->room = 0;
            return c->out_of_memory = 1;
        }
    }
    if (count > 0) {
        memcpy(c->sorted, code, count * sizeof *code);
        qsort(c->sorted, count, sizeof *code, by_feature);
    }
    d->rows++;
    d->active += wanted;
    while (i < wanted || k < count) {
        if (i < wanted)
            d->energy += (double)strengths[i] * strengths[i];
        if (i < wanted && k < count && features[i] == c->sorted[k].feature) {
            compare_strengths(d, strengths[i++], (float)c->sorted[k++].strength);
            continue;
        }
        d->misplaced++;
        if (k == count || (i < wanted && features[i] < c->sorted[k].feature))
            i++;
        else
            k++;
    }
    return progress_show(NULL, "compare", row + 1, mdla_codes_rows(c->codes)) != 0;
}

int cache_files_compare(const char *name, mdla_decoder *decoder, mdla_codes *codes,
                        cache_difference *out)
{
    comparison c = {codes, out, NULL, 0, 0};
    mdla_error err = {MDLA_OK, ""};
    mdla_file_info info;
    mdla_status status;

    *out = (cache_difference){0};
    mdla_decoder_query(decoder, &info);
    if (info.rows != mdla_codes_rows(codes) || info.width != mdla_codes_width(codes)) {
        tool_fail("%s: %llu rows of %u features, where the cache has %llu of %u", name,
                  (unsigned long long)info.rows, info.width,
                  (unsigned long long)mdla_codes_rows(codes), mdla_codes_width(codes));
        return -1;
    }
    status = mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, compare_row, &c, &err);
    free(c.sorted);
    if (c.out_of_memory) {
        tool_fail("out of memory");
        return -1;
    }
    if (status != MDLA_OK || tool_stopped()) {
        tool_fail_status(status != MDLA_OK ? status : MDLA_ERR_INTERRUPTED, &err);
        return -1;
    }
    return 0;
}
