/* The progress line. One line a process, so its state is the process's. */
#include "common/progress.h"

#include "common/numbers.h"
#include "common/tool.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    char what[32];      /* the stage that the clock below belongs to */
    double began;       /* seconds */
    double shown;
    int drawn;          /* nonzero: a line stands on the terminal */
} line;

static double now_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_eta(double seconds)
{
    const unsigned long left = (unsigned long)(seconds + 0.5);

    if (left >= 3600)
        fprintf(stderr, ", %lu:%02lu:%02lu left", left / 3600, left / 60 % 60, left % 60);
    else
        fprintf(stderr, ", %lu:%02lu left", left / 60, left % 60);
}

static void draw(const char *what, uint64_t done, uint64_t total, double elapsed)
{
    char count[NUMBER_TEXT_MAX], rate[NUMBER_TEXT_MAX];
    const double rows_per_second = elapsed > 0 ? (double)done / elapsed : 0;

    fprintf(stderr, "\r%s: %s %s rows", tool_name(), what, number_grouped(done, count));
    if (total != MDLA_UNKNOWN && total > 0)
        fprintf(stderr, " (%.0f %%)", 100.0 * (double)done / (double)total);
    if (rows_per_second >= 1)
        fprintf(stderr, ", %s rows/s", number_grouped((uint64_t)rows_per_second, rate));
    if (rows_per_second > 0 && total != MDLA_UNKNOWN && total >= done)
        print_eta((double)(total - done) / rows_per_second);
    fputs("\033[K", stderr);
    fflush(stderr);
}

int progress_show(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    double now;

    (void)ctx;
    if (tool_stopped())
        return 1;
    if (tool_get_voice() == TOOL_SILENT || !isatty(STDERR_FILENO))
        return 0;
    now = now_seconds();
    if (strncmp(line.what, what, sizeof line.what - 1) != 0 || done == 0) {
        snprintf(line.what, sizeof line.what, "%s", what);
        line.began = now;
        line.shown = 0;
    }
    if (now - line.shown >= 0.2) {
        draw(what, done, total, now - line.began);
        line.shown = now;
        line.drawn = 1;
    }
    return 0;
}

void progress_clear(void)
{
    if (!line.drawn)
        return;
    fputs("\r\033[K", stderr);
    line.drawn = 0;
}
