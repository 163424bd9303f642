#include "saes/saelens_config.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- What kind of SAE ------------------------------------------------------------------------ */

static mdla_status read_architecture(const fields *f, saelens_config *out, mdla_error *err)
{
    static const struct {
        const char *name;
        sae_activation activation;
        bool batch_threshold;
    } known[] = {
        {"standard", SAE_RELU, false},     {"topk", SAE_TOPK, false},
        {"jumprelu", SAE_JUMPRELU, false}, {"gated", SAE_GATED, false},
        {"batchtopk", SAE_JUMPRELU, true}, {"matryoshka_batchtopk", SAE_JUMPRELU, true},
    };
    static const struct {
        const char *name, *why;
    } refused[] = {
        {"transcoder", "transcoders don't reconstruct their own input"},
        {"skip_transcoder", "transcoders don't reconstruct their own input"},
        {"jumprelu_transcoder", "transcoders don't reconstruct their own input"},
        {"jumprelu_skip_transcoder", "transcoders don't reconstruct their own input"},
        {"temporal", "a row's code depends on other rows"},
        {"matching_pursuit", "its encoder is iterative; not supported"},
    };
    const json_t *const value = fields_get(f, "architecture");
    size_t i;

    out->activation = SAE_RELU;
    if (value == NULL)
        return MDLA_OK;
    for (i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!fields_is_text(value, known[i].name))
            continue;
        out->activation = known[i].activation;
        out->batch_threshold = known[i].batch_threshold;
        return MDLA_OK;
    }
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (fields_is_text(value, refused[i].name))
            return fields_refuse(f, "architecture", refused[i].why, err);
    }
    return fields_refuse(f, "architecture", "not known", err);
}

/* Up to version 5 the activation function stands beside the architecture and may make it top-k. */
static mdla_status read_activation(const fields *f, saelens_config *out, mdla_error *err)
{
    const char *const key =
        fields_get(f, "activation_fn_str") != NULL ? "activation_fn_str" : "activation_fn";
    const json_t *const value = fields_get(f, key);
    sae_activation named;

    if (value == NULL || fields_is_text(value, "relu"))
        return MDLA_OK;
    if (fields_is_text(value, "topk"))
        named = SAE_TOPK;
    else if (fields_is_text(value, "tanh-relu"))
        named = SAE_TANH_RELU;
    else
        return fields_refuse(f, key, "not known; relu, topk and tanh-relu are", err);
    if (out->activation != SAE_RELU && out->activation != named && !out->batch_threshold)
        return fields_refuse(f, key, "contradicts the architecture", err);
    if (!out->batch_threshold)
        out->activation = named;
    return MDLA_OK;
}

/* Keyword arguments of the activation function: k, and what top-k does to what it keeps. */
static mdla_status check_kwargs(const fields *f, const json_t *kwargs, mdla_error *err)
{
    const char *key;
    json_t *value;

    if (kwargs != NULL && !json_is_object(kwargs))
        return fields_refuse(f, "activation_fn_kwargs", "is no object", err);
    json_object_foreach((json_t *)(uintptr_t)kwargs, key, value)
    {
        const bool relu = strcmp(key, "postact_fn") == 0 &&
                          (fields_is_text(value, "relu") || fields_is_text(value, "ReLU"));

        if (!json_is_null(value) && strcmp(key, "k") != 0 && !relu)
            return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: activation_fn_kwargs.%.60s: not known",
                             f->name, key);
    }
    return MDLA_OK;
}

static mdla_status read_k(const fields *f, saelens_config *out, mdla_error *err)
{
    const json_t *const kwargs = fields_get(f, "activation_fn_kwargs");
    const fields inner = {kwargs, f->name};

    MDLA_TRY(check_kwargs(f, kwargs, err));
    if (out->activation != SAE_TOPK)
        return MDLA_OK;
    MDLA_TRY(fields_count_or(&inner, "k", UINT32_MAX, false, &out->k, err));
    if (out->k == 0 || fields_get(f, "k") != NULL) {
        uint32_t k;

        MDLA_TRY(fields_count(f, "k", UINT32_MAX, &k, err));
        if (out->k != 0 && k != out->k)
            return fields_refuse(f, "k", "differs from activation_fn_kwargs.k", err);
        out->k = k;
    }
    if (out->k > out->width)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: k is %" PRIu32 ", more than the %" PRIu32 " features", f->name,
                         out->k, out->width);
    return MDLA_OK;
}

