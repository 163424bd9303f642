#include "answers.h"

#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

size_t answers_lines(const sweep *s, size_t e, size_t fvu, rate_line *lines)
{
    size_t count = 0;

    for (size_t n = 0; n < s->options->rows_count; n++) {
        const measurement *m = sweep_at(s, e, fvu, n);

        if (m->reached)
            lines[count++] = (rate_line){marginal_bits(m), 8.0 * (double)m->codebook_nbytes};
    }
    return count;
}

double answers_total(const sweep *s, size_t e, size_t fvu, double rows)
{
    rate_line lines[SWEEP_LIST_MAX];

    if (s->options->explanations[e].on_train && rows != (double)s->train_rows)
        return (double)NAN;
    return curves_total(lines, answers_lines(s, e, fvu, lines), rows);
}

const measurement *answers_marginal(const sweep *s, size_t e, size_t fvu)
{
    const measurement *best = NULL;

    for (size_t n = 0; n < s->options->rows_count; n++) {
        const measurement *m = sweep_at(s, e, fvu, n);

        if (m->reached && (!best || marginal_bits(m) < marginal_bits(best)))
            best = m;
    }
    return best;
}

size_t answers_shortest(const sweep *s, size_t fvu, double rows)
{
    size_t best = s->options->explanation_count;
    double least = INFINITY;

    for (size_t e = 0; e < s->options->explanation_count; e++) {
        const double total = answers_total(s, e, fvu, rows);

        if (total < least) {
            least = total;
            best = e;
        }
    }
    return best;
}

int answers_optima(const sweep *s, size_t fvu, optimum out[SWEEP_OPTIMA_MAX])
{
    const size_t count = s->options->explanation_count, each = s->options->rows_count;
    rate_line *lines = malloc(count * each * sizeof *lines);
    explanation_lines *all = malloc(count * sizeof *all);
    int result = -1;

    if (lines && all) {
        for (size_t e = 0; e < count; e++) {
            all[e].lines = lines + e * each;
            all[e].count = s->options->explanations[e].on_train
                               ? 0
                               : answers_lines(s, e, fvu, lines + e * each);
        }
        result =
            (int)curves_optima(all, count, SWEEP_ROWS_LOW, SWEEP_ROWS_HIGH, out, SWEEP_OPTIMA_MAX);
    } else
        tool_fail("out of memory");
    free(lines);
    free(all);
    return result;
}

size_t answers_curve(const sweep *s, size_t e, rd_point *points)
{
    size_t count = 0;

    for (size_t f = 0; f < s->options->fvu_count; f++) {
        const measurement *m = answers_marginal(s, e, f);

        if (m && !s->options->explanations[e].on_train)
            points[count++] = (rd_point){m->fvu, marginal_bits(m)};
    }
    return count;
}

/* The curve of every explanation, [explanation][fvu]. */
typedef struct curve_set {
    rd_point *points;
    size_t *counts;
} curve_set;

static int compare_crossings(const void *a, const void *b)
{
    const double x = ((const crossing *)a)->at.fvu, y = ((const crossing *)b)->at.fvu;

    return (x < y) - (x > y);
}

static int cross_pair(const sweep *s, const curve_set *c, size_t a, size_t b, crossing **out,
                      size_t *count)
{
    const size_t each = s->options->fvu_count;
    const rd_point *pa = c->points + a * each, *pb = c->points + b * each;
    rd_point *found = malloc(2 * each * sizeof *found);
    crossing *grown;
    size_t n;

    if (!found)
        return -1;
    n = curves_crossings(pa, c->counts[a], pb, c->counts[b], found, 2 * each);
    grown = realloc(*out, (*count + n + 1) * sizeof *grown);
    if (grown) {
        *out = grown;
        for (size_t i = 0; i < n; i++) {
            /* Just above the crossing, half way to the one before or the curves' end. */
            const double end = fmin(pa[0].fvu, pb[0].fvu);
            const double probe = sqrt(found[i].fvu * (i > 0 ? found[i - 1].fvu : end));
            const int a_above =
                curves_bits(pa, c->counts[a], probe) < curves_bits(pb, c->counts[b], probe);

            grown[(*count)++] = (crossing){a_above ? a : b, a_above ? b : a, found[i]};
        }
    }
    free(found);
    return grown ? 0 : -1;
}

int answers_crossings(const sweep *s, crossing **out, size_t *count)
{
    const size_t explanations = s->options->explanation_count, each = s->options->fvu_count;
    curve_set c = {malloc(explanations * each * sizeof *c.points),
                   calloc(explanations, sizeof *c.counts)};
    int result = c.points && c.counts ? 0 : -1;

    *out = NULL;
    *count = 0;
    for (size_t e = 0; result == 0 && e < explanations; e++)
        c.counts[e] = answers_curve(s, e, c.points + e * each);
    for (size_t a = 0; result == 0 && a < explanations; a++)
        for (size_t b = a + 1; result == 0 && b < explanations; b++)
            if (c.counts[a] && c.counts[b])
                result = cross_pair(s, &c, a, b, out, count);
    free(c.points);
    free(c.counts);
    if (result == 0) {
        if (*count)
            qsort(*out, *count, sizeof **out, compare_crossings);
        return 0;
    }
    free(*out);
    *out = NULL;
    tool_fail("out of memory");
    return -1;
}
