/* interop_codes PATH [rows=N] [width=N] [context=N]: a sparse code, a file or a delphi folder, as
 * dense float32 bytes on standard output; "ROWS WIDTH" on standard error. For
 * tests/interop/interop.py. */
#include "mdla/mdla.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 64

static mdla_status read_path(const char *path, const mdla_codes_shape *given, mdla_codes **out,
                             mdla_error *err)
{
    DIR *const listing = opendir(path);
    char *members[MEMBERS_MAX];
    const struct dirent *entry;
    mdla_folder folder;
    mdla_source source;
    mdla_status status;
    size_t count = 0;

    if (listing == NULL) {
        status = mdla_source_file(path, &source, err);
        return status == MDLA_OK ? mdla_codes_read(NULL, source, path, given, out, err) : status;
    }
    while ((entry = readdir(listing)) != NULL && count < MEMBERS_MAX)
        members[count++] = strdup(entry->d_name);
    closedir(listing);
    status = mdla_folder_path(path, 0, &folder, err);
    if (status == MDLA_OK)
        status = mdla_codes_read_folder(NULL, folder, (const char *const *)members, count, path,
                                        given, out, err);
    while (count-- > 0)
        free(members[count]);
    return status;
}

static void write_dense(mdla_codes *codes)
{
    const uint32_t width = mdla_codes_width(codes);
    float *const dense = malloc(width * sizeof *dense);
    uint64_t row;
    size_t i;

    for (row = 0; row < mdla_codes_rows(codes); row++) {
        const uint32_t *features;
        const float *strengths;
        const size_t count = mdla_codes_row(codes, row, &features, &strengths);

        memset(dense, 0, width * sizeof *dense);
        for (i = 0; i < count; i++)
            dense[features[i]] = strengths[i];
        fwrite(dense, sizeof *dense, width, stdout);
    }
    free(dense);
    fprintf(stderr, "%" PRIu64 " %" PRIu32 "\n", mdla_codes_rows(codes), width);
}

int main(int argc, char **argv)
{
    mdla_codes_shape given = {0};
    mdla_codes *codes = NULL;
    mdla_error err;
    int i;

    for (i = 2; i < argc; i++) {
        if (strncmp(argv[i], "rows=", 5) == 0) {
            given.rows = strtoull(argv[i] + 5, NULL, 10);
            given.has_rows = 1;
        }
        if (strncmp(argv[i], "width=", 6) == 0)
            given.width = (uint32_t)strtoul(argv[i] + 6, NULL, 10);
        if (strncmp(argv[i], "context=", 8) == 0)
            given.context = (uint32_t)strtoul(argv[i] + 8, NULL, 10);
    }
    if (argc < 2)
        return 2;
    if (read_path(argv[1], &given, &codes, &err) != MDLA_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    write_dense(codes);
    mdla_codes_free(codes);
    return 0;
}
