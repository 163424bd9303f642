#include "report/charts.h"

#include "report/html.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* All charts are drawn 400 wide, so that their text is readable on a phone too. */
enum { WIDTH = 400, LEFT = 44, RIGHT = 18, TOP = 20, BOTTOM = 40, HEIGHT = 212 };
enum { PLOT_WIDTH = WIDTH - LEFT - RIGHT, PLOT_HEIGHT = HEIGHT - TOP - BOTTOM };

/* A step of 1, 2 or 5 times a power of ten that divides the span in at most `most` parts. */
static double nice_step(double span, double most)
{
    const double power = pow(10, floor(log10(span / most)));
    const double steps[] = {1, 2, 5, 10};

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (span / (steps[i] * power) <= most)
            return steps[i] * power;
    return 10 * power;
}

static void open_svg(text_sink *out, const char *label)
{
    text_sink_format(out, "<svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
                     WIDTH, HEIGHT);
    html_text(out, label);
    html_put(out, "\">");
}

/* "0.2", "60k", "1M", "1G", "1T". */
static const char *short_number(double value, char text[32])
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    size_t unit = 0;

    for (; value >= 1e3 * (1 - 1e-9) && unit < sizeof units / sizeof units[0] - 1; unit++)
        value /= 1e3;
    snprintf(text, 32, "%g%s", value, units[unit]);
    return text;
}

/* A horizontal line with its value. */
static void put_y_tick(text_sink *out, double y, double value)
{
    char text[32];

    text_sink_format(out,
                     "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                     "class=\"end\">%s</text>",
                     LEFT, y, WIDTH - RIGHT, LEFT - 5, y + 4, short_number(value, text));
}

static void put_x_tick(text_sink *out, double x, const char *text)
{
    text_sink_format(out, "<text x=\"%.1f\" y=\"%d\" class=\"mid\">", x, TOP + PLOT_HEIGHT + 15);
    html_text(out, text);
    html_put(out, "</text>");
}

/* The horizontal axis, and what both axes are. */
static void put_axes(text_sink *out, const char *x_axis, const char *y_axis)
{
    text_sink_format(out,
                     "<path class=\"axis\" d=\"M%d %dH%d\"/><text x=\"%d\" y=\"%d\" "
                     "class=\"mid soft\">",
                     LEFT, TOP + PLOT_HEIGHT, WIDTH - RIGHT, LEFT + PLOT_WIDTH / 2, HEIGHT - 6);
    html_text(out, x_axis);
    html_put(out, "</text><text x=\"2\" y=\"10\" class=\"soft\">");
    html_text(out, y_axis);
    html_put(out, "</text>");
}

void chart_put_columns(text_sink *out, const chart_columns *c)
{
    const double step_x = (double)PLOT_WIDTH / (double)c->count;
    const double gap = step_x > 6 ? 2 : step_x > 3 ? 1 : 0;
    uint64_t most = 1;
    double step;
    char from[32];

    for (size_t i = 0; i < c->count; i++)
        most = c->height[i] > most ? c->height[i] : most;
    step = fmax(nice_step((double)most, 4), 1);
    open_svg(out, c->what);
    for (double v = step; v <= (double)most; v += step)
        put_y_tick(out, TOP + PLOT_HEIGHT * (1 - v / (double)most), v);
    for (size_t i = 0; i <= c->count; i++) {
        const double x = LEFT + step_x * (double)i;

        c->label(c->ctx, i, from);
        if (from[0])
            put_x_tick(out, x, from);
        if (i == c->count || c->height[i] == 0)
            continue;
        /* One row of a million still shows. */
        const double high = fmax(PLOT_HEIGHT * ((double)c->height[i] / (double)most), 1);

        text_sink_format(out,
                         "<rect class=\"col\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                         "height=\"%.1f\"><title>%llu ",
                         x + gap / 2, TOP + PLOT_HEIGHT - high, step_x - gap, high,
                         (unsigned long long)c->height[i]);
        html_text(out, c->what);
        html_put(out, "</title></rect>");
    }
    put_axes(out, c->axis, c->what);
    html_put(out, "</svg>");
}

void chart_put_parts(text_sink *out, const chart_part *parts, size_t count, double full,
                     const char *unit)
{
    double x = 0;

    html_put(out, "<svg class=\"parts\" viewBox=\"0 0 1000 40\" preserveAspectRatio=\"none\" "
                  "role=\"img\" aria-label=\"bits by class\">");
    for (size_t i = 0; i < count; i++) {
        const double width = full > 0 ? 1000 * parts[i].value / full : 0;

        if (width <= 0)
            continue;
        text_sink_format(out, "<rect class=\"k%d\" x=\"%.2f\" width=\"%.2f\" height=\"40\"><title>",
                         parts[i].style, x, width);
        html_text(out, parts[i].name);
        text_sink_format(out, ": %.3f ", parts[i].value);
        html_text(out, unit);
        html_put(out, "</title></rect>");
        x += width;
    }
    html_put(out, "</svg>");
}

