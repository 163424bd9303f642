#include "common/path_list.h"

#include "common/tool.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int no_memory(void)
{
    tool_fail("out of memory");
    return -1;
}

void path_list_free(path_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free((char *)(uintptr_t)list->shards[i].file);
        free((char *)(uintptr_t)list->shards[i].array);
    }
    free(list->shards);
    *list = (path_list){NULL, 0, 0};
}

/* Adds FOLDER/NAME, or NAME where folder is NULL. */
static int add(path_list *list, const char *folder, const char *name, const char *array)
{
    const size_t nbytes = (folder ? strlen(folder) + 1 : 0) + strlen(name) + 1;
    char *file = malloc(nbytes);
    char *copy = array ? strdup(array) : NULL;

    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 16;
        mdla_shard *grown = realloc(list->shards, room * sizeof *grown);

        if (grown) {
            list->shards = grown;
            list->room = room;
        }
    }
    if (!file || (array && !copy) || list->count == list->room) {
        free(file);
        free(copy);
        return no_memory();
    }
    snprintf(file, nbytes, "%s%s%s", folder ? folder : "", folder ? "/" : "", name);
    list->shards[list->count++] = (mdla_shard){file, copy};
    return 0;
}

/* ---- Folders -----------------------------------------------------------------------------------
 */

/* Numbers by value, all else by bytes. */
static int natural_order(const char *a, const char *b)
{
    while (*a && *b) {
        if (*a >= '0' && *a <= '9' && *b >= '0' && *b <= '9') {
            const size_t a_zeros = strspn(a, "0"), b_zeros = strspn(b, "0");
            const size_t a_length = strspn(a + a_zeros, "0123456789");
            const size_t b_length = strspn(b + b_zeros, "0123456789");
            int order;

            if (a_length != b_length)
                return a_length < b_length ? -1 : 1;
            order = strncmp(a + a_zeros, b + b_zeros, a_length);
            if (order != 0)
                return order;
            a += a_zeros + a_length;
            b += b_zeros + b_length;
        } else if (*a != *b) {
            break;
        } else {
            a++;
            b++;
        }
    }
    return (unsigned char)*a - (unsigned char)*b;
}

static int by_number(const void *a, const void *b)
{
    const char *x = ((const mdla_shard *)a)->file, *y = ((const mdla_shard *)b)->file;
    const int order = natural_order(x, y);

    return order != 0 ? order : strcmp(x, y);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const mdla_shard *)a)->file, ((const mdla_shard *)b)->file);
}

static int ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name), end_length = strlen(end);

    return length > end_length && strcmp(name + length - end_length, end) == 0;
}

/* The folder's files with one ending, sorted. */
static int add_ending(path_list *list, const char *folder, const char *ending, const char *array)
{
    const size_t first = list->count;
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int result = 0;

    if (!dir) {
        tool_fail("%s: can't be listed: %s", folder, strerror(errno));
        return -1;
    }
    while (result == 0 && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.' && ends_with(entry->d_name, ending))
            result = add(list, folder, entry->d_name, array);
    closedir(dir);
    if (result == 0 && list->count > first)
        qsort(list->shards + first, list->count - first, sizeof *list->shards,
              strcmp(ending, ".png") == 0 ? by_bytes : by_number);
    return result;
}

typedef struct dataset_files {
    path_list *list;
    const char *folder, *array;
} dataset_files;

static int add_dataset_file(void *ctx, const char *file)
{
    const dataset_files *d = ctx;

    return add(d->list, d->folder, file, d->array);
}

static int has_member(const char *folder, const char *member)
{
    char path[4096];
    struct stat st;

    return snprintf(path, sizeof path, "%s/%s", folder, member) < (int)sizeof path &&
           stat(path, &st) == 0;
}

static int add_dataset(path_list *list, const mdla_config *config, const char *folder,
                       const char *array)
{
    dataset_files files = {list, folder, array};
    mdla_error err = {MDLA_OK, ""};
    mdla_folder members;
    mdla_status status = mdla_folder_path(folder, 0, &members, &err);

    if (status == MDLA_OK)
        status = mdla_dataset_list(config, members, folder, add_dataset_file, &files, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

static int add_folder(path_list *list, const mdla_config *config, const char *folder,
                      const char *array)
{
    static const char *const endings[] = {".png", ".npy", ".npz", ".safetensors", ".arrow"};
    const char *found = NULL;

    if (has_member(folder, "state.json"))
        return add_dataset(list, config, folder, array);
    if (has_member(folder, "dataset_dict.json")) {
        tool_fail("%s: holds several data sets; name one of its folders, such as %s/train", folder,
                  folder);
        return -1;
    }
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const size_t before = list->count;

        if (add_ending(list, folder, endings[i], array) != 0)
            return -1;
        if (list->count > before && found) {
            tool_fail("%s: holds both %s and %s files; name those that are meant", folder, found,
                      endings[i]);
            return -1;
        }
        if (list->count > before)
            found = endings[i];
    }
    if (found)
        return 0;
    tool_fail("%s: a folder without state.json, .png, .npy, .npz, .safetensors or .arrow files",
              folder);
    return -1;
}

/* ---- Names -------------------------------------------------------------------------------------
 */

static int add_existing(path_list *list, const mdla_config *config, const char *path,
                        const char *array)
{
    struct stat st;

    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return add_folder(list, config, path, array);
    return add(list, NULL, path, array);
}

static int add_pattern(path_list *list, const mdla_config *config, const char *pattern)
{
    glob_t found;
    int result = 0;

    if (glob(pattern, 0, NULL, &found) != 0) {
        globfree(&found);
        tool_fail("%s: matches no file", pattern);
        return -1;
    }
    for (size_t i = 0; i < found.gl_pathc && result == 0; i++)
        result = add_existing(list, config, found.gl_pathv[i], NULL);
    globfree(&found);
    return result;
}

int path_list_add(path_list *list, const mdla_config *config, const char *name)
{
    struct stat st;
    char *copy, *colon;
    int result = 1;

    if (strcmp(name, "-") == 0 || stat(name, &st) == 0)
        return add_existing(list, config, name, NULL);
    copy = strdup(name);
    if (!copy)
        return no_memory();
    /* The last colon that follows a file's name: names of arrays may hold some themselves. */
    while (result == 1 && (colon = strrchr(copy, ':')) != NULL) {
        *colon = '\0';
        if (name[colon - copy + 1] != '\0' && (strcmp(copy, "-") == 0 || stat(copy, &st) == 0))
            result = add_existing(list, config, copy, name + (colon - copy) + 1);
    }
    free(copy);
    if (result != 1)
        return result;
    return strpbrk(name, "*?[") ? add_pattern(list, config, name) : add(list, NULL, name, NULL);
}
