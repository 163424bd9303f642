/* The SAEs of a sweep: loaded from where they lie, or trained and kept in FOLDER/saes. */
#include "sweep.h"

#include "common/files.h"
#include "common/progress.h"
#include "common/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int show_training(void *ctx, const mdla_train_state *state)
{
    (void)ctx;
    return progress_show(NULL, "train", state->rows, state->rows / state->step * state->steps);
}

static mdla_status save(const mdla_sae *sae, const char *path, mdla_error *err)
{
    mdla_folder folder;
    mdla_status status = mdla_folder_path(path, 1, &folder, err);

    return status == MDLA_OK ? mdla_sae_save(sae, folder, err) : status;
}

/* Trains, going on where an earlier run was stopped. */
static int train(const sweep *s, const explanation *e, const char *path, const char *checkpoint,
                 mdla_sae **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_train_options options;
    mdla_folder folder;
    mdla_status status = mdla_folder_path(path, 1, &folder, &err);

    if (status == MDLA_OK) {
        mdla_train_options_init(&options);
        options.width = e->width;
        options.l0 = e->l0;
        options.seed = e->seed;
        options.passes = s->options->passes;
        options.checkpoint = &folder;
        options.resume = access(checkpoint, F_OK) == 0;
        options.progress = show_training;
        status = mdla_train(&s->options->common.config, s->train, &options, out, NULL, &err);
        folder.close(folder.ctx);
    }
    if (status == MDLA_OK)
        status = save(*out, path, &err);
    if (status == MDLA_OK) {
        unlink(checkpoint); /* there may be none */
        return 0;
    }
    if (status == MDLA_ERR_INTERRUPTED)
        tool_fail("stopped; the same command goes on where this one was");
    else
        tool_fail_about(e->name, status, &err);
    mdla_sae_free(*out);
    *out = NULL;
    return -1;
}

/* A trained SAE depends on the rows and on how it was trained, so its folder is named by both. */
static int train_or_load(const sweep *s, const explanation *e, mdla_sae **out)
{
    char name[SWEEP_NAME_MAX + 64];
    char *path, *done, *checkpoint;
    int result = -1;

    snprintf(name, sizeof name, "saes/%s-p%u-%.8s", e->name, s->options->passes, s->train_id);
    path = files_join(s->folder, NULL, name);
    done = files_join(s->folder, name, "cfg.json");
    checkpoint = files_join(s->folder, name, MDLA_TRAIN_CHECKPOINT);
    if (path && done && checkpoint) {
        const sae_choice kept = {.path = path};

        result = access(done, F_OK) == 0 ? sae_open(&s->options->common.config, &kept, out)
                                         : train(s, e, path, checkpoint, out);
    }
    free(path);
    free(done);
    free(checkpoint);
    return result;
}

int sweep_sae(const sweep *s, const explanation *e, mdla_sae **out)
{
    const sae_choice given = {.path = e->path};

    *out = NULL;
    if (!e->path)
        return train_or_load(s, e, out);
    if (sae_open(&s->options->common.config, &given, out) != 0)
        return -1;
    if (mdla_sae_dims(*out) == s->dims)
        return 0;
    tool_fail("%s: takes rows of %u values, %s has %u", e->path, mdla_sae_dims(*out),
              s->options->data, s->dims);
    mdla_sae_free(*out);
    *out = NULL;
    return -1;
}
