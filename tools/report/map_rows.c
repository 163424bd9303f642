/* rows-features.png: what each feature takes in each stretch of the rows, with the sums of both at
 * the edges. */
#include "report/map_kinds.h"

#include "chart/axis.h"
#include "chart/drawing.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HEIGHT = 866,
    PLOT_WIDTH = 780,
    PLOT_HEIGHT = 580,
    STRIP = 110, /* at the edges */
    GAP = 24,
    CELL = 4, /* pixels at least: single rows and features are mostly chance */
    PLOT_TOP = MAP_TOP + STRIP + GAP,
    PLOT_RIGHT = MAP_LEFT + PLOT_WIDTH,
    PLOT_BOTTOM = PLOT_TOP + PLOT_HEIGHT
};

/* How many stand in one of at most `most` bins. */
static uint64_t pool(uint64_t count, uint64_t most)
{
    return count / most + (count % most > 0);
}

/* Of all that `per` stand in one, those in bin i, the last maybe. */
static double bin_size(uint64_t count, uint64_t per, uint64_t i)
{
    return (double)(per * (i + 1) <= count ? per : count - per * i);
}

int row_map_start(row_map *m, const report_file *f)
{
    const uint32_t used = f->used;
    const uint64_t rows = f->account.rows;

    *m = (row_map){.f = f,
                   .column = calloc(f->info.width, sizeof *m->column),
                   .per_column = (uint32_t)pool(used, PLOT_WIDTH / CELL),
                   .per_bin = pool(rows, PLOT_HEIGHT / CELL)};
    m->columns = (size_t)pool(used, m->per_column);
    m->bins = (size_t)pool(rows, m->per_bin);
    m->cells = calloc(m->bins * m->columns, sizeof *m->cells);
    m->row_bits = calloc(m->bins, sizeof *m->row_bits);
    if (!m->column || !m->cells || !m->row_bits) {
        tool_fail("out of memory for a map of %u features", f->info.width);
        return -1;
    }
    for (uint32_t i = 0; i < used; i++)
        m->column[f->features[i].feature] = i / m->per_column;
    return 0;
}

void row_map_add(row_map *m, uint64_t row, const mdla_coded_feature *code, size_t count,
                 const mdla_symbol_bits *bits)
{
    const size_t bin = (size_t)(row / m->per_bin);

    for (size_t i = 0; i < count; i++) {
        const double sum = code[i].index_bits + code[i].level_bits;

        m->cells[bin * m->columns + m->column[code[i].feature]] += sum;
        m->bits += sum;
    }
    m->row_bits[bin] += bits->passage + bits->norm + bits->header + bits->indices + bits->levels;
}

void row_map_free(row_map *m)
{
    free(m->column);
    free(m->cells);
    free(m->row_bits);
}

/* Mean bits a row and feature of a cell. */
static double cell_mean(const row_map *m, size_t bin, size_t column)
{
    return m->cells[bin * m->columns + column] / (bin_size(m->f->account.rows, m->per_bin, bin) *
                                                  bin_size(m->f->used, m->per_column, column));
}

static colour_scale find_scale(const row_map *m)
{
    double least = INFINITY, most = 0;

    for (size_t b = 0; b < m->bins; b++)
        for (size_t c = 0; c < m->columns; c++) {
            const double mean = cell_mean(m, b, c);

            most = fmax(most, mean);
            if (mean > 0)
                least = fmin(least, mean);
        }
    return colour_scale_log(PALETTE_HEAT, least, most);
}

static int put_cells(cairo_t *cr, const row_map *m, const colour_scale *scale)
{
    const rectangle plot = {MAP_LEFT, PLOT_TOP, PLOT_WIDTH, PLOT_HEIGHT};
    uint8_t *rgb = malloc(3 * m->bins * m->columns);

    if (!rgb) {
        tool_fail("out of memory for a map");
        return -1;
    }
    for (size_t b = 0; b < m->bins; b++)
        for (size_t c = 0; c < m->columns; c++)
            colour_of(scale, cell_mean(m, b, c), rgb + 3 * (b * m->columns + c));
    heatmap_put(cr, rgb, m->columns, m->bins, plot);
    free(rgb);
    return 0;
}

