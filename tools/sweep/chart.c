#include "chart.h"

#include "common/files.h"
#include "common/tool.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>

enum { WIDTH = 1200, HEIGHT = 760, LEFT = 100, RIGHT = 270, TOP = 70, BOTTOM = 80, TICKS_MAX = 40 };

static const double margin = 0.04; /* of an axis' extent, left free at either end */

/* An axis in the picture: values low .. high (of the scale: logarithms) at pixels from .. to. */
typedef struct axis_map {
    chart_scale scale;
    double low, high, from, to;
} axis_map;

static double scaled(chart_scale scale, double value)
{
    return scale == CHART_LINEAR ? value : scale == CHART_LOG10 ? log10(value) : log2(value);
}

static double unscaled(chart_scale scale, double value)
{
    return scale == CHART_LINEAR ? value : scale == CHART_LOG10 ? pow(10, value) : exp2(value);
}

static double place(const axis_map *a, double value)
{
    return a->from + (scaled(a->scale, value) - a->low) / (a->high - a->low) * (a->to - a->from);
}

static int is_drawn(const chart *c, const chart_series *s, size_t i)
{
    return isfinite(scaled(c->x.scale, s->x[i])) && isfinite(scaled(c->y.scale, s->y[i]));
}

static axis_map map_axis(const chart *c, int vertical, double from, double to)
{
    const chart_axis *axis = vertical ? &c->y : &c->x;
    axis_map a = {axis->scale, INFINITY, -INFINITY, from, to};
    double room;

    for (size_t s = 0; s < c->series_count; s++)
        for (size_t i = 0; i < c->series[s].count; i++)
            if (is_drawn(c, &c->series[s], i)) {
                const double *values = vertical ? c->series[s].y : c->series[s].x;

                a.low = fmin(a.low, scaled(a.scale, values[i]));
                a.high = fmax(a.high, scaled(a.scale, values[i]));
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

/* ---- Ticks ------------------------------------------------------------------------------------
 */

/* 1, 2 or 5 times a power of ten, so that some eight steps fill the extent. */
static double round_step(double extent)
{
    const double power = pow(10, floor(log10(extent / 8)));
    const double times = extent / 8 / power;

    return power * (times > 5 ? 10 : times > 2 ? 5 : times > 1 ? 2 : 1);
}

static size_t even_ticks(double low, double high, double *out)
{
    const double step = round_step(high - low);
    size_t count = 0;

    for (double tick = ceil(low / step); tick * step <= high && count < TICKS_MAX; tick++)
        out[count++] = tick * step;
    return count;
}

/* Values of the axis, rising. */
static size_t ticks_of(const axis_map *a, double out[TICKS_MAX])
{
    const double low = unscaled(a->scale, a->low), high = unscaled(a->scale, a->high);
    static const double times[] = {1, 2, 5};
    const int decades = (int)(a->high - a->low);
    size_t count = 0;

    if (a->scale == CHART_LINEAR || (a->scale == CHART_LOG10 && decades < 1))
        return even_ticks(low, high, out);
    if (a->scale == CHART_LOG2) {
        for (double power = ceil(a->low); power <= a->high && count < TICKS_MAX; power++)
            out[count++] = exp2(power);
        return count;
    }
    for (double power = floor(a->low); power <= a->high; power++)
        for (int i = 0; i < (decades > 4 ? 1 : 3) && count < TICKS_MAX; i++) {
            const double tick = times[i] * pow(10, power);

            if (tick >= low && tick <= high)
                out[count++] = tick;
        }
    return count;
}

/* "0.25", "2048", "16,384", "1e6". */
static void format_tick(double value, char text[32])
{
    if (value >= 1e6) {
        const int power = (int)floor(log10(value) + 1e-9);

        snprintf(text, 32, "%.3ge%d", value / pow(10, power), power);
    } else if (value >= 1e4)
        snprintf(text, 32, "%ld,%03ld", lround(value) / 1000, lround(value) % 1000);
    else
        snprintf(text, 32, "%.4g", value);
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

/* align 0: begins at x; 0.5: centred; 1: ends there. */
static void put_text(cairo_t *cr, const char *text, double x, double y, double size, double align)
{
    cairo_text_extents_t extents;

    cairo_set_font_size(cr, size);
    cairo_text_extents(cr, text, &extents);
    cairo_move_to(cr, x - align * extents.x_advance, y);
    cairo_show_text(cr, text);
}

static void draw_ticks(cairo_t *cr, const axis_map *x, const axis_map *y)
{
    double ticks[TICKS_MAX];
    size_t count = ticks_of(x, ticks);
    char text[32];

    cairo_set_line_width(cr, 1);
    for (size_t i = 0; i < count; i++) {
        const double at = place(x, ticks[i]);

        cairo_set_source_rgb(cr, 0.88, 0.88, 0.88);
        cairo_move_to(cr, at, y->from);
        cairo_line_to(cr, at, y->to);
        cairo_stroke(cr);
        cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
        format_tick(ticks[i], text);
        put_text(cr, text, at, y->from + 22, 15, 0.5);
    }
    count = ticks_of(y, ticks);
    for (size_t i = 0; i < count; i++) {
        const double at = place(y, ticks[i]);

        cairo_set_source_rgb(cr, 0.88, 0.88, 0.88);
        cairo_move_to(cr, x->from, at);
        cairo_line_to(cr, x->to, at);
        cairo_stroke(cr);
        cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
        format_tick(ticks[i], text);
        put_text(cr, text, x->from - 8, at + 5, 15, 1);
    }
}

static void draw_frame(cairo_t *cr, const chart *c, const axis_map *x, const axis_map *y)
{
    draw_ticks(cr, x, y);
    cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
    cairo_rectangle(cr, x->from, y->to, x->to - x->from, y->from - y->to);
    cairo_stroke(cr);
    put_text(cr, c->title, LEFT, TOP - 28, 21, 0);
    put_text(cr, c->x.label, (x->from + x->to) / 2, HEIGHT - 26, 17, 0.5);
    cairo_save(cr);
    cairo_translate(cr, 30, (y->from + y->to) / 2);
    cairo_rotate(cr, -acos(0));
    put_text(cr, c->y.label, 0, 0, 17, 0.5);
    cairo_restore(cr);
}

static void draw_series(cairo_t *cr, const chart *c, const chart_series *s, const axis_map *x,
                        const axis_map *y)
{
    int drawing = 0;

    set_colour(cr, s->colour);
    set_dash(cr, s->dash);
    cairo_set_line_width(cr, s->width);
    for (size_t i = 0; s->width > 0 && i < s->count; i++) {
        if (is_drawn(c, s, i) && drawing)
            cairo_line_to(cr, place(x, s->x[i]), place(y, s->y[i]));
        else if (is_drawn(c, s, i))
            cairo_move_to(cr, place(x, s->x[i]), place(y, s->y[i]));
        drawing = is_drawn(c, s, i);
    }
    cairo_stroke(cr);
    set_dash(cr, 0);
    for (size_t i = 0; s->marks && i < s->count; i++)
        if (is_drawn(c, s, i)) {
            cairo_new_sub_path(cr);
            cairo_arc(cr, place(x, s->x[i]), place(y, s->y[i]), 4.5, 0, 4 * acos(0));
            cairo_fill(cr);
        }
}

static void draw_legend(cairo_t *cr, const chart *c)
{
    const double left = WIDTH - RIGHT + 18;
    size_t entries = 0;
    double line = 24, at = TOP + 12;

    for (size_t s = 0; s < c->series_count; s++)
        entries += c->series[s].label != NULL;
    if (entries > 0)
        line = fmin(line, (double)(HEIGHT - TOP - 40) / (double)(entries + 1));
    cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
    if (c->legend) {
        put_text(cr, c->legend, left, at, 15, 0);
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
        cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
        put_text(cr, one->label, left + 42, at, fmin(15, line - 2), 0);
        at += line;
    }
}

/* ---- The file ---------------------------------------------------------------------------------
 */

static cairo_status_t write_bytes(void *ctx, const unsigned char *bytes, unsigned int nbytes)
{
    mdla_sink *sink = ctx;

    return sink->write(sink->ctx, bytes, nbytes) == MDLA_OK ? CAIRO_STATUS_SUCCESS
                                                            : CAIRO_STATUS_WRITE_ERROR;
}

int chart_available(void)
{
    return 1;
}

int chart_write(const chart *c, const char *path)
{
    const axis_map x = map_axis(c, 0, LEFT, WIDTH - RIGHT);
    const axis_map y = map_axis(c, 1, HEIGHT - BOTTOM, TOP);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    cairo_t *cr = cairo_create(surface);
    mdla_status closed;
    mdla_sink sink;
    int written;

    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    draw_frame(cr, c, &x, &y);
    for (size_t s = 0; s < c->series_count; s++)
        draw_series(cr, c, &c->series[s], &x, &y);
    draw_legend(cr, c);
    cairo_destroy(cr);
    if (files_sink(path, 1, 1, &sink) != 0) {
        cairo_surface_destroy(surface);
        return -1;
    }
    written =
        cairo_surface_write_to_png_stream(surface, write_bytes, &sink) == CAIRO_STATUS_SUCCESS;
    cairo_surface_destroy(surface);
    closed = sink.close(sink.ctx, written);
    if (written && closed == MDLA_OK)
        return 0;
    tool_fail_about(path, MDLA_ERR_IO, NULL);
    return -1;
}
