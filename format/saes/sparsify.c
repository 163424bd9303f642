/* EleutherAI sparsify: cfg.json and sae.safetensors. */
#include "saes/import.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { TOPK, GROUPMAX };

/* num_latents, or where it is 0 or absent dims x expansion_factor. */
static mdla_status read_width(const sae_import *im, const fields *f, import_plan *plan,
                              mdla_error *err)
{
    double expansion = 0.0, width;

    MDLA_TRY(fields_count_or(f, "num_latents", im->limits->max_width, true, &plan->width, err));
    if (plan->width != 0)
        return MDLA_OK;
    MDLA_TRY(fields_number_or(f, "expansion_factor", &expansion, err));
    width = floor(plan->dims * expansion);
    if (!(width >= 1.0) || width > im->limits->max_width)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: neither num_latents nor expansion_factor gives a number of features",
                         f->name);
    plan->width = (uint32_t)width;
    return MDLA_OK;
}

static mdla_status read_settings(const sae_import *im, import_plan *plan, mdla_error *err)
{
    static const char *const activations[] = {"topk", "groupmax", NULL};
    static const char transcoder[] = "a transcoder, which doesn't reconstruct its own input";
    const fields f = import_fields(im);
    bool is_signed;
    int which;

    MDLA_TRY(fields_refuse_true(&f, "transcode", transcoder, err));
    MDLA_TRY(fields_refuse_true(&f, "skip_connection", transcoder, err));
    MDLA_TRY(fields_choice(&f, "activation", activations, TOPK, &which, err));
    MDLA_TRY(fields_flag(&f, "signed", false, &is_signed, err));
    if (is_signed && which == GROUPMAX)
        return fields_refuse(&f, "signed", "known for topk alone", err);
    plan->activation = which == GROUPMAX ? SAE_GROUPMAX : is_signed ? SAE_TOPK_ABS : SAE_TOPK;
    MDLA_TRY(fields_count(&f, "d_in", im->limits->max_dims, &plan->dims, err));
    MDLA_TRY(read_width(im, &f, plan, err));
    MDLA_TRY(fields_count(&f, "k", UINT32_MAX, &plan->k, err));
    if (which == GROUPMAX && plan->width % plan->k != 0)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: %" PRIu32 " features don't make %" PRIu32 " groups of equal size",
                         f.name, plan->width, plan->k);
    return MDLA_OK;
}

/* The folder of a training has one for each hookpoint, which is its name. */
static void read_hook(sae_import *im)
{
    static const char *const keys[] = {"hookpoint", NULL};
    const fields f = import_fields(im);
    const char *const folder = hook_of_folder(im->folder);

    import_hook(im, &f, keys);
    if (im->about.hook[0] == '\0' && folder != NULL)
        strcpy(im->about.hook, folder);
}

mdla_status sparsify_import(sae_import *im, mdla_error *err)
{
    import_plan plan = {.whose = "cfg.json", .subtract_b_dec = true};

    MDLA_TRY(import_config(im, "cfg.json", NULL, err));
    MDLA_TRY(read_settings(im, &plan, err));
    read_hook(im);
    MDLA_TRY(import_weights(im, "sae.safetensors", weights_open_safetensors, err));
    if (weights_find(im->tensors, "W_skip") != NULL)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: tensor W_skip, a skip connection: a transcoder doesn't reconstruct "
                         "its own input",
                         im->tensors->name);
    import_add(&plan, PART_W_ENC, "encoder.weight", false);
    import_add(&plan, PART_B_ENC, "encoder.bias", false);
    import_add(&plan, PART_W_DEC, "W_dec", false);
    import_add(&plan, PART_B_DEC, "b_dec", false);
    return import_model(im, &plan, err);
}
