#include "chart/chart.h"

#include "chart/axis.h"
#include "chart/drawing.h"

#include "common/files.h"
#include "common/tool.h"

#include <math.h>

enum { HEIGHT = 760, LEFT = 100, RIGHT = 270, TOP = 70, BOTTOM = 80, TICK_STEPS = 8 };

static const double margin = 0.04; /* of an axis' extent, left free at either end */

static int is_drawn(const chart *c, const chart_series *s, size_t i)
{
    return isfinite(scale_apply(c->x.scale, s->x[i])) && isfinite(scale_apply(c->y.scale, s->y[i]));
}

static axis find_axis(const chart *c, int vertical, double from, double to)
{
    const chart_axis *one = vertical ? &c->y : &c->x;
    axis a = {one->scale, INFINITY, -INFINITY, from, to};
    double room;

    for (size_t s = 0; s < c->series_count; s++)
        for (size_t i = 0; i < c->series[s].count; i++)
            if (is_drawn(c, &c->series[s], i)) {
                const double *values = vertical ? c->series[s].y : c->series[s].x;

                a.low = fmin(a.low, scale_apply(a.scale, values[i]));
                a.high = fmax(a.high, scale_apply(a.scale, values[i]));
            }
    if (!(a.low < a.high)) { /* one value, or none */
        const double middle = isfinite(a.low) ? a.low : 0;

        a.low = middle - 0.5;
        a.high = middle + 0.5;
    }
    room = margin * (a.high - a.low);
    a.low -= room;
    a.high += room;
    return a;
}

/* ---- Drawing ----------------------------------------------------------------------------------
 */

static void set_colour(cairo_t *cr, size_t number)
{
    static const unsigned char palette[][3] = {
        {31, 119, 180}, {214, 39, 40},   {44, 160, 44},  {255, 127, 14}, {148, 103, 189},
        {140, 86, 75},  {227, 119, 194}, {23, 190, 207}, {188, 189, 34}, {60, 60, 60}};
    const unsigned char *rgb = palette[number % (sizeof palette / sizeof palette[0])];

    cairo_set_source_rgb(cr, rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0);
}

static void set_dash(cairo_t *cr, size_t number)
{
    static const double patterns[][4] = {{0, 0, 0, 0}, {9, 5, 9, 5}, {2, 4, 2, 4}, {11, 4, 2, 4}};
    const size_t count = sizeof patterns / sizeof patterns[0];

    cairo_set_dash(cr, patterns[number % count], number % count ? 4 : 0, 0);
}

static void draw_frame(cairo_t *cr, const chart *c, const axis *x, const axis *y)
{
    axis_put_grid(cr, x, AXIS_BELOW, y->from, y->to, TICK_STEPS);
    axis_put_grid(cr, y, AXIS_LEFT, x->from, x->to, TICK_STEPS);
    axis_put_numbers(cr, x, AXIS_BELOW, y->from, TICK_STEPS);
    axis_put_numbers(cr, y, AXIS_LEFT, x->from, TICK_STEPS);
    drawing_ink(cr);
    cairo_rectangle(cr, x->from, y->to, x->to - x->from, y->from - y->to);
    cairo_stroke(cr);
    drawing_text(cr, c->title, LEFT, TOP - 28, 21, 0);
    drawing_text(cr, c->x.label, (x->from + x->to) / 2, HEIGHT - 26, 17, 0.5);
    drawing_text_up(cr, c->y.label, 30, (y->from + y->to) / 2, 17, 0.5);
}

static void draw_series(cairo_t *cr, const chart *c, const chart_series *s, const axis *x,
                        const axis *y)
{
    int drawing = 0;

    set_colour(cr, s->colour);
    set_dash(cr, s->dash);
    cairo_set_line_width(cr, s->width);
    for (size_t i = 0; s->width > 0 && i < s->count; i++) {
        if (is_drawn(c, s, i) && drawing)
            cairo_line_to(cr, axis_place(x, s->x[i]), axis_place(y, s->y[i]));
        else if (is_drawn(c, s, i))
            cairo_move_to(cr, axis_place(x, s->x[i]), axis_place(y, s->y[i]));
        drawing = is_drawn(c, s, i);
    }
    cairo_stroke(cr);
    set_dash(cr, 0);
    for (size_t i = 0; s->marks && i < s->count; i++)
        if (is_drawn(c, s, i)) {
            cairo_new_sub_path(cr);
            cairo_arc(cr, axis_place(x, s->x[i]), axis_place(y, s->y[i]), 4.5, 0, 4 * acos(0));
            cairo_fill(cr);
        }
}

static void draw_legend(cairo_t *cr, const chart *c)
{
    const double left = DRAWING_WIDTH - RIGHT + 18;
    size_t entries = 0;
    double line = 24, at = TOP + 12;

    for (size_t s = 0; s < c->series_count; s++)
        entries += c->series[s].label != NULL;
    if (entries > 0)
        line = fmin(line, (double)(HEIGHT - TOP - 40) / (double)(entries + 1));
    drawing_ink(cr);
    if (c->legend) {
        drawing_text(cr, c->legend, left, at, 15, 0);
        at += line;
    }
    for (size_t s = 0; s < c->series_count; s++) {
        const chart_series *one = &c->series[s];

        if (!one->label)
            continue;
        set_colour(cr, one->colour);
        if (one->width > 0) {
            set_dash(cr, one->dash);
            cairo_set_line_width(cr, one->width);
            cairo_move_to(cr, left, at - 5);
            cairo_line_to(cr, left + 34, at - 5);
            cairo_stroke(cr);
            set_dash(cr, 0);
        }
        if (one->marks) {
            cairo_arc(cr, left + 17, at - 5, 4.5, 0, 4 * acos(0));
            cairo_fill(cr);
        }
        drawing_ink(cr);
        drawing_text(cr, one->label, left + 42, at, fmin(15, line - 2), 0);
        at += line;
    }
}

/* ---- The file ---------------------------------------------------------------------------------
 */

int chart_available(void)
{
    return 1;
}

int chart_write(const chart *c, const char *path)
{
    const axis x = find_axis(c, 0, LEFT, DRAWING_WIDTH - RIGHT);
    const axis y = find_axis(c, 1, HEIGHT - BOTTOM, TOP);
    mdla_status closed;
    mdla_sink sink;
    cairo_t *cr;
    int written;

    if (files_sink(path, 1, 1, &sink) != 0)
        return -1;
    cr = drawing_start(HEIGHT);
    draw_frame(cr, c, &x, &y);
    for (size_t s = 0; s < c->series_count; s++)
        draw_series(cr, c, &c->series[s], &x, &y);
    draw_legend(cr, c);
    written = drawing_end(cr, &sink) == 0;
    closed = sink.close(sink.ctx, written);
    if (written && closed == MDLA_OK)
        return 0;
    tool_fail_about(path, MDLA_ERR_IO, NULL);
    return -1;
}
