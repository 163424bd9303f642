/* The sweep's pictures: rate-distortion curves, total bits by number of rows, bits by width. */
#include "answers.h"

#include "chart/chart.h"
#include "common/files.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_POINTS = 91, LABEL_MAX = 64 };

static int is_trained(const explanation *e)
{
    return !e->path && !e->basis;
}

static int is_sae(const explanation *e)
{
    return !e->basis;
}

int sweep_has_picture(const sweep *s, sweep_picture picture)
{
    const sweep_options *o = s->options;
    const explanation *first = NULL;

    if (!chart_available())
        return 0;
    if (picture == PICTURE_ROWS)
        return 1;
    if (picture == PICTURE_CURVES)
        return o->fvu_count > 1;
    for (size_t e = 0; e < o->explanation_count; e++)
        if (is_sae(&o->explanations[e])) {
            if (first && first->width != o->explanations[e].width)
                return 1;
            first = &o->explanations[e];
        }
    return 0;
}

const char *sweep_picture_name(const sweep *s, sweep_picture picture, size_t fvu, char text[64])
{
    if (picture == PICTURE_CURVES)
        snprintf(text, 64, "curves.png");
    else
        snprintf(text, 64, "%s-fvu%g.png", picture == PICTURE_ROWS ? "rows" : "widths",
                 s->options->fvu[fvu]);
    return text;
}

/* Curves being gathered. Room is made for all at the start. */
typedef struct plot {
    chart_series *series;
    double *values;            /* x and y of each, [max][2][points] */
    char (*labels)[LABEL_MAX]; /* [max] */
    size_t count, points;
} plot;

static int plot_start(plot *p, size_t max, size_t points)
{
    *p = (plot){.points = points};
    p->series = calloc(max, sizeof *p->series);
    p->values = calloc(max * 2 * points, sizeof *p->values);
    p->labels = calloc(max, sizeof *p->labels);
    if (p->series && p->values && p->labels)
        return 0;
    tool_fail("out of memory");
    return -1;
}

static void plot_end(plot *p)
{
    free(p->series);
    free(p->values);
    free(p->labels);
}

/* The next curve, without points: put_point adds them. */
static chart_series *plot_add(plot *p, const char *label, size_t colour, size_t dash)
{
    chart_series *s = &p->series[p->count];

    snprintf(p->labels[p->count], LABEL_MAX, "%s", label);
    *s = (chart_series){.label = p->labels[p->count],
                        .x = p->values + p->count * 2 * p->points,
                        .y = p->values + (p->count * 2 + 1) * p->points,
                        .colour = colour,
                        .dash = dash,
                        .width = 2};
    p->count++;
    return s;
}

static void put_point(plot *p, chart_series *s, double x, double y)
{
    double *at = p->values + (size_t)(s - p->series) * 2 * p->points;

    at[s->count] = x;
    at[p->points + s->count++] = y;
}

static uint32_t width_of(const explanation *e)
{
    return e->width;
}

static uint32_t l0_of(const explanation *e)
{
    return e->l0;
}

/* How many different values below `own` the trained SAEs have. */
static size_t rank(const sweep *s, uint32_t (*value_of)(const explanation *), uint32_t own)
{
    const sweep_options *o = s->options;
    size_t smaller = 0;

    for (size_t i = 0; i < o->explanation_count; i++) {
        const uint32_t value = value_of(&o->explanations[i]);
        int counts = is_trained(&o->explanations[i]) && value < own;

        for (size_t j = 0; counts && j < i; j++)
            counts = !is_trained(&o->explanations[j]) || value_of(&o->explanations[j]) != value;
        smaller += counts != 0;
    }
    return smaller;
}

/* A curve of an explanation, without points. Trained SAEs have a colour for each width and a dash
 * for each L0, given ones further colours, bases a dash of their own. */
static chart_series *plot_add_explanation(plot *p, const sweep *s, size_t at)
{
    const explanation *e = &s->options->explanations[at];
    size_t before = 0, dashes;

    if (is_trained(e))
        return plot_add(p, e->name, rank(s, width_of, e->width), rank(s, l0_of, e->l0));
    for (size_t i = 0; i < at; i++)
        before += !is_trained(&s->options->explanations[i]) &&
                  is_sae(&s->options->explanations[i]) == is_sae(e);
    if (is_sae(e))
        return plot_add(p, e->name, rank(s, width_of, UINT32_MAX) + before, 0);
    dashes = rank(s, l0_of, UINT32_MAX);
    return plot_add(p, e->name, before, dashes ? dashes : 1);
}

static int write_picture(const sweep *s, sweep_picture picture, size_t fvu, const plot *p, chart *c)
{
    char name[64];
    char *path = files_join(s->folder, NULL, sweep_picture_name(s, picture, fvu, name));
    int result = -1;

    c->series = p->series;
    c->series_count = p->count;
    if (path)
        result = chart_write(c, path);
    free(path);
    return result;
}

static int draw_curves(const sweep *s)
{
    const sweep_options *o = s->options;
    rd_point points[SWEEP_LIST_MAX];
    chart c = {.title = "Rate and distortion: bits a row to reach a loss, codebook shared by many",
               .legend = "explanation",
               .x = {"fraction of variance unexplained (FVU)", CHART_LOG10},
               .y = {"marginal bits a row", CHART_LOG10}};
    int result;
    plot p;

    if (plot_start(&p, o->explanation_count, o->fvu_count) != 0)
        result = -1;
    else {
        for (size_t e = 0; e < o->explanation_count; e++) {
            const size_t count = answers_curve(s, e, points);
            chart_series *series;

            if (count == 0)
                continue;
            series = plot_add_explanation(&p, s, e);
            series->marks = 1;
            for (size_t i = 0; i < count; i++)
                put_point(&p, series, points[i].fvu, points[i].bits);
        }
        result = write_picture(s, PICTURE_CURVES, 0, &p, &c);
    }
    plot_end(&p);
    return result;
}

