#include "search/scalar.h"

#include "base/alloc.h"
#include "base/matmul.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROW_TILE 64 /* rows of a task */
#define BLOCK 64    /* atoms that are multiplied with rows at a time */

typedef struct scalar_job {
    const scalar_basis *basis;
    const search_prices *prices;
    const float *rows;
    size_t row_count;
    float *coefficients;
    float *gram;     /* [width][BLOCK] products of the atoms of a block; of columns none */
    int16_t *levels; /* [row_count][width] */
    float *left;     /* [workers][ROW_TILE][dims] what the levels so far leave of rows */
    float *products; /* [workers][ROW_TILE][BLOCK] with a block's atoms */
    float *points;   /* [workers][ROW_TILE][BLOCK] what its levels stand for */
    float *distortion;
} scalar_job;

static uint32_t block_size(const scalar_basis *basis, uint32_t begin)
{
    return basis->width - begin < BLOCK ? basis->width - begin : BLOCK;
}

static float point_of(const search_prices *p, uint32_t level)
{
    return (float)level + p->level_offset[level];
}

/* The level for which squared error + lambda x bits is least; squared: of the atom's norm. */
static int32_t best_level(const scalar_job *j, uint32_t feature, float coefficient, float squared)
{
    const search_prices *p = j->prices;
    const bool negative = coefficient < 0.0f;
    const size_t line = 2 * (size_t)feature + negative;
    const float *level_bits = p->level_bits + (size_t)p->level_class[line] * (p->max_level + 1);
    const float price = p->lambda / (p->step * p->step * squared); /* of a bit, in squared steps */
    const float on = p->feature_bits[feature] + j->basis->sign_bits[line];
    const float size = fabsf(coefficient) / p->step;
    const uint32_t whole = size < (float)p->max_level ? (uint32_t)size : p->max_level;
    const uint32_t last = whole < p->max_level ? whole + 1 : p->max_level;
    float least = size * size;
    int32_t best = 0;

    for (uint32_t level = whole > 2 ? whole - 1 : 1; level <= last; level++) {
        const float error = size - point_of(p, level);
        const float cost = error * error + price * (on + level_bits[level]);

        if (cost < least) {
            least = cost;
            best = negative ? -(int32_t)level : (int32_t)level;
        }
    }
    return best;
}

/* Chooses and notes a level; returns what it stands for. */
static float code_one(const scalar_job *j, size_t row, uint32_t feature, float coefficient,
                      float squared)
{
    const size_t at = row * j->basis->width + feature;
    const int32_t level = best_level(j, feature, coefficient, squared);
    const float point =
        level != 0 ? j->prices->step * point_of(j->prices, (uint32_t)abs(level)) : 0.0f;

    j->coefficients[at] = coefficient;
    j->levels[at] = (int16_t)level;
    return level < 0 ? -point : point;
}

static void code_columns(const scalar_job *j, size_t first, size_t count, float *left)
{
    const uint32_t dims = j->basis->dims;

    for (size_t r = 0; r < count; r++)
        for (uint32_t d = 0; d < dims; d++)
            left[r * dims + d] -= code_one(j, first + r, d, left[r * dims + d], 1.0f);
}

/* A block's levels in turn: each from what those before it leave, as atoms in integers are
 * orthonormal only nearly, and those of little use not even that. */
static void code_block(const scalar_job *j, size_t first, size_t count, uint32_t begin,
                       uint32_t atoms, float *products, float *points)
{
    for (size_t r = 0; r < count; r++) {
        float *product = products + r * atoms;

        for (uint32_t k = 0; k < atoms; k++) {
            const float *gram = j->gram + (size_t)(begin + k) * BLOCK;
            const float squared = gram[k];
            const float coefficient = squared > 0.0f ? product[k] / squared : 0.0f;
            const float point =
                squared > 0.0f ? code_one(j, first + r, begin + k, coefficient, squared) : 0.0f;

            points[r * atoms + k] = point;
            for (uint32_t i = k + 1; point != 0.0f && i < atoms; i++)
                product[i] -= point * gram[i];
        }
    }
}

