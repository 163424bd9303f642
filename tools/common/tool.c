/* Messages, exit codes and signals of the programs. The state here is the process's own: one
 * program, one name, one set of signal handlers. */
#include "common/tool.h"

#include "common/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program = "mdla";
static tool_voice voice_now = TOOL_NORMAL;
static volatile sig_atomic_t signal_seen;
static struct {
    const char *path; /* NULL: none has failed */
    int reason;
} output_failure;

static void on_signal(int number)
{
    signal_seen = number;
}

void tool_start(const char *name)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;

    program = name;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    /* The second signal finds the default action: a way out where a read blocks for ever. */
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;

        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

const char *tool_name(void)
{
    return program;
}

void tool_set_voice(tool_voice voice)
{
    voice_now = voice;
}

tool_voice tool_get_voice(void)
{
    return voice_now;
}

int tool_stopped(void)
{
    return signal_seen != 0;
}

/* Errors are red where a terminal shows colours and nobody has said NO_COLOR. */
static int has_colours(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDERR_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

__attribute__((format(printf, 2, 0))) static void print_message(int is_error, const char *format,
                                                                va_list args)
{
    progress_clear();
    fprintf(stderr, is_error && has_colours() ? "\033[1;31m%s:\033[0m " : "%s: ", program);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int tool_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_message(1, format, args);
    va_end(args);
    return TOOL_FAILED;
}

void tool_output_failed(const char *path, int reason)
{
    if (output_failure.path)
        return;
    output_failure.path = path;
    output_failure.reason = reason;
}

int tool_fail_status(mdla_status status, const mdla_error *err)
{
    if (status == MDLA_ERR_INTERRUPTED || tool_stopped())
        return tool_fail("stopped; nothing was written");
    if (output_failure.path)
        return tool_fail("%s: cannot write: %s", output_failure.path,
                         output_failure.reason ? strerror(output_failure.reason) : "write error");
    return tool_fail("%s", err && err->text[0] ? err->text : mdla_status_text(status));
}

int tool_fail_about(const char *name, mdla_status status, const mdla_error *err)
{
    const char *text = err && err->text[0] ? err->text : mdla_status_text(status);

    if (status == MDLA_ERR_INTERRUPTED || tool_stopped() || output_failure.path ||
        strncmp(text, name, strlen(name)) == 0)
        return tool_fail_status(status, err);
    return tool_fail("%s: %s", name, text);
}

int tool_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_message(1, format, args);
    va_end(args);
    fprintf(stderr, "Try '%s --help'.\n", program);
    return TOOL_USAGE;
}

void tool_say(const char *format, ...)
{
    va_list args;

    if (voice_now == TOOL_SILENT)
        return;
    va_start(args, format);
    print_message(0, format, args);
    va_end(args);
}

void tool_explain(const char *format, ...)
{
    va_list args;

    if (voice_now != TOOL_VERBOSE)
        return;
    va_start(args, format);
    print_message(0, format, args);
    va_end(args);
}

int tool_end(int code)
{
    progress_clear();
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == TOOL_DONE)
        code = tool_fail("standard output: %s", errno ? strerror(errno) : "write error");
    if (tool_stopped()) {
        signal(signal_seen, SIG_DFL);
        raise(signal_seen);
    }
    return code;
}