static double grid_rows(size_t i)
{
    return SWEEP_ROWS_LOW * pow(SWEEP_ROWS_HIGH / SWEEP_ROWS_LOW, (double)i / (ROW_POINTS - 1));
}

static void add_row_curves(const sweep *s, size_t fvu, plot *p)
{
    const sweep_options *o = s->options;
    chart_series *least = plot_add(p, "shortest", 9, 0);

    least->width = 7;
    for (size_t i = 0; i < ROW_POINTS; i++) {
        const size_t e = answers_shortest(s, fvu, grid_rows(i));

        put_point(p, least, grid_rows(i),
                  e < o->explanation_count ? answers_total(s, e, fvu, grid_rows(i)) : (double)NAN);
    }
    for (size_t e = 0; e < o->explanation_count; e++) {
        chart_series *series;

        if (!answers_marginal(s, e, fvu) || o->explanations[e].on_train)
            continue;
        series = plot_add_explanation(p, s, e);
        for (size_t i = 0; i < ROW_POINTS; i++)
            put_point(p, series, grid_rows(i), answers_total(s, e, fvu, grid_rows(i)));
    }
}

static int draw_rows(const sweep *s, size_t fvu)
{
    char title[160];
    chart c = {.title = title,
               .legend = "explanation",
               .x = {"rows that share the codebook", CHART_LOG10},
               .y = {"total bits a row, codebook counted", CHART_LOG10}};
    int result;
    plot p;

    snprintf(title, sizeof title, "Which explanation is shortest for how many rows, at FVU %g",
             s->options->fvu[fvu]);
    result = plot_start(&p, s->options->explanation_count + 1, ROW_POINTS);
    if (result == 0) {
        add_row_curves(s, fvu, &p);
        result = write_picture(s, PICTURE_ROWS, fvu, &p, &c);
    }
    plot_end(&p);
    return result;
}

/* Bits by width of the SAEs trained for one L0, 0 of those given; of several of a width the
 * shortest. rows 0: marginal. */
static void add_width_curve(const sweep *s, size_t fvu, uint32_t l0, double rows,
                            chart_series *series, plot *p)
{
    const sweep_options *o = s->options;
    uint32_t last = 0, width;

    do {
        double least = (double)NAN;

        width = UINT32_MAX;
        for (size_t e = 0; e < o->explanation_count; e++) {
            const explanation *one = &o->explanations[e];
            const measurement *m = answers_marginal(s, e, fvu);
            double bits;

            if (!is_sae(one) || one->l0 != l0 || !m || one->width <= last || one->width > width)
                continue;
            bits = rows > 0 ? answers_total(s, e, fvu, rows) : marginal_bits(m);
            least = one->width < width ? bits : fmin(least, bits);
            width = one->width;
        }
        if (width != UINT32_MAX)
            put_point(p, series, width, least);
        last = width;
    } while (width != UINT32_MAX);
}

/* "L0 16, N 1,000", "given, marginal" */
static void label_widths(char label[LABEL_MAX], uint32_t l0, uint64_t rows)
{
    char trained[32], number[NUMBER_TEXT_MAX];

    snprintf(trained, sizeof trained, "L0 %" PRIu32, l0);
    snprintf(label, LABEL_MAX, "%s, %s%s", l0 ? trained : "given", rows ? "N " : "marginal",
             rows ? number_grouped(rows, number) : "");
}

static int draw_widths(const sweep *s, size_t fvu)
{
    const sweep_options *o = s->options;
    char title[160], label[LABEL_MAX];
    chart c = {.title = title,
               .legend = "L0 trained for, rows N",
               .x = {"width of the SAE, features", CHART_LOG2},
               .y = {"bits a row", CHART_LOG10}};
    int result;
    plot p;

    snprintf(title, sizeof title, "Bits a row by width at FVU %g: codebook shared by N rows",
             o->fvu[fvu]);
    result = plot_start(&p, o->explanation_count * (o->rows_count + 1), o->explanation_count);
    for (size_t e = 0; result == 0 && e < o->explanation_count; e++) {
        const explanation *one = &o->explanations[e];
        int first = is_sae(one);

        for (size_t i = 0; i < e; i++)
            first = first && !(is_sae(&o->explanations[i]) && o->explanations[i].l0 == one->l0);
        for (size_t n = 0; first && n <= o->rows_count; n++) {
            const uint64_t rows = n < o->rows_count ? o->rows[n] : 0;
            chart_series *series;

            label_widths(label, one->l0, rows);
            series = plot_add(&p, label, rank(s, l0_of, one->l0 ? one->l0 : UINT32_MAX), n);
            series->marks = 1;
            add_width_curve(s, fvu, one->l0, (double)rows, series, &p);
        }
    }
    if (result == 0)
        result = write_picture(s, PICTURE_WIDTHS, fvu, &p, &c);
    plot_end(&p);
    return result;
}

int sweep_draw(const sweep *s)
{
    int result = 0;

    if (!chart_available())
        tool_say("no PNG is drawn: this build of mdla-sweep lacks cairo (Debian: libcairo2-dev)");
    if (sweep_has_picture(s, PICTURE_CURVES))
        result = draw_curves(s);
    for (size_t f = 0; result == 0 && f < s->options->fvu_count; f++) {
        if (sweep_has_picture(s, PICTURE_ROWS))
            result = draw_rows(s, f);
        if (result == 0 && sweep_has_picture(s, PICTURE_WIDTHS))
            result = draw_widths(s, f);
    }
    return result;
}
