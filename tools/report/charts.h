/* Charts as inline SVG; colours and fonts are the page's (style.h). */
#ifndef MDLA_REPORT_CHARTS_H
#define MDLA_REPORT_CHARTS_H

#include "common/text_sink.h"

/** Columns that stand side by side over an axis. */
typedef struct chart_columns {
    const char *what;       /* "features"; the y axis counts them */
    const uint64_t *height; /* [count] */
    size_t count;
    /** The text below the border in front of column i (i == count: behind the last), "" for none.
     */
    void (*label)(const void *ctx, size_t i, char text[32]);
    const void *ctx;
    const char *axis; /* below the labels: what the columns are ordered by */
} chart_columns;

void chart_put_columns(text_sink *out, const chart_columns *c);

/** Parts in one bar, which a sum of `full` would fill; each has the class k<style>. */
typedef struct chart_part {
    const char *name;
    double value;
    int style;
} chart_part;

void chart_put_parts(text_sink *out, const chart_part *parts, size_t count, double full,
                     const char *unit);

/** Points in a plane; those of one group are one curve, joined in the order of x. */
typedef struct chart_point {
    double x, y;
    size_t group;
    const char *name; /* with dots */
} chart_point;

typedef struct chart_plane {
    const char *label, *x_axis, *y_axis;
    int log;  /* both axes; all values are above 0 */
    int dots; /* the points are shown, x as bits a row and y as FVU */
} chart_plane;

/** Sorts the points by group and x. count: 1 at least. */
void chart_put_points(text_sink *out, chart_point *points, size_t count, const chart_plane *plane);

/** The style class of a group's colour: "k5". */
void chart_put_class(text_sink *out, size_t group);
/** A line of a legend, to stand in an element of the class "legend". */
void chart_put_key(text_sink *out, size_t group, const char *name);

#endif