static int by_group_and_x(const void *a, const void *b)
{
    const chart_point *p = a, *q = b;

    if (p->group != q->group)
        return p->group < q->group ? -1 : 1;
    return p->x < q->x ? -1 : p->x > q->x;
}

/* ---- points and curves ---- */

/* An axis from begin to end: linear from zero to a tick, or by powers of ten. */
typedef struct scale {
    int log, fine;           /* fine: with ticks at 2 and 5 times these */
    double begin, end, step; /* step of linear ticks */
} scale;

/* The tick after one of a scale. */
static double after(const scale *s, double tick)
{
    double digit;

    if (!s->log)
        return tick + s->step;
    if (!s->fine)
        return 10 * tick;
    digit = tick / pow(10, floor(log10(tick) + 1e-9));
    return tick * (digit > 1.5 && digit < 3.5 ? 2.5 : 2);
}

static scale fit_scale(double least, double most, int log, double parts)
{
    scale s = {.log = log};

    most = most > 0 ? most : 1;
    if (log) {
        s.fine = most / least < 100;
        for (s.begin = pow(10, floor(log10(least) + 1e-9));
             after(&s, s.begin) < least * (1 + 1e-9);)
            s.begin = after(&s, s.begin);
        s.end = fmax(most, after(&s, s.begin));
    } else {
        s.step = nice_step(most, parts);
        s.end = s.step * ceil(most / s.step - 1e-9);
    }
    return s;
}

/* 0 .. 1 */
static double place(const scale *s, double value)
{
    return s->log ? log(value / s->begin) / log(s->end / s->begin) : value / s->end;
}

static double place_x(const scale *s, double value)
{
    return LEFT + PLOT_WIDTH * place(s, value);
}

static double place_y(const scale *s, double value)
{
    return TOP + PLOT_HEIGHT * (1 - place(s, value));
}

static void put_ticks(text_sink *out, const scale *x, const scale *y)
{
    char text[32];

    for (double v = y->begin; v <= y->end * (1 + 1e-9); v = after(y, v))
        if (v > 0)
            put_y_tick(out, place_y(y, v), v);
    for (double v = x->begin; v <= x->end * (1 + 1e-9); v = after(x, v))
        put_x_tick(out, place_x(x, v), short_number(v, text));
}

void chart_put_class(text_sink *out, size_t group)
{
    /* Colours that are told apart well; after them the same again, dashed. */
    static const int classes[] = {1, 5, 9, 7, 4, 12, 11, 15, 13, 6, 14, 2};
    const size_t count = sizeof classes / sizeof classes[0];

    text_sink_format(out, "k%d%s", classes[group % count], group / count % 2 ? " dash" : "");
}

static void put_lines(text_sink *out, const chart_point *points, size_t count, const scale *x,
                      const scale *y)
{
    for (size_t i = 1; i < count; i++) {
        if (points[i].group != points[i - 1].group)
            continue;
        if (i == 1 || points[i - 2].group != points[i].group) {
            html_put(out, "<path class=\"line ");
            chart_put_class(out, points[i].group);
            text_sink_format(out, "\" d=\"M%.1f %.1f", place_x(x, points[i - 1].x),
                             place_y(y, points[i - 1].y));
        }
        text_sink_format(out, "L%.1f %.1f", place_x(x, points[i].x), place_y(y, points[i].y));
        if (i + 1 == count || points[i + 1].group != points[i].group)
            html_put(out, "\"/>");
    }
}

static void put_dots(text_sink *out, const chart_point *points, size_t count, const scale *x,
                     const scale *y)
{
    for (size_t i = 0; i < count; i++) {
        html_put(out, "<circle class=\"dot ");
        chart_put_class(out, points[i].group);
        text_sink_format(out, "\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>", place_x(x, points[i].x),
                         place_y(y, points[i].y));
        html_text(out, points[i].name);
        text_sink_format(out, ": %.2f bits a row, FVU %.6f</title></circle>", points[i].x,
                         points[i].y);
    }
}

void chart_put_points(text_sink *out, chart_point *points, size_t count, const chart_plane *plane)
{
    double least_x = INFINITY, least_y = INFINITY, most_x = 0, most_y = 0;
    scale x, y;

    qsort(points, count, sizeof *points, by_group_and_x);
    for (size_t i = 0; i < count; i++) {
        least_x = fmin(least_x, points[i].x);
        least_y = fmin(least_y, points[i].y);
        most_x = fmax(most_x, points[i].x);
        most_y = fmax(most_y, points[i].y);
    }
    x = fit_scale(least_x, most_x, plane->log, 6);
    y = fit_scale(least_y, most_y, plane->log, 5);
    open_svg(out, plane->label);
    put_ticks(out, &x, &y);
    put_axes(out, plane->x_axis, plane->y_axis);
    put_lines(out, points, count, &x, &y);
    if (plane->dots)
        put_dots(out, points, count, &x, &y);
    html_put(out, "</svg>");
}

void chart_put_key(text_sink *out, size_t group, const char *name)
{
    html_put(out, "<span><i class=\"key ");
    chart_put_class(out, group);
    html_put(out, "\"></i>");
    html_text(out, name);
    html_put(out, "</span>");
}
