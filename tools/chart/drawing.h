/* A white page 1,200 pixels wide that cairo draws on, and what charts and maps have in common. */
#ifndef MDLA_CHART_DRAWING_H
#define MDLA_CHART_DRAWING_H

#include "mdla/base.h"

#include <cairo.h>

enum { DRAWING_WIDTH = 1200 };

/** Starts a page; its colour is black, its lines a pixel wide. */
cairo_t *drawing_start(int height);

/** Writes the page as PNG, without closing the sink, and frees it; sink NULL: frees it alone.
 * Returns 0, or -1: the page or the sink failed. */
int drawing_end(cairo_t *cr, mdla_sink *sink);

/** The colours of text and axes, and of lines behind the data. */
void drawing_ink(cairo_t *cr);
void drawing_faint(cairo_t *cr);

void drawing_line(cairo_t *cr, double x, double y, double to_x, double to_y);

/** How wide a text is. */
double drawing_text_width(cairo_t *cr, const char *text, double size);

/** Text on the line y. align 0: begins at x; 0.5: centred; 1: ends there. */
void drawing_text(cairo_t *cr, const char *text, double x, double y, double size, double align);

/** The same turned to read upwards: its line is x, align is along y. */
void drawing_text_up(cairo_t *cr, const char *text, double x, double y, double size, double align);

#endif
