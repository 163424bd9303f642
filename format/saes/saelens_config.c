#include "saes/saelens_config.h"

#include "base/alloc.h"
#include "saes/json_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The object being read and the name of its file. Absent and null mean the same to SAELens. */
typedef struct fields {
    const json_t *object;
    const char *name;
} fields;

static const json_t *field(const fields *f, const char *key)
{
    const json_t *const value = json_object_get(f->object, key);

    return json_is_null(value) ? NULL : value;
}

static mdla_status refuse(const fields *f, const char *key, const char *why, mdla_error *err)
{
    return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: %s: %s", f->name, key, why);
}

static mdla_status refuse_value(const fields *f, const char *key, const json_t *value,
                                const char *why, mdla_error *err)
{
    if (!json_is_string(value))
        return refuse(f, key, why, err);
    return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: %s '%.60s': %s", f->name, key,
                     json_string_value(value), why);
}

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static mdla_status read_flag(const fields *f, const char *key, bool absent, bool *out,
                             mdla_error *err)
{
    const json_t *const value = field(f, key);

    *out = value != NULL ? json_is_true(value) : absent;
    if (value != NULL && !json_is_boolean(value))
        return refuse(f, key, "neither true nor false", err);
    return MDLA_OK;
}

static mdla_status read_count(const fields *f, const char *key, uint32_t limit, uint32_t *out,
                              mdla_error *err)
{
    const json_t *const value = field(f, key);
    const json_int_t count = json_integer_value(value);

    if (value == NULL)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s is missing", f->name, key);
    if (!json_is_integer(value) || count < 1)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s must be a whole number from 1 on", f->name,
                         key);
    if ((uint64_t)count > limit)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: %s is %" JSON_INTEGER_FORMAT "; the limit is %" PRIu32, f->name, key,
                         count, limit);
    *out = (uint32_t)count;
    return MDLA_OK;
}

/* ---- What kind of SAE ------------------------------------------------------------------------ */

static mdla_status read_architecture(const fields *f, sae_activation *out, mdla_error *err)
{
    static const struct {
        const char *name;
        const char *why;
    } refused[] = {
        {"gated", "gated SAEs are not supported"},
        {"batchtopk", "a training checkpoint; save it for inference, which makes it jumprelu"},
        {"matryoshka_batchtopk",
         "a training checkpoint; save it for inference, which makes it jumprelu"},
        {"transcoder", "transcoders don't reconstruct their own input"},
        {"skip_transcoder", "transcoders don't reconstruct their own input"},
        {"jumprelu_transcoder", "transcoders don't reconstruct their own input"},
        {"jumprelu_skip_transcoder", "transcoders don't reconstruct their own input"},
        {"temporal", "a row's code depends on other rows"},
        {"matching_pursuit", "its encoder is iterative; not supported"},
    };
    const json_t *const value = field(f, "architecture");
    size_t i;

    *out = SAE_RELU;
    if (value == NULL || is_text(value, "standard"))
        return MDLA_OK;
    if (is_text(value, "jumprelu")) {
        *out = SAE_JUMPRELU;
        return MDLA_OK;
    }
    if (is_text(value, "topk")) {
        *out = SAE_TOPK;
        return MDLA_OK;
    }
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (is_text(value, refused[i].name))
            return refuse_value(f, "architecture", value, refused[i].why, err);
    }
    return refuse_value(f, "architecture", value, "not known", err);
}

/* Up to version 5 the activation function stands beside the architecture and may make it top-k. */
static mdla_status read_activation(const fields *f, sae_activation *activation, mdla_error *err)
{
    const char *const key =
        field(f, "activation_fn_str") != NULL ? "activation_fn_str" : "activation_fn";
    const json_t *const value = field(f, key);

    if (value == NULL || is_text(value, "relu"))
        return MDLA_OK;
    if (!is_text(value, "topk"))
        return refuse_value(f, key, value, "relu and topk are supported, nothing else", err);
    if (*activation == SAE_JUMPRELU)
        return refuse(f, key, "topk and architecture jumprelu contradict each other", err);
    *activation = SAE_TOPK;
    return MDLA_OK;
}

