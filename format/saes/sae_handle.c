#include "saes/sae_handle.h"

#include "base/alloc.h"

#include <string.h>

mdla_sae *sae_handle_new(sae *model)
{
    mdla_sae *handle;

    if (model == NULL)
        return NULL;
    handle = alloc_zeroed(model->al, 1, sizeof *handle);
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

row_norm_kind sae_handle_norm(const sae *model)
{
    static const row_norm_kind kinds[] = {[SAE_NORM_NONE] = ROW_NORM_NONE,
                                          [SAE_NORM_CONSTANT] = ROW_NORM_SCALE,
                                          [SAE_NORM_LAYER] = ROW_NORM_SCALE_OFFSET};

    return kinds[model->norm];
}

mdla_status sae_handle_check_codable(const sae *model, mdla_code code, mdla_error *err)
{
    if (code == MDLA_CODE_SAE && sae_is_signed(model))
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "the SAE's own code has strengths below zero, which a .mdla file can't "
                         "hold; let the features be searched for (code free)");
    return MDLA_OK;
}

/* ---- What it is ------------------------------------------------------------------------------ */

void mdla_sae_query(const mdla_sae *handle, mdla_sae_info *out)
{
    static const char *const activations[] = {
        [SAE_RELU] = "relu",           [SAE_JUMPRELU] = "jumprelu", [SAE_TOPK] = "topk",
        [SAE_TANH_RELU] = "tanh-relu", [SAE_STEP] = "jumprelu",     [SAE_TOPK_ABS] = "signed topk",
        [SAE_GROUPMAX] = "groupmax",   [SAE_GATED] = "gated"};
    static const char *const norms[] = {[SAE_NORM_NONE] = "none",
                                        [SAE_NORM_CONSTANT] = "constant norm",
                                        [SAE_NORM_LAYER] = "layer norm"};
    const sae *const s = handle->model;

    memset(out, 0, sizeof *out);
    out->dims = s->dims;
    out->width = s->width;
    out->kind = handle->about.kind[0] != '\0' ? handle->about.kind : "mdla";
    out->activation = activations[s->activation];
    out->k = s->k;
    out->pre_bias = s->subtract_b_dec;
    out->normalisation = norms[s->norm];
    out->signed_code = sae_is_signed(s);
    out->notes = handle->about.notes;
    out->hook = handle->about.hook[0] != '\0' ? handle->about.hook : NULL;
}
