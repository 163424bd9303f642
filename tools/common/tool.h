/* What every program shares: its name in front of messages, exit codes, verbosity, signals.
 *
 * Results go to standard output by the programs themselves; everything here goes to standard error.
 */
#ifndef MDLA_TOOL_H
#define MDLA_TOOL_H

#include "mdla/base.h"

enum {
    TOOL_DONE = 0,   /* done */
    TOOL_FAILED = 1, /* the data are at fault, or a promise wasn't kept */
    TOOL_USAGE = 2   /* the command line is at fault */
};

/** How much is said. */
typedef enum tool_voice { TOOL_SILENT = -1, TOOL_NORMAL = 0, TOOL_VERBOSE = 1 } tool_voice;

/**
 * To be called first: name is the program's, static. From here on SIGINT, SIGTERM and SIGHUP set
 * tool_stopped; a second one ends the program at once.
 */
void tool_start(const char *name);
const char *tool_name(void);

void tool_set_voice(tool_voice voice);
tool_voice tool_get_voice(void);

/** Nonzero once a signal has asked the program to stop. */
int tool_stopped(void);

/** Prints "NAME: message", on a terminal with NAME in red unless NO_COLOR is set; returns
 * TOOL_FAILED. Silent programs still say what went wrong. */
int tool_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The same for a library call that came to status; err may be empty. */
int tool_fail_status(mdla_status status, const mdla_error *err);

/** The same where the sentence may lack the name of what it is about. */
int tool_fail_about(const char *name, mdla_status status, const mdla_error *err);

/**
 * Remembers that an output couldn't be written, and why (an errno value). The library knows
 * neither; the MDLA_ERR_IO that it comes to is then reported with both.
 */
void tool_output_failed(const char *path, int reason);

/** Prints "NAME: message" and where help is found; returns TOOL_USAGE. */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Prints "NAME: message" unless silent. */
void tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Prints "NAME: message" where -v was given. */
void tool_explain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * The last call: checks that standard output took everything, and after a signal ends the program
 * by that signal, so that a calling shell stops too. Returns the exit code.
 */
int tool_end(int code);

#endif