/* ---- What is done to rows -------------------------------------------------------------------- */

static mdla_status read_normalisation(const fields *f, saelens_config *out, mdla_error *err)
{
    const json_t *const value = fields_get(f, "normalize_activations");

    if (value == NULL || json_is_false(value) || fields_is_text(value, "none"))
        return MDLA_OK;
    if (json_is_true(value) || /* versions 1 and 2 */
        fields_is_text(value, "expected_average_only_in"))
        out->expects_scaled_rows = true;
    else if (fields_is_text(value, "constant_norm_rescale"))
        out->norm = SAE_NORM_CONSTANT;
    else if (fields_is_text(value, "layer_norm"))
        out->norm = SAE_NORM_LAYER;
    else
        return fields_refuse(f, "normalize_activations", "not known", err);
    return MDLA_OK;
}

/* Members that, when they say something, make it another kind of model. */
static mdla_status read_oddities(const fields *f, uint32_t dims, mdla_error *err)
{
    static const char *const unknown[] = {"residual_threshold", "max_iterations", "transcode",
                                          "skip_connection",    "is_transcoder",  "is_skip"};
    const json_t *const reshape = fields_get(f, "reshape_activations");
    const json_t *const d_out = fields_get(f, "d_out");
    size_t i;

    for (i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        MDLA_TRY(fields_refuse_true(f, unknown[i], "not supported", err));
    /* hook_z rows are heads x values, flattened; rows come so already. */
    if (reshape != NULL && !fields_is_text(reshape, "none") && !fields_is_text(reshape, "hook_z"))
        return fields_refuse(f, "reshape_activations", "not known", err);
    if (d_out != NULL && (!json_is_integer(d_out) || json_integer_value(d_out) != (json_int_t)dims))
        return fields_refuse(f, "d_out",
                             "differs from d_in: the SAE doesn't reconstruct its own input", err);
    return MDLA_OK;
}

static bool is_version_6(const fields *f)
{
    const fields metadata = {fields_get(f, "metadata"), f->name};
    const json_t *version = fields_get(f, "sae_lens_version");

    if (version == NULL)
        version = fields_get(&metadata, "sae_lens_version");
    return json_is_string(version) && strtol(json_string_value(version), NULL, 10) >= 6;
}

mdla_status saelens_config_read(const fields *f, const mdla_limits *limits, saelens_config *out,
                                mdla_error *err)
{
    memset(out, 0, sizeof *out);
    MDLA_TRY(read_architecture(f, out, err));
    MDLA_TRY(read_activation(f, out, err));
    MDLA_TRY(fields_count(f, "d_in", limits->max_dims, &out->dims, err));
    MDLA_TRY(fields_count(f, "d_sae", limits->max_width, &out->width, err));
    MDLA_TRY(read_k(f, out, err));
    MDLA_TRY(read_normalisation(f, out, err));
    MDLA_TRY(read_oddities(f, out->dims, err));
    MDLA_TRY(fields_flag(f, "apply_b_dec_to_input", true, &out->subtract_b_dec, err));
    MDLA_TRY(fields_flag(f, "rescale_acts_by_decoder_norm", false, &out->rescale_by_norm, err));
    MDLA_TRY(fields_flag(f, "finetuning_scaling_factor", false, &out->apply_scaling_factor, err));
    if (out->rescale_by_norm && out->activation != SAE_TOPK && !out->batch_threshold)
        return fields_refuse(f, "rescale_acts_by_decoder_norm",
                             "known for topk, batchtopk and matryoshka_batchtopk alone", err);
    if (out->apply_scaling_factor && is_version_6(f))
        return fields_refuse(f, "finetuning_scaling_factor", "true, which version 6 doesn't apply",
                             err);
    return MDLA_OK;
}
