/* A folder of any members in memory, for reading. */
#ifndef MDLA_TEST_MEMBER_FOLDER_H
#define MDLA_TEST_MEMBER_FOLDER_H

#include "support.h"

#include <errno.h>

typedef struct member_folder {
    const char *name[8];
    const void *data[8];
    size_t nbytes[8];
    size_t count;
    const char *chosen, *origin;
} member_folder;

static inline void member_add(member_folder *f, const char *name, const void *data, size_t nbytes)
{
    f->name[f->count] = name;
    f->data[f->count] = data;
    f->nbytes[f->count++] = nbytes;
}

static inline void member_add_text(member_folder *f, const char *name, const char *text)
{
    member_add(f, name, text, strlen(text));
}

static inline mdla_status member_folder_open(void *ctx, const char *member, mdla_source *out,
                                             mdla_error *err)
{
    const member_folder *const f = ctx;
    size_t i;

    for (i = 0; i < f->count; i++) {
        if (strcmp(f->name[i], member) != 0)
            continue;
        mdla_source_memory(f->data[i], f->nbytes[i], out);
        return MDLA_OK;
    }
    if (err != NULL)
        (void)snprintf(err->text, sizeof err->text, "%s: missing", member);
    errno = 0;
    return MDLA_ERR_IO;
}

static inline mdla_status member_folder_load(member_folder *f, const char *kind, double act_scale,
                                             mdla_sae **out, mdla_error *err)
{
    const mdla_folder folder = {f, member_folder_open, NULL, NULL, f->chosen, f->origin};
    const mdla_sae_options options = {kind, act_scale};

    return mdla_sae_load(NULL, folder, "s", &options, out, err);
}

#endif
