/* Owns what the search knows of a codebook: norms and, up to GRAM_LIMIT features, all cosines. */
#include "search/search_internal.h"

#include "base/matmul.h"

#include <math.h>

#define GRAM_TILE 64

struct gram_job {
    search_atoms *a;
    float *scratch; /* [workers][GRAM_TILE][width] */
};

static void measure_norms(search_atoms *a)
{
    for (uint32_t j = 0; j < a->width; j++) {
        const float *atom = a->atoms + (size_t)j * a->dims;
        double sum = 0.0;

        for (uint32_t d = 0; d < a->dims; d++)
            sum += (double)atom[d] * (double)atom[d];
        a->norm[j] = (float)sqrt(sum);
        a->inverse[j] = a->norm[j] > 0.0f ? 1.0f / a->norm[j] : 0.0f;
    }
}

/* A tile's rows of the upper triangle, written to both places: half the products, and an exactly
 * symmetric matrix. No two tasks write the same entry. */
static void gram_tile(void *ctx, size_t task, size_t worker)
{
    const struct gram_job *job = ctx;
    search_atoms *a = job->a;
    const size_t first = task * GRAM_TILE, columns = a->width - first;
    const size_t rows = columns < GRAM_TILE ? columns : GRAM_TILE;
    float *product = job->scratch + worker * GRAM_TILE * a->width;
    const float *atoms = a->atoms + first * a->dims;

    matmul_nt(rows, columns, a->dims, atoms, atoms, product);
    for (size_t i = 0; i < rows; i++) {
        const float scale = a->inverse[first + i];

        for (size_t j = i; j < columns; j++) {
            const float cosine = product[i * columns + j] * scale * a->inverse[first + j];

            a->gram[(first + i) * a->padded + first + j] = cosine;
            a->gram[(first + j) * a->padded + first + i] = cosine;
        }
    }
}

static bool make_gram(search_atoms *a, parallel_pool *pool)
{
    struct gram_job job = {a, NULL};

    a->gram = alloc_zeroed(a->al, (size_t)a->width * a->padded, sizeof *a->gram);
    job.scratch = alloc_array(a->al, parallel_workers(pool) * GRAM_TILE * a->width, sizeof *job.scratch);
    if (a->gram == NULL || job.scratch == NULL) {
        alloc_free(a->al, job.scratch);
        return false;
    }
    parallel_run(pool, (a->width + GRAM_TILE - 1) / GRAM_TILE, gram_tile, &job);
    alloc_free(a->al, job.scratch);
    return true;
}

search_atoms *search_atoms_limited(const mdla_allocator *al, parallel_pool *pool, const float *atoms,
                                   uint32_t width, uint32_t dims, size_t gram_limit, size_t candidates)
{
    search_atoms *a = alloc_zeroed(al, 1, sizeof *a);

    if (a == NULL)
        return NULL;
    a->al = al;
    a->atoms = atoms;
    a->width = width;
    a->dims = dims;
    a->padded = scan_padded(width);
    a->candidates = candidates;
    a->norm = alloc_zeroed(al, a->padded, sizeof *a->norm);
    a->inverse = alloc_zeroed(al, a->padded, sizeof *a->inverse);
    if (a->norm == NULL || a->inverse == NULL) {
        search_atoms_free(a);
        return NULL;
    }
    matmul_init();
    measure_norms(a);
    if (width <= gram_limit && !make_gram(a, pool)) {
        search_atoms_free(a);
        return NULL;
    }
    return a;
}

search_atoms *search_atoms_new(const mdla_allocator *al, parallel_pool *pool, const float *atoms,
                               uint32_t width, uint32_t dims)
{
    return search_atoms_limited(al, pool, atoms, width, dims, GRAM_LIMIT, CANDIDATE_LIMIT);
}

void search_atoms_free(search_atoms *a)
{
    if (a == NULL)
        return;
    alloc_free(a->al, a->gram);
    alloc_free(a->al, a->norm);
    alloc_free(a->al, a->inverse);
    alloc_free(a->al, a);
}