/* Features' bits above the cells; f->features fall in them. */
static void put_features(cairo_t *cr, const row_map *m)
{
    const double rows = (double)m->f->account.rows, bottom = PLOT_TOP - GAP;
    const double most = report_feature_bits(&m->f->features[0]) / rows;
    const double least = report_feature_bits(&m->f->features[m->f->used - 1]) / rows;
    const axis a = axis_between(CHART_LOG10, fmax(fmin(least, most / 10), most / 1e4) / 1.5,
                                most * 1.2, bottom, MAP_TOP);
    const double across = (double)PLOT_WIDTH / (double)m->columns;

    axis_put_grid(cr, &a, AXIS_LEFT, MAP_LEFT, PLOT_RIGHT, 3);
    cairo_set_source_rgb(cr, 0.17, 0.42, 0.77);
    for (size_t c = 0; c < m->columns; c++) {
        double sum = 0, top;

        for (size_t i = c * m->per_column; i < (c + 1) * m->per_column && i < m->f->used; i++)
            sum += report_feature_bits(&m->f->features[i]);
        top = fmin(axis_place(&a, sum / rows / bin_size(m->f->used, m->per_column, c)), bottom);
        cairo_rectangle(cr, MAP_LEFT + (double)c * across, top, across, bottom - top);
    }
    cairo_fill(cr);
    drawing_ink(cr);
    drawing_line(cr, MAP_LEFT, bottom + 0.5, PLOT_RIGHT, bottom + 0.5);
    axis_put_numbers(cr, &a, AXIS_LEFT, MAP_LEFT, 3);
    drawing_text(cr, "bits a row", PLOT_RIGHT + GAP, bottom - 24, 15, 0);
    drawing_text(cr, "of one feature", PLOT_RIGHT + GAP, bottom - 4, 15, 0);
}

/* Rows' bits beside the cells. */
static void put_rows(cairo_t *cr, const row_map *m)
{
    const double left = PLOT_RIGHT + GAP, down = (double)PLOT_HEIGHT / (double)m->bins;
    double most = 0;
    axis a;

    for (size_t b = 0; b < m->bins; b++)
        most = fmax(most, m->row_bits[b] / bin_size(m->f->account.rows, m->per_bin, b));
    a = axis_between(CHART_LINEAR, 0, most > 0 ? most * 1.05 : 1, left, left + STRIP);
    axis_put_grid(cr, &a, AXIS_BELOW, PLOT_BOTTOM, PLOT_TOP, 4);
    cairo_set_source_rgb(cr, 0.17, 0.42, 0.77);
    for (size_t b = 0; b < m->bins; b++) {
        const double mean = m->row_bits[b] / bin_size(m->f->account.rows, m->per_bin, b);

        cairo_rectangle(cr, left, PLOT_TOP + (double)b * down, axis_place(&a, mean) - left, down);
    }
    cairo_fill(cr);
    drawing_ink(cr);
    drawing_line(cr, left - 0.5, PLOT_TOP, left - 0.5, PLOT_BOTTOM);
    axis_put_numbers(cr, &a, AXIS_BELOW, PLOT_BOTTOM, 4);
    drawing_text(cr, "bits a row", left + STRIP / 2.0, PLOT_BOTTOM + 52, 15, 0.5);
}

static void put_axes(cairo_t *cr, const row_map *m)
{
    const axis x = axis_between(CHART_LINEAR, 0, m->f->used, MAP_LEFT, PLOT_RIGHT);
    const axis y = axis_between(CHART_LINEAR, 0, (double)m->f->account.rows, PLOT_TOP, PLOT_BOTTOM);

    axis_put_numbers(cr, &x, AXIS_BELOW, PLOT_BOTTOM, (int)fmin(8, m->f->used));
    axis_put_numbers(cr, &y, AXIS_LEFT, MAP_LEFT, (int)fmin(8, (double)m->f->account.rows));
    drawing_text(cr, "features in falling order of their bits", MAP_LEFT + PLOT_WIDTH / 2.0,
                 PLOT_BOTTOM + 52, 17, 0.5);
    drawing_text_up(cr, "row", 26, PLOT_TOP + PLOT_HEIGHT / 2.0, 17, 0.5);
}

static void put_words(cairo_t *cr, const row_map *m)
{
    char below[256], used[NUMBER_TEXT_MAX], width[NUMBER_TEXT_MAX], rows[NUMBER_TEXT_MAX],
        per_bin[NUMBER_TEXT_MAX];

    snprintf(below, sizeof below,
             "%s rows; %s of %s features are active and take %.2f bits a row. A cell is the mean "
             "of %s row%s and %u feature%s.",
             number_grouped(m->f->account.rows, rows), number_grouped(m->f->used, used),
             number_grouped(m->f->info.width, width), m->bits / (double)m->f->account.rows,
             number_grouped(m->per_bin, per_bin), m->per_bin > 1 ? "s" : "", m->per_column,
             m->per_column > 1 ? "s" : "");
    map_put_title(cr, m->f, "bits by row and feature", below);
}

cairo_t *row_map_draw(const row_map *m)
{
    const rectangle legend = {1066, PLOT_TOP, 24, PLOT_HEIGHT};
    const colour_scale scale = find_scale(m);
    cairo_t *cr = drawing_start(HEIGHT);

    put_words(cr, m);
    put_features(cr, m);
    put_rows(cr, m);
    if (put_cells(cr, m, &scale) != 0) {
        drawing_end(cr, NULL);
        return NULL;
    }
    put_axes(cr, m);
    heatmap_put_legend(cr, &scale, "bits a row of one feature; white: none", legend);
    return cr;
}
