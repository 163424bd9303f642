/* Owns the way from rows to codes: tiles of rows over threads, correlations by matrix product, one
 * pursuit a row, results put together in row order.
 */
#include "search/search_internal.h"

#include "base/matmul.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define WAVE_SPANS 64 /* spans whose results wait to be put together */
#define JOINT_HOPE                                                                                 \
    0.6f /* of its rate's price: what a feature may come to under the joint model                  \
          */
#define EPSILON_SHARE 4e-7f /* of a row's energy: about what float arithmetic can tell apart */

typedef struct job {
    const mdla_allocator *al;
    search_plan plan;
    const float *rows;
    size_t row_count;
    search_support support;
    const code_rows *initial;
    float *distortion;
    const uint8_t *starts; /* as search_sequence has it */
    const float *scale;    /* likewise */
    size_t span;           /* rows that one task takes */
    const joint_pairs *pairs;
    bool local;          /* a row's problem has candidates of its own */
    searcher *searchers; /* [workers] */
    size_t workers;
    size_t first_span; /* of the wave */
    code_rows span_codes[WAVE_SPANS];
    mdla_status span_status[WAVE_SPANS];
} job;

/* Puts the active features in ascending order. */
static void sort_active(pursuit *p)
{
    for (size_t i = 1; i < p->active_count; i++) {
        const uint32_t index = p->active[i], level = p->level[i];
        size_t j = i;

        for (; j != 0 && p->active[j - 1] > index; j--) {
            p->active[j] = p->active[j - 1];
            p->level[j] = p->level[j - 1];
        }
        p->active[j] = index;
        p->level[j] = level;
    }
}

/* Appends the code that s found for a row of the tile, and measures its distortion from the atoms
 * themselves: the correlations have gone through many updates. */
static mdla_status put_code(searcher *s, const float *row, size_t in_tile, code_rows *codes,
                            float *distortion)
{
    const pursuit *p = &s->p;
    const search_atoms *a = p->plan->atoms;
    float *residual = s->residuals + in_tile * a->dims;
    double sum = 0.0;
    size_t at = codes->start[codes->row_count];

    MDLA_TRY(code_rows_reserve(s->al, codes, ROW_TILE, at + p->active_count));
    sort_active(&s->p);
    memcpy(residual, row, a->dims * sizeof *row);
    for (size_t i = 0; i < p->active_count; i++) {
        const uint32_t feature = p->feature != NULL ? p->feature[p->active[i]] : p->active[i];

        codes->feature[at] = feature;
        codes->level[at++] = (int32_t)p->level[i];
        matmul_axpy(a->dims, -p->scale * p->plan->points[p->level[i]],
                    a->atoms + (size_t)feature * a->dims, residual);
    }
    codes->start[++codes->row_count] = at;
    for (uint32_t d = 0; d < a->dims; d++)
        sum += (double)residual[d] * (double)residual[d];
    *distortion = (float)sum;
    return MDLA_OK;
}

/* The features of the row before, where it counts: the last of codes, which belong to a span. */
static const uint32_t *previous_features(const job *j, size_t row, const code_rows *codes,
                                         size_t *count)
{
    const bool alone = row % j->span == 0 || (j->starts != NULL && j->starts[row] != 0);
    const size_t begin = alone ? 0 : codes->start[codes->row_count - 1];

    *count = alone ? 0 : codes->start[codes->row_count] - begin;
    return alone ? NULL : codes->feature + begin;
}

/* The problem of a row over all features: s->p's prices are already the plan's. */
static void dense_problem(searcher *s, const float *product, const uint32_t *support,
                          size_t support_count)
{
    const search_atoms *a = s->p.plan->atoms;

    for (uint32_t j = 0; j < a->width; j++)
        s->p.corr[j] = product[j] * a->inverse[j];
    if (support_count != 0)
        memcpy(s->start, support, support_count * sizeof *support);
}

static void set_epsilon(searcher *s, const float *row)
{
    s->p.epsilon = EPSILON_SHARE * matmul_dot(s->p.plan->atoms->dims, row, row) + FLT_MIN;
}

static float scale_of(const job *j, size_t row)
{
    return j->scale != NULL ? j->scale[row] : 1.0f;
}

static const float *scales_from(const job *j, size_t first)
{
    return j->scale != NULL ? j->scale + first : NULL;
}

