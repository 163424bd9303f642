/* mdla-train's command line. */
#ifndef MDLA_TOOL_TRAIN_OPTIONS_H
#define MDLA_TOOL_TRAIN_OPTIONS_H

#include "common/options.h"

#include "mdla/train.h"

typedef struct train_options {
    tool_options common;
    const char *files_from;
    char **data; /* names_free */
    size_t data_count;
    mdla_array_options array;
    int raw;
    mdla_train_options train;
} train_options;

/** Returns -1 to go on, else the exit code. */
int train_parse(int argc, char **argv, train_options *o);

#endif
