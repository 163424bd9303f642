/* interop_rows FILE [raw=DIMS] [bf16] [integers] [array=NAME] [pipe]: the rows as float32 bytes on
 * standard output, in pieces of 3 rows; "ROWS DIMS" on standard error. For
 * tests/interop/interop.py, which compares digests. */
#include "mdla/mdla.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 3

static int copy_rows(mdla_rows *rows, mdla_error *err)
{
    float *const values = malloc(PIECE * (size_t)mdla_rows_dims(rows) * sizeof *values);
    uint64_t count = 0;
    size_t got = 1;
    int failed = values == NULL;

    while (!failed && got != 0) {
        failed = mdla_rows_read(rows, values, PIECE, &got, err) != MDLA_OK;
        if (!failed)
            fwrite(values, sizeof *values * mdla_rows_dims(rows), got, stdout);
        count += got;
    }
    free(values);
    if (!failed)
        fprintf(stderr, "%" PRIu64 " %" PRIu32 "\n", count, mdla_rows_dims(rows));
    return failed;
}

int main(int argc, char **argv)
{
    mdla_array_options options = {0};
    mdla_source source;
    mdla_rows *rows;
    mdla_error err;
    int i, failed, pipe = 0;

    for (i = 2; i < argc; i++) {
        if (strncmp(argv[i], "raw=", 4) == 0)
            options.raw_dims = (uint32_t)strtoul(argv[i] + 4, NULL, 10);
        if (strncmp(argv[i], "array=", 6) == 0)
            options.array = argv[i] + 6;
        options.bf16 = strcmp(argv[i], "bf16") == 0       ? 1
                       : strcmp(argv[i], "integers") == 0 ? -1
                                                          : options.bf16;
        pipe = pipe || strcmp(argv[i], "pipe") == 0;
    }
    if (argc < 2)
        return 2;
    if (mdla_source_file(argv[1], &source, &err) != MDLA_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (pipe) {
        source.seek = NULL;
        source.nbytes = MDLA_UNKNOWN;
    }
    failed = mdla_rows_open(NULL, source, argv[1], &options, &rows, &err) != MDLA_OK;
    if (!failed)
        failed = copy_rows(rows, &err);
    mdla_rows_close(rows);
    if (failed)
        fprintf(stderr, "%s\n", err.text);
    return failed;
}