/* A row's problem, nothing chosen yet. */
static mdla_status begin_row(const job *j, searcher *s, size_t row, size_t in_tile,
                             const code_rows *before, const uint32_t *support, size_t support_count)
{
    const search_atoms *a = j->plan.atoms;
    const float *values = j->rows + row * a->dims;
    const uint32_t *previous;
    size_t previous_count;

    previous = previous_features(j, row, before, &previous_count);
    pair_prices_start(&s->p, previous, previous_count);
    s->p.scale = scale_of(j, row);
    if (j->local)
        MDLA_TRY(local_problem(s, values, j->support == SEARCH_FREE ? &s->lists[in_tile] : NULL,
                               support, support_count));
    else
        dense_problem(s, s->products + in_tile * a->width, support, support_count);
    pair_prices_candidates(&s->p);
    set_epsilon(s, values);
    pursuit_begin(&s->p);
    return MDLA_OK;
}

/* Puts back what a row's code changed in the problem that the next row starts from. */
static void end_row(const job *j, searcher *s)
{
    if (!j->local)
        for (size_t i = 0; i < s->p.active_count; i++)
            s->p.price[s->p.active[i]] = j->plan.cheapest[s->p.active[i]];
    pair_prices_end(&s->p);
}

/* Descents from the next best first features, too; leaves the best code of all in s->p. */
static mdla_status beam_row(const job *j, searcher *s, size_t row, size_t in_tile,
                            const code_rows *before)
{
    const unsigned wanted = j->plan.prices->beam;
    double best = INFINITY;

    for (unsigned nth = 0; nth < wanted && nth < SEARCH_BEAM_MAX; nth++) {
        if (nth != 0)
            MDLA_TRY(begin_row(j, s, row, in_tile, before, NULL, 0));
        if (!pursuit_add_nth(&s->p, nth) && nth != 0)
            break;
        pursuit_run(&s->p, SEARCH_FREE);
        if (s->p.gained < best) {
            best = s->p.gained;
            s->kept_count = s->p.active_count;
            memcpy(s->kept, s->p.active, s->kept_count * sizeof *s->kept);
            memcpy(s->kept_level, s->p.level, s->kept_count * sizeof *s->kept_level);
        }
        end_row(j, s);
        s->p.active_count = 0;
    }
    s->p.active_count = s->kept_count;
    memcpy(s->p.active, s->kept, s->kept_count * sizeof *s->kept);
    memcpy(s->p.level, s->kept_level, s->kept_count * sizeof *s->kept_level);
    return MDLA_OK;
}

/* before: whose last row is the row before, where one counts. */
static mdla_status search_row(const job *j, searcher *s, size_t row, size_t in_tile,
                              const code_rows *before, code_rows *codes)
{
    const float *values = j->rows + row * j->plan.atoms->dims;
    const uint32_t *support = NULL;
    size_t support_count = 0;

    if (j->initial != NULL) {
        support = j->initial->feature + j->initial->start[row];
        support_count = j->initial->start[row + 1] - j->initial->start[row];
    }
    MDLA_TRY(begin_row(j, s, row, in_tile, before, support, support_count));
    if (support_count != 0)
        pursuit_start_from(&s->p, s->start, support_count);
    if (j->plan.prices->beam > 1 && !j->local && j->initial == NULL)
        MDLA_TRY(beam_row(j, s, row, in_tile, before));
    else
        pursuit_run(&s->p, j->support);
    MDLA_TRY(put_code(s, values, in_tile, codes, &j->distortion[row]));
    end_row(j, s);
    return MDLA_OK;
}

/* Goes on from a tile's codes with the candidates that fit what they leave: the first ones were
 * chosen before anything was taken off. A second product costs less than as much from more
 * candidates. The rows of s->tile come to codes. */
