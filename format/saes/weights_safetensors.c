/* Weights from a safetensors file. */
#include "saes/weights.h"

#include "base/alloc.h"
#include "io_error.h"
#include "saes/safetensors.h"

#include <string.h>

/* The bytes of one tensor. */
typedef struct window {
    safetensors *st;
    uint64_t begin, nbytes, position;
} window;

static mdla_status window_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    window *const w = ctx;
    const uint64_t left = w->nbytes - w->position;
    const size_t want = nbytes < left ? nbytes : (size_t)left;
    mdla_error unused;
    mdla_status status;

    *got = 0;
    if (want == 0)
        return MDLA_OK;
    status = input_seek(&w->st->in, w->begin + w->position, &unused);
    if (status == MDLA_OK)
        status = input_read(&w->st->in, dst, want, "the values", &unused);
    if (status != MDLA_OK)
        return status;
    w->position += want;
    *got = want;
    return MDLA_OK;
}

static void window_close(void *ctx)
{
    window *const w = ctx;

    alloc_free(w->st->in.al, w);
}

static mdla_status open_tensor(weights *set, const weight *t, mdla_source *out, mdla_error *err)
{
    safetensors *const st = set->container;
    const safetensor *const tensor = t->storage;
    window *const w = alloc_zeroed(set->al, 1, sizeof *w);

    memset(out, 0, sizeof *out);
    if (w == NULL)
        return error_memory(err, set->name);
    w->st = st;
    w->begin = st->data_offset + tensor->begin;
    w->nbytes = tensor->end - tensor->begin;
    out->ctx = w;
    out->read = window_read;
    out->nbytes = w->nbytes;
    out->close = window_close;
    return MDLA_OK;
}

static void close_file(void *container)
{
    safetensors_close(container);
}

mdla_status weights_open_safetensors(const mdla_allocator *al, mdla_source source, const char *name,
                                     weights **out, mdla_error *err)
{
    safetensors *st;
    weights *w;
    size_t i;

    *out = NULL;
    MDLA_TRY(safetensors_open(al, source, name, &st, err));
    w = weights_new(al, name, st->count);
    if (w == NULL) {
        safetensors_close(st);
        return error_memory(err, name);
    }
    w->container = st;
    w->close = close_file;
    w->open = open_tensor;
    for (i = 0; i < st->count; i++) {
        const safetensor *const tensor = &st->tensors[i];
        weight *const t = &w->items[w->count++];

        t->name = alloc_text(al, tensor->name);
        t->dtype_name = tensor->dtype_name;
        t->dtype = tensor->dtype;
        t->axes = tensor->axes;
        memcpy(t->shape, tensor->shape, sizeof t->shape);
        weights_set_strides(t, false);
        t->storage = tensor;
        if (t->name == NULL) {
            weights_close(w);
            return error_memory(err, name);
        }
    }
    *out = w;
    return MDLA_OK;
}
