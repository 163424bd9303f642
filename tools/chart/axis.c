#include "chart/axis.h"

#include "chart/drawing.h"

enum { NUMBER_SIZE = 15, MARK = 5 };

axis axis_between(chart_scale scale, double low, double high, double from, double to)
{
    return (axis){scale, scale_apply(scale, low), scale_apply(scale, high), from, to};
}

double axis_place(const axis *a, double value)
{
    return a->from +
           (scale_apply(a->scale, value) - a->low) / (a->high - a->low) * (a->to - a->from);
}

void axis_put_numbers(cairo_t *cr, const axis *a, axis_side side, double at, int steps)
{
    const double out = side == AXIS_LEFT ? -1 : 1;
    double ticks[TICKS_MAX];
    const size_t count = ticks_find(a->scale, a->low, a->high, steps, ticks);
    char text[TICK_TEXT_MAX];

    drawing_ink(cr);
    for (size_t i = 0; i < count; i++) {
        const double place = axis_place(a, ticks[i]);

        tick_format(ticks[i], text);
        if (side == AXIS_BELOW) {
            drawing_line(cr, place, at, place, at + MARK);
            drawing_text(cr, text, place, at + 22, NUMBER_SIZE, 0.5);
        } else {
            drawing_line(cr, at, place, at + out * MARK, place);
            drawing_text(cr, text, at + out * (MARK + 4), place + 5, NUMBER_SIZE,
                         side == AXIS_LEFT);
        }
    }
}

void axis_put_grid(cairo_t *cr, const axis *a, axis_side side, double at, double across, int steps)
{
    double ticks[TICKS_MAX];
    const size_t count = ticks_find(a->scale, a->low, a->high, steps, ticks);

    drawing_faint(cr);
    for (size_t i = 0; i < count; i++) {
        const double place = axis_place(a, ticks[i]);

        if (side == AXIS_BELOW)
            drawing_line(cr, place, at, place, across);
        else
            drawing_line(cr, at, place, across, place);
    }
}
