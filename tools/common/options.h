/* The command line: getopt_long with the options that all programs share, and messages of our own. */
#ifndef MDLA_TOOL_OPTIONS_H
#define MDLA_TOOL_OPTIONS_H

#include "mdla/base.h"

#include <getopt.h>

/** What the shared options said. */
typedef struct tool_options {
    mdla_config config; /* -T, --threads */
    const char *output; /* -o, --output; NULL where it wasn't given */
    int force;          /* -f, --force */
} tool_options;

/** Long options without a letter count from here on. */
enum { OPTION_FIRST = 256 };

/** The shared part of a program's table of long options; OPTIONS_END closes the table. */
#define OPTIONS_QUIET                                                                              \
    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},                         \
        {"quiet", no_argument, NULL, 'q'}, {"verbose", no_argument, NULL, 'v'}
#define OPTIONS_OUTPUT                                                                             \
    {"output", required_argument, NULL, 'o'}, {"force", no_argument, NULL, 'f'}
#define OPTIONS_THREADS {"threads", required_argument, NULL, 'T'}
#define OPTIONS_END {NULL, 0, NULL, 0}

typedef struct options_reader {
    int argc;
    char **argv;
    const char *shorts;          /* getopt's letters, after a leading ':' */
    const struct option *longs;
    const char *help;            /* the whole --help text */
    tool_options common;
} options_reader;

/** What options_next says besides an option's own key. */
enum {
    OPTIONS_DONE = -1, /* operands follow, from optind on */
    OPTIONS_EXIT = -2, /* --help or --version was answered */
    OPTIONS_BAD = -3   /* a mistake was reported */
};

void options_start(options_reader *reader, int argc, char **argv, const char *shorts,
                   const struct option *longs, const char *help);

/** The next option of the program's own; the shared ones are dealt with here. Its argument is in optarg. */
int options_next(options_reader *reader);

#endif
