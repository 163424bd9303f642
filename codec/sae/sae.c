#include "sae/sae.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/matmul.h"
#include "sae/activation.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* A tile's pre-activations take at most this many floats, and a tile has at most so many rows. Both
 * are fixed, so that the same rows are multiplied together whatever the number of threads. */
#define TILE_VALUES ((size_t)1 << 22)
#define TILE_ROWS ((size_t)64)

sae *sae_new(const mdla_allocator *al, uint32_t dims, uint32_t width, sae_activation activation)
{
    const bool thresholds = activation == SAE_JUMPRELU || activation == SAE_STEP;
    sae *const s = alloc_zeroed(al, 1, sizeof *s);
    size_t weights;

    if (s == NULL)
        return NULL;
    s->al = al;
    s->dims = dims;
    s->width = width;
    s->activation = activation;
    if (checked_mul_size(width, dims, &weights)) {
        s->w_enc = alloc_zeroed(al, weights, sizeof(float));
        s->w_dec = alloc_zeroed(al, weights, sizeof(float));
        s->b_enc = alloc_zeroed(al, width, sizeof(float));
        s->b_dec = alloc_zeroed(al, dims, sizeof(float));
    }
    if (thresholds)
        s->threshold = alloc_zeroed(al, width, sizeof(float));
    if (activation == SAE_GATED) {
        s->gain = alloc_zeroed(al, width, sizeof(float));
        s->b_mag = alloc_zeroed(al, width, sizeof(float));
    }
    if (s->w_enc == NULL || s->w_dec == NULL || s->b_enc == NULL || s->b_dec == NULL ||
        (thresholds && s->threshold == NULL) ||
        (activation == SAE_GATED && (s->gain == NULL || s->b_mag == NULL))) {
        sae_free(s);
        return NULL;
    }
    return s;
}

void sae_free(sae *s)
{
    if (s == NULL)
        return;
    alloc_free(s->al, s->w_enc);
    alloc_free(s->al, s->w_dec);
    alloc_free(s->al, s->b_enc);
    alloc_free(s->al, s->b_dec);
    alloc_free(s->al, s->threshold);
    alloc_free(s->al, s->gain);
    alloc_free(s->al, s->b_mag);
    alloc_free(s->al, s->scale);
    alloc_free(s->al, s);
}

void sae_codes_free(const mdla_allocator *al, sae_codes *codes)
{
    alloc_free(al, codes->start);
    alloc_free(al, codes->feature);
    alloc_free(al, codes->strength);
    alloc_free(al, codes->row_scale);
    memset(codes, 0, sizeof *codes);
}

int sae_is_signed(const sae *s)
{
    uint32_t j;

    if (s->activation == SAE_TOPK_ABS)
        return 1;
    for (j = 0; s->activation == SAE_STEP && j < s->width; j++)
        if (s->threshold[j] < 0.0f)
            return 1;
    return 0;
}

void sae_decode_row(const sae *s, const sae_codes *codes, size_t r, float *out)
{
    size_t i;

    memcpy(out, s->b_dec, s->dims * sizeof *out);
    for (i = codes->start[r]; i < codes->start[r + 1]; i++)
        matmul_axpy(s->dims, codes->strength[i], s->w_dec + (size_t)codes->feature[i] * s->dims,
                    out);
    if (codes->row_scale == NULL)
        return;
    for (i = 0; i < s->dims; i++)
        out[i] = (float)((double)out[i] * codes->row_scale[2 * r] + codes->row_scale[2 * r + 1]);
}

/* ---- Tiles ----------------------------------------------------------------------------------- */

typedef struct tile_codes {
    size_t count, capacity;
    size_t row_count[TILE_ROWS]; /* pairs of each row */
    uint32_t *feature;
    float *strength;
} tile_codes;

typedef struct worker_scratch {
    float *a;          /* [tile_rows][width] */
    float *centred;    /* [tile_rows][dims]; NULL where rows are taken as they are */
    float *strength;   /* [width] */
    float *sorted;     /* [width] */
    uint32_t *feature; /* [width] */
} worker_scratch;

typedef struct forward {
    const sae *s;
    const float *rows;
    size_t row_count, tile_rows;
    tile_codes *tiles;
    worker_scratch *scratch; /* one a worker */
    double *row_scale;       /* [2 x row_count]; NULL without normalisation */
    atomic_bool no_memory;
} forward;

static bool append(const sae *s, tile_codes *t, size_t count, const worker_scratch *w)
{
    size_t needed;

    if (!checked_add_size(t->count, count, &needed))
        return false;
    if (needed > t->capacity) {
        const size_t capacity = needed > SIZE_MAX / 2 ? needed : 2 * needed;
        uint32_t *const feature =
            alloc_grown(s->al, t->feature, t->count, capacity, sizeof *feature);
        float *strength;

        if (feature == NULL)
            return false;
        t->feature = feature;
        strength = alloc_grown(s->al, t->strength, t->count, capacity, sizeof *strength);
        if (strength == NULL)
            return false;
        t->strength = strength;
        t->capacity = capacity;
    }
    if (count != 0) {
        memcpy(t->feature + t->count, w->feature, count * sizeof *t->feature);
        memcpy(t->strength + t->count, w->strength, count * sizeof *t->strength);
    }
    t->count = needed;
    return true;
}

