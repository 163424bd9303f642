/* The page about a sweep: its curves, its optimum, and the file of each loss's shortest
 * explanation. */
#ifndef MDLA_REPORT_SWEEP_PAGE_H
#define MDLA_REPORT_SWEEP_PAGE_H

#include "report/report.h"
#include "report/sweep_results.h"

#include "common/text_sink.h"

/** The shortest explanation at one target, for the most rows that were asked about. */
typedef struct sweep_detail {
    size_t explanation; /* explanation_count: none reaches it */
    char *path;
    int found; /* its file is in the folder, and below */
    mdla_codebook *codebook;
    report_file file;
} sweep_detail;

typedef struct sweep_report {
    sweep_results results;
    sweep_detail *details; /* [target_count] */
} sweep_report;

/** path as sweep_results_read takes it. Returns 0, or -1: reported. */
int sweep_report_open(const mdla_config *config, const char *path, const image_shape *image,
                      sweep_report *out);
void sweep_report_close(sweep_report *r); /* a zeroed one is fine */

/** title NULL: made from the results. Returns 0, or -1: reported. */
int sweep_page_put(text_sink *out, const sweep_report *r, const char *title);

#endif
