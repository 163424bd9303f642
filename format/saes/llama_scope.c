/* Llama Scope (hyperparams.json and checkpoints/) and what its library wrote since (config.json and
 * sae_weights.safetensors, generations 2 and 3). */
#include "saes/llama_scope_config.h"

#include "base/alloc.h"
#include "base/matmul.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define AVERAGE "dataset_average_activation_norm."

/* ---- Tensors --------------------------------------------------------------------------------- */

static mdla_status refuse_glu(const sae_import *im, mdla_error *err)
{
    size_t i;

    for (i = 0; i < im->tensors->count; i++)
        if (strstr(im->tensors->items[i].name, "_glu") != NULL)
            return error_set(err, MDLA_ERR_UNSUPPORTED,
                             "%s: tensor %.80s: a GLU encoder is another formula",
                             im->tensors->name, im->tensors->items[i].name);
    return MDLA_OK;
}

static const char *threshold_name(const sae_import *im)
{
    static const char bare[] = "log_jumprelu_threshold";

    return weights_find(im->tensors, bare) != NULL ? bare
                                                   : "activation_function.log_jumprelu_threshold";
}

static void plan_tensors(const sae_import *im, const llama_config *c, import_plan *plan)
{
    const bool linear = c->generation != 3;

    import_add(plan, PART_W_ENC, linear ? "encoder.weight" : "W_E", !linear);
    import_add(plan, PART_B_ENC, linear ? "encoder.bias" : "b_E", false);
    import_add(plan, PART_W_DEC, linear ? "decoder.weight" : "W_D", linear);
    if (!c->no_decoder_bias)
        import_add(plan, PART_B_DEC, linear ? "decoder.bias" : "b_D", false);
    if (c->act == LLAMA_JUMPRELU && c->generation != 1)
        import_add_exponential(plan, PART_THRESHOLD, threshold_name(im));
}

static mdla_status read_model(sae_import *im, const llama_config *c, mdla_error *err)
{
    static const sae_activation activations[] = {
        [LLAMA_RELU] = SAE_RELU, [LLAMA_TOPK] = SAE_TOPK, [LLAMA_JUMPRELU] = SAE_STEP};
    import_plan plan = {.dims = c->dims,
                        .width = c->width,
                        .whose = c->generation == 1 ? "hyperparams.json" : "config.json",
                        .activation = activations[c->act],
                        .norm = c->norm == LLAMA_TOKEN ? SAE_NORM_CONSTANT : SAE_NORM_NONE,
                        .k = c->k,
                        .subtract_b_dec = c->pre_bias};

    plan_tensors(im, c, &plan);
    MDLA_TRY(import_model(im, &plan, err));
    if (c->act == LLAMA_TOPK && c->generation == 2)
        import_note(im, "topk: exactly k features of a row; this generation's own code keeps ties "
                        "of the k-th too");
    return MDLA_OK;
}

/* ---- Generation 1 ---------------------------------------------------------------------------- */

/* Rows are taken as they are; the scale of rows in training goes into the biases and atoms. Then
 * strengths are measured in units of their atoms, which is where the threshold compares. */
static mdla_status fold_first(sae_import *im, const llama_config *c, mdla_error *err)
{
    sae *const s = im->model;
    const double root = sqrt((double)s->dims);
    const double in = c->norm == LLAMA_DATASET ? root / c->average_in : 1.0;
    const double out = c->norm == LLAMA_DATASET ? root / c->average_out : 1.0;
    const size_t values = (size_t)s->width * s->dims;
    size_t i;

    for (i = 0; i < s->width; i++)
        s->b_enc[i] = (float)((double)s->b_enc[i] / in);
    for (i = 0; i < s->dims; i++)
        s->b_dec[i] = (float)((double)s->b_dec[i] / out);
    for (i = 0; i < values; i++)
        s->w_dec[i] = (float)((double)s->w_dec[i] * in / out);
    MDLA_TRY(fold_check(im, err));
    if (c->act == LLAMA_JUMPRELU)
        import_fill_threshold(im, c->threshold);
    return c->by_decoder_norm ? fold_norms(im, false, err) : MDLA_OK;
}

/* ---- Generations 2 and 3 --------------------------------------------------------------------- */

