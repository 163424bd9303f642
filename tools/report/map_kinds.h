/* The single maps. Each is gathered while all rows are visited once, then drawn on a page that
 * drawing_end ends. */
#ifndef MDLA_REPORT_MAP_KINDS_H
#define MDLA_REPORT_MAP_KINDS_H

#include "feature_pairs.h"
#include "report/report.h"

#include "chart/heatmap.h"

/** Title and what is below it, in the place that all maps have for them. */
void map_put_title(cairo_t *cr, const report_file *f, const char *title, const char *below);

enum { MAP_LEFT = 100, MAP_TOP = 84 };

/** Bits by row and feature, both pooled to what a picture can show. */
typedef struct row_map {
    const report_file *f;
    uint32_t *column;    /* [width] of f */
    uint32_t per_column; /* features in one; the last column may have fewer */
    uint64_t per_bin;    /* rows in one, likewise */
    size_t columns, bins;
    double *cells;    /* [bins][columns] sums of bits */
    double *row_bits; /* [bins] of whole rows */
    double bits;      /* of all cells */
} row_map;

/** Returns 0, or -1: no memory, reported. A feature must be active somewhere. */
int row_map_start(row_map *m, const report_file *f);
void row_map_add(row_map *m, uint64_t row, const mdla_coded_feature *code, size_t count,
                 const mdla_symbol_bits *bits);
cairo_t *row_map_draw(const row_map *m); /* NULL: no memory, reported */
void row_map_free(row_map *m);           /* a zeroed one is fine */

/** What knowing one feature of a pair saves on the other; the pairs are ranked and at least one. */
cairo_t *pair_map_draw(const report_file *f, const feature_pairs *pairs);

/** Bits by pixel, of rows that are images, beside the mean image. NULL: reported. */
cairo_t *pixel_map_draw(const report_file *f);

#endif
