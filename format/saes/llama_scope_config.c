#include "saes/llama_scope_config.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

static mdla_status read_act(const fields *f, llama_config *out, mdla_error *err)
{
    static const char *const known[] = {"relu", "topk", "jumprelu", NULL};
    int which;

    if (fields_is_text(fields_get(f, "act_fn"), "batchtopk"))
        return fields_refuse(f, "act_fn", "has no stored threshold: the code depends on the batch",
                             err);
    MDLA_TRY(fields_choice(f, "act_fn", known, -1, &which, err));
    out->act = (llama_act)which;
    MDLA_TRY(fields_number_or(f, "jump_relu_threshold", &out->threshold, err));
    if (out->generation == 1 && out->act == LLAMA_TOPK && out->threshold > 0.0)
        out->act = LLAMA_JUMPRELU;
    if (out->generation == 2 && out->act == LLAMA_TOPK && out->threshold > 0.0)
        return fields_refuse(f, "jump_relu_threshold",
                             "above 0 beside topk: not known in this generation", err);
    if (out->act == LLAMA_TOPK)
        return fields_count(f, "top_k", UINT32_MAX, &out->k, err);
    return MDLA_OK;
}

static mdla_status read_average(const fields *f, llama_config *out, mdla_error *err)
{
    const fields average = {fields_get(f, "dataset_average_activation_norm"), f->name};

    MDLA_TRY(fields_number_or(&average, "in", &out->average_in, err));
    MDLA_TRY(fields_number_or(&average, "out", &out->average_out, err));
    if (out->average_in > 0.0 && out->average_out > 0.0)
        return MDLA_OK;
    return fields_refuse(f, "dataset_average_activation_norm",
                         "norm_activation is dataset-wise, and this lacks in and out above 0", err);
}

static mdla_status read_norm(const fields *f, llama_config *out, mdla_error *err)
{
    static const char *const known[] = {"dataset-wise", "token-wise", "none", "inference", NULL};
    int which;

    if (fields_is_text(fields_get(f, "norm_activation"), "batch-wise"))
        return fields_refuse(f, "norm_activation", "a row's code depends on its batch", err);
    MDLA_TRY(fields_choice(f, "norm_activation", known, -1, &which, err));
    out->norm = which >= 2 ? LLAMA_NONE : (llama_norm)which;
    return out->norm == LLAMA_DATASET && out->generation == 1 ? read_average(f, out, err) : MDLA_OK;
}

/* It must reconstruct what it reads, by formulas that are known. */
static mdla_status check_kind(const fields *f, llama_config *out, mdla_error *err)
{
    const json_t *const in = fields_get(f, "hook_point_in"), *const to =
                                                                 fields_get(f, "hook_point_out");

    if (fields_get(f, "sae_type") != NULL && !fields_is_text(fields_get(f, "sae_type"), "sae"))
        return fields_refuse(f, "sae_type", "only an sae reconstructs its own input", err);
    if (in != NULL && to != NULL && !json_equal(in, to))
        return fields_refuse(f, "hook_point_out",
                             "differs from hook_point_in: a transcoder doesn't reconstruct its own "
                             "input",
                             err);
    out->hook = json_string_value(in);
    return fields_refuse_true(f, "use_glu_encoder", "a GLU encoder is another formula", err);
}

/* d_sae, or d_model x expansion_factor; what neither says is taken from the tensors. */
static mdla_status read_sizes(const sae_import *im, const fields *f, llama_config *out,
                              mdla_error *err)
{
    double expansion = 0.0, width;

    MDLA_TRY(fields_count(f, "d_model", im->limits->max_dims, &out->dims, err));
    MDLA_TRY(fields_count_or(f, "d_sae", im->limits->max_width, true, &out->width, err));
    MDLA_TRY(fields_number_or(f, "expansion_factor", &expansion, err));
    if (out->width != 0 || expansion == 0.0)
        return MDLA_OK;
    width = out->dims * expansion;
    /* A quotient of whole numbers that was printed as a decimal may fall short by its rounding. */
    width = floor(width + 1e-6);
    if (!(width >= 1.0) || width > im->limits->max_width)
        return error_set(err, MDLA_ERR_LIMIT, "%s: expansion_factor gives %.0f features", f->name,
                         width);
    out->width = (uint32_t)width;
    return MDLA_OK;
}

mdla_status llama_config_read(const sae_import *im, int generation, llama_config *out,
                              mdla_error *err)
{
    const fields f = import_fields(im);
    bool decoder_bias;

    memset(out, 0, sizeof *out);
    out->generation = generation;
    MDLA_TRY(check_kind(&f, out, err));
    MDLA_TRY(read_act(&f, out, err));
    MDLA_TRY(read_norm(&f, out, err));
    MDLA_TRY(read_sizes(im, &f, out, err));
    if (fields_get(&f, "sparsity_include_decoder_norm") == NULL)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: sparsity_include_decoder_norm is missing",
                         f.name);
    MDLA_TRY(fields_flag(&f, "sparsity_include_decoder_norm", true, &out->by_decoder_norm, err));
    MDLA_TRY(fields_flag(&f, "use_decoder_bias", true, &decoder_bias, err));
    out->no_decoder_bias = !decoder_bias;
    MDLA_TRY(fields_flag(&f, "apply_decoder_bias_to_pre_encoder", false, &out->pre_bias, err));
    out->pre_bias = out->pre_bias && decoder_bias && generation != 3;
    return MDLA_OK;
}
