/* interop_sae FOLDER ROWS CODES DECODED: the SAE's own forward pass over an array's rows, written
 * as bare float32: strengths [rows][width] and the reconstruction [rows][dims]. For
 * tests/interop/interop.py. */
#include "mdla/mdla.h"
#include "saes/sae_handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 1000

static int fail(const mdla_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static void write_row(const sae *s, const sae_codes *codes, size_t row, float *strengths,
                      float *values, FILE *to_codes, FILE *to_values)
{
    size_t i;

    memset(strengths, 0, s->width * sizeof *strengths);
    for (i = codes->start[row]; i < codes->start[row + 1]; i++)
        strengths[codes->feature[i]] = codes->strength[i];
    sae_decode_row(s, codes, row, values);
    fwrite(strengths, sizeof *strengths, s->width, to_codes);
    fwrite(values, sizeof *values, s->dims, to_values);
}

static int forward_all(const sae *s, mdla_rows *rows, char **paths, mdla_error *err)
{
    float *const input = malloc(ROWS_MAX * (size_t)s->dims * sizeof *input);
    float *const strengths = malloc(s->width * sizeof *strengths), *const values = malloc(
                                                                       s->dims * sizeof *values);
    FILE *const to_codes = fopen(paths[0], "wb"), *const to_values = fopen(paths[1], "wb");
    parallel_pool *const pool = parallel_open(s->al, 2);
    sae_codes codes = {0};
    size_t got = 0, row;
    int failed = mdla_rows_dims(rows) != s->dims ||
                 mdla_rows_read(rows, input, ROWS_MAX, &got, err) != MDLA_OK ||
                 sae_forward(s, pool, input, got, &codes) != MDLA_OK;

    for (row = 0; !failed && row < got; row++)
        write_row(s, &codes, row, strengths, values, to_codes, to_values);
    failed = fclose(to_codes) != 0 || fclose(to_values) != 0 || failed;
    sae_codes_free(s->al, &codes);
    parallel_close(pool);
    free(input);
    free(strengths);
    free(values);
    return failed;
}

int main(int argc, char **argv)
{
    mdla_error err = {MDLA_OK, "failed"};
    mdla_rows *rows = NULL;
    mdla_sae *handle = NULL;
    mdla_folder folder;
    mdla_source source;
    int failed;

    if (argc != 5)
        return 2;
    if (mdla_folder_path(argv[1], 0, &folder, &err) != MDLA_OK ||
        mdla_sae_load(NULL, folder, argv[1], NULL, &handle, &err) != MDLA_OK)
        return fail(&err);
    failed = mdla_source_file(argv[2], &source, &err) != MDLA_OK ||
             mdla_rows_open(NULL, source, argv[2], NULL, &rows, &err) != MDLA_OK ||
             forward_all(handle->model, rows, argv + 3, &err) != 0;
    mdla_rows_close(rows);
    mdla_sae_free(handle);
    return failed ? fail(&err) : 0;
}
