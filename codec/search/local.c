/* Owns the problems that look at some of the features: the best candidates of a row where the
 * codebook is too wide for a Gram matrix, and given supports. Products of atoms are taken when a
 * feature is chosen.
 */
#include "search/search_internal.h"

#include "base/matmul.h"

static void offer_block(candidate_list *list, const searcher *s, uint32_t first, size_t block,
                        float smallest)
{
    const search_plan *plan = s->p.plan;

    for (size_t i = block * SCAN_BLOCK; i < (block + 1) * SCAN_BLOCK; i++) {
        const size_t feature = first + i;
        const float c = s->scaled[i], least = plan->atoms->norm[feature] * smallest;
        const float strength = c > least ? c : least;
        const float gain = strength * ((c + c) - strength) - plan->cheapest[feature];

        if (feature < plan->atoms->width)
            candidate_list_add(list, (candidate){gain, c, (uint32_t)feature});
    }
}

void local_choose(searcher *s, const float *rows, const float *scale, size_t row_count)
{
    const search_plan *plan = s->p.plan;
    const search_atoms *a = plan->atoms;

    for (size_t r = 0; r < row_count; r++)
        candidate_list_clear(&s->lists[r]);
    for (uint32_t first = 0; first < a->width; first += FEATURE_TILE) {
        const size_t count = a->width - first < FEATURE_TILE ? a->width - first : FEATURE_TILE;
        const size_t padded = scan_padded(count);

        matmul_nt(row_count, count, a->dims, rows, a->atoms + (size_t)first * a->dims, s->products);
        for (size_t r = 0; r < row_count; r++) {
            const float *product = s->products + r * count;
            const float smallest = plan->smallest * (scale != NULL ? scale[r] : 1.0f);

            for (size_t i = 0; i < count; i++)
                s->scaled[i] = product[i] * a->inverse[first + i];
            for (size_t i = count; i < padded; i++)
                s->scaled[i] = 0.0f;
            scan_trial(padded, 0.0f, s->scaled, s->scaled, a->norm + first, smallest,
                       plan->cheapest + first, s->p.trial_best);
            for (size_t b = 0; b < padded / SCAN_BLOCK; b++)
                if (s->p.trial_best[b] > s->lists[r].threshold)
                    offer_block(&s->lists[r], s, first, b, smallest);
        }
    }
    for (size_t r = 0; r < row_count; r++)
        candidate_list_finish(&s->lists[r]);
}

/* The Gram matrix of count candidates, nothing filled in. */
static mdla_status reserve_gram(searcher *s, size_t count)
{
    const size_t needed = count * count; /* count is bounded by candidates and SEARCH_MAX_ACTIVE */

    if (needed > s->local_capacity) {
        alloc_free(s->al, s->local_gram);
        s->local_capacity = 0;
        s->local_gram = alloc_array(s->al, needed, sizeof *s->local_gram);
        if (s->local_gram == NULL)
            return MDLA_ERR_MEMORY;
        s->local_capacity = needed;
    }
    s->p.gram = s->local_gram;
    s->p.gram_stride = count;
    for (size_t i = 0; i < count; i++)
        s->p.ready[i] = 0;
    return MDLA_OK;
}

static void put_candidate(searcher *s, size_t at, uint32_t feature, float corr)
{
    s->local_feature[at] = feature;
    s->local_norm[at] = s->p.plan->atoms->norm[feature];
    s->p.corr[at] = corr;
    s->p.switching[at] = s->p.plan->switching[feature];
    s->p.least[at] = s->p.plan->least[feature];
    s->p.price[at] = s->p.plan->cheapest[feature];
}

mdla_status local_problem(searcher *s, const float *row, const candidate_list *list,
                          const uint32_t *support, size_t support_count)
{
    const search_atoms *a = s->p.plan->atoms;
    const size_t listed = list != NULL ? list->count : 0;
    size_t count = 0, i = 0, k = 0;

    /* Both are ascending: a merge. */
    while (i < listed || k < support_count) {
        if (k == support_count || (i < listed && list->items[i].feature < support[k])) {
            put_candidate(s, count++, list->items[i].feature, list->items[i].corr);
            i++;
            continue;
        }
        const uint32_t feature = support[k];
        const float *atom = a->atoms + (size_t)feature * a->dims;

        if (i < listed && list->items[i].feature == feature)
            i++;
        put_candidate(s, count, feature, matmul_dot(a->dims, row, atom) * a->inverse[feature]);
        s->start[k++] = (uint32_t)count++;
    }
    s->p.count = scan_padded(count);
    for (; count < s->p.count; count++) {
        s->local_feature[count] = UINT32_MAX;
        s->local_norm[count] = 0.0f;
        s->p.corr[count] = 0.0f;
        s->p.least[count] = PRICE_NEVER;
        s->p.price[count] = PRICE_NEVER;
    }
    return reserve_gram(s, s->p.count);
}

void local_fill_gram(pursuit *p, size_t index)
{
    const search_atoms *a = p->plan->atoms;
    const uint32_t feature = p->feature[index];
    const float *atom = a->atoms + (size_t)feature * a->dims;
    float *row = p->gram + index * p->gram_stride;

    for (size_t i = 0; i < p->count; i++) {
        const uint32_t other = p->feature[i];

        if (other == UINT32_MAX)
            row[i] = 0.0f;
        else if (a->gram != NULL)
            row[i] = a->gram[(size_t)feature * a->padded + other];
        else
            row[i] = matmul_dot(a->dims, atom, a->atoms + (size_t)other * a->dims) *
                     a->inverse[feature] * a->inverse[other];
    }
    p->ready[index] = 1;
}
