/* Owns the search of one row: greedy moves over a code, each the best of all at hand.
 *
 * Correlations are those of what the code leaves of the row. With target = correlation + strength,
 * the strength that a feature would best have now, the distortion is (strength - target)^2 + what
 * the feature can't change, so a level's worth is known without touching anything else.
 */
#include "search/search_internal.h"

#include <math.h>

#define SLOT_NONE SIZE_MAX
#define REFIT_SWEEPS 40
#define REFIT_ENOUGH 0.02f /* of a step: the levels are rounded next */

typedef struct move {
    float change;   /* of distortion + lambda x bits; below zero is better */
    size_t slot;    /* of the active feature, or SLOT_NONE: an addition */
    size_t index;   /* candidate */
    uint32_t level; /* 0 takes the feature out */
} move;

static uint32_t feature_of(const pursuit *p, size_t index)
{
    return p->feature != NULL ? p->feature[index] : (uint32_t)index;
}

static const float *level_bits_of(const pursuit *p, size_t index)
{
    const search_prices *prices = p->plan->prices;
    const uint32_t f = feature_of(p, index);
    const size_t likely = prices->level_stride != 0 ? joint_logit_class(p->pairs.logit[f]) : 0;

    return prices->level_bits + likely * prices->level_stride +
           (size_t)prices->level_class[f] * ((size_t)prices->max_level + 1);
}

/* Strength of a level in this row, for an atom of norm 1, and the least there is. */
static float point(const pursuit *p, uint32_t level)
{
    return p->scale * p->plan->points[level];
}

static float smallest(const pursuit *p)
{
    return p->scale * p->plan->smallest;
}

static float level_cost(const pursuit *p, size_t index, uint32_t level, float target)
{
    const float miss = point(p, level) * p->norm[index] - target;

    return miss * miss + p->plan->prices->lambda * level_bits_of(p, index)[level];
}

/* The level below or at a target, 1 .. max_level; also for targets that no level can reach. */
static uint32_t level_below(const pursuit *p, size_t index, float target)
{
    const uint32_t most = p->plan->prices->max_level;
    const float ratio = target / (p->norm[index] * (p->scale * p->plan->prices->step));

    if (!(ratio > 1.0f))
        return 1;
    return ratio < (float)most ? (uint32_t)ratio : most;
}

/* The cheapest of the levels near a target: reconstruction points may lie up to a step off, and one
 * level lower is often so much cheaper that it pays for its error. */
static uint32_t best_level(const pursuit *p, size_t index, float target, float *cost)
{
    const uint32_t most = p->plan->prices->max_level;
    const uint32_t below = level_below(p, index, target);
    const uint32_t last = most - below < 2 ? most : below + 2;
    uint32_t best = below > 1 ? below - 1 : 1;

    *cost = level_cost(p, index, best, target);
    for (uint32_t level = best + 1; level <= last; level++) {
        const float other = level_cost(p, index, level, target);

        if (other < *cost) {
            *cost = other;
            best = level;
        }
    }
    return best;
}

static const float *gram_row(pursuit *p, size_t index)
{
    if (p->ready != NULL && !p->ready[index])
        local_fill_gram(p, index);
    return p->gram + index * p->gram_stride;
}

/* Looks at one addition. The correlations are corr - amount x gram; base is what the rest of the
 * move changes. */
static void look_at(const pursuit *p, size_t i, float amount, const float *gram, float base,
                    move *best)
{
    const float c = p->corr[i] - amount * gram[i];
    const float least = p->norm[i] * smallest(p);
    const float s = c > least ? c : least;
    const float gain = s * ((c + c) - s) - p->price[i];
    float cost;

    if (!(base - gain < best->change))
        return;
    const uint32_t level = best_level(p, i, c, &cost);
    const float change = base + (cost - c * c + p->switching[i]);

    if (change < best->change)
        *best = (move){change, SLOT_NONE, i, level};
}

/* The additions of one block whose bound promises more than *best. */
static void visit_block(const pursuit *p, size_t block, float amount, const float *gram, float base,
                        move *best)
{
    for (size_t i = block * SCAN_BLOCK; i < (block + 1) * SCAN_BLOCK; i++)
        look_at(p, i, amount, gram, base, best);
}

/* Branch and bound: the block with the best bound first, so that most others needn't be looked at.
 */
static void top_addition(const pursuit *p, const float *block_best, float amount, const float *gram,
                         float base, move *best)
{
    const size_t blocks = p->count / SCAN_BLOCK;
    size_t top = 0;

    if (p->active_count == SEARCH_MAX_ACTIVE)
        return;
    for (size_t b = 1; b < blocks; b++)
        if (block_best[b] > block_best[top])
            top = b;
    if (!(base - block_best[top] < best->change))
        return;
    visit_block(p, top, amount, gram, base, best);
    for (size_t b = 0; b < blocks; b++)
        if (b != top && base - block_best[b] < best->change)
            visit_block(p, b, amount, gram, base, best);
}

