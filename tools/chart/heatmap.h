/* Values as colours: the scale, its legend, and cells in a rectangle. */
#ifndef MDLA_CHART_HEATMAP_H
#define MDLA_CHART_HEATMAP_H

#include "chart/ticks.h"

#include <cairo.h>
#include <stdint.h>

/** From little to much; each but grey grows darker evenly. */
typedef enum colour_palette {
    PALETTE_HEAT,
    PALETTE_ORANGE,
    PALETTE_BLUE,
    PALETTE_GREY
} colour_palette;

typedef struct colour_scale {
    colour_palette palette;
    chart_scale scale;
    double low, high; /* values; what lies beyond takes the end's colour */
} colour_scale;

/** A scale for values of which the least above 0 and the most are these: three decades at most. */
colour_scale colour_scale_log(colour_palette palette, double least, double most);

/** A value's colour; on a scale of logarithms 0 and less are white. */
void colour_of(const colour_scale *scale, double value, uint8_t rgb[3]);

typedef struct rectangle {
    double x, y, width, height;
} rectangle;

/** Fills a rectangle with cells, rgb[rows][columns][3], in a thin frame. */
void heatmap_put(cairo_t *cr, const uint8_t *rgb, size_t columns, size_t rows, rectangle at);

/** A bar of the scale's colours with numbers on its right, the label beyond them. */
void heatmap_put_legend(cairo_t *cr, const colour_scale *scale, const char *label, rectangle at);

#endif
