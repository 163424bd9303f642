/* pixels.png: where in the images the bits are spent, beside the mean image. */
#include "report/map_kinds.h"

#include "chart/axis.h"
#include "chart/drawing.h"
#include "common/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HEIGHT = 570,
    SIDE = 380, /* of an image, the longer */
    TOP = MAP_TOP + 34,
    SECOND = 680,
    BAR = 20,
    BAR_LEAST = 160,
    ROWS_AT_ONCE = 64
};

/* Adds a feature's bits to the pixels, in proportion to its atom's squared entries. */
static void spread_feature(const report_file *f, const float *atom, double bits, double *pixels)
{
    const uint32_t channels = f->image.channels;
    double norm = 0;

    for (uint32_t d = 0; d < f->info.dims; d++)
        norm += (double)atom[d] * atom[d];
    for (uint32_t d = 0; norm > 0 && d < f->info.dims; d++)
        pixels[d / channels] += bits * atom[d] * atom[d] / norm;
}

/* Mean bits a row by pixel. */
static mdla_status spread_bits(const report_file *f, float *atom, double *pixels)
{
    for (uint32_t i = 0; i < f->used; i++) {
        const report_feature *one = &f->features[i];
        const mdla_status status =
            mdla_codebook_atom(mdla_decoder_codebook(f->decoder), one->feature, atom);

        if (status != MDLA_OK)
            return status;
        spread_feature(f, atom, report_feature_bits(one) / (double)f->account.rows, pixels);
    }
    return MDLA_OK;
}

static mdla_status mean_rows(const report_file *f, float *rows, double *mean, mdla_error *err)
{
    mdla_status status = mdla_decoder_seek(f->decoder, 0, err);
    size_t got = 1;

    while (status == MDLA_OK && got > 0) {
        status = mdla_decoder_read_rows(f->decoder, rows, ROWS_AT_ONCE, &got, err);
        for (size_t r = 0; status == MDLA_OK && r < got; r++)
            for (uint32_t d = 0; d < f->info.dims; d++)
                mean[d] += (double)rows[r * f->info.dims + d] / (double)f->account.rows;
        if (tool_stopped())
            status = MDLA_ERR_INTERRUPTED;
    }
    return status;
}

/* values[pixels][channels] in the scale's colours; of three channels each gives its own. */
static void colour_image(const colour_scale *scale, const double *values, size_t pixels,
                         uint32_t channels, uint8_t *rgb)
{
    for (size_t i = 0; i < pixels; i++)
        for (uint32_t c = 0; c < channels; c++) {
            uint8_t colour[3];

            colour_of(scale, values[i * channels + c], colour);
            for (uint32_t part = 0; part < 3; part++)
                if (channels == 1 || part == c)
                    rgb[3 * i + part] = colour[part];
        }
}

static void put_image(cairo_t *cr, const report_file *f, const uint8_t *rgb, double left,
                      const colour_scale *scale, const char *title, const char *unit)
{
    const double width = f->image.width, height = f->image.height;
    const double zoom = SIDE / fmax(width, height);
    const rectangle at = {left, TOP, width * zoom, height * zoom};
    const axis x = axis_between(CHART_LINEAR, 0, width, at.x, at.x + at.width);
    const axis y = axis_between(CHART_LINEAR, 0, height, at.y, at.y + at.height);

    drawing_text(cr, title, left, TOP - 12, 17, 0);
    heatmap_put(cr, rgb, f->image.width, f->image.height, at);
    axis_put_numbers(cr, &x, AXIS_BELOW, at.y + at.height, 6);
    axis_put_numbers(cr, &y, AXIS_LEFT, at.x, 6);
    drawing_text(cr, "column, pixels", at.x + at.width / 2, at.y + at.height + 48, 15, 0.5);
    drawing_text_up(cr, "row of the image, pixels", left - 48, at.y + at.height / 2, 15, 0.5);
    heatmap_put_legend(cr, scale, unit,
                       (rectangle){left + at.width + 16, TOP, BAR, fmax(at.height, BAR_LEAST)});
}

static colour_scale scale_to(colour_palette palette, const double *values, size_t count,
                             int from_zero)
{
    colour_scale s = {palette, CHART_LINEAR, from_zero ? 0 : INFINITY, -INFINITY};

    for (size_t i = 0; i < count; i++) {
        s.low = fmin(s.low, values[i]);
        s.high = fmax(s.high, values[i]);
    }
    if (!(s.low < s.high))
        s.high = s.low + 1;
    return s;
}

static cairo_t *draw(const report_file *f, const double *pixels, const double *mean, uint8_t *rgb)
{
    const size_t count = (size_t)f->image.width * f->image.height;
    const colour_scale bits = scale_to(PALETTE_HEAT, pixels, count, 1);
    colour_scale values = scale_to(PALETTE_GREY, mean, f->info.dims, 0);
    cairo_t *cr = drawing_start(HEIGHT);
    char below[256];
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += pixels[i];
    snprintf(below, sizeof below,
             "The %.2f bits a row of all features, each feature's spread over the pixels by its "
             "atom's squared entries.",
             sum);
    map_put_title(cr, f, "bits by pixel", below);
    colour_image(&bits, pixels, count, 1, rgb);
    put_image(cr, f, rgb, MAP_LEFT, &bits, "Where bits are spent", "bits a row of one pixel");
    colour_image(&values, mean, count, f->image.channels, rgb);
    put_image(cr, f, rgb, SECOND, &values, "Mean decoded image",
              f->image.channels == 1 ? "mean value" : "mean value of a channel");
    return cr;
}

cairo_t *pixel_map_draw(const report_file *f)
{
    const size_t dims = f->info.dims;
    double *pixels = calloc(dims, sizeof *pixels), *mean = calloc(dims, sizeof *mean);
    float *rows = malloc(ROWS_AT_ONCE * dims * sizeof *rows);
    uint8_t *rgb = malloc(3 * dims);
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = pixels && mean && rows && rgb ? MDLA_OK : MDLA_ERR_MEMORY;
    cairo_t *cr = NULL;

    if (status == MDLA_OK)
        status = spread_bits(f, rows, pixels);
    if (status == MDLA_OK)
        status = mean_rows(f, rows, mean, &err);
    if (status == MDLA_OK)
        cr = draw(f, pixels, mean, rgb);
    else
        tool_fail_status(status, &err);
    free(pixels);
    free(mean);
    free(rows);
    free(rgb);
    return cr;
}
