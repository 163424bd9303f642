/* Gemma Scope: params.npz, and since the second release config.json and params.safetensors. */
#include "saes/import.h"

#include "base/alloc.h"

#include <string.h>

/* a = x W_enc + b_enc, no bias taken off; f = relu(a) where a > threshold. */
static mdla_status import_jumprelu(sae_import *im, import_plan *plan, mdla_error *err)
{
    const bool lower = weights_find(im->tensors, "w_enc") != NULL;

    plan->activation = SAE_JUMPRELU;
    import_add(plan, PART_W_ENC, lower ? "w_enc" : "W_enc", true);
    import_add(plan, PART_W_DEC, lower ? "w_dec" : "W_dec", false);
    import_add(plan, PART_B_ENC, "b_enc", false);
    import_add(plan, PART_B_DEC, "b_dec", false);
    import_add(plan, PART_THRESHOLD, "threshold", false);
    return import_model(im, plan, err);
}

mdla_status gemma_scope_import(sae_import *im, mdla_error *err)
{
    import_plan plan = {0};

    if (import_path_says(im, "transcoder"))
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: the path says transcoder, which doesn't reconstruct its own input; "
                         "its params.npz looks just like an SAE's. If it is an SAE, say "
                         "that its kind is gemma-scope",
                         im->name);
    if (import_path_says(im, "embedding/"))
        import_note(im, "an SAE of embeddings: rows are taken to be unscaled embeddings, as the "
                        "file is for");
    MDLA_TRY(import_weights(im, im->folder->chosen != NULL ? im->folder->chosen : "params.npz",
                            weights_open_npz, err));
    return import_jumprelu(im, &plan, err);
}

static mdla_status check_config(sae_import *im, import_plan *plan, mdla_error *err)
{
    static const char *const architectures[] = {"jump_relu", "jumprelu", NULL};
    static const char *const hooks[] = {"hf_hook_point_in", NULL};
    const fields f = import_fields(im);
    const json_t *const in = fields_get(&f, "hf_hook_point_in");
    const json_t *const out = fields_get(&f, "hf_hook_point_out");
    int which;

    if (!fields_is_text(fields_get(&f, "type"), "sae"))
        return fields_refuse(&f, "type", "only an sae reconstructs its own input", err);
    MDLA_TRY(fields_choice(&f, "architecture", architectures, -1, &which, err));
    MDLA_TRY(fields_refuse_true(&f, "affine_connection",
                                "an affine skip connection: not an SAE of its own input", err));
    if (in != NULL && out != NULL && !json_equal(in, out))
        return fields_refuse(&f, "hf_hook_point_out",
                             "differs from hf_hook_point_in: it doesn't reconstruct its own input",
                             err);
    import_hook(im, &f, hooks);
    return fields_count_or(&f, "width", im->limits->max_width, false, &plan->width, err);
}

/* Without a configuration the path alone says what it is. */
static mdla_status check_path(const sae_import *im, mdla_error *err)
{
    static const char *const others[] = {"transcoder", "crosscoder", "clt"};
    static const char *const saes[] = {"resid_post", "attn_out", "mlp_out"};
    size_t i;

    for (i = 0; i < 3; i++)
        if (import_path_says(im, others[i]))
            return error_set(err, MDLA_ERR_UNSUPPORTED,
                             "%s: the path says %s, which doesn't reconstruct its own input",
                             im->name, others[i]);
    for (i = 0; i < 3; i++)
        if (im->named || import_path_says(im, saes[i]))
            return MDLA_OK;
    return error_set(err, MDLA_ERR_UNSUPPORTED,
                     "%s: no config.json says whether this is an SAE or a transcoder; if it "
                     "is an SAE, say that its kind is gemma-scope-2",
                     im->name);
}

mdla_status gemma_scope_2_import(sae_import *im, mdla_error *err)
{
    import_plan plan = {0};
    bool found;

    MDLA_TRY(import_config(im, "config.json", &found, err));
    MDLA_TRY(found ? check_config(im, &plan, err) : check_path(im, err));
    if (plan.width != 0)
        plan.whose = "config.json";
    MDLA_TRY(import_weights(im, "params.safetensors", weights_open_safetensors, err));
    return import_jumprelu(im, &plan, err);
}
