#include "search/choices.h"

#include "base/alloc.h"
#include "base/matmul.h"

#include <stdbool.h>
#include <string.h>

#define ROW_TILE 32             /* rows of a task */
#define WORD_TILE 64            /* codewords of a task of products */
#define PRODUCTS_WIDTH_MAX 8192 /* features whose products are kept */

struct choice_atoms {
    const mdla_allocator *al;
    const float *atoms;
    uint32_t width, dims, stages;
    float *squares;  /* [width] squared norms */
    float *products; /* of each codeword with those of later stages, [width][...]; NULL: not kept */
    size_t *begin;   /* [stages] where a stage's begin in products */
};

static uint32_t words_of(const choice_atoms *a)
{
    return a->width / a->stages;
}

/* Codewords behind a stage. */
static size_t later(const choice_atoms *a, uint32_t stage)
{
    return a->width - (size_t)(stage + 1) * words_of(a);
}

static void multiply(void *ctx, size_t task, size_t worker)
{
    const choice_atoms *a = ctx;
    const uint32_t words = words_of(a), tasks = (words + WORD_TILE - 1) / WORD_TILE;
    const uint32_t stage = (uint32_t)task / tasks, first = (uint32_t)task % tasks * WORD_TILE;
    const uint32_t count = words - first < WORD_TILE ? words - first : WORD_TILE;
    const size_t behind = later(a, stage);

    (void)worker;
    if (behind != 0)
        matmul_nt(count, behind, a->dims, a->atoms + ((size_t)stage * words + first) * a->dims,
                  a->atoms + (size_t)(stage + 1) * words * a->dims,
                  a->products + a->begin[stage] + first * behind);
}

choice_atoms *choice_atoms_new(const mdla_allocator *al, parallel_pool *pool, const float *atoms,
                               uint32_t width, uint32_t dims, uint32_t stages)
{
    const uint32_t words = width / stages;
    const bool keep = stages > 1 && width <= PRODUCTS_WIDTH_MAX;
    choice_atoms *a = alloc_zeroed(al, 1, sizeof *a);
    size_t values = 0;

    if (a == NULL)
        return NULL;
    *a = (choice_atoms){.al = al, .atoms = atoms, .width = width, .dims = dims, .stages = stages};
    a->squares = alloc_array(al, width, sizeof *a->squares);
    a->begin = alloc_array(al, stages, sizeof *a->begin);
    for (uint32_t s = 0; a->begin != NULL && s < stages; s++) {
        a->begin[s] = values;
        values += words * later(a, s);
    }
    a->products = keep ? alloc_array(al, values, sizeof *a->products) : NULL;
    if (a->squares == NULL || a->begin == NULL || (keep && a->products == NULL)) {
        choice_atoms_free(a);
        return NULL;
    }
    for (uint32_t k = 0; k < width; k++)
        a->squares[k] = matmul_dot(dims, atoms + (size_t)k * dims, atoms + (size_t)k * dims);
    if (keep)
        parallel_run(pool, (size_t)stages * ((words + WORD_TILE - 1) / WORD_TILE), multiply, a);
    return a;
}

void choice_atoms_free(choice_atoms *a)
{
    if (a == NULL)
        return;
    alloc_free(a->al, a->squares);
    alloc_free(a->al, a->products);
    alloc_free(a->al, a->begin);
    alloc_free(a->al, a);
}

/* A sum of codewords of the first stages. */
typedef struct partial {
    float cost; /* squared error + price x bits, both so far, in squared steps */
    uint32_t parent, word;
} partial;

typedef struct choice_job {
    const choice_atoms *a;
    const float *bits;
    float price, step; /* of a bit, in squared steps */
    uint32_t paths;    /* that survive, at most */
    const float *rows;
    size_t row_count;
    uint32_t *feature; /* [row_count][stages] out */
    float *distortion; /* [row_count] out */
    /* [workers] of each: */
    float *tile;     /* [ROW_TILE][dims] rows in steps */
    float *base;     /* [ROW_TILE][width] their products with all codewords, where those are kept */
    float *left;     /* [ROW_TILE][paths][dims] what partial sums leave, where they aren't */
    float *products; /* [ROW_TILE][paths][words] of what is left with a stage's codewords */
    float *cost;     /* [ROW_TILE][paths] */
    uint32_t *chosen[2]; /* [ROW_TILE][paths][stages] before a stage and behind it */
} choice_job;

