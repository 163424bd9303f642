#include "common/output_folder.h"

#include "common/tool.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_folder_open(const char *path, int force, output_folder *out, mdla_folder *members)
{
    size_t length = strlen(path);
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;
    struct stat st;

    *out = (output_folder){path, NULL, force};
    if (stat(path, &st) == 0 && (!S_ISDIR(st.st_mode) || !force)) {
        tool_fail(S_ISDIR(st.st_mode) ? "%s: exists already; give -f to replace it, or another name"
                                      : "%s: is a file; name a folder",
                  path);
        return -1;
    }
    while (length > 1 && path[length - 1] == '/')
        length--;
    out->temporary = malloc(length + 40);
    if (!out->temporary) {
        tool_fail("out of memory");
        return -1;
    }
    snprintf(out->temporary, length + 40, "%.*s.mdla-%ld.tmp", (int)length, path, (long)getpid());
    status = mdla_folder_path(out->temporary, 1, members, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    free(out->temporary);
    out->temporary = NULL;
    return -1;
}

/* A folder with its plain files; one that holds folders is left. */
static int remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int failed = 0;

    if (!folder)
        return -1;
    while ((entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            failed = unlinkat(dirfd(folder), entry->d_name, 0) != 0 || failed;
    closedir(folder);
    return failed ? -1 : rmdir(path);
}

int output_folder_close(output_folder *folder, int keep)
{
    int result = 0;

    if (!folder->temporary)
        return 0;
    if (keep && folder->force && access(folder->path, F_OK) == 0)
        result = remove_folder(folder->path);
    if (keep && result == 0)
        result = rename(folder->temporary, folder->path);
    if (keep && result != 0)
        tool_fail("%s: can't be put in place: %s", folder->path, strerror(errno));
    if (!keep || result != 0)
        remove_folder(folder->temporary);
    free(folder->temporary);
    folder->temporary = NULL;
    return result == 0 ? 0 : -1;
}