/* The average norm of rows at one end; both ends may have one name. */
static mdla_status read_average(sae_import *im, const llama_config *c, const char *end, double *out,
                                mdla_error *err)
{
    char name[300];
    weight *t;

    (void)snprintf(name, sizeof name, AVERAGE "%s", end);
    t = weights_find(im->tensors, name);
    if (t == NULL && c->hook != NULL) {
        (void)snprintf(name, sizeof name, AVERAGE "%.200s", c->hook);
        t = weights_find(im->tensors, name);
    }
    if (t == NULL)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: norm_activation is dataset-wise, and tensor " AVERAGE "%s is missing",
                         im->tensors->name, end);
    MDLA_TRY(weights_scalar(im->tensors, t, out, err));
    if (isfinite(*out) && *out > 0.0)
        return MDLA_OK;
    return error_set(err, MDLA_ERR_DATA, "%s: tensor %.200s is %g; it must be above 0",
                     im->tensors->name, name, *out);
}

/* Unset averages are written too, with whatever memory held: known, and read where they count. */
static void ignore_averages(sae_import *im)
{
    size_t i;

    for (i = 0; i < im->tensors->count; i++)
        if (strncmp(im->tensors->items[i].name, AVERAGE, strlen(AVERAGE)) == 0)
            im->tensors->items[i].known = true;
}

/* The pre-bias as a part of the encoder's own: needed where the two ends have different scales. */
static void fold_pre_bias(sae *s)
{
    size_t j, d;

    for (j = 0; j < s->width; j++) {
        double sum = 0.0;

        for (d = 0; d < s->dims; d++)
            sum += (double)s->b_dec[d] * (double)s->w_enc[j * s->dims + d];
        s->b_enc[j] = (float)((double)s->b_enc[j] - sum);
    }
    s->subtract_b_dec = 0;
}

static mdla_status fold_later(sae_import *im, const llama_config *c, mdla_error *err)
{
    sae *const s = im->model;
    double in = 0.0, out = 0.0;

    if (c->norm == LLAMA_DATASET) {
        MDLA_TRY(read_average(im, c, "in", &in, err));
        MDLA_TRY(read_average(im, c, "out", &out, err));
    }
    if (in != out && c->pre_bias)
        fold_pre_bias(s);
    if (c->by_decoder_norm) /* of the atoms as stored */
        MDLA_TRY(fold_norms(im, true, err));
    if (c->norm != LLAMA_DATASET)
        return MDLA_OK;
    MDLA_TRY(fold_input_scale(im, sqrt((double)s->dims) / in, err));
    if (in != out) {
        size_t i;

        for (i = 0; i < (size_t)s->width * s->dims; i++)
            s->w_dec[i] = (float)((double)s->w_dec[i] * out / in);
        for (i = 0; i < s->dims; i++)
            s->b_dec[i] = (float)((double)s->b_dec[i] * out / in);
    }
    return fold_check(im, err);
}

/* ---- Loading --------------------------------------------------------------------------------- */

static mdla_status open_first(sae_import *im, mdla_error *err)
{
    static const char *const members[] = {"sae_weights.safetensors",
                                          "checkpoints/pruned.safetensors",
                                          "checkpoints/final.safetensors"};
    size_t i;

    for (i = 0; i < 3; i++) {
        bool found;

        MDLA_TRY(import_has(im, members[i], &found, err));
        if (found)
            return import_weights(im, members[i], weights_open_safetensors, err);
    }
    return error_set(err, MDLA_ERR_IO,
                     "%s: hyperparams.json, but no checkpoints/final.safetensors beside it",
                     im->name);
}

mdla_status llama_scope_import(sae_import *im, mdla_error *err)
{
    static const char *const hooks[] = {"hook_point_in", NULL};
    int generation = 1;
    llama_config c;
    fields f;
    bool found;

    MDLA_TRY(import_config(im, "hyperparams.json", &found, err));
    if (found) {
        MDLA_TRY(open_first(im, err));
    } else {
        MDLA_TRY(import_config(im, "config.json", NULL, err));
        MDLA_TRY(import_weights(im, "sae_weights.safetensors", weights_open_safetensors, err));
        generation = weights_find(im->tensors, "encoder.weight") != NULL ? 2 : 3;
    }
    MDLA_TRY(llama_config_read(im, generation, &c, err));
    f = import_fields(im);
    import_hook(im, &f, hooks);
    MDLA_TRY(refuse_glu(im, err));
    if (generation != 1)
        ignore_averages(im);
    MDLA_TRY(read_model(im, &c, err));
    import_note(im, "generation %d", generation);
    return generation == 1 ? fold_first(im, &c, err) : fold_later(im, &c, err);
}
