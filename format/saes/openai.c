/* OpenAI's sparse_autoencoder: one .pt file that says its own activation. */
#include "saes/import.h"

#include "base/alloc.h"
#include "saes/torch_file.h"

#include <string.h>

static mdla_status refuse(const sae_import *im, const char *key, const pickle_value *value,
                          const char *why, mdla_error *err)
{
    return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: %s '%.60s': %s", im->tensors->name, key,
                     value != NULL && value->type == PICKLE_TEXT ? value->text : "", why);
}

/* {"k": 32, "postact_fn": "ReLU"} */
static mdla_status read_top_k(const sae_import *im, const pickle_value *state, import_plan *plan,
                              mdla_error *err)
{
    const pickle_value *const k = state != NULL ? torch_entry_of(im->tensors, state, "k") : NULL;
    const pickle_value *const after =
        state != NULL ? torch_entry_of(im->tensors, state, "postact_fn") : NULL;

    if (k == NULL || k->type != PICKLE_INT || k->whole < 1 || k->whole > UINT32_MAX)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: activation_state_dict has no k, a whole number from 1 on",
                         im->tensors->name);
    if (after != NULL && (after->type != PICKLE_TEXT || strcmp(after->text, "ReLU") != 0))
        return refuse(im, "postact_fn", after, "not known; ReLU is", err);
    plan->k = (uint32_t)k->whole;
    plan->activation = SAE_TOPK;
    plan->norm = SAE_NORM_LAYER;
    return MDLA_OK;
}

static mdla_status read_activation(sae_import *im, import_plan *plan, mdla_error *err)
{
    const pickle_value *const name = torch_entry(im->tensors, "activation");
    const pickle_value *const state = torch_entry(im->tensors, "activation_state_dict");

    plan->activation = SAE_RELU;
    if (name == NULL)
        return MDLA_OK;
    if (name->type == PICKLE_TEXT && strcmp(name->text, "ReLU") == 0)
        return MDLA_OK;
    if (name->type == PICKLE_TEXT && strcmp(name->text, "TopK") == 0)
        return read_top_k(im, state, plan, err);
    if (name->type == PICKLE_TEXT && strcmp(name->text, "Identity") == 0)
        return refuse(im, "activation", name, "every feature is always on: no sparse code", err);
    return refuse(im, "activation", name, "not known; ReLU and TopK are", err);
}

mdla_status openai_import(sae_import *im, mdla_error *err)
{
    static const char *const statistics[] = {"stats_last_nonzero", "latents_activation_frequency",
                                             "latents_mean_square"};
    import_plan plan = {.subtract_b_dec = true};
    size_t i;

    if (im->tensors == NULL)
        MDLA_TRY(import_weights(im, import_pt_member(im, "ae.pt"), weights_open_torch, err));
    if (weights_find(im->tensors, "decoder.linear.weight") != NULL)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: tensor decoder.linear.weight, a decoder tied to the encoder: not "
                         "supported",
                         im->tensors->name);
    MDLA_TRY(read_activation(im, &plan, err));
    for (i = 0; i < 3; i++)
        weights_ignore(im->tensors, statistics[i]);
    import_add(&plan, PART_W_ENC, "encoder.weight", false);
    import_add(&plan, PART_B_ENC, "latent_bias", false);
    import_add(&plan, PART_W_DEC, "decoder.weight", true);
    import_add(&plan, PART_B_DEC, "pre_bias", false);
    return import_model(im, &plan, err);
}
