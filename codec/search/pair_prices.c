/* Owns what the joint model makes of a row's prices: logits kept up with the code, switching costs
 * kept up as estimates (pairs exact, their effect on the absence of others as it was), and made
 * exact where the search is about to rely on one.
 */
#include "search/search_internal.h"

#include <math.h>

static uint32_t pair_feature(const pursuit *p, size_t index)
{
    return p->feature != NULL ? p->feature[index] : (uint32_t)index;
}

void pair_prices_start(pursuit *p, const uint32_t *previous, size_t previous_count)
{
    pair_state *s = &p->pairs;

    if (s->pairs == NULL)
        return;
    joint_pairs_start(s->pairs, previous, previous_count, s->logit);
    pair_kernel_probability(s->pairs, s->logit, s->pairs->model->width, s->probability);
}

void pair_prices_candidates(pursuit *p)
{
    pair_state *s = &p->pairs;
    const float lambda = p->plan->prices->lambda, octave = lambda / JOINT_UNIT;

    if (s->pairs == NULL)
        return;
    for (size_t i = 0; i < p->count; i++) {
        const uint32_t f = pair_feature(p, i);

        s->checked[i] = 0;
        if (f >= p->plan->atoms->width)
            continue; /* padding */
        if (s->place != NULL)
            s->place[f] = (uint32_t)i + 1;
        p->switching[i] =
            lambda * (s->pairs->spread[f] + s->pairs->follow[f]) - octave * (float)s->logit[f];
        p->price[i] = p->switching[i] + p->least[i];
    }
    s->version = 1;
}

/* Others become likelier by amount x their weight: cheaper where they are candidates. Prices of
 * active features stay PRICE_NEVER, which is too large to change. */
static void adjust(pursuit *p, const joint_weights *w, uint32_t feature, float amount)
{
    const uint32_t *place = p->pairs.place;
    const int8_t *row = joint_weights_row(w, feature);

    if (row != NULL && place == NULL) {
        pair_kernel_adjust(row, amount, w->width, p->switching, p->price);
        return;
    }
    if (row != NULL) {
        for (size_t i = 0; i < p->count; i++) {
            const uint32_t f = pair_feature(p, i);
            const float change = f < w->width ? amount * (float)row[f] : 0.0f;

            p->switching[i] -= change;
            p->price[i] -= change;
        }
        return;
    }
    for (uint64_t k = w->start[feature]; k < w->start[feature + 1]; k++) {
        const uint32_t other = joint_target(w->entry[k]);
        const size_t i = place == NULL ? other : place[other] - 1;
        const float change = amount * (float)joint_weight(w->entry[k]);

        if (place != NULL && place[other] == 0)
            continue;
        p->switching[i] -= change;
        p->price[i] -= change;
    }
}

void pair_prices_switch(pursuit *p, size_t index, bool on)
{
    pair_state *s = &p->pairs;

    if (s->pairs == NULL)
        return;
    const joint_weights *after = &s->pairs->after;
    const uint32_t f = pair_feature(p, index);
    const int32_t unit = (on ? 1 : -1) * (1 << s->pairs->model->shift);
    const float amount = p->plan->prices->lambda / JOINT_UNIT * (float)unit;
    const int8_t *row = joint_weights_row(after, f);

    s->version++;
    s->on[f] = on;
    if (row != NULL) {
        pair_kernel_add(row, unit, after->width, s->logit);
        pair_kernel_probability(s->pairs, s->logit, after->width, s->probability);
    } else {
        for (uint64_t k = after->start[f]; k < after->start[f + 1]; k++) {
            const uint32_t other = joint_target(after->entry[k]);

            s->logit[other] += unit * joint_weight(after->entry[k]);
            s->probability[other] = joint_probability(s->pairs, s->logit[other]);
        }
    }
    adjust(p, after, f, amount);
    adjust(p, &s->pairs->ahead, f, amount);
}

/* Bits that a feature's firing adds to the absence of those after it; on: it fires now. */
static double absence_bits(const pair_state *s, uint32_t f, bool on)
{
    const joint_weights *after = &s->pairs->after;
    const float *growth = s->pairs->growth[on ? 0 : 1];
    const int8_t *row = joint_weights_row(after, f);
    double bits;

    if (row != NULL) {
        bits = pair_kernel_absence(row, growth, s->probability, after->width);
    } else {
        double product = 1.0; /* at most width / 8 factors of less than 2^21: logs now and then */

        bits = 0.0;
        for (uint64_t k = after->start[f]; k < after->start[f + 1]; k++) {
            const uint32_t entry = after->entry[k];

            product *= 1.0 + (double)(s->probability[joint_target(entry)] * growth[entry & 255]);
            if (product > 0x1p500 || product < 0x1p-500) {
                bits += log2(product);
                product = 1.0;
            }
        }
        bits += log2(product);
    }
    return on ? -bits : bits;
}

/* What firing together with the active features after it is worth, units of a weight. */
static int32_t presence_of(const pursuit *p, uint32_t f, size_t index)
{
    const joint_weights *after = &p->pairs.pairs->after;
    const int8_t *row = joint_weights_row(after, f);
    int32_t sum = 0;

    if (row != NULL)
        for (size_t a = 0; a < p->active_count; a++)
            sum += p->active[a] != index ? row[pair_feature(p, p->active[a])] : 0;
    else
        for (uint64_t k = after->start[f]; k < after->start[f + 1]; k++)
            sum += p->pairs.on[joint_target(after->entry[k])] ? joint_weight(after->entry[k]) : 0;
    return sum;
}

bool pair_prices_check(pursuit *p, size_t index)
{
    pair_state *s = &p->pairs;

    if (s->pairs == NULL || s->checked[index] == s->version)
        return true;
    const uint32_t f = pair_feature(p, index);
    const bool active = !(p->price[index] < PRICE_NEVER / 2);
    const int32_t presence = s->logit[f] + presence_of(p, f, index) * (1 << s->pairs->model->shift);
    const double bits =
        absence_bits(s, f, active) + (double)s->pairs->follow[f] - (double)presence / JOINT_UNIT;
    const float exact = p->plan->prices->lambda * (float)bits;

    if (!active)
        p->price[index] = exact + p->least[index];
    p->switching[index] = exact;
    s->checked[index] = s->version;
    return false;
}

void pair_prices_end(pursuit *p)
{
    if (p->pairs.pairs == NULL)
        return;
    for (size_t i = 0; i < p->active_count; i++)
        p->pairs.on[pair_feature(p, p->active[i])] = 0;
    for (size_t i = 0; p->pairs.place != NULL && i < p->count; i++)
        if (pair_feature(p, i) < p->plan->atoms->width)
            p->pairs.place[pair_feature(p, i)] = 0;
}
