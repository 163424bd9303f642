#include "fit/kmeans.h"

#include "base/alloc.h"
#include "base/matmul.h"
#include "train/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROW_TILE 128   /* rows of a task */
#define WORD_BLOCK 512 /* codewords that are multiplied with rows at a time */
#define CELL_TILE 16   /* codewords of a task of means */

/* Lloyd's passes: three are too few (some 4 % more bits at equal error than ten), and the first
 * need few rows. */
#define EARLY_PASSES 5
#define PASSES 10
#define EARLY_ROWS 24 /* a codeword */

/* Of a row's squared norm: a smaller distance is what products are off by, which is something else
 * in every column, so that rows equal to several codewords would be spread over them. */
#define NO_DISTANCE 4e-6f

#define BATCH_SHARE 4 /* of the seeds there are, so many are drawn at a time: a quarter */

typedef struct kmeans {
    const float *rows;
    size_t stride, row_count; /* every stride-th row is looked at; so many are */
    uint32_t dims, count;     /* count: codewords so far */
    uint32_t first;           /* distances: codewords before it are known already */
    float *codewords;         /* [count][dims] */
    float *squares;           /* [count] their squared norms */
    uint32_t *code;           /* [row_count] */
    float *distance;          /* [row_count] squared, from the nearest */
    size_t *cell;             /* [count + 1] where the rows of each begin in order */
    size_t *order;            /* [row_count] rows by codeword, ascending */
    float *tile, *products;   /* [workers][ROW_TILE][dims], [workers][ROW_TILE][WORD_BLOCK] */
    double *sums;             /* [workers][dims] */
} kmeans;

static const float *row_of(const kmeans *k, size_t number)
{
    return k->rows + number * k->stride * k->dims;
}

static void square(kmeans *k, uint32_t word)
{
    const float *codeword = k->codewords + (size_t)word * k->dims;

    k->squares[word] = matmul_dot(k->dims, codeword, codeword);
}

/* The nearest of the codewords from k->first on, or the one that is known, where it is as near. */
static void find_nearest(void *ctx, size_t task, size_t worker)
{
    const kmeans *k = ctx;
    const size_t dims = k->dims, begin = task * ROW_TILE, left = k->row_count - begin;
    const size_t rows = left < ROW_TILE ? left : ROW_TILE;
    float *tile = k->tile + worker * ROW_TILE * dims;
    float *products = k->products + worker * ROW_TILE * WORD_BLOCK;

    for (size_t r = 0; r < rows; r++)
        memcpy(tile + r * dims, row_of(k, begin + r), dims * sizeof *tile);
    for (uint32_t word = k->first; word < k->count; word += WORD_BLOCK) {
        const uint32_t words = k->count - word < WORD_BLOCK ? k->count - word : WORD_BLOCK;

        matmul_nt(rows, words, dims, tile, k->codewords + word * dims, products);
        for (size_t r = 0; r < rows; r++) {
            const float square = matmul_dot(dims, tile + r * dims, tile + r * dims);
            float least = k->distance[begin + r];

            for (uint32_t i = 0; i < words; i++) {
                const float measured =
                    square + k->squares[word + i] - 2.0f * products[r * words + i];
                const float distance = measured > NO_DISTANCE * square ? measured : 0.0f;

                if (distance < least) {
                    least = distance;
                    k->code[begin + r] = word + i;
                }
            }
            k->distance[begin + r] = least;
        }
    }
}

/* Distances from codewords first .. count - 1 on top of those known; first 0: anew. */
static void measure(kmeans *k, parallel_pool *pool, uint32_t first)
{
    k->first = first;
    for (size_t r = 0; first == 0 && r < k->row_count; r++)
        k->distance[r] = INFINITY;
    parallel_run(pool, (k->row_count + ROW_TILE - 1) / ROW_TILE, find_nearest, k);
}

/* Up to `wanted` different rows, each with a chance that goes with its squared distance from the
 * codewords: those that equally spaced points fall on, along the sum of distances. */