static mdla_status read_k(const fields *f, saelens_config *out, mdla_error *err)
{
    const json_t *const kwargs = field(f, "activation_fn_kwargs");
    const fields inner = {kwargs, f->name};
    const bool inner_k = json_is_object(kwargs) && field(&inner, "k") != NULL;
    const char *key;
    json_t *value;

    if (kwargs != NULL && !json_is_object(kwargs))
        return refuse(f, "activation_fn_kwargs", "is no object", err);
    json_object_foreach((json_t *)(uintptr_t)kwargs, key, value)
    {
        if (!json_is_null(value) && (out->activation != SAE_TOPK || strcmp(key, "k") != 0))
            return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: activation_fn_kwargs.%.60s: not known",
                             f->name, key);
    }
    if (out->activation != SAE_TOPK)
        return MDLA_OK;
    if (inner_k)
        MDLA_TRY(read_count(&inner, "k", UINT32_MAX, &out->k, err));
    if (!inner_k || field(f, "k") != NULL) {
        uint32_t k;

        MDLA_TRY(read_count(f, "k", UINT32_MAX, &k, err));
        if (inner_k && k != out->k)
            return refuse(f, "k", "differs from activation_fn_kwargs.k", err);
        out->k = k;
    }
    if (out->k > out->width)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: k is %" PRIu32 ", more than the %" PRIu32 " features", f->name,
                         out->k, out->width);
    return MDLA_OK;
}

/* ---- What is done to rows -------------------------------------------------------------------- */

static mdla_status read_normalisation(const fields *f, mdla_error *err)
{
    const json_t *const value = field(f, "normalize_activations");

    if (value == NULL || json_is_false(value) || is_text(value, "none"))
        return MDLA_OK;
    if (json_is_true(value)) /* versions 1 and 2 */
        return refuse(f, "normalize_activations", "true (expected_average_only_in): not supported",
                      err);
    if (is_text(value, "constant_norm_rescale") || is_text(value, "layer_norm") ||
        is_text(value, "expected_average_only_in"))
        return refuse_value(
            f, "normalize_activations", value,
            "not supported; normalise the rows and use an SAE that has the factor folded in", err);
    return refuse_value(f, "normalize_activations", value, "not known", err);
}

/* Members that, when they say something, make it another kind of model. */
static mdla_status read_oddities(const fields *f, uint32_t dims, mdla_error *err)
{
    static const char *const unknown[] = {"residual_threshold", "max_iterations", "transcode",
                                          "skip_connection"};
    const json_t *const reshape = field(f, "reshape_activations");
    const json_t *const d_out = field(f, "d_out");
    size_t i;

    for (i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        const json_t *const value = field(f, unknown[i]);

        if (value != NULL && !json_is_false(value))
            return refuse(f, unknown[i], "not supported", err);
    }
    /* hook_z rows are heads x values, flattened; rows come so already. */
    if (reshape != NULL && !is_text(reshape, "none") && !is_text(reshape, "hook_z"))
        return refuse_value(f, "reshape_activations", reshape, "not known", err);
    if (d_out != NULL && (!json_is_integer(d_out) || json_integer_value(d_out) != (json_int_t)dims))
        return refuse(f, "d_out", "differs from d_in: the SAE doesn't reconstruct its own input",
                      err);
    return MDLA_OK;
}

static bool is_version_6(const fields *f)
{
    const fields metadata = {field(f, "metadata"), f->name};
    const json_t *version = field(f, "sae_lens_version");

    if (version == NULL)
        version = field(&metadata, "sae_lens_version");
    return json_is_string(version) && strtol(json_string_value(version), NULL, 10) >= 6;
}

static mdla_status read_fields(const fields *f, const mdla_limits *limits, saelens_config *out,
                               mdla_error *err)
{
    MDLA_TRY(read_architecture(f, &out->activation, err));
    MDLA_TRY(read_activation(f, &out->activation, err));
    MDLA_TRY(read_count(f, "d_in", limits->max_dims, &out->dims, err));
    MDLA_TRY(read_count(f, "d_sae", limits->max_width, &out->width, err));
    MDLA_TRY(read_k(f, out, err));
    MDLA_TRY(read_normalisation(f, err));
    MDLA_TRY(read_oddities(f, out->dims, err));
    MDLA_TRY(read_flag(f, "apply_b_dec_to_input", true, &out->subtract_b_dec, err));
    MDLA_TRY(read_flag(f, "rescale_acts_by_decoder_norm", false, &out->rescale_by_norm, err));
    MDLA_TRY(read_flag(f, "finetuning_scaling_factor", false, &out->apply_scaling_factor, err));
    if (out->rescale_by_norm && out->activation != SAE_TOPK)
        return refuse(f, "rescale_acts_by_decoder_norm", "known for topk alone", err);
    if (out->apply_scaling_factor && is_version_6(f))
        return refuse(f, "finetuning_scaling_factor", "true, which version 6 doesn't apply", err);
    return MDLA_OK;
}

mdla_status saelens_config_read(input *in, const mdla_limits *limits, saelens_config *out,
                                mdla_error *err)
{
    mdla_status status;
    json_t *json;
    fields f;

    memset(out, 0, sizeof *out);
    MDLA_TRY(json_text_load(in, &json, err));
    f.object = json;
    f.name = in->name;
    status = read_fields(&f, limits, out, err);
    json_decref(json);
    return status;
}
