/* An axis: a stretch of values at a stretch of pixels, with round numbers beside it. */
#ifndef MDLA_CHART_AXIS_H
#define MDLA_CHART_AXIS_H

#include "chart/ticks.h"

#include <cairo.h>

typedef struct axis {
    chart_scale scale;
    double low, high; /* places on the scale: of logarithms where it has them */
    double from, to;  /* their pixels */
} axis;

/** The axis from one value to another. */
axis axis_between(chart_scale scale, double low, double high, double from, double to);

/** Where a value stands, in pixels. */
double axis_place(const axis *a, double value);

typedef enum axis_side { AXIS_BELOW, AXIS_LEFT, AXIS_RIGHT } axis_side;

/** Numbers on that side of the line `at`, each with a short mark; some `steps` of them. */
void axis_put_numbers(cairo_t *cr, const axis *a, axis_side side, double at, int steps);

/** Faint lines at the numbers, across from the line `at` to another. */
void axis_put_grid(cairo_t *cr, const axis *a, axis_side side, double at, double across, int steps);

#endif
