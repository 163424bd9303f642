/* Atoms and rows as PNG images inside the page. */
#ifndef MDLA_REPORT_PICTURES_H
#define MDLA_REPORT_PICTURES_H

#include "report/report.h"

#include "common/text_sink.h"

/** Nonzero where images can be drawn: this build has libpng. */
int pictures_available(void);

/**
 * `<img>` of one atom (zero is transparent, signs have colours of their own; of three channels,
 * zero is mid grey) or of one decoded row. Return 0, or -1: reported.
 */
int picture_atom(text_sink *out, const report_file *f, uint32_t feature);
int picture_row(text_sink *out, const report_file *f, uint64_t row);

/** `<svg>` of the atoms of the most expensive features that are in use, with their names to point
 * at. Returns 0, or -1: reported. */
int picture_atlas(text_sink *out, const report_file *f);
/** How many picture_atlas shows. */
uint32_t picture_atlas_count(const report_file *f);

#endif
