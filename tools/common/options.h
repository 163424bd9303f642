/* The command line. A program describes its options once, in a table: from it come the parser
 * (getopt_long), --help, the options of the manual page and the shells' completions. */
#ifndef MDLA_TOOL_OPTIONS_H
#define MDLA_TOOL_OPTIONS_H

#include "mdla/base.h"

#include <getopt.h>

/** Long options without a letter count from here on. */
enum { OPTION_FIRST = 256 };

/** One option. Texts are plain: the forms escape them. */
typedef struct tool_option {
    const char *name;     /* long, without the dashes */
    int key;              /* its letter, or a number from OPTION_FIRST on */
    const char *argument; /* how its value is called; NULL: its words, or it takes none */
    const char *brief;    /* a line that says what it does; not a sentence */
    const char *more;     /* what the manual page adds, in sentences; may be NULL */
    const char *words;    /* the values it takes, "joint|additive"; NULL: any */
    const char *files;    /* patterns of the files its value names, FILES_*; NULL: none */
    int optional;         /* nonzero: the value can be left out */
    int minor;            /* nonzero: --help only names it */
} tool_option;

/* Patterns of files, apart by spaces, for the completions. */
#define FILES_ANY "*"
#define FILES_FOLDER "*/"
#define FILES_DATA "*.npy *.npz *.safetensors *.arrow *.png *-ubyte *-ubyte.gz *.raw *.f32 */"
#define FILES_MDLA "*.mdla"
#define FILES_CODEBOOK "*.codebook *.cb *.mdla"
#define FILES_SAE "*.pt */"

/** A program as its command line shows it. */
typedef struct tool_program {
    const char *head;           /* of --help: usage, what it does, an example */
    const char *tail;           /* below the options; may be NULL */
    const char *operands;       /* patterns of the files it takes */
    const tool_option *options; /* ends with OPTIONS_END */
} tool_program;

/** What the shared options said. */
typedef struct tool_options {
    mdla_config config; /* -T, --threads */
    const char *output; /* -o, --output; NULL where it wasn't given */
    int force;          /* -f, --force */
} tool_options;

/** The shared part of a program's table; OPTIONS_END closes the table. */
#define OPTIONS_OUTPUT(called, patterns)                                                           \
    {                                                                                              \
        .name = "output", .key = 'o', .argument = called, .files = patterns,                       \
        .brief = "where the result goes",                                                          \
        .more = "It is written beside it under another name and renamed when it is whole."         \
    }
#define OPTIONS_FORCE                                                                              \
    {                                                                                              \
        .name = "force", .key = 'f', .brief = "overwrite an output that exists"                    \
    }
#define OPTIONS_THREADS                                                                            \
    {                                                                                              \
        .name = "threads", .key = 'T', .argument = "N", .brief = "use this many threads",          \
        .more = "The default, 0, is one a core. Results don't depend on it."                       \
    }
#define OPTIONS_QUIET                                                                              \
    {.name = "quiet", .key = 'q', .brief = "print results and errors alone"},                      \
        {.name = "verbose", .key = 'v', .brief = "say more about what is done"},                   \
        {.name = "help",                                                                           \
         .key = 'h',                                                                               \
         .argument = "FORM",                                                                       \
         .optional = 1,                                                                            \
         .words = OPTIONS_FORMS,                                                                   \
         .brief = "print a screen of help",                                                        \
         .more = "--help=bash and --help=zsh print that shell's completions instead, --help=mdoc " \
                 "this list of options."},                                                         \
    {                                                                                              \
        .name = "version", .key = 'V', .brief = "print the version"                                \
    }
#define OPTIONS_END                                                                                \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define OPTIONS_FORMS "text|mdoc|bash|zsh"

/** Takes an option of the program's own, its value in optarg. Returns 0, or the exit code of a
 * mistake that was reported. */
typedef int (*option_setter)(void *ctx, int key);

/**
 * Reads all options: the shared ones into *common, whose defaults stand from the start, the others
 * through set. Returns -1 where operands follow, from optind on; else the code to exit with, since
 * --help or --version was answered or a mistake reported.
 */
int options_read(int argc, char **argv, const tool_program *program, option_setter set, void *ctx,
                 tool_options *common);

/**
 * Which of the option's words the value is, from 0 on, into *index. Returns 0, or the exit code of
 * a mistake that was reported.
 */
int options_word(const tool_program *program, int key, const char *value, int *index);

#endif
