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

/* A horizontal line with its value, k and M for many. */
static void put_y_tick(text_sink *out, double y, double value)
{
    const char *unit = value >= 1e6 ? "M" : value >= 1e3 ? "k" : "";
    const double shown = value >= 1e6 ? value / 1e6 : value >= 1e3 ? value / 1e3 : value;

    text_sink_format(out,
                     "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                     "class=\"end\">%g%s</text>",
                     LEFT, y, WIDTH - RIGHT, LEFT - 5, y + 4, shown, unit);
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

/* An axis that begins at zero and ends at a tick. */
typedef struct scale {
    double step, end;
} scale;

static scale fit_scale(double most, double parts)
{
    scale s;

    s.step = nice_step(most > 0 ? most : 1, parts);
    s.end = s.step * ceil((most > 0 ? most : 1) / s.step - 1e-9);
    return s;
}

static double place_x(const scale *s, double value)
{
    return LEFT + PLOT_WIDTH * value / s->end;
}

static double place_y(const scale *s, double value)
{
    return TOP + PLOT_HEIGHT * (1 - value / s->end);
}

/* Rates fall with distortion, so that lines leave room above to the right of a point, and below to
 * the left: there go the labels that are far right or would lie on another. */
static int goes_below(const chart_point *points, size_t i, const scale *sx, const scale *sy)
{
    const double x = place_x(sx, points[i].x), y = place_y(sy, points[i].y);

    if (x > WIDTH * 0.65)
        return 1;
    for (size_t j = 0; j < i; j++)
        if (!points[j].below && fabs(place_x(sx, points[j].x) - x) < 80 &&
            fabs(place_y(sy, points[j].y) - y) < 12)
            return 1;
    return 0;
}

/* Colours that are told apart well. */
static int group_class(size_t group)
{
    static const int classes[] = {1, 5, 9, 7, 4, 12};

    return classes[group % (sizeof classes / sizeof classes[0])];
}

void chart_put_points(text_sink *out, chart_point *points, size_t count, const char *x_axis,
                      const char *y_axis)
{
    double most_x = 0, most_y = 0;
    scale sx, sy;
    char text[32];

    qsort(points, count, sizeof *points, by_group_and_x);
    for (size_t i = 0; i < count; i++) {
        most_x = fmax(most_x, points[i].x);
        most_y = fmax(most_y, points[i].y);
    }
    sx = fit_scale(most_x, 6);
    sy = fit_scale(most_y, 5);
    open_svg(out, "rate and distortion");
    for (int i = 1; i * sy.step <= sy.end * (1 + 1e-9); i++)
        put_y_tick(out, place_y(&sy, i * sy.step), i * sy.step);
    for (int i = 0; i * sx.step <= sx.end * (1 + 1e-9); i++) {
        snprintf(text, sizeof text, "%g", i * sx.step);
        put_x_tick(out, place_x(&sx, i * sx.step), text);
    }
    put_axes(out, x_axis, y_axis);
    for (size_t i = 1; i < count; i++)
        if (points[i].group == points[i - 1].group)
            text_sink_format(out, "<path class=\"line k%d\" d=\"M%.1f %.1fL%.1f %.1f\"/>",
                             group_class(points[i].group), place_x(&sx, points[i - 1].x),
                             place_y(&sy, points[i - 1].y), place_x(&sx, points[i].x),
                             place_y(&sy, points[i].y));
    for (size_t i = 0; i < count; i++) {
        const double x = place_x(&sx, points[i].x), y = place_y(&sy, points[i].y);
        const int below = points[i].below = goes_below(points, i, &sx, &sy);

        text_sink_format(out, "<circle class=\"dot k%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>",
                         group_class(points[i].group), x, y);
        html_text(out, points[i].name);
        text_sink_format(out, ": %.2f bits a row, FVU %.6f</title></circle>", points[i].x,
                         points[i].y);
        text_sink_format(out, "<text x=\"%.1f\" y=\"%.1f\"%s>", x + (below ? -5 : 5),
                         y + (below ? 14 : -5), below ? " class=\"end\"" : "");
        html_text(out, points[i].name);
        html_put(out, "</text>");
    }
    html_put(out, "</svg>");
}