/* The bound of one block, after a price in it has changed. */
static void scan_again(pursuit *p, size_t index)
{
    const size_t block = index / SCAN_BLOCK, at = block * SCAN_BLOCK;

    scan_trial(SCAN_BLOCK, 0.0f, p->corr + at, p->corr + at, p->norm + at, smallest(p),
               p->price + at, p->block_best + block);
}

/* The best addition. Joint prices are estimates until they are checked, so the best of them is
 * looked at exactly until it stays the best, or enough were. */
static void best_addition(pursuit *p, float base, move *best)
{
    const unsigned checks = p->pairs.pairs != NULL ? p->plan->checks : 1;

    for (unsigned check = 0; check < checks; check++) {
        move top = *best;

        top_addition(p, p->block_best, 0.0f, p->corr, base, &top);
        if (top.index == best->index)
            return;
        if (pair_prices_check(p, top.index)) {
            *best = top;
            return;
        }
        scan_again(p, top.index);
        look_at(p, top.index, 0.0f, p->corr, base, best);
    }
}

/* What taking a feature out changes. */
static float removal_change(const pursuit *p, size_t slot)
{
    const size_t index = p->active[slot];
    const float target = p->corr[index] + p->strength[slot];

    return target * target - level_cost(p, index, p->level[slot], target) - p->switching[index];
}

static void best_step(pursuit *p, search_support support, move *best)
{
    for (size_t slot = 0; slot < p->active_count; slot++) {
        const size_t index = p->active[slot];
        const float target = p->corr[index] + p->strength[slot];
        const float now = level_cost(p, index, p->level[slot], target);
        float cost;
        const uint32_t level = best_level(p, index, target, &cost);

        if (cost - now < best->change)
            *best = (move){cost - now, slot, index, level};
        if (support == SEARCH_FREE) {
            float change = target * target - now - p->switching[index];

            if (change < best->change && !pair_prices_check(p, index))
                change = target * target - now - p->switching[index];
            if (change < best->change)
                *best = (move){change, slot, index, 0};
        }
    }
}

static void apply(pursuit *p, const move *m)
{
    const float strength = m->level != 0 ? point(p, m->level) * p->norm[m->index] : 0.0f;
    size_t slot = m->slot;
    float amount;

    if (slot == SLOT_NONE) {
        slot = p->active_count++;
        p->active[slot] = (uint32_t)m->index;
        p->strength[slot] = 0.0f;
        p->price[m->index] = PRICE_NEVER;
        pair_prices_switch(p, m->index, true);
    }
    amount = strength - p->strength[slot];
    p->level[slot] = m->level;
    p->strength[slot] = strength;
    if (m->level == 0) {
        pair_prices_switch(p, m->index, false);
        p->price[m->index] = p->switching[m->index] + p->least[m->index];
        p->active_count--;
        p->active[slot] = p->active[p->active_count];
        p->level[slot] = p->level[p->active_count];
        p->strength[slot] = p->strength[p->active_count];
    }
    scan_update(p->count, amount, gram_row(p, m->index), p->corr, p->norm, smallest(p), p->price,
                p->block_best);
}

/* One active feature out and the best inactive one in, if both together pay. A trial that bounds
 * the gain first, then in earnest: what taking a feature out does to joint prices isn't in the
 * bound, so it is taken out, and comes back where nothing better is found. */
static bool swap(pursuit *p, size_t slot)
{
    const size_t index = p->active[slot];
    const uint32_t level = p->level[slot];
    const float amount = -p->strength[slot];
    const float *gram = gram_row(p, index);
    move best = {-p->epsilon, SLOT_NONE, SIZE_MAX, 0};
    move removal = {removal_change(p, slot), slot, index, 0};

    scan_trial(p->count, amount, gram, p->corr, p->norm, smallest(p), p->price, p->trial_best);
    top_addition(p, p->trial_best, amount, gram, removal.change, &best);
    if (best.index == SIZE_MAX)
        return false;
    if (p->pairs.pairs == NULL) {
        apply(p, &removal);
        apply(p, &best);
        p->gained += (double)best.change;
        return true;
    }
    if (!pair_prices_check(p, index))
        removal.change = removal_change(p, slot);
    best = (move){-p->epsilon, SLOT_NONE, SIZE_MAX, 0};
    apply(p, &removal);
    best_addition(p, removal.change, &best);
    if (best.index != SIZE_MAX && best.index != index) {
        apply(p, &best);
        p->gained += (double)best.change;
        return true;
    }
    best = (move){0.0f, SLOT_NONE, index, level};
    apply(p, &best);
    return false;
}