static uint32_t draw(const kmeans *k, train_rng *rng, uint32_t wanted, size_t *drawn)
{
    double total = 0.0, sum = 0.0, next;
    uint32_t found = 0;

    for (size_t r = 0; r < k->row_count; r++)
        total += (double)k->distance[r];
    next = total * ldexp((double)(rng_next(rng) >> 11), -53) / wanted;
    for (size_t r = 0; total > 0.0 && r < k->row_count && found < wanted; r++) {
        sum += (double)k->distance[r];
        if (sum <= next)
            continue;
        drawn[found++] = r;
        while (next < sum)
            next += total / wanted;
    }
    return found;
}

static void take_row(kmeans *k, uint32_t word, size_t row)
{
    memcpy(k->codewords + (size_t)word * k->dims, row_of(k, row), k->dims * sizeof(float));
    square(k, word);
}

/* Codewords to begin with. Where fewer rows differ than are wanted, the rest repeat the first. */
static void seed_codewords(kmeans *k, parallel_pool *pool, train_rng *rng, uint32_t wanted,
                           size_t *drawn)
{
    take_row(k, 0, rng_below(rng, k->row_count));
    k->count = 1;
    measure(k, pool, 0);
    while (k->count < wanted) {
        const uint32_t more = wanted - k->count, batch = 1 + k->count / BATCH_SHARE;
        const uint32_t found = draw(k, rng, batch < more ? batch : more, drawn), first = k->count;

        for (uint32_t i = 0; i < (found != 0 ? found : more); i++)
            take_row(k, k->count++, found != 0 ? drawn[i] : 0);
        measure(k, pool, first);
    }
}

static void sort_by_code(kmeans *k)
{
    memset(k->cell, 0, (k->count + (size_t)1) * sizeof *k->cell);
    for (size_t r = 0; r < k->row_count; r++)
        k->cell[k->code[r] + 1]++;
    for (uint32_t i = 0; i < k->count; i++)
        k->cell[i + 1] += k->cell[i];
    for (size_t r = 0; r < k->row_count; r++)
        k->order[k->cell[k->code[r]]++] = r;
    memmove(k->cell + 1, k->cell, k->count * sizeof *k->cell);
    k->cell[0] = 0;
}

static void take_means(void *ctx, size_t task, size_t worker)
{
    kmeans *k = ctx;
    const uint32_t dims = k->dims, begin = (uint32_t)task * CELL_TILE;
    const uint32_t end = k->count - begin < CELL_TILE ? k->count : begin + CELL_TILE;
    double *sum = k->sums + worker * dims;

    for (uint32_t word = begin; word < end; word++) {
        const size_t rows = k->cell[word + 1] - k->cell[word];

        memset(sum, 0, dims * sizeof *sum);
        for (size_t i = k->cell[word]; i < k->cell[word + 1]; i++) {
            const float *row = row_of(k, k->order[i]);

            for (uint32_t d = 0; d < dims; d++)
                sum[d] += (double)row[d];
        }
        for (uint32_t d = 0; rows != 0 && d < dims; d++)
            k->codewords[(size_t)word * dims + d] = (float)(sum[d] / (double)rows);
        square(k, word);
    }
}

/* Each codeword to the mean of its rows; those that have none to rows that are far from theirs,
 * where refill is set. */
static void move_codewords(kmeans *k, parallel_pool *pool, train_rng *rng, bool refill,
                           size_t *drawn)
{
    uint32_t empty = 0, found, next = 0;

    sort_by_code(k);
    parallel_run(pool, (k->count + CELL_TILE - 1) / CELL_TILE, take_means, k);
    for (uint32_t i = 0; i < k->count; i++)
        empty += k->cell[i] == k->cell[i + 1];
    found = refill && empty != 0 ? draw(k, rng, empty, drawn) : 0;
    for (uint32_t i = 0; i < k->count && next < found; i++)
        if (k->cell[i] == k->cell[i + 1])
            take_row(k, i, drawn[next++]);
}

