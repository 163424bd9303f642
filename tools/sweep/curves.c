#include "curves.h"

#include <math.h>

enum { GRID = 4096, HALVINGS = 50 };

double curves_total(const rate_line *lines, size_t count, double rows)
{
    double least = (double)NAN;

    for (size_t i = 0; i < count; i++)
        least = fmin(least, lines[i].marginal + lines[i].codebook / rows); /* NaN gives way */
    return least;
}

/* The shortest for so many rows; count where none is. */
static size_t shortest(const explanation_lines *explanations, size_t count, double rows)
{
    double least = INFINITY;
    size_t at = count;

    for (size_t e = 0; e < count; e++) {
        const double total = curves_total(explanations[e].lines, explanations[e].count, rows);

        if (total < least) {
            least = total;
            at = e;
        }
    }
    return at;
}

size_t curves_optima(const explanation_lines *explanations, size_t count, double low, double high,
                     optimum *out, size_t max)
{
    double before = low;
    size_t found = 0, now = shortest(explanations, count, low);

    if (now == count || max == 0)
        return 0;
    out[found++] = (optimum){low, high, now};
    for (int i = 1; i <= GRID && found < max; i++) {
        const double rows = low * pow(high / low, (double)i / GRID);
        const size_t next = shortest(explanations, count, rows);

        if (next != now) { /* it changes between before and rows: close in */
            double left = before, right = rows;

            for (int h = 0; h < HALVINGS; h++) {
                const double middle = sqrt(left * right);

                if (shortest(explanations, count, middle) == now)
                    left = middle;
                else
                    right = middle;
            }
            out[found - 1].to = right;
            out[found++] = (optimum){right, high, next};
            now = next;
        }
        before = rows;
    }
    return found;
}

double curves_bits(const rd_point *points, size_t count, double fvu)
{
    for (size_t i = 0; i < count; i++)
        if (points[i].fvu == fvu)
            return points[i].bits;
    for (size_t i = 0; i + 1 < count; i++)
        if (points[i].fvu > fvu && fvu > points[i + 1].fvu) {
            const double share = log(points[i].fvu / fvu) / log(points[i].fvu / points[i + 1].fvu);

            return points[i].bits + share * (points[i + 1].bits - points[i].bits);
        }
    return (double)NAN;
}

/* The next FVU below fvu at which either curve has a point; 0: none. */
static double next_knot(const rd_point *a, size_t a_count, const rd_point *b, size_t b_count,
                        double fvu)
{
    double next = 0;

    for (size_t i = 0; i < a_count; i++)
        if (a[i].fvu < fvu)
            next = fmax(next, a[i].fvu);
    for (size_t i = 0; i < b_count; i++)
        if (b[i].fvu < fvu)
            next = fmax(next, b[i].fvu);
    return next;
}

size_t curves_crossings(const rd_point *a, size_t a_count, const rd_point *b, size_t b_count,
                        rd_point *out, size_t max)
{
    double fvu = INFINITY, last = 0, last_fvu = 0; /* where the difference last wasn't 0 */
    size_t found = 0;

    while (found < max && (fvu = next_knot(a, a_count, b, b_count, fvu)) > 0) {
        const double difference = curves_bits(a, a_count, fvu) - curves_bits(b, b_count, fvu);

        if (isnan(difference) || difference == 0)
            continue;
        if (last * difference < 0) { /* both are straight over log FVU between knots */
            const double share = last / (last - difference);
            const double at = last_fvu * pow(fvu / last_fvu, share);

            out[found++] = (rd_point){at, curves_bits(a, a_count, at)};
        }
        last = difference;
        last_fvu = fvu;
    }
    return found;
}
