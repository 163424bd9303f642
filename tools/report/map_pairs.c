/* pairs.png: the features of the pairs that save most, each with each; features that go together
 * stand together. */
#include "report/map_kinds.h"

#include "chart/drawing.h"
#include "common/numbers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    HEIGHT = 990,
    SHOWN = 48, /* features at most */
    PLOT = 816,
    RIGHT = MAP_LEFT + PLOT + 44,
    BAR = 24,
    BAR_HEIGHT = 330,
    LISTED = 14
};

/* The matrix, symmetric; bits are below zero where the two avoid each other. */
typedef struct matrix {
    uint32_t feature[SHOWN];
    size_t count;
    double bits[SHOWN][SHOWN];
    double sum, least, most; /* of the shown pairs, each counted once, without the sign */
    size_t pairs;            /* shown */
} matrix;

static size_t find_feature(const matrix *m, uint32_t feature)
{
    size_t i = 0;

    while (i < m->count && m->feature[i] != feature)
        i++;
    return i;
}

static int is_apart(const feature_pairs *l, const feature_pair *p)
{
    return (double)p->both * (double)l->rows_count <
           (double)l->rows[p->from] * (double)l->rows[p->to];
}

/* The features of the pairs that save most, as many as there is room for. */
static void choose_features(matrix *m, const feature_pairs *l)
{
    for (size_t i = 0; i < l->count && m->count < SHOWN; i++) {
        const int has_from = find_feature(m, l->pairs[i].from) < m->count;
        const int has_to = find_feature(m, l->pairs[i].to) < m->count;

        if (m->count + !has_from + !has_to > SHOWN)
            continue;
        if (!has_from)
            m->feature[m->count++] = l->pairs[i].from;
        if (!has_to)
            m->feature[m->count++] = l->pairs[i].to;
    }
}

/* All pairs of the features in the matrix. */
static void fill_matrix(matrix *m, const feature_pairs *l)
{
    memset(m, 0, sizeof *m);
    m->least = INFINITY;
    choose_features(m, l);
    for (size_t i = 0; i < l->count; i++) {
        const feature_pair *p = &l->pairs[i];
        const size_t a = find_feature(m, p->from), b = find_feature(m, p->to);

        if (a == m->count || b == m->count || p->bits <= 0)
            continue;
        m->bits[a][b] = m->bits[b][a] = is_apart(l, p) ? -p->bits : p->bits;
        m->sum += p->bits;
        m->least = fmin(m->least, p->bits);
        m->most = fmax(m->most, p->bits);
        m->pairs++;
    }
}

/* Joins the two groups of features that are bound most, by the mean of their pairs' square roots,
 * until one is left, whose order is the answer. order: of the matrix' lines. */
static void sort_lines(const matrix *m, size_t order[SHOWN])
{
    size_t start[SHOWN + 1], groups = m->count;

    for (size_t i = 0; i <= m->count; i++)
        start[i] = i;
    for (size_t i = 0; i < m->count; i++)
        order[i] = i;
    for (; groups > 1; groups--) {
        size_t first = 0, second = 1, held[SHOWN], count;
        double best = -INFINITY;

        for (size_t a = 0; a < groups; a++)
            for (size_t b = a + 1; b < groups; b++) {
                double sum = 0;

                for (size_t i = start[a]; i < start[a + 1]; i++)
                    for (size_t j = start[b]; j < start[b + 1]; j++) {
                        const double bits = m->bits[order[i]][order[j]];

                        sum += copysign(sqrt(fabs(bits)), bits);
                    }
                sum /= (double)((start[a + 1] - start[a]) * (start[b + 1] - start[b]));
                if (sum > best) {
                    best = sum;
                    first = a;
                    second = b;
                }
            }
        /* The second moves behind the first, and those between make room. */
        count = start[second + 1] - start[second];
        memcpy(held, order + start[second], count * sizeof *held);
        memmove(order + start[first + 1] + count, order + start[first + 1],
                (start[second] - start[first + 1]) * sizeof *order);
        memcpy(order + start[first + 1], held, count * sizeof *held);
        for (size_t g = second; g > first; g--)
            start[g] = start[g] + count;
        memmove(start + second, start + second + 1, (groups - second) * sizeof *start);
    }
}

typedef struct two_scales {
    colour_scale together, apart;
} two_scales;