static mdla_status search_tile_again(const job *j, searcher *s, size_t first, size_t count,
                                     code_rows *codes)
{
    const uint32_t dims = j->plan.atoms->dims;
    const code_rows *found = &s->tile;

    local_choose(s, s->residuals, scales_from(j, first), count);
    for (size_t r = 0; r < count; r++) {
        const float *values = j->rows + (first + r) * dims;
        const size_t start = found->start[r], active = found->start[r + 1] - start;
        const uint32_t *previous;
        size_t previous_count;

        previous = previous_features(j, first + r, codes, &previous_count);
        pair_prices_start(&s->p, previous, previous_count);
        s->p.scale = scale_of(j, first + r);
        MDLA_TRY(local_problem(s, s->residuals + r * dims, &s->lists[r], found->feature + start,
                               active));
        pair_prices_candidates(&s->p);
        set_epsilon(s, values);
        pursuit_begin(&s->p);
        pursuit_resume(&s->p, s->start, found->level + start, active);
        pursuit_run(&s->p, SEARCH_FREE);
        MDLA_TRY(put_code(s, values, r, codes, &j->distortion[first + r]));
        pair_prices_end(&s->p);
    }
    return MDLA_OK;
}

/* count rows from first on, ROW_TILE at most. */
static mdla_status search_tile(const job *j, searcher *s, size_t first, size_t count,
                               code_rows *codes)
{
    const search_atoms *a = j->plan.atoms;
    const float *rows = j->rows + first * a->dims;
    const bool twice = j->local && j->support == SEARCH_FREE;

    if (!j->local)
        matmul_nt(count, a->width, a->dims, rows, a->atoms, s->products);
    else if (j->support == SEARCH_FREE)
        local_choose(s, rows, scales_from(j, first), count);
    MDLA_TRY(code_rows_reserve(s->al, &s->tile, ROW_TILE, ROW_TILE));
    s->tile.row_count = 0;
    for (size_t r = 0; r < count; r++)
        MDLA_TRY(search_row(j, s, first + r, r, twice && r != 0 ? &s->tile : codes,
                            twice ? &s->tile : codes));
    return twice ? search_tile_again(j, s, first, count, codes) : MDLA_OK;
}

static mdla_status search_span(const job *j, searcher *s, size_t span, code_rows *codes)
{
    const size_t first = span * j->span, left = j->row_count - first;
    const size_t end = first + (left < j->span ? left : j->span);

    MDLA_TRY(code_rows_reserve(s->al, codes, end - first, ROW_TILE));
    codes->row_count = 0;
    for (size_t at = first; at < end; at += ROW_TILE)
        MDLA_TRY(search_tile(j, s, at, end - at < ROW_TILE ? end - at : ROW_TILE, codes));
    return MDLA_OK;
}

static void span_task(void *ctx, size_t task, size_t worker)
{
    job *j = ctx;

    j->span_status[task] =
        search_span(j, &j->searchers[worker], j->first_span + task, &j->span_codes[task]);
}

static mdla_status append(const mdla_allocator *al, code_rows *codes, const code_rows *more)
{
    const size_t at = codes->start[codes->row_count], added = more->start[more->row_count];

    MDLA_TRY(code_rows_reserve(al, codes, codes->row_capacity, at + added));
    if (added != 0) {
        memcpy(codes->feature + at, more->feature, added * sizeof *more->feature);
        memcpy(codes->level + at, more->level, added * sizeof *more->level);
    }
    for (size_t r = 1; r <= more->row_count; r++)
        codes->start[++codes->row_count] = at + more->start[r];
    return MDLA_OK;
}

static mdla_status search_spans(job *j, parallel_pool *pool, code_rows *codes)
{
    const size_t spans = (j->row_count + j->span - 1) / j->span;

    for (j->first_span = 0; j->first_span < spans; j->first_span += WAVE_SPANS) {
        const size_t left = spans - j->first_span;
        const size_t count = left < WAVE_SPANS ? left : WAVE_SPANS;

        parallel_run(pool, count, span_task, j);
        for (size_t t = 0; t < count; t++) {
            MDLA_TRY(j->span_status[t]);
            MDLA_TRY(append(j->al, codes, &j->span_codes[t]));
        }
    }
    return MDLA_OK;
}

