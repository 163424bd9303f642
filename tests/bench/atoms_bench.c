/* What quantising the atoms costs: FVU added on an SAE's own support, strengths refitted by least
 * squares to the float atoms against the integer atoms of a codebook. atoms_bench SAE-FOLDER
 * CODEBOOK ROWS
 */
#include "base/alloc.h"
#include "mdla/mdla.h"
#include "saes/sae_handle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TILE 512
#define MOST_ACTIVE 512

static double dot(const float *a, const float *b, uint32_t n)
{
    double sum = 0.0;

    for (uint32_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* Squared error of the best combination of the given atoms: |x|^2 less what the normal equations
 * explain. */
static double refit_error(const float *x, const float *atoms, const uint32_t *feature, size_t count,
                          uint32_t dims)
{
    static double l[MOST_ACTIVE][MOST_ACTIVE], y[MOST_ACTIVE];
    double error = dot(x, x, dims);

    for (size_t a = 0; a < count; a++) {
        const float *atom = atoms + (size_t)feature[a] * dims;

        y[a] = dot(atom, x, dims);
        for (size_t b = 0; b <= a; b++) {
            double sum = dot(atom, atoms + (size_t)feature[b] * dims, dims);

            for (size_t k = 0; k < b; k++)
                sum -= l[a][k] * l[b][k];
            /* An atom that others span, or of no length, explains nothing more. */
            l[a][b] = a == b ? (sum > 1e-9 ? sqrt(sum) : INFINITY) : sum / l[b][b];
        }
        for (size_t k = 0; k < a; k++)
            y[a] -= l[a][k] * y[k];
        y[a] /= l[a][a];
        error -= y[a] * y[a];
    }
    return error;
}

static void check(mdla_status status, const mdla_error *err)
{
    if (status != MDLA_OK) {
        fprintf(stderr, "atoms_bench: %s\n", status == MDLA_ERR_MEMORY ? "no memory" : err->text);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_config config;
    mdla_folder folder;
    mdla_source source;
    mdla_sae *handle;
    mdla_codebook *book;
    mdla_codebook_info info;
    mdla_rows *rows;
    sae_codes codes = {0};
    double error_float = 0.0, error_integer = 0.0, squares = 0.0, of_mean = 0.0;
    uint64_t count = 0;
    size_t got;

    if (argc != 4) {
        fprintf(stderr, "usage: atoms_bench SAE-FOLDER CODEBOOK ROWS\n");
        return 2;
    }
    mdla_config_init(&config);
    check(mdla_folder_path(argv[1], 0, &folder, &err), &err);
    check(mdla_sae_load(&config, folder, argv[1], NULL, &handle, &err), &err);
    check(mdla_source_file(argv[2], &source, &err), &err);
    check(mdla_codebook_read(&config, source, argv[2], &book, &err), &err);
    check(mdla_source_file(argv[3], &source, &err), &err);
    check(mdla_rows_open(&config, source, argv[3], NULL, &rows, &err), &err);
    mdla_codebook_query(book, &info);
    const sae *s = handle->model;
    const uint32_t dims = s->dims;
    float *atoms = malloc((size_t)s->width * dims * sizeof *atoms);
    float *tile = malloc((size_t)TILE * dims * sizeof *tile), *x = malloc(dims * sizeof *x);
    double *sum = calloc(dims, sizeof *sum);
    parallel_pool *pool = parallel_open(alloc_of(&config), 1);

    if (info.dims != dims || info.width != s->width || mdla_rows_dims(rows) != dims ||
        atoms == NULL || tile == NULL || x == NULL || sum == NULL || pool == NULL) {
        fprintf(stderr, "atoms_bench: shapes differ, or no memory\n");
        return 1;
    }
    for (uint32_t k = 0; k < s->width; k++)
        check(mdla_codebook_atom(book, k, atoms + (size_t)k * dims), &err);
    do {
        check(mdla_rows_read(rows, tile, TILE, &got, &err), &err);
        check(sae_forward(s, pool, tile, got, &codes), &err);
        for (size_t r = 0; r < got; r++, count++) {
            const size_t active = codes.start[r + 1] - codes.start[r];
            const uint32_t *feature = codes.feature + codes.start[r];

            for (uint32_t d = 0; d < dims; d++) {
                x[d] = tile[r * dims + d] - s->b_dec[d];
                sum[d] += x[d];
                squares += (double)x[d] * x[d];
            }
            error_float += refit_error(x, s->w_dec, feature,
                                       active < MOST_ACTIVE ? active : MOST_ACTIVE, dims);
            error_integer +=
                refit_error(x, atoms, feature, active < MOST_ACTIVE ? active : MOST_ACTIVE, dims);
        }
    } while (got == TILE);
    for (uint32_t d = 0; d < dims; d++)
        of_mean += sum[d] * sum[d] / (double)count;
    squares -= of_mean;
    printf("atoms: %.0f bits; FVU on the SAE's support, refitted: float atoms %.5f, integer atoms "
           "%.5f, added %+.5f\n",
           info.atom_bits, error_float / squares, error_integer / squares,
           (error_integer - error_float) / squares);
    parallel_close(pool);
    sae_codes_free(alloc_of(&config), &codes);
    mdla_rows_close(rows);
    mdla_codebook_free(book);
    mdla_sae_free(handle);
    free(atoms);
    free(tile);
    free(x);
    free(sum);
    return 0;
}