static void put_cells(cairo_t *cr, const matrix *m, const size_t order[SHOWN],
                      const two_scales *scales)
{
    const double side = (double)PLOT / (double)m->count;
    const double size = fmin(side - 3, 15);
    uint8_t rgb[SHOWN * SHOWN * 3];
    char text[16];

    for (size_t r = 0; r < m->count; r++)
        for (size_t c = 0; c < m->count; c++) {
            const double bits = m->bits[order[r]][order[c]];
            uint8_t *cell = rgb + 3 * (r * m->count + c);

            colour_of(bits < 0 ? &scales->apart : &scales->together, fabs(bits), cell);
            if (r == c)
                memset(cell, 215, 3);
        }
    heatmap_put(cr, rgb, m->count, m->count, (rectangle){MAP_LEFT, MAP_TOP, PLOT, PLOT});
    for (size_t i = 0; i < m->count; i++) {
        const double middle = ((double)i + 0.5) * side + size * 0.35;

        snprintf(text, sizeof text, "%u", m->feature[order[i]]);
        drawing_text(cr, text, MAP_LEFT - 6, MAP_TOP + middle, size, 1);
        drawing_text_up(cr, text, MAP_LEFT + middle, MAP_TOP + PLOT + 6, size, 1);
    }
    drawing_text(cr, "feature", MAP_LEFT + PLOT / 2.0, HEIGHT - 18, 17, 0.5);
    drawing_text_up(cr, "feature", 26, MAP_TOP + PLOT / 2.0, 17, 0.5);
}

static void put_legends(cairo_t *cr, const two_scales *scales)
{
    const rectangle first = {RIGHT, MAP_TOP + 34, BAR, BAR_HEIGHT};
    rectangle second = first;

    second.x += 120;
    drawing_text(cr, "Bits saved over all rows", RIGHT, MAP_TOP + 14, 15, 0);
    heatmap_put_legend(cr, &scales->together, "active together", first);
    heatmap_put_legend(cr, &scales->apart, "avoid each other", second);
}

static void put_list(cairo_t *cr, const feature_pairs *l)
{
    double line = MAP_TOP + 34 + BAR_HEIGHT + 30;
    char text[64];

    drawing_text(cr, "White: nothing, or no weight", RIGHT, line, 15, 0);
    line += 46;
    drawing_text(cr, "Pairs that save most, bits:", RIGHT, line, 15, 0);
    line += 8;
    for (size_t i = 0; i < l->count && i < LISTED; i++) {
        const feature_pair *p = &l->pairs[i];

        line += 22;
        snprintf(text, sizeof text, "%u, %u", p->from, p->to);
        drawing_text(cr, text, RIGHT, line, 15, 0);
        snprintf(text, sizeof text, "%.0f", fmax(p->bits, 0));
        drawing_text(cr, text, DRAWING_WIDTH - 64, line, 15, 1);
        if (is_apart(l, p))
            drawing_text(cr, "apart", DRAWING_WIDTH - 54, line, 15, 0);
    }
}

static void put_words(cairo_t *cr, const report_file *f, const matrix *m, const feature_pairs *l)
{
    const double gap = f->account.additive_indices - f->account.bits[MDLA_BITS_INDICES];
    char below[256], shown[NUMBER_TEXT_MAX], all[NUMBER_TEXT_MAX], bits[NUMBER_TEXT_MAX],
        gap_bits[NUMBER_TEXT_MAX];

    snprintf(
        below, sizeof below,
        "%s of the joint model's %s pairs save %s bits, each taken alone. The whole model saves "
        "%s bits (the independence gap).",
        number_grouped(m->pairs, shown), number_grouped(l->count, all),
        number_grouped((uint64_t)llrint(m->sum), bits),
        number_grouped((uint64_t)llrint(fmax(gap, 0)), gap_bits));
    map_put_title(cr, f, "bits that one feature of a pair saves on the other", below);
}

cairo_t *pair_map_draw(const report_file *f, const feature_pairs *l)
{
    cairo_t *cr = drawing_start(HEIGHT);
    size_t order[SHOWN];
    two_scales scales;
    matrix m;

    fill_matrix(&m, l);
    sort_lines(&m, order);
    scales.together = colour_scale_log(PALETTE_ORANGE, m.least, m.most);
    scales.apart = colour_scale_log(PALETTE_BLUE, m.least, m.most);
    put_words(cr, f, &m, l);
    put_cells(cr, &m, order, &scales);
    put_legends(cr, &scales);
    put_list(cr, l);
    return cr;
}
