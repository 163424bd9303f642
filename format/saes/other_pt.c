/* .pt files without a family's layout: what their keys say, where keys are enough. */
#include "saes/import.h"

#include "base/alloc.h"
#include "saes/torch_file.h"

#include <stdio.h>
#include <string.h>

static bool has(const sae_import *im, const char *name)
{
    return weights_find(im->tensors, name) != NULL;
}

/* encoder, decoder and their biases under these names; relu, no bias taken off. */
static mdla_status import_linear(sae_import *im, const char *const names[4], mdla_error *err)
{
    import_plan plan = {.activation = SAE_RELU};

    import_add(&plan, PART_W_ENC, names[0], false);
    import_add(&plan, PART_B_ENC, names[1], false);
    import_add(&plan, PART_W_DEC, names[2], true);
    import_add(&plan, PART_B_DEC, names[3], false);
    return import_model(im, &plan, err);
}

/* W_enc, b_enc, W_dec, b_dec, perhaps threshold. */
static mdla_status import_plain(sae_import *im, bool subtract_b_dec, import_plan *plan,
                                mdla_error *err)
{
    plan->activation = has(im, "threshold") ? SAE_JUMPRELU : SAE_RELU;
    plan->subtract_b_dec = subtract_b_dec;
    import_add(plan, PART_W_ENC, "W_enc", true);
    import_add(plan, PART_B_ENC, "b_enc", false);
    import_add(plan, PART_W_DEC, "W_dec", false);
    import_add(plan, PART_B_DEC, "b_dec", false);
    if (plan->activation == SAE_JUMPRELU)
        import_add(plan, PART_THRESHOLD, "threshold", false);
    return import_model(im, plan, err);
}

/* NAME_cfg.json beside NAME.pt, with act_size and dict_size: standard, b_dec taken off. */
static mdla_status read_act_size(sae_import *im, import_plan *plan, bool *found, mdla_error *err)
{
    const char *const member = im->folder->chosen;
    const char *const dot = member != NULL ? strrchr(member, '.') : NULL;
    char config[300];
    fields f;

    *found = false;
    if (dot == NULL || dot - member > 200)
        return MDLA_OK;
    (void)snprintf(config, sizeof config, "%.*s_cfg.json", (int)(dot - member), member);
    MDLA_TRY(import_config(im, config, found, err));
    if (!*found)
        return MDLA_OK;
    f = import_fields(im);
    plan->whose = "its _cfg.json";
    MDLA_TRY(fields_count(&f, "act_size", im->limits->max_dims, &plan->dims, err));
    return fields_count(&f, "dict_size", im->limits->max_width, &plan->width, err);
}

static mdla_status import_untold(sae_import *im, mdla_error *err)
{
    import_plan plan = {0};
    bool found = false;

    if (im->variant != NULL && strcmp(im->variant, "pre-bias") == 0)
        return import_plain(im, true, &plan, err);
    if (im->variant != NULL && strcmp(im->variant, "no-pre-bias") == 0)
        return import_plain(im, false, &plan, err);
    if (!has(im, "threshold"))
        MDLA_TRY(read_act_size(im, &plan, &found, err));
    if (found)
        return import_plain(im, true, &plan, err);
    return error_set(err, MDLA_ERR_UNSUPPORTED,
                     "%s: nothing says whether b_dec is taken off before encoding; say which "
                     "kind it is, torch:pre-bias or torch:no-pre-bias",
                     im->tensors->name);
}

mdla_status other_pt_import(sae_import *im, mdla_error *err)
{
    static const char *const goodfire[4] = {"encoder_linear.weight", "encoder_linear.bias",
                                            "decoder_linear.weight", "decoder_linear.bias"};
    static const char *const linear[4] = {"encoder.weight", "encoder.bias", "decoder.weight",
                                          "decoder.bias"};

    if (im->folder->chosen == NULL)
        return error_set(err, MDLA_ERR_ARGUMENT, "%s: name the .pt file itself", im->name);
    MDLA_TRY(import_weights(im, im->folder->chosen, weights_open_torch, err));
    if (has(im, "pre_bias") && has(im, "latent_bias")) {
        strcpy(im->about.kind, "openai");
        return openai_import(im, err);
    }
    if (has(im, "W_enc"))
        return import_untold(im, err);
    if (has(im, goodfire[0]))
        return import_linear(im, goodfire, err);
    if (has(im, "bias"))
        return dictionary_import_class(im, "AutoEncoder", err);
    if (has(im, "gate_bias"))
        return dictionary_import_class(im, "GatedAutoEncoder", err);
    if (has(im, "decoder.bias"))
        return import_linear(im, linear, err);
    return error_set(err, MDLA_ERR_UNSUPPORTED,
                     "%s: its tensors fit no kind of SAE that is known, or several; say which "
                     "kind it is, such as dictionary-learning:CLASS",
                     im->tensors->name);
}
