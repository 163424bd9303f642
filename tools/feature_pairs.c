#include "feature_pairs.h"

#include <math.h>
#include <stdlib.h>

static int add_weight(void *ctx, const mdla_joint_weight *weight)
{
    feature_pairs *l = ctx;

    if (weight->before)
        return 0;
    if (l->count == l->room) {
        const size_t room = l->room ? 2 * l->room : 1024;
        feature_pair *pairs = realloc(l->pairs, room * sizeof *pairs);

        l->out_of_memory = !pairs;
        if (!pairs)
            return 1;
        l->pairs = pairs;
        l->room = room;
    }
    l->pairs[l->count++] =
        (feature_pair){.from = weight->from, .to = weight->to, .octaves = weight->octaves};
    return 0;
}

static int compare_features(const void *a, const void *b)
{
    const feature_pair *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static int compare_bits(const void *a, const void *b)
{
    const feature_pair *x = a, *y = b;

    if (x->bits != y->bits)
        return x->bits > y->bits ? -1 : 1;
    return compare_features(a, b);
}

static void index_pairs(feature_pairs *l, uint32_t width)
{
    size_t at = 0;

    if (l->count > 0)
        qsort(l->pairs, l->count, sizeof *l->pairs, compare_features);
    for (uint32_t f = 0; f <= width; f++) {
        while (at < l->count && l->pairs[at].from < f)
            at++;
        l->start[f] = at;
    }
}

mdla_status feature_pairs_open(mdla_decoder *decoder, feature_pairs *out, mdla_error *err)
{
    mdla_file_info info;
    mdla_status status;

    mdla_decoder_query(decoder, &info);
    *out = (feature_pairs){.start = calloc((size_t)info.width + 1, sizeof *out->start),
                           .rows = calloc(info.width, sizeof *out->rows)};
    if (!out->start || !out->rows)
        return MDLA_ERR_MEMORY;
    status = mdla_codebook_visit_weights(mdla_decoder_codebook(decoder), add_weight, out, err);
    if (out->out_of_memory)
        return MDLA_ERR_MEMORY;
    if (status == MDLA_OK)
        index_pairs(out, info.width);
    return status;
}

/* Codes come in coding order, in which weights lead forward. */
void feature_pairs_add(feature_pairs *l, const mdla_coded_feature *code, size_t count)
{
    l->rows_count++;
    for (size_t i = 0; i < count; i++) {
        const uint32_t from = code[i].feature;
        const size_t first = l->start[from], some = l->start[from + 1] - first;

        l->rows[from]++;
        for (size_t j = i + 1; j < count && some > 0; j++) {
            const feature_pair key = {.from = from, .to = code[j].feature};
            feature_pair *found =
                bsearch(&key, l->pairs + first, some, sizeof key, compare_features);

            if (found)
                found->both++;
        }
    }
}

/* count rows of all fall here, where row_sum x column_sum / all would if the two were independent.
 */
static double information(double count, double row_sum, double column_sum, double all)
{
    return count > 0 ? count * log2(count * all / (row_sum * column_sum)) : 0;
}

static double mutual_bits(double a, double b, double both, double all)
{
    return information(both, a, b, all) + information(a - both, a, all - b, all) +
           information(b - both, all - a, b, all) +
           information(all - a - b + both, all - a, all - b, all);
}

void feature_pairs_rank(feature_pairs *l)
{
    for (size_t i = 0; i < l->count; i++) {
        feature_pair *p = &l->pairs[i];

        p->bits = mutual_bits((double)l->rows[p->from], (double)l->rows[p->to], (double)p->both,
                              (double)l->rows_count);
    }
    if (l->count > 0)
        qsort(l->pairs, l->count, sizeof *l->pairs, compare_bits);
}

void feature_pairs_free(feature_pairs *l)
{
    free(l->pairs);
    free(l->start);
    free(l->rows);
}
