/* A folder of two members in memory, for SAEs. */
#ifndef MDLA_TEST_MEMORY_FOLDER_H
#define MDLA_TEST_MEMORY_FOLDER_H

#include "support.h"

typedef struct memory_folder {
    const char *config; /* NULL: none */
    bytes config_bytes; /* what was created */
    bytes weights;
    void *written[2];
    size_t nbytes[2];
} memory_folder;

static inline mdla_status memory_folder_open(void *ctx, const char *member, mdla_source *out,
                                             mdla_error *err)
{
    memory_folder *const f = ctx;

    if (strcmp(member, "cfg.json") == 0 && f->config != NULL)
        mdla_source_memory(f->config, strlen(f->config), out);
    else if (strcmp(member, "sae_weights.safetensors") == 0)
        mdla_source_memory(f->weights.data, f->weights.count, out);
    else {
        if (err != NULL)
            strcpy(err->text, "missing");
        return MDLA_ERR_IO;
    }
    return MDLA_OK;
}

static inline mdla_status memory_folder_create(void *ctx, const char *member, mdla_sink *out,
                                               mdla_error *err)
{
    memory_folder *const f = ctx;
    const int which = strcmp(member, "cfg.json") == 0;

    (void)err;
    return mdla_sink_memory(&f->written[which], &f->nbytes[which], out);
}

static inline mdla_folder folder_of(memory_folder *f)
{
    const mdla_folder folder = {f, memory_folder_open, memory_folder_create, NULL, NULL, NULL};

    return folder;
}

/* Makes what was created the content. */
static inline void memory_folder_reload(memory_folder *f)
{
    f->weights.count = f->config_bytes.count = 0;
    put(&f->weights, f->written[0], f->nbytes[0]);
    put(&f->config_bytes, f->written[1], f->nbytes[1]);
    put_byte(&f->config_bytes, 0);
    f->config = (const char *)f->config_bytes.data;
    free(f->written[0]);
    free(f->written[1]);
}

/* A safetensors file: header text, padded as it is, and bytes of values. */
static inline void safetensors_bytes(bytes *b, const char *header, size_t value_nbytes)
{
    const size_t length = strlen(header);
    size_t i;

    b->count = 0;
    for (i = 0; i < 8; i++)
        put_byte(b, (unsigned)((uint64_t)length >> 8 * i & 0xff));
    put_text(b, header);
    for (i = 0; i < value_nbytes / 4; i++)
        put_f32_le(b, (float)i);
    for (i = 0; i < value_nbytes % 4; i++)
        put_byte(b, 0);
}

#endif
