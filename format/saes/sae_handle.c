#include "saes/sae_handle.h"

#include "base/alloc.h"

mdla_sae *sae_handle_new(sae *model)
{
    mdla_sae *handle;

    if (model == NULL)
        return NULL;
    handle = alloc_array(model->al, 1, sizeof *handle);
    if (handle == NULL)
        sae_free(model);
    else
        handle->model = model;
    return handle;
}

uint32_t mdla_sae_dims(const mdla_sae *handle)
{
    return handle->model->dims;
}

uint32_t mdla_sae_width(const mdla_sae *handle)
{
    return handle->model->width;
}

const float *mdla_sae_atom(const mdla_sae *handle, uint32_t feature)
{
    const sae *const s = handle->model;

    return feature < s->width ? s->w_dec + (size_t)feature * s->dims : NULL;
}

void mdla_sae_free(mdla_sae *handle)
{
    const mdla_allocator *al;

    if (handle == NULL)
        return;
    al = handle->model->al;
    sae_free(handle->model);
    alloc_free(al, handle);
}
