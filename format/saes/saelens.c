/* SAELens folders: cfg.json and sae_weights.safetensors, read. */
#include "saes/import.h"

#include "base/alloc.h"
#include "io_error.h"
#include "saes/saelens_config.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define WEIGHTS "sae_weights.safetensors"

static void plan_tensors(const sae_import *im, const saelens_config *c, import_plan *plan)
{
    static const char *const factors[] = {"scaling_factor", "finetuning_scaling_factor"};
    size_t i;

    import_add(plan, PART_W_ENC, "W_enc", true);
    import_add(plan, PART_W_DEC, "W_dec", false);
    import_add(plan, PART_B_DEC, "b_dec", false);
    if (c->activation == SAE_GATED) {
        import_add(plan, PART_B_ENC, "b_gate", false);
        import_add_exponential(plan, PART_GAIN, "r_mag");
        import_add(plan, PART_B_MAG, "b_mag", false);
    } else {
        import_add(plan, PART_B_ENC, "b_enc", false);
    }
    /* A trainer keeps the logarithm and saves its exponential; one that was caught before. */
    if (c->activation == SAE_JUMPRELU && !c->batch_threshold) {
        if (weights_find(im->tensors, "threshold") == NULL &&
            weights_find(im->tensors, "log_threshold") != NULL)
            import_add_exponential(plan, PART_THRESHOLD, "log_threshold");
        else
            import_add(plan, PART_THRESHOLD, "threshold", false);
    }
    for (i = 0; i < 2; i++)
        if (weights_find(im->tensors, factors[i]) != NULL)
            import_add(plan, PART_FACTOR, factors[i], false);
    if (c->batch_threshold)
        weights_ignore(im->tensors, "topk_threshold");
}

static mdla_status check_factors(const sae_import *im, const saelens_config *c, mdla_error *err)
{
    const bool first = weights_find(im->tensors, "scaling_factor") != NULL;
    const bool second = weights_find(im->tensors, "finetuning_scaling_factor") != NULL;

    if (first && second)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: scaling_factor and finetuning_scaling_factor both",
                         im->tensors->name);
    if (!first && !second && c->apply_scaling_factor)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: tensor finetuning_scaling_factor is missing",
                         im->tensors->name);
    return MDLA_OK;
}

/* f' = f x factor when decoding: into the atoms, so that strengths stay as SAELens has them. */
static mdla_status apply_factor(sae_import *im, const saelens_config *c, const float *factor,
                                mdla_error *err)
{
    size_t j;

    for (j = 0; !c->apply_scaling_factor && j < c->width; j++)
        if (factor[j] != 1.0f)
            return error_set(err, MDLA_ERR_UNSUPPORTED,
                             "%s: the scaling factor of feature %zu is not 1, yet cfg.json says "
                             "that there is none",
                             im->tensors->name, j);
    return c->apply_scaling_factor ? fold_factor(im, factor, err) : MDLA_OK;
}

/* The one threshold of a training checkpoint, which an inference save would have made a tensor. */
static mdla_status read_batch_threshold(sae_import *im, mdla_error *err)
{
    weight *const t = weights_find(im->tensors, "topk_threshold");
    double threshold;

    if (t == NULL)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: tensor topk_threshold is missing: without it the code depends on the "
                         "batch",
                         im->tensors->name);
    MDLA_TRY(weights_scalar(im->tensors, t, &threshold, err));
    if (!(threshold >= 0.0) || !isfinite(threshold))
        return error_set(err, MDLA_ERR_DATA,
                         "%s: topk_threshold is %g: it was never trained, and the code depends on "
                         "the batch",
                         im->tensors->name, threshold);
    import_fill_threshold(im, threshold);
    import_note(im, "a training checkpoint: one threshold, %g, in place of the batch's top k",
                threshold);
    return MDLA_OK;
}

/* ---- The scale that rows are expected to have ------------------------------------------------ */

/* Folders of the end of a training, whose weights hold the scale already. */
static bool is_final(const sae_import *im)
{
    const char *const path = im->folder->origin != NULL ? im->folder->origin : im->name;
    size_t end = strlen(path), begin;

    while (end > 0 && path[end - 1] == '/')
        end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--)
        ;
    return end - begin > 6 && strncmp(path + begin, "final_", 6) == 0;
}