static void searcher_free(searcher *s)
{
    alloc_free(s->al, s->p.corr);
    alloc_free(s->al, s->p.switching);
    alloc_free(s->al, s->p.least);
    alloc_free(s->al, s->p.price);
    alloc_free(s->al, s->p.pairs.logit);
    alloc_free(s->al, s->p.pairs.probability);
    alloc_free(s->al, s->p.pairs.on);
    alloc_free(s->al, s->p.pairs.place);
    alloc_free(s->al, s->p.pairs.checked);
    alloc_free(s->al, s->p.ready);
    alloc_free(s->al, s->p.block_best);
    alloc_free(s->al, s->p.trial_best);
    alloc_free(s->al, s->p.active);
    alloc_free(s->al, s->p.level);
    alloc_free(s->al, s->p.strength);
    alloc_free(s->al, s->p.wanted);
    alloc_free(s->al, s->p.left);
    alloc_free(s->al, s->products);
    alloc_free(s->al, s->scaled);
    alloc_free(s->al, s->items);
    alloc_free(s->al, s->lists);
    alloc_free(s->al, s->local_feature);
    alloc_free(s->al, s->local_norm);
    alloc_free(s->al, s->local_gram);
    alloc_free(s->al, s->start);
    alloc_free(s->al, s->kept);
    alloc_free(s->al, s->kept_level);
    alloc_free(s->al, s->residuals);
    code_rows_free(s->al, &s->tile);
}

static mdla_status open_pairs(pair_state *p, const job *j, size_t limit)
{
    const uint32_t width = j->plan.atoms->width;

    p->pairs = j->pairs;
    p->logit = alloc_array(j->al, width, sizeof *p->logit);
    p->probability = alloc_array(j->al, width, sizeof *p->probability);
    p->on = alloc_zeroed(j->al, width, sizeof *p->on);
    p->place = j->local ? alloc_zeroed(j->al, width, sizeof *p->place) : NULL;
    p->checked = alloc_zeroed(j->al, limit, sizeof *p->checked);
    return p->logit != NULL && p->probability != NULL && p->on != NULL &&
                   (!j->local || p->place != NULL) && p->checked != NULL
               ? MDLA_OK
               : MDLA_ERR_MEMORY;
}

/* Arrays of either kind of problem. limit: candidates of a problem, padded. */
static mdla_status searcher_open(searcher *s, const job *j, size_t limit)
{
    const mdla_allocator *al = j->al;
    const search_atoms *a = j->plan.atoms;
    const size_t blocks = (limit > FEATURE_TILE ? limit : FEATURE_TILE) / SCAN_BLOCK;

    s->al = al;
    s->p.plan = &j->plan;
    s->p.corr = alloc_zeroed(al, limit, sizeof *s->p.corr);
    s->p.switching = alloc_zeroed(al, limit, sizeof *s->p.switching);
    s->p.least = alloc_zeroed(al, limit, sizeof *s->p.least);
    s->p.price = alloc_zeroed(al, limit, sizeof *s->p.price);
    s->p.block_best = alloc_zeroed(al, blocks, sizeof *s->p.block_best);
    s->p.trial_best = alloc_zeroed(al, blocks, sizeof *s->p.trial_best);
    s->p.active = alloc_zeroed(al, SEARCH_MAX_ACTIVE, sizeof *s->p.active);
    s->p.level = alloc_zeroed(al, SEARCH_MAX_ACTIVE, sizeof *s->p.level);
    s->p.strength = alloc_zeroed(al, SEARCH_MAX_ACTIVE, sizeof *s->p.strength);
    s->p.wanted = alloc_zeroed(al, SEARCH_MAX_ACTIVE, sizeof *s->p.wanted);
    s->p.left = alloc_zeroed(al, SEARCH_MAX_ACTIVE, sizeof *s->p.left);
    s->start = alloc_zeroed(al, SEARCH_MAX_ACTIVE, sizeof *s->start);
    s->kept = alloc_zeroed(al, SEARCH_MAX_ACTIVE, sizeof *s->kept);
    s->kept_level = alloc_zeroed(al, SEARCH_MAX_ACTIVE, sizeof *s->kept_level);
    s->residuals = alloc_zeroed(al, (size_t)ROW_TILE * a->dims, sizeof *s->residuals);
    if (s->p.corr == NULL || s->p.switching == NULL || s->p.least == NULL || s->p.price == NULL ||
        s->p.block_best == NULL || s->p.trial_best == NULL || s->p.active == NULL ||
        s->p.level == NULL || s->p.strength == NULL || s->p.wanted == NULL || s->p.left == NULL ||
        s->start == NULL || s->kept == NULL || s->kept_level == NULL || s->residuals == NULL)
        return MDLA_ERR_MEMORY;
    return j->pairs != NULL ? open_pairs(&s->p.pairs, j, limit) : MDLA_OK;
}

