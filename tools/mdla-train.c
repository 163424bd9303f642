/* mdla-train: an SAE from activation rows, as a folder that SAELens loads. */
#include "train_options.h"

#include "common/files.h"
#include "common/names.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Progress ---------------------------------------------------------------------------------
 */

typedef struct train_progress {
    double began, shown;  /* seconds; shown: when a line was last drawn */
    uint64_t first_step;  /* of this run: a resumed one has done others before */
    uint64_t told_tenths; /* with -v where there is no terminal */
    int started;
} train_progress;

static double now_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void describe(const train_progress *p, const mdla_train_state *s, double now, char *text,
                     size_t nbytes)
{
    const double each = (now - p->began) / (double)(s->step - p->first_step + 1);
    const unsigned long left = (unsigned long)(each * (double)(s->steps - s->step) + 0.5);
    char step[NUMBER_TEXT_MAX], steps[NUMBER_TEXT_MAX];

    snprintf(text, nbytes,
             "step %s of %s (%.0f %%), loss %.4g, FVU %.4f, L0 %.1f, %u dead, %lu:%02lu:%02lu left",
             number_grouped(s->step, step), number_grouped(s->steps, steps),
             100.0 * (double)s->step / (double)s->steps, s->loss, s->fvu, s->l0, s->dead,
             left / 3600, left / 60 % 60, left % 60);
}

static int show(void *ctx, const mdla_train_state *s)
{
    train_progress *p = ctx;
    const double now = now_seconds();
    const uint64_t tenths = 10 * s->step / s->steps;
    char text[200];

    if (tool_stopped())
        return 1;
    if (!p->started) {
        *p = (train_progress){now, 0, s->step, tenths, 1};
        return 0;
    }
    if (tool_get_voice() != TOOL_SILENT && isatty(STDERR_FILENO)) {
        if (now - p->shown < 0.2)
            return 0;
        p->shown = now;
        describe(p, s, now, text, sizeof text);
        fprintf(stderr, "\r%s: %s\033[K", tool_name(), text);
        fflush(stderr);
    } else if (tenths > p->told_tenths) {
        p->told_tenths = tenths;
        describe(p, s, now, text, sizeof text);
        tool_explain("%s", text);
    }
    return 0;
}

static void clear_line(void)
{
    if (tool_get_voice() != TOOL_SILENT && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* ---- The folder -------------------------------------------------------------------------------
 */

/* FOLDER/MEMBER, to be freed; NULL: no memory, reported. */
static char *member_path(const char *folder, const char *member)
{
    const size_t nbytes = strlen(folder) + strlen(member) + 2;
    char *path = malloc(nbytes);

    if (path)
        snprintf(path, nbytes, "%s/%s", folder, member);
    else
        tool_fail("out of memory");
    return path;
}

static int member_exists(const char *folder, const char *member)
{
    char *path = member_path(folder, member);
    const int exists = path && access(path, F_OK) == 0;

    free(path);
    return exists;
}

static void remove_checkpoint(const char *folder)
{
    char *path = member_path(folder, MDLA_TRAIN_CHECKPOINT);

    if (path)
        unlink(path); /* there may be none */
    free(path);
}

/* Hours of work are never overwritten by mistake: neither an SAE nor a checkpoint. */
static int check_folder(const train_options *o)
{
    const char *folder = o->common.output;

    if (o->train.resume && !member_exists(folder, MDLA_TRAIN_CHECKPOINT))
        return tool_fail("%s: no checkpoint there to resume from; leave --resume out", folder);
    if (o->train.resume || o->common.force)
        return TOOL_DONE;
    if (member_exists(folder, MDLA_TRAIN_CHECKPOINT))
        return tool_fail(
            "%s: holds the checkpoint of a training; give --resume to go on with it, or -f "
            "to begin anew",
            folder);
    if (member_exists(folder, "cfg.json"))
        return tool_fail("%s: holds an SAE already; give -f to overwrite it, or another name",
                         folder);
    return TOOL_DONE;
}

/* ---- Training ---------------------------------------------------------------------------------
 */

static void report_result(const train_options *o, const mdla_train_report *r)
{
    char steps[NUMBER_TEXT_MAX], rows[NUMBER_TEXT_MAX];

    if (r->holdout_rows == 0)
        tool_say("%s: %s steps, no rows held out, %u features dead", o->common.output,
                 number_grouped(r->steps, steps), r->dead);
    else
        tool_say("%s: %s steps; on %s rows held out: FVU %.4f, L0 %.2f; %u features dead",
                 o->common.output, number_grouped(r->steps, steps),
                 number_grouped(r->holdout_rows, rows), r->fvu, r->l0, r->dead);
}

static int save(const train_options *o, const mdla_sae *sae)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_folder folder;
    mdla_status status = mdla_folder_path(o->common.output, 1, &folder, &err);

    if (status == MDLA_OK)
        status = mdla_sae_save(sae, folder, &err);
    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    remove_checkpoint(o->common.output);
    return TOOL_DONE;
}

static int train(const train_options *o, mdla_rows *rows)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_train_options options = o->train;
    mdla_train_report report;
    train_progress progress = {0};
    mdla_sae *sae = NULL;
    mdla_folder folder;
    mdla_status status = mdla_folder_path(o->common.output, 1, &folder, &err);
    char name[MDLA_MESSAGE_MAX];
    int result;

    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    options.checkpoint = &folder;
    options.progress = show;
    options.progress_ctx = &progress;
    status = mdla_train(&o->common.config, rows, &options, &sae, &report, &err);
    folder.close(folder.ctx);
    clear_line();
    if (status == MDLA_ERR_INTERRUPTED)
        return tool_fail("%s; its state is kept: go on with --resume", err.text);
    if (status != MDLA_OK)
        return tool_fail_about(files_data_name(o->data, o->data_count, name), status, &err);
    result = save(o, sae);
    if (result == TOOL_DONE)
        report_result(o, &report);
    mdla_sae_free(sae);
    return result;
}

static int run(const train_options *o)
{
    mdla_rows *rows;
    int result = check_folder(o);

    if (result != TOOL_DONE)
        return result;
    if (files_rows(&o->common.config, o->data, o->data_count, &o->array, 1, &rows) != 0)
        return TOOL_FAILED;
    result = train(o, rows);
    mdla_rows_close(rows);
    return result;
}

int main(int argc, char **argv)
{
    train_options options;
    int result;

    tool_start("mdla-train");
    result = train_parse(argc, argv, &options);
    if (result < 0)
        result = run(&options);
    names_free(options.data, options.data_count);
    return tool_end(result);
}
