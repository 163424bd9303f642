/* A SAELens folder from bytes: cfg.json up to the first NUL, then sae_weights.safetensors. What
 * loads is saved, and must load again as the same SAE. Without a NUL the bytes are a safetensors
 * file alone. */
#include "base/alloc.h"
#include "saes/sae_handle.h"
#include "saes/safetensors.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

typedef struct fuzz_folder {
    const void *bytes[2];
    size_t nbytes[2];
    void *written[2];
    size_t written_nbytes[2];
} fuzz_folder;

static int member_of(const char *name)
{
    return strcmp(name, "cfg.json") != 0;
}

static mdla_status open_member(void *ctx, const char *member, mdla_source *out, mdla_error *err)
{
    const fuzz_folder *const f = ctx;

    (void)err;
    mdla_source_memory(f->bytes[member_of(member)], f->nbytes[member_of(member)], out);
    return MDLA_OK;
}

static mdla_status create_member(void *ctx, const char *member, mdla_sink *out, mdla_error *err)
{
    fuzz_folder *const f = ctx;

    (void)err;
    return mdla_sink_memory(&f->written[member_of(member)], &f->written_nbytes[member_of(member)],
                            out);
}

static mdla_sae *load(fuzz_folder *f)
{
    const mdla_folder folder = {f, open_member, create_member, NULL, NULL, NULL};
    mdla_error err;
    mdla_sae *handle;

    return mdla_sae_load(NULL, folder, "fuzz", NULL, &handle, &err) == MDLA_OK ? handle : NULL;
}

static void check_saved(fuzz_folder *f, const mdla_sae *handle)
{
    const mdla_folder folder = {f, open_member, create_member, NULL, NULL, NULL};
    fuzz_folder again = {0};
    mdla_sae *second;
    int i;
    const mdla_status saved = mdla_sae_save(handle, folder, NULL);

    if (saved == MDLA_ERR_UNSUPPORTED) /* gated and the like are read alone */
        return;
    if (saved != MDLA_OK)
        abort();
    for (i = 0; i < 2; i++) {
        again.bytes[i] = f->written[i];
        again.nbytes[i] = f->written_nbytes[i];
    }
    second = load(&again);
    assert(second != NULL);
    assert(second->model->k == handle->model->k &&
           second->model->activation == handle->model->activation);
    assert(memcmp(second->model->w_enc, handle->model->w_enc,
                  sizeof(float) * handle->model->width * handle->model->dims) == 0);
    mdla_sae_free(second);
    free(f->written[0]);
    free(f->written[1]);
}

static void fuzz_alone(const uint8_t *data, size_t nbytes)
{
    safetensors *st;
    mdla_source source;
    float values[16];
    size_t i;

    mdla_source_memory(data, nbytes, &source);
    if (safetensors_open(alloc_of(NULL), source, "fuzz", &st, NULL) != MDLA_OK)
        return;
    for (i = 0; i < st->count; i++) {
        const safetensor *const t = &st->tensors[i];

        (void)!safetensors_read_f32(st, t, 0, t->count < 16 ? (size_t)t->count : 16, values, NULL);
    }
    safetensors_close(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    const uint8_t *const nul = nbytes != 0 ? memchr(data, 0, nbytes) : NULL;
    fuzz_folder f = {0};
    mdla_sae *handle;

    fuzz_alone(data, nbytes);
    if (nul == NULL)
        return 0;
    f.bytes[0] = data;
    f.nbytes[0] = (size_t)(nul - data);
    f.bytes[1] = nul + 1;
    f.nbytes[1] = nbytes - f.nbytes[0] - 1;
    handle = load(&f);
    if (handle != NULL)
        check_saved(&f, handle);
    mdla_sae_free(handle);
    return 0;
}