static mdla_status searcher_open_dense(searcher *s, const job *j)
{
    const search_atoms *a = j->plan.atoms;

    MDLA_TRY(searcher_open(s, j, a->padded));
    s->p.count = a->padded;
    s->p.norm = a->norm;
    s->p.gram = a->gram;
    s->p.gram_stride = a->padded;
    memcpy(s->p.switching, j->plan.switching, a->padded * sizeof *s->p.switching);
    memcpy(s->p.least, j->plan.least, a->padded * sizeof *s->p.least);
    memcpy(s->p.price, j->plan.cheapest, a->padded * sizeof *s->p.price);
    s->products = alloc_array(j->al, (size_t)ROW_TILE * a->width, sizeof *s->products);
    return s->products != NULL ? MDLA_OK : MDLA_ERR_MEMORY;
}

static mdla_status searcher_open_local(searcher *s, const job *j, size_t limit)
{
    const size_t candidates = j->plan.atoms->candidates;

    MDLA_TRY(searcher_open(s, j, limit));
    s->p.ready = alloc_zeroed(j->al, limit, sizeof *s->p.ready);
    s->local_feature = alloc_zeroed(j->al, limit, sizeof *s->local_feature);
    s->local_norm = alloc_zeroed(j->al, limit, sizeof *s->local_norm);
    s->products = alloc_array(j->al, (size_t)ROW_TILE * FEATURE_TILE, sizeof *s->products);
    s->scaled = alloc_array(j->al, FEATURE_TILE, sizeof *s->scaled);
    s->items = alloc_array(j->al, 2 * ROW_TILE * candidates, sizeof *s->items);
    s->lists = alloc_zeroed(j->al, ROW_TILE, sizeof *s->lists);
    if (s->p.ready == NULL || s->local_feature == NULL || s->local_norm == NULL ||
        s->products == NULL || s->scaled == NULL || s->items == NULL || s->lists == NULL)
        return MDLA_ERR_MEMORY;
    s->p.feature = s->local_feature;
    s->p.norm = s->local_norm;
    for (size_t r = 0; r < ROW_TILE; r++)
        s->lists[r] = (candidate_list){0, candidates, 0.0f, s->items + 2 * r * candidates};
    return MDLA_OK;
}

static mdla_status open_searchers(job *j, size_t most_initial)
{
    const size_t listed = j->support == SEARCH_FREE ? j->plan.atoms->candidates : 0;
    /* The second round adds candidates to a code that may hold all of the first. */
    const size_t limit = scan_padded(2 * listed + most_initial);

    j->searchers = alloc_zeroed(j->al, j->workers, sizeof *j->searchers);
    if (j->searchers == NULL)
        return MDLA_ERR_MEMORY;
    for (size_t w = 0; w < j->workers; w++)
        j->searchers[w].al = j->al;
    for (size_t w = 0; w < j->workers; w++)
        MDLA_TRY(j->local ? searcher_open_local(&j->searchers[w], j, limit)
                          : searcher_open_dense(&j->searchers[w], j));
    return MDLA_OK;
}

static mdla_status check_initial(const search_atoms *a, const code_rows *initial, size_t row_count,
                                 size_t *most)
{
    *most = 0;
    if (initial == NULL)
        return MDLA_OK;
    if (initial->row_count != row_count)
        return MDLA_ERR_ARGUMENT;
    for (size_t r = 0; r < row_count; r++) {
        const size_t first = initial->start[r], end = initial->start[r + 1];

        for (size_t i = first; i < end; i++)
            if (initial->feature[i] >= a->width ||
                (i > first && initial->feature[i] <= initial->feature[i - 1]))
                return MDLA_ERR_ARGUMENT;
        *most = end - first > *most ? end - first : *most;
    }
    return *most <= SEARCH_MAX_ACTIVE ? MDLA_OK : MDLA_ERR_LIMIT;
}

/* The cheapest level's bits for a class that a feature names, at whatever logit. */
static float cheapest_level(const search_prices *prices, uint8_t level_class)
{
    const unsigned logit_classes = prices->level_stride != 0 ? JOINT_LEVEL_CLASSES : 1;
    float least = FLT_MAX;

    for (unsigned i = 0; i < logit_classes; i++) {
        const float *bits = prices->level_bits + i * prices->level_stride +
                            (size_t)level_class * ((size_t)prices->max_level + 1);

        for (uint32_t level = 1; level <= prices->max_level; level++)
            least = bits[level] < least ? bits[level] : least;
    }
    return least;
}