/* row_count: of all rows. */
static void iterate(kmeans *k, parallel_pool *pool, size_t row_count, uint64_t seed, size_t *drawn)
{
    const uint32_t wanted = k->count;
    train_rng rng;

    rng_seed(&rng, seed);
    seed_codewords(k, pool, &rng, wanted, drawn);
    for (unsigned pass = 0; pass < PASSES; pass++) {
        if (pass == EARLY_PASSES) {
            k->stride = 1;
            k->row_count = row_count;
        }
        if (pass != 0)
            measure(k, pool, 0);
        move_codewords(k, pool, &rng, pass + 1 < PASSES, drawn);
    }
    measure(k, pool, 0);
}

typedef struct use {
    size_t rows;
    uint32_t word;
} use;

static int compare_uses(const void *a, const void *b)
{
    const use *left = a, *right = b;

    if (left->rows != right->rows)
        return left->rows > right->rows ? -1 : 1;
    return left->word < right->word ? -1 : left->word > right->word;
}

/* Codewords by falling use, and codes with them. uses: [count]; place: [count] scratch. */
static void renumber(kmeans *k, use *uses, uint32_t *place, float *out, uint64_t *used)
{
    for (uint32_t i = 0; i < k->count; i++)
        uses[i] = (use){0, i};
    for (size_t r = 0; r < k->row_count; r++)
        uses[k->code[r]].rows++;
    qsort(uses, k->count, sizeof *uses, compare_uses);
    for (uint32_t i = 0; i < k->count; i++) {
        place[uses[i].word] = i;
        used[i] = uses[i].rows;
        memcpy(out + (size_t)i * k->dims, k->codewords + (size_t)uses[i].word * k->dims,
               k->dims * sizeof *out);
    }
    for (size_t r = 0; r < k->row_count; r++)
        k->code[r] = place[k->code[r]];
}

mdla_status kmeans_fit(const mdla_allocator *al, parallel_pool *pool, const float *rows,
                       size_t row_count, uint32_t dims, uint32_t count, uint64_t seed,
                       float *codewords, uint32_t *code, uint64_t *used)
{
    const size_t workers = parallel_workers(pool);
    const size_t fewer = row_count / (EARLY_ROWS * (size_t)count);
    kmeans k = {.rows = rows, .dims = dims, .count = count, .code = code};
    mdla_status status = MDLA_ERR_MEMORY;
    size_t *drawn;
    uint32_t *place;
    use *uses;

    if (count == row_count) {
        memcpy(codewords, rows, row_count * dims * sizeof *codewords);
        for (uint32_t i = 0; i < count; i++) {
            code[i] = i;
            used[i] = 1;
        }
        return MDLA_OK;
    }
    k.stride = fewer > 1 ? fewer : 1;
    k.row_count = (row_count + k.stride - 1) / k.stride;
    k.codewords = alloc_array(al, (size_t)count * dims, sizeof *k.codewords);
    k.squares = alloc_array(al, count, sizeof *k.squares);
    k.distance = alloc_array(al, row_count, sizeof *k.distance);
    k.cell = alloc_array(al, (size_t)count + 1, sizeof *k.cell);
    k.order = alloc_array(al, row_count, sizeof *k.order);
    k.tile = alloc_array(al, workers * ROW_TILE * dims, sizeof *k.tile);
    k.products = alloc_array(al, workers * ROW_TILE * WORD_BLOCK, sizeof *k.products);
    k.sums = alloc_array(al, workers * dims, sizeof *k.sums);
    drawn = alloc_array(al, count, sizeof *drawn);
    place = alloc_array(al, count, sizeof *place);
    uses = alloc_array(al, count, sizeof *uses);
    if (k.codewords != NULL && k.squares != NULL && k.distance != NULL && k.cell != NULL &&
        k.order != NULL && k.tile != NULL && k.products != NULL && k.sums != NULL &&
        drawn != NULL && place != NULL && uses != NULL) {
        iterate(&k, pool, row_count, seed, drawn);
        renumber(&k, uses, place, codewords, used);
        status = MDLA_OK;
    }
    alloc_free(al, k.codewords);
    alloc_free(al, k.squares);
    alloc_free(al, k.distance);
    alloc_free(al, k.cell);
    alloc_free(al, k.order);
    alloc_free(al, k.tile);
    alloc_free(al, k.products);
    alloc_free(al, k.sums);
    alloc_free(al, drawn);
    alloc_free(al, place);
    alloc_free(al, uses);
    return status;
}