/* One worker's share. */
typedef struct choice_tile {
    const choice_job *j;
    size_t rows;
    uint32_t paths; /* that every row has now */
    float *tile, *base, *left, *products, *cost;
    uint32_t *chosen, *next;
} choice_tile;

static const uint32_t *choices_of(const choice_tile *t, size_t row, uint32_t path)
{
    return t->chosen + (row * t->j->paths + path) * t->j->a->stages;
}

/* Products of what each path leaves with the codewords of a stage, from products that are kept. */
static void from_products(choice_tile *t, uint32_t stage)
{
    const choice_atoms *a = t->j->a;
    const uint32_t words = words_of(a);

    for (size_t r = 0; r < t->rows; r++) {
        for (uint32_t p = 0; p < t->paths; p++) {
            float *products = t->products + (r * t->paths + p) * words;
            const uint32_t *chosen = choices_of(t, r, p);

            memcpy(products, t->base + r * a->width + (size_t)stage * words,
                   words * sizeof *products);
            for (uint32_t s = 0; s < stage; s++) {
                const size_t behind = later(a, s);

                matmul_axpy(words, -1.0f,
                            a->products + a->begin[s] + (chosen[s] - s * words) * behind +
                                (size_t)(stage - s - 1) * words,
                            products);
            }
        }
    }
}

static void subtract_choices(const choice_atoms *a, const uint32_t *chosen, uint32_t stages,
                             const float *row, float *left)
{
    memcpy(left, row, a->dims * sizeof *left);
    for (uint32_t s = 0; s < stages; s++)
        matmul_axpy(a->dims, -1.0f, a->atoms + (size_t)chosen[s] * a->dims, left);
}

/* The same from the codewords themselves. */
static void from_rows(choice_tile *t, uint32_t stage)
{
    const choice_atoms *a = t->j->a;
    const uint32_t words = words_of(a);

    for (size_t r = 0; r < t->rows; r++)
        for (uint32_t p = 0; p < t->paths; p++)
            subtract_choices(a, choices_of(t, r, p), stage, t->tile + r * a->dims,
                             t->left + (r * t->paths + p) * a->dims);
    matmul_nt(t->rows * t->paths, words, a->dims, t->left,
              a->atoms + (size_t)stage * words * a->dims, t->products);
}

/* The best of a row's sums with one codeword more, by falling merit; returns how many. */
static uint32_t extend_row(const choice_tile *t, size_t row, uint32_t stage, partial *best)
{
    const choice_job *j = t->j;
    const uint32_t words = words_of(j->a);
    const float *squares = j->a->squares + (size_t)stage * words;
    const float *bits = j->bits + (size_t)stage * words;
    uint32_t found = 0;

    for (uint32_t p = 0; p < t->paths; p++) {
        const float *products = t->products + (row * t->paths + p) * words;
        const float so_far = t->cost[row * j->paths + p];

        for (uint32_t k = 0; k < words; k++) {
            const float cost = so_far + (squares[k] - 2.0f * products[k] + j->price * bits[k]);
            uint32_t at;

            if (found == j->paths && cost >= best[found - 1].cost)
                continue;
            for (at = found < j->paths ? found++ : found - 1; at > 0 && best[at - 1].cost > cost;
                 at--)
                best[at] = best[at - 1];
            best[at] = (partial){cost, p, stage * words + k};
        }
    }
    return found;
}

static void run_stage(choice_tile *t, uint32_t stage, partial *best)
{
    const choice_job *j = t->j;
    uint32_t found = 0, *swap;

    if (j->a->products != NULL)
        from_products(t, stage);
    else
        from_rows(t, stage);
    for (size_t r = 0; r < t->rows; r++) {
        found = extend_row(t, r, stage, best);
        for (uint32_t i = 0; i < found; i++) {
            uint32_t *to = t->next + (r * j->paths + i) * j->a->stages;

            memcpy(to, choices_of(t, r, best[i].parent), stage * sizeof *to);
            to[stage] = best[i].word;
            t->cost[r * j->paths + i] = best[i].cost;
        }
    }
    t->paths = found;
    swap = t->chosen;
    t->chosen = t->next;
    t->next = swap;
}