/* Version 6 writes the factor as JSON (null: nothing to do). 0 where there is none. */
static mdla_status read_scaler(sae_import *im, double *t, mdla_error *err)
{
    char config_name[sizeof im->config_name];
    json_t *const config = im->config;
    mdla_status status;
    bool found;

    memcpy(config_name, im->config_name, sizeof config_name);
    im->config = NULL;
    status = import_config(im, "activation_scaler.json", &found, err);
    if (status == MDLA_OK && found) {
        const fields f = import_fields(im);

        status = fields_number_or(&f, "scaling_factor", t, err);
    }
    json_decref(im->config);
    im->config = config;
    memcpy(im->config_name, config_name, sizeof config_name);
    return status;
}

/* Version 5 writes it as a tensor. */
static mdla_status read_store_state(sae_import *im, double *t, mdla_error *err)
{
    static const char member[] = "activations_store_state.safetensors";
    mdla_source source;
    mdla_status status;
    weights *state;
    weight *factor;
    char name[512];
    bool found;

    MDLA_TRY(import_try(im, member, &source, &found, err));
    if (!found)
        return MDLA_OK;
    import_member_name(im, member, name, sizeof name);
    MDLA_TRY(weights_open_safetensors(im->al, source, name, &state, err));
    factor = weights_find(state, "estimated_norm_scaling_factor");
    status = factor != NULL ? weights_scalar(state, factor, t, err) : MDLA_OK;
    weights_close(state);
    return status;
}

static mdla_status scale_rows(sae_import *im, mdla_error *err)
{
    double t = 0.0;

    MDLA_TRY(read_scaler(im, &t, err));
    if (t == 0.0)
        MDLA_TRY(read_store_state(im, &t, err));
    if (im->act_scale != 0.0) {
        import_note(im, "expected_average_only_in: scaled by %g, as told", im->act_scale);
        return MDLA_OK; /* folded for every kind alike */
    }
    if (t == 0.0 || is_final(im)) {
        import_note(im,
                    "expected_average_only_in: taken as folded into the weights%s; if FVU says "
                    "otherwise, give the factor (act scale)",
                    t != 0.0 ? " (a final_ folder)" : "");
        return MDLA_OK;
    }
    import_note(im, "expected_average_only_in: activations scaled by %g, as the side file says", t);
    return fold_input_scale(im, t, err);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static mdla_status finish(sae_import *im, const saelens_config *c, const import_plan *plan,
                          mdla_error *err)
{
    if (c->batch_threshold)
        MDLA_TRY(read_batch_threshold(im, err));
    if (plan->factor != NULL)
        MDLA_TRY(apply_factor(im, c, plan->factor, err));
    if (c->rescale_by_norm)
        MDLA_TRY(fold_norms(im, false, err));
    return c->expects_scaled_rows ? scale_rows(im, err) : MDLA_OK;
}

/* Versions 3 to 5 and trainings say it at the top, 1 and 2 too, version 6 in its metadata. */
static void read_hook(sae_import *im, const fields *f)
{
    static const char *const keys[] = {"hook_name", "hook_point", NULL};
    const fields metadata = {fields_get(f, "metadata"), f->name};

    import_hook(im, f, keys);
    import_hook(im, &metadata, keys);
}

mdla_status saelens_import(sae_import *im, mdla_error *err)
{
    import_plan plan = {.whose = "cfg.json"};
    saelens_config c;
    mdla_status status;
    fields f;

    MDLA_TRY(import_config(im, "cfg.json", NULL, err));
    f = import_fields(im);
    MDLA_TRY(saelens_config_read(&f, im->limits, &c, err));
    read_hook(im, &f);
    MDLA_TRY(import_weights(im, WEIGHTS, weights_open_safetensors, err));
    MDLA_TRY(check_factors(im, &c, err));
    plan.dims = c.dims;
    plan.width = c.width;
    plan.activation = c.activation;
    plan.norm = c.norm;
    plan.k = c.k;
    plan.subtract_b_dec = c.subtract_b_dec;
    plan_tensors(im, &c, &plan);
    status = import_model(im, &plan, err);
    if (status == MDLA_OK)
        status = finish(im, &c, &plan, err);
    alloc_free(im->al, plan.factor);
    return status;
}