static void forward_tile(void *ctx, size_t task, size_t worker)
{
    forward *const f = ctx;
    const sae *const s = f->s;
    const size_t first = task * f->tile_rows;
    const size_t count = f->row_count - first < f->tile_rows ? f->row_count - first : f->tile_rows;
    const worker_scratch *const w = &f->scratch[worker];
    const float *x = f->rows + first * s->dims;
    size_t row, i;

    if (w->centred != NULL) {
        for (row = 0; row < count; row++)
            activation_input(s, x + row * s->dims, w->centred + row * s->dims,
                             f->row_scale != NULL ? f->row_scale + 2 * (first + row) : NULL);
        x = w->centred;
    }
    matmul_nt(count, s->width, s->dims, x, s->w_enc, w->a);
    for (row = 0; row < count; row++) {
        float *const a = w->a + row * s->width;

        for (i = 0; s->activation != SAE_GATED && i < s->width; i++)
            a[i] += s->b_enc[i];
        f->tiles[task].row_count[row] = activation_row(s, a, w->feature, w->strength, w->sorted);
        if (!append(s, &f->tiles[task], f->tiles[task].row_count[row], w)) {
            atomic_store(&f->no_memory, true);
            return;
        }
    }
}

static bool scratch_new(const sae *s, size_t tile_rows, worker_scratch *w)
{
    size_t values;

    if (!checked_mul_size(tile_rows, s->width, &values))
        return false;
    w->a = alloc_array(s->al, values, sizeof(float));
    w->centred =
        activation_has_input(s) ? alloc_array(s->al, tile_rows * s->dims, sizeof(float)) : NULL;
    w->strength = alloc_array(s->al, s->width, sizeof(float));
    w->sorted = alloc_array(s->al, s->width, sizeof(float));
    w->feature = alloc_array(s->al, s->width, sizeof(uint32_t));
    return w->a != NULL && (w->centred != NULL || !activation_has_input(s)) &&
           w->strength != NULL && w->sorted != NULL && w->feature != NULL;
}

static void scratch_free(const sae *s, worker_scratch *w)
{
    alloc_free(s->al, w->a);
    alloc_free(s->al, w->centred);
    alloc_free(s->al, w->strength);
    alloc_free(s->al, w->sorted);
    alloc_free(s->al, w->feature);
}

/* The tiles' codes, one after the other, in place of what codes held. */
static mdla_status gather(const forward *f, size_t tile_count, sae_codes *codes)
{
    const mdla_allocator *const al = f->s->al;
    size_t total = 0, tile, row = 0, i;
    sae_codes fresh = {0};

    for (tile = 0; tile < tile_count; tile++)
        total += f->tiles[tile].count;
    fresh.row_count = f->row_count;
    fresh.capacity = total;
    fresh.start = alloc_array(al, f->row_count + 1, sizeof *fresh.start);
    fresh.feature = alloc_array(al, total, sizeof *fresh.feature);
    fresh.strength = alloc_array(al, total, sizeof *fresh.strength);
    if (fresh.start == NULL || fresh.feature == NULL || fresh.strength == NULL) {
        sae_codes_free(al, &fresh);
        return MDLA_ERR_MEMORY;
    }
    fresh.start[0] = 0;
    for (tile = 0; tile < tile_count; tile++) {
        const tile_codes *const t = &f->tiles[tile];

        if (t->count != 0) {
            memcpy(fresh.feature + fresh.start[row], t->feature, t->count * sizeof *t->feature);
            memcpy(fresh.strength + fresh.start[row], t->strength, t->count * sizeof *t->strength);
        }
        for (i = 0; i < f->tile_rows && row < f->row_count; i++, row++)
            fresh.start[row + 1] = fresh.start[row] + t->row_count[i];
    }
    sae_codes_free(al, codes);
    *codes = fresh;
    return MDLA_OK;
}

mdla_status sae_forward(const sae *s, parallel_pool *pool, const float *rows, size_t row_count,
                        sae_codes *codes)
{
    const size_t workers = parallel_workers(pool);
    mdla_status status = MDLA_ERR_MEMORY;
    size_t tile_count, i;
    forward f = {.s = s, .rows = rows, .row_count = row_count};
    bool ready = true;

    matmul_init();
    f.tile_rows = s->width < TILE_VALUES ? TILE_VALUES / s->width : 1;
    if (f.tile_rows > TILE_ROWS)
        f.tile_rows = TILE_ROWS;
    tile_count = row_count / f.tile_rows + (row_count % f.tile_rows != 0);
    f.tiles = alloc_zeroed(s->al, tile_count, sizeof *f.tiles);
    f.scratch = alloc_zeroed(s->al, workers, sizeof *f.scratch);
    for (i = 0; f.scratch != NULL && i < workers; i++)
        ready = scratch_new(s, f.tile_rows, &f.scratch[i]) && ready;
    if (s->norm != SAE_NORM_NONE) {
        f.row_scale = alloc_array(s->al, row_count, 2 * sizeof *f.row_scale);
        ready = ready && f.row_scale != NULL;
    }
    if (f.tiles != NULL && f.scratch != NULL && ready) {
        parallel_run(pool, tile_count, forward_tile, &f);
        if (!atomic_load(&f.no_memory))
            status = gather(&f, tile_count, codes);
    }
    if (status == MDLA_OK)
        codes->row_scale = f.row_scale;
    else
        alloc_free(s->al, f.row_scale);
    for (i = 0; f.tiles != NULL && i < tile_count; i++) {
        alloc_free(s->al, f.tiles[i].feature);
        alloc_free(s->al, f.tiles[i].strength);
    }
    for (i = 0; f.scratch != NULL && i < workers; i++)
        scratch_free(s, &f.scratch[i]);
    alloc_free(s->al, f.tiles);
    alloc_free(s->al, f.scratch);
    return status;
}
