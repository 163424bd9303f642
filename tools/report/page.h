/* The page: one self-contained HTML document. */
#ifndef MDLA_REPORT_PAGE_H
#define MDLA_REPORT_PAGE_H

#include "report/charts.h"
#include "report/report.h"

#include "common/text_sink.h"

/** What stands around every page; title is text. */
void page_begin(text_sink *out, const char *title);
void page_end(text_sink *out);

/** title NULL: made from the files' names. Returns 0, or -1: reported. Failures of the sink are its
 * own. */
int page_put(text_sink *out, const report_file *files, size_t count, const char *title);

/** Bits a row of every class. */
void report_parts(const report_file *f, chart_part parts[MDLA_BITS_CLASSES]);

/** All sections about one file; with_atlas: its atoms haven't been shown yet. Returns 0, or -1:
 * reported. */
int sections_put(text_sink *out, const report_file *f, int with_atlas);

#endif
