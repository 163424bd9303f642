/* An output that is a folder of files: made under another name beside it and renamed when all is
 * written, so that nothing half-written stays behind. */
#ifndef MDLA_TOOL_OUTPUT_FOLDER_H
#define MDLA_TOOL_OUTPUT_FOLDER_H

#include "mdla/mdla.h"

typedef struct output_folder {
    const char *path;
    char *temporary; /* NULL: not open */
    int force;
} output_folder;

/** path must stay until it is closed. members is for a writer, which closes it. An existing folder
 * is an error unless force. Reports what goes wrong; returns 0 or -1. */
int output_folder_open(const char *path, int force, output_folder *out, mdla_folder *members);

/** keep: takes the name, in the place of an older folder, whose plain files are removed. Otherwise
 * what was written is removed. A zeroed folder is fine. Returns 0 or -1. */
int output_folder_close(output_folder *folder, int keep);

#endif