static void code_tile(void *ctx, size_t task, size_t worker)
{
    const choice_job *j = ctx;
    const choice_atoms *a = j->a;
    const size_t first = task * ROW_TILE, remaining = j->row_count - first;
    const size_t slots = (size_t)ROW_TILE * j->paths;
    choice_tile t = {.j = j,
                     .rows = remaining < ROW_TILE ? remaining : ROW_TILE,
                     .paths = 1,
                     .tile = j->tile + worker * ROW_TILE * a->dims,
                     .base = j->base + (a->products != NULL ? worker * ROW_TILE * a->width : 0),
                     .left = j->left + worker * slots * a->dims,
                     .products = j->products + worker * slots * words_of(a),
                     .cost = j->cost + worker * slots,
                     .chosen = j->chosen[0] + worker * slots * a->stages,
                     .next = j->chosen[1] + worker * slots * a->stages};
    partial best[CHOICE_PATHS_MAX];

    for (size_t i = 0; i < t.rows * a->dims; i++)
        t.tile[i] = j->rows[first * a->dims + i] / j->step;
    for (size_t r = 0; r < t.rows; r++)
        t.cost[r * j->paths] = matmul_dot(a->dims, t.tile + r * a->dims, t.tile + r * a->dims);
    if (a->products != NULL)
        matmul_nt(t.rows, a->width, a->dims, t.tile, a->atoms, t.base);
    for (uint32_t s = 0; s < a->stages; s++)
        run_stage(&t, s, best);
    for (size_t r = 0; r < t.rows; r++) {
        const uint32_t *chosen = choices_of(&t, r, 0);

        memcpy(j->feature + (first + r) * a->stages, chosen, a->stages * sizeof *chosen);
        subtract_choices(a, chosen, a->stages, t.tile + r * a->dims, t.left);
        j->distortion[first + r] = j->step * j->step * matmul_dot(a->dims, t.left, t.left);
    }
}

mdla_status choice_codes(const mdla_allocator *al, const choice_atoms *a,
                         const search_prices *prices, parallel_pool *pool, const float *rows,
                         size_t row_count, code_rows *codes, float *distortion)
{
    const uint32_t beam = prices->beam < 1                  ? 1
                          : prices->beam > CHOICE_PATHS_MAX ? CHOICE_PATHS_MAX
                                                            : prices->beam;
    choice_job j = {.a = a,
                    .bits = prices->feature_bits,
                    .price = prices->lambda / (prices->step * prices->step),
                    .step = prices->step,
                    .paths = a->stages > 1 ? beam : 1,
                    .rows = rows,
                    .row_count = row_count,
                    .distortion = distortion};
    const size_t tiles = ROW_TILE * parallel_workers(pool), slots = tiles * j.paths;
    mdla_status status = MDLA_ERR_MEMORY;

    codes->row_count = 0;
    MDLA_TRY(code_rows_reserve(al, codes, row_count, row_count * a->stages));
    j.feature = codes->feature;
    j.tile = alloc_array(al, tiles * a->dims, sizeof *j.tile);
    j.base = alloc_array(al, a->products != NULL ? tiles * a->width : 0, sizeof *j.base);
    j.left = alloc_array(al, slots * a->dims, sizeof *j.left);
    j.products = alloc_array(al, slots * words_of(a), sizeof *j.products);
    j.cost = alloc_array(al, slots, sizeof *j.cost);
    j.chosen[0] = alloc_array(al, slots * a->stages, sizeof *j.chosen[0]);
    j.chosen[1] = alloc_array(al, slots * a->stages, sizeof *j.chosen[1]);
    if (j.tile != NULL && j.base != NULL && j.left != NULL && j.products != NULL &&
        j.cost != NULL && j.chosen[0] != NULL && j.chosen[1] != NULL) {
        parallel_run(pool, (row_count + ROW_TILE - 1) / ROW_TILE, code_tile, &j);
        for (size_t r = 0; r <= row_count; r++)
            codes->start[r] = r * a->stages;
        for (size_t i = 0; i < row_count * a->stages; i++)
            codes->level[i] = 1;
        codes->row_count = row_count;
        status = MDLA_OK;
    }
    alloc_free(al, j.tile);
    alloc_free(al, j.base);
    alloc_free(al, j.left);
    alloc_free(al, j.products);
    alloc_free(al, j.cost);
    alloc_free(al, j.chosen[0]);
    alloc_free(al, j.chosen[1]);
    return status;
}
