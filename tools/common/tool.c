/* Messages, exit codes and signals of the programs. The state here is the process's own: one program, one
 * name, one set of signal handlers. */
#include "common/tool.h"

#include "common/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *program = "mdla";
static tool_voice voice_now = TOOL_NORMAL;
static volatile sig_atomic_t signal_seen;

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

__attribute__((format(printf, 1, 0))) static void print_message(const char *format, va_list args)
{
    progress_clear();
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int tool_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_message(format, args);
    va_end(args);
    return TOOL_FAILED;
}

int tool_fail_status(mdla_status status, const mdla_error *err)
{
    if (status == MDLA_ERR_INTERRUPTED || tool_stopped())
        return tool_fail("stopped; nothing was written");
    if (err && err->text[0])
        return tool_fail("%s", err->text);
    return tool_fail("%s", mdla_status_text(status));
}

int tool_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_message(format, args);
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
    print_message(format, args);
    va_end(args);
}

void tool_explain(const char *format, ...)
{
    va_list args;

    if (voice_now != TOOL_VERBOSE)
        return;
    va_start(args, format);
    print_message(format, args);
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