static void code_tile(void *ctx, size_t task, size_t worker)
{
    const scalar_job *j = ctx;
    const size_t dims = j->basis->dims, first = task * ROW_TILE;
    const size_t remaining = j->row_count - first;
    const size_t count = remaining < ROW_TILE ? remaining : ROW_TILE;
    float *left = j->left + worker * ROW_TILE * dims;
    float *products = j->products + worker * ROW_TILE * BLOCK;
    float *points = j->points + worker * ROW_TILE * BLOCK;

    memcpy(left, j->rows + first * dims, count * dims * sizeof *left);
    if (j->basis->atoms == NULL)
        code_columns(j, first, count, left);
    for (uint32_t begin = 0; j->basis->atoms != NULL && begin < j->basis->width; begin += BLOCK) {
        const uint32_t atoms = block_size(j->basis, begin);
        const float *block = j->basis->atoms + begin * dims;

        matmul_nt(count, atoms, dims, left, block, products);
        code_block(j, first, count, begin, atoms, products, points);
        matmul_subtract_nn(count, dims, atoms, points, block, left);
    }
    for (size_t r = 0; r < count; r++) {
        double sum = 0.0;

        for (size_t d = 0; d < dims; d++)
            sum += (double)left[r * dims + d] * (double)left[r * dims + d];
        j->distortion[first + r] = (float)sum;
    }
}

static void fill_gram(void *ctx, size_t task, size_t worker)
{
    const scalar_job *j = ctx;
    const size_t dims = j->basis->dims;
    const uint32_t begin = (uint32_t)task * BLOCK, atoms = block_size(j->basis, begin);

    (void)worker;
    for (uint32_t k = 0; k < atoms; k++)
        matmul_nt(1, atoms, dims, j->basis->atoms + (begin + k) * dims,
                  j->basis->atoms + begin * dims, j->gram + (size_t)(begin + k) * BLOCK);
}

/* Levels other than zero, row by row. */
static mdla_status gather(const mdla_allocator *al, const scalar_job *j, code_rows *codes)
{
    const uint32_t width = j->basis->width;
    size_t at = 0, active = 0;

    for (size_t i = 0; i < j->row_count * width; i++)
        active += j->levels[i] != 0;
    codes->row_count = 0;
    MDLA_TRY(code_rows_reserve(al, codes, j->row_count, active));
    codes->start[0] = 0;
    for (size_t r = 0; r < j->row_count; r++) {
        for (uint32_t k = 0; k < width; k++) {
            if (j->levels[r * width + k] == 0)
                continue;
            codes->feature[at] = k;
            codes->level[at++] = j->levels[r * width + k];
        }
        codes->start[r + 1] = at;
    }
    codes->row_count = j->row_count;
    return MDLA_OK;
}

mdla_status scalar_codes(const mdla_allocator *al, const scalar_basis *basis,
                         const search_prices *prices, parallel_pool *pool, const float *rows,
                         size_t row_count, float *coefficients, code_rows *codes, float *distortion)
{
    const size_t tile = ROW_TILE * parallel_workers(pool);
    const size_t blocks = basis->atoms != NULL ? (basis->width + BLOCK - 1) / BLOCK : 0;
    scalar_job j = {.basis = basis,
                    .prices = prices,
                    .rows = rows,
                    .row_count = row_count,
                    .coefficients = coefficients,
                    .distortion = distortion};
    mdla_status status = MDLA_ERR_MEMORY;

    j.levels = alloc_zeroed(al, row_count * basis->width, sizeof *j.levels);
    j.gram = alloc_array(al, blocks * BLOCK * BLOCK, sizeof *j.gram);
    j.left = alloc_array(al, tile * basis->dims, sizeof *j.left);
    j.products = alloc_array(al, tile * BLOCK, sizeof *j.products);
    j.points = alloc_array(al, tile * BLOCK, sizeof *j.points);
    if (j.levels != NULL && j.gram != NULL && j.left != NULL && j.products != NULL &&
        j.points != NULL) {
        parallel_run(pool, blocks, fill_gram, &j);
        parallel_run(pool, (row_count + ROW_TILE - 1) / ROW_TILE, code_tile, &j);
        status = gather(al, &j, codes);
    }
    alloc_free(al, j.levels);
    alloc_free(al, j.gram);
    alloc_free(al, j.left);
    alloc_free(al, j.products);
    alloc_free(al, j.points);
    return status;
}
