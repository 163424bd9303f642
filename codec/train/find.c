/* The step's one dense product, and what of it is kept. A tile's pre-activations live in a worker's
 * cache only until the few candidates among them are picked. */
#include "train/state.h"

#include "base/alloc.h"
#include "base/matmul.h"

#include <string.h>

/* The first part of a training keeps more features than asked for, in the mean ANNEAL_FROM times as
 * many at its start: features then find their place before they compete. */
#define ANNEAL_FROM 3.0f
#define ANNEAL_PART 0.3f

/* Candidates are listed from this part of the last threshold on. Where that turns out too high for
 * the batch, the product is done again without a bound. */
#define BOUND_PART 0.8f

float train_l0_now(const trainer *t)
{
    const float done = (float)t->now.step / ((float)t->p.steps * ANNEAL_PART);
    const float l0 =
        (float)t->p.l0 * (done < 1.0f ? ANNEAL_FROM - (ANNEAL_FROM - 1.0f) * done : 1.0f);

    return l0 < (float)t->p.width ? l0 : (float)t->p.width;
}

/* Keeps the flagged ones of a row's candidates. */
static size_t keep_flagged(const uint8_t *flags, uint32_t *index, float *value, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        index[kept] = index[i];
        value[kept] = value[i];
        kept += flags[index[i]];
    }
    return kept;
}

/* Lists a tile's pre-activations above bound: all features', or those of features that flags names;
 * of a row the limit largest (more where they tie). */
static size_t pick(const code_tile *tile, const float *pre, float bound, const uint8_t *flags,
                   size_t limit, code_entry *entries)
{
    uint32_t index[TILE_FEATURES];
    float value[TILE_FEATURES], sorted[TILE_FEATURES];
    size_t count = 0;

    for (size_t r = 0; r < tile->row_count; r++) {
        size_t found =
            kernel_above(tile->feature_count, pre + r * tile->feature_count, bound, index, value);
        float least = 0.0f;

        if (flags != NULL)
            found = keep_flagged(flags, index, value, found);
        if (found > limit) {
            memcpy(sorted, value, found * sizeof *value);
            least = codes_kth_largest(sorted, found, limit);
        }
        for (size_t i = 0; i < found; i++)
            if (value[i] >= least)
                entries[count++] = (code_entry){value[i], (uint16_t)r, (uint16_t)index[i]};
    }
    return count;
}

static void tile_task(void *ctx, size_t task, size_t worker)
{
    trainer *t = ctx;
    code_tile *tile = &t->codes.tiles[task];
    float *pre = t->pre + worker * TILE_ROWS * TILE_FEATURES; /* [row_count][feature_count] */
    const float *bias = t->b_enc.w + tile->first_feature;
    const uint8_t *dead = t->dead + tile->first_feature;
    const size_t dims = t->p.dims;
    const size_t limit = t->p.arch == TRAINER_TOPK ? (size_t)train_l0_now(t) : SIZE_MAX;

    matmul_nt(tile->row_count, tile->feature_count, dims, t->x + tile->first_row * dims,
              t->enc.w + tile->first_feature * dims, pre);
    for (size_t r = 0; r < tile->row_count; r++)
        kernel_axpy(tile->feature_count, 1.0f, bias, pre + r * tile->feature_count);
    tile->count = pick(tile, pre, t->now.bound, NULL, limit, tile->entries);
    tile->dead_count = 0;
    if (memchr(dead, 1, tile->feature_count) != NULL)
        tile->dead_count = pick(tile, pre, 0.0f, dead, t->p.l0, tile->dead);
}

void train_find_candidates(trainer *t)
{
    parallel_run(t->pool, t->codes.tile_count, tile_task, t);
}

mdla_status train_find_codes(trainer *t)
{
    const float l0 = train_l0_now(t);
    const size_t per_row = t->p.arch == TRAINER_TOPK ? (size_t)l0 : SIZE_MAX;
    float threshold = 0.0f;

    train_find_candidates(t);
    if (t->p.arch == TRAINER_BATCHTOPK) {
        const size_t kept = (size_t)(l0 * (float)t->p.batch);

        if (t->now.bound > 0.0f && codes_candidates(&t->codes) < kept) {
            t->now.bound = 0.0f;
            train_find_candidates(t);
        }
        MDLA_TRY(codes_threshold(t->al, &t->codes, kept, &threshold));
        t->now.bound = BOUND_PART * threshold;
        t->now.threshold =
            t->now.step == 0 ? threshold : 0.99f * t->now.threshold + 0.01f * threshold;
    }
    MDLA_TRY(codes_list_rows(t->al, &t->codes, threshold, per_row, t->p.l0));
    codes_list_features(&t->codes, t->p.width);
    return MDLA_OK;
}
