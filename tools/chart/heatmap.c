#include "chart/heatmap.h"

#include "chart/axis.h"
#include "chart/drawing.h"

#include <math.h>

enum { STOPS = 6, LEGEND_STEPS = 6, LEGEND_LABEL = 74 };

/* Colours at even distances. */
static const uint8_t palettes[][STOPS][3] = {[PALETTE_HEAT] = {{255, 247, 204},
                                                               {252, 208, 121},
                                                               {243, 144, 70},
                                                               {204, 72, 77},
                                                               {122, 32, 104},
                                                               {35, 10, 66}},
                                             [PALETTE_ORANGE] = {{255, 240, 224},
                                                                 {251, 206, 160},
                                                                 {241, 160, 94},
                                                                 {221, 107, 32},
                                                                 {163, 67, 12},
                                                                 {92, 32, 4}},
                                             [PALETTE_BLUE] = {{231, 241, 254},
                                                               {184, 212, 246},
                                                               {125, 174, 236},
                                                               {59, 125, 216},
                                                               {28, 82, 160},
                                                               {12, 42, 94}},
                                             [PALETTE_GREY] = {{0, 0, 0},
                                                               {51, 51, 51},
                                                               {102, 102, 102},
                                                               {153, 153, 153},
                                                               {204, 204, 204},
                                                               {255, 255, 255}}};

colour_scale colour_scale_log(colour_palette palette, double least, double most)
{
    const double high = most > 0 ? most : 1;
    const double low = least > 0 ? fmin(fmax(least, high / 1000), high / 2) : high / 10;

    return (colour_scale){palette, CHART_LOG10, low, high};
}

void colour_of(const colour_scale *s, double value, uint8_t rgb[3])
{
    const axis stops = axis_between(s->scale, s->low, s->high, 0, STOPS - 1);
    const int white = s->scale != CHART_LINEAR && !(value > 0);
    const double place = white ? 0 : fmin(fmax(axis_place(&stops, value), 0), STOPS - 1);
    const int stop = (int)fmin(floor(place), STOPS - 2);

    for (int i = 0; i < 3; i++) {
        const double a = palettes[s->palette][stop][i], b = palettes[s->palette][stop + 1][i];

        rgb[i] = white ? 255 : (uint8_t)lrint(a + (place - stop) * (b - a));
    }
}

static void put_frame(cairo_t *cr, rectangle at)
{
    drawing_ink(cr);
    cairo_rectangle(cr, at.x - 0.5, at.y - 0.5, at.width + 1, at.height + 1);
    cairo_stroke(cr);
}

void heatmap_put(cairo_t *cr, const uint8_t *rgb, size_t columns, size_t rows, rectangle at)
{
    cairo_surface_t *cells =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)columns, (int)rows);
    unsigned char *pixels = cairo_image_surface_get_data(cells);
    const size_t stride = (size_t)cairo_image_surface_get_stride(cells);
    const double across = at.width / (double)columns, down = at.height / (double)rows;

    for (size_t r = 0; pixels && r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            const uint8_t *from = rgb + 3 * (r * columns + c);

            *(uint32_t *)(void *)(pixels + r * stride + 4 * c) =
                (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        }
    cairo_surface_mark_dirty(cells);
    cairo_save(cr);
    cairo_rectangle(cr, at.x, at.y, at.width, at.height);
    cairo_clip(cr);
    cairo_translate(cr, at.x, at.y);
    cairo_scale(cr, across, down);
    cairo_set_source_surface(cr, cells, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr),
                             across < 1 || down < 1 ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST);
    cairo_paint(cr);
    cairo_restore(cr);
    cairo_surface_destroy(cells);
    put_frame(cr, at);
}

void heatmap_put_legend(cairo_t *cr, const colour_scale *s, const char *label, rectangle at)
{
    const axis a = axis_between(s->scale, s->low, s->high, at.y + at.height, at.y);

    for (double y = 0; y < at.height; y++) {
        const double place = a.low + (1 - (y + 0.5) / at.height) * (a.high - a.low);
        uint8_t rgb[3];

        colour_of(s, scale_undo(s->scale, place), rgb);
        cairo_set_source_rgb(cr, rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0);
        cairo_rectangle(cr, at.x, at.y + y, at.width, 1);
        cairo_fill(cr);
    }
    put_frame(cr, at);
    axis_put_numbers(cr, &a, AXIS_RIGHT, at.x + at.width, LEGEND_STEPS);
    drawing_text_up(cr, label, at.x + at.width + LEGEND_LABEL, at.y + at.height / 2, 15, 0.5);
}