/* Least squares over strengths no smaller than the smallest level. Coordinate descent rather than a
 * factorisation: it keeps to the bound and doesn't mind atoms that depend on each other. */
static void refit(pursuit *p, const uint32_t *chosen, size_t count)
{
    for (size_t a = 0; a < count; a++) {
        p->wanted[a] = 0.0f;
        p->left[a] = p->corr[chosen[a]];
    }
    for (size_t sweep = 0; sweep < REFIT_SWEEPS; sweep++) {
        float largest = 0.0f;

        for (size_t a = 0; a < count; a++) {
            const float *gram = gram_row(p, chosen[a]);
            const float least = p->norm[chosen[a]] * smallest(p);
            const float free = p->wanted[a] + p->left[a];
            const float change = (free > least ? free : least) - p->wanted[a];

            p->wanted[a] += change;
            for (size_t b = 0; b < count; b++)
                p->left[b] -= change * gram[chosen[b]];
            largest = fmaxf(largest, fabsf(change));
        }
        if (largest < REFIT_ENOUGH * (p->scale * p->plan->prices->step))
            break;
    }
}

void pursuit_start_from(pursuit *p, const uint32_t *chosen, size_t count)
{
    refit(p, chosen, count);
    for (size_t a = 0; a < count; a++) {
        float cost;
        const uint32_t level = best_level(p, chosen[a], p->wanted[a], &cost);
        const move addition = {0.0f, SLOT_NONE, chosen[a], level};

        apply(p, &addition);
    }
}

void pursuit_resume(pursuit *p, const uint32_t *chosen, const int32_t *level, size_t count)
{
    for (size_t a = 0; a < count; a++) {
        p->active[a] = chosen[a];
        p->level[a] = (uint32_t)level[a];
        p->strength[a] = point(p, p->level[a]) * p->norm[chosen[a]];
        p->price[chosen[a]] = PRICE_NEVER;
        pair_prices_switch(p, chosen[a], true);
    }
    p->active_count = count;
}

void pursuit_begin(pursuit *p)
{
    p->active_count = 0;
    p->gained = 0.0;
    scan_trial(p->count, 0.0f, p->corr, p->corr, p->norm, smallest(p), p->price, p->block_best);
}

/* A bound for the loops below; rows end long before it, each move gains more than epsilon. */
static size_t move_limit(const pursuit *p)
{
    return 256 + 8 * p->active_count + p->count;
}

static void descend(pursuit *p, search_support support, size_t *moves_left)
{
    for (; *moves_left != 0; --*moves_left) {
        move best = {-p->epsilon, SLOT_NONE, SIZE_MAX, 0};

        if (support == SEARCH_FREE)
            best_addition(p, 0.0f, &best);
        best_step(p, support, &best);
        if (best.index == SIZE_MAX)
            break;
        apply(p, &best);
        p->gained += (double)best.change;
    }
}

bool pursuit_add_nth(pursuit *p, unsigned nth)
{
    size_t passed[SEARCH_BEAM_MAX];
    float price[SEARCH_BEAM_MAX];
    unsigned count = 0;
    move best = {-p->epsilon, SLOT_NONE, SIZE_MAX, 0};

    best_addition(p, 0.0f, &best);
    for (; count < nth && best.index != SIZE_MAX; count++) {
        passed[count] = best.index;
        price[count] = p->price[best.index];
        p->price[best.index] = PRICE_NEVER;
        scan_again(p, best.index);
        best = (move){-p->epsilon, SLOT_NONE, SIZE_MAX, 0};
        best_addition(p, 0.0f, &best);
    }
    for (unsigned i = 0; i < count; i++) {
        p->price[passed[i]] = price[i];
        scan_again(p, passed[i]);
    }
    if (best.index == SIZE_MAX)
        return false;
    apply(p, &best);
    p->gained += (double)best.change;
    return true;
}

void pursuit_run(pursuit *p, search_support support)
{
    size_t moves_left = move_limit(p);

    descend(p, support, &moves_left);
    if (support == SEARCH_FIXED)
        return;
    for (size_t sweep = 0; sweep < p->plan->prices->sweeps; sweep++) {
        bool swapped = false;

        for (size_t slot = 0; slot < p->active_count && moves_left != 0; slot++)
            if (swap(p, slot)) {
                swapped = true;
                moves_left--;
                descend(p, support, &moves_left);
            }
        if (!swapped)
            break;
    }
}
