/* Charts of curves as PNG, by cairo where the build has it. */
#ifndef MDLA_CHART_CHART_H
#define MDLA_CHART_CHART_H

#include "chart/ticks.h"

#include <stddef.h>

typedef struct chart_series {
    const char *label;   /* NULL: not in the legend */
    const double *x, *y; /* [count]; a point that isn't finite interrupts the curve */
    size_t count;
    size_t colour, dash; /* numbers of a palette and of dash patterns, 0 solid; both wrap round */
    int marks;           /* nonzero: a dot at each point */
    double width;        /* of the line; 0: dots alone */
} chart_series;

typedef struct chart_axis {
    const char *label; /* with its unit */
    chart_scale scale;
} chart_axis;

typedef struct chart {
    const char *title;
    const char *legend; /* its heading; NULL: none */
    chart_axis x, y;
    const chart_series *series;
    size_t series_count;
} chart;

/** Nonzero where this build can draw. */
int chart_available(void);

/** Writes a PNG of 1,200 x 760 pixels, in the place of an older one; path must stay (files_sink).
 * Returns 0, or -1: reported. */
int chart_write(const chart *c, const char *path);

#endif
