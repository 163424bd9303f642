/* PNG maps of where a file's bits are, by cairo where the build has it. */
#ifndef MDLA_REPORT_MAPS_H
#define MDLA_REPORT_MAPS_H

#include "report/report.h"

/** Nonzero where this build can draw. */
int maps_available(void);

/** Writes the maps that the file has into the folder, which is made where it doesn't exist.
 * Returns 0, or -1: reported, and nothing was written. */
int maps_write(const report_file *f, const char *folder, int force);

#endif