static mdla_status make_plan(search_plan *plan, const mdla_allocator *al)
{
    const search_prices *prices = plan->prices;
    const search_atoms *a = plan->atoms;
    /* Candidates are chosen before the row's other features are known, which make them cheaper. */
    const float hope = prices->pairs != NULL ? JOINT_HOPE : 1.0f;
    float level_least[256];
    bool known[256] = {false};

    plan->points = alloc_zeroed(al, (size_t)prices->max_level + 1, sizeof *plan->points);
    plan->checks = prices->checks != 0 ? prices->checks : 1;
    plan->switching = alloc_zeroed(al, a->padded, sizeof *plan->switching);
    plan->least = alloc_array(al, a->padded, sizeof *plan->least);
    plan->cheapest = alloc_array(al, a->padded, sizeof *plan->cheapest);
    if (plan->points == NULL || plan->switching == NULL || plan->least == NULL ||
        plan->cheapest == NULL)
        return MDLA_ERR_MEMORY;
    plan->smallest = FLT_MAX;
    for (uint32_t level = 1; level <= prices->max_level; level++) {
        plan->points[level] = ((float)level + prices->level_offset[level]) * prices->step;
        plan->smallest =
            plan->points[level] < plan->smallest ? plan->points[level] : plan->smallest;
    }
    for (uint32_t f = 0; f < a->width; f++) {
        const uint8_t c = prices->level_class[f];

        if (!known[c]) {
            level_least[c] = cheapest_level(prices, c);
            known[c] = true;
        }
        plan->switching[f] = prices->lambda * prices->feature_bits[f];
        plan->least[f] = prices->lambda * level_least[c];
        plan->cheapest[f] = plan->least[f] + hope * plan->switching[f];
    }
    for (size_t f = a->width; f < a->padded; f++)
        plan->cheapest[f] = plan->least[f] = PRICE_NEVER;
    return MDLA_OK;
}

static void job_free(job *j)
{
    for (size_t t = 0; t < WAVE_SPANS; t++)
        code_rows_free(j->al, &j->span_codes[t]);
    for (size_t w = 0; j->searchers != NULL && w < j->workers; w++)
        searcher_free(&j->searchers[w]);
    alloc_free(j->al, j->searchers);
    alloc_free(j->al, j->plan.points);
    alloc_free(j->al, j->plan.switching);
    alloc_free(j->al, j->plan.least);
    alloc_free(j->al, j->plan.cheapest);
}

mdla_status search_rows(const search_atoms *atoms, const search_prices *prices, parallel_pool *pool,
                        const float *rows, size_t row_count, const search_sequence *sequence,
                        search_support support, const code_rows *initial, code_rows *codes,
                        float *distortion)
{
    job j = {.al = atoms->al,
             .plan = {.atoms = atoms, .prices = prices},
             .rows = rows,
             .row_count = row_count,
             .support = support,
             .initial = initial,
             .distortion = distortion,
             .starts = sequence != NULL ? sequence->starts : NULL,
             .scale = sequence != NULL ? sequence->scale : NULL,
             .span = sequence != NULL && sequence->span != 0 ? sequence->span : ROW_TILE,
             .pairs = support == SEARCH_FREE ? prices->pairs : NULL,
             .local = support == SEARCH_FIXED || atoms->gram == NULL,
             .workers = parallel_workers(pool)};
    size_t most_initial;
    mdla_status status;

    if (codes == initial || (support == SEARCH_FIXED && initial == NULL) ||
        prices->max_level == 0 || !(prices->step > 0.0f))
        return MDLA_ERR_ARGUMENT;
    MDLA_TRY(check_initial(atoms, initial, row_count, &most_initial));
    codes->row_count = 0;
    status = code_rows_reserve(j.al, codes, row_count, row_count);
    if (status == MDLA_OK)
        status = make_plan(&j.plan, j.al);
    if (status == MDLA_OK)
        status = open_searchers(&j, most_initial);
    if (status == MDLA_OK)
        status = search_spans(&j, pool, codes);
    job_free(&j);
    return status;
}
