/* dictionary_learning: ae.pt, a dictionary of tensors, and config.json, whose trainer.dict_class
 * says what they mean. Several classes have the same keys. */
#include "saes/import.h"

#include "base/alloc.h"
#include "saes/torch_file.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* How a class keeps its matrices. */
typedef enum dictionary_layout {
    LAYOUT_LINEAR, /* encoder.weight [width][dims], decoder.weight [dims][width] */
    LAYOUT_PLAIN   /* W_enc [dims][width], W_dec [width][dims] */
} dictionary_layout;

typedef struct dictionary_class {
    const char *name;
    dictionary_layout layout;
    const char *b_dec;
    sae_activation activation;
    bool subtract_b_dec;
    bool one_threshold; /* a number, not one a feature */
    bool has_k;
} dictionary_class;

static const dictionary_class classes[] = {
    {"AutoEncoder", LAYOUT_LINEAR, "bias", SAE_RELU, true, false, false},
    {"AutoEncoderNew", LAYOUT_LINEAR, "decoder.bias", SAE_RELU, false, false, false},
    {"GatedAutoEncoder", LAYOUT_LINEAR, "decoder_bias", SAE_GATED, true, false, false},
    {"JumpReluAutoEncoder", LAYOUT_PLAIN, "b_dec", SAE_JUMPRELU, false, false, false},
    {"AutoEncoderTopK", LAYOUT_LINEAR, "b_dec", SAE_TOPK, true, false, true},
    {"BatchTopKSAE", LAYOUT_LINEAR, "b_dec", SAE_JUMPRELU, true, true, true},
    {"MatryoshkaBatchTopKSAE", LAYOUT_PLAIN, "b_dec", SAE_JUMPRELU, true, true, true},
};
enum { CLASSES = sizeof classes / sizeof classes[0] };

static mdla_status find_class(const sae_import *im, const char *name, const dictionary_class **out,
                              mdla_error *err)
{
    size_t i;

    for (i = 0; i < CLASSES; i++) {
        *out = &classes[i];
        if (strcmp(classes[i].name, name) == 0)
            return MDLA_OK;
    }
    return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: dict_class '%.60s' is not known",
                     im->config != NULL ? im->config_name : im->name, name);
}

/* ---- Sizes and numbers ----------------------------------------------------------------------- */

/* The trainer's settings; an object without members where there is no configuration. */
static fields trainer_of(const sae_import *im)
{
    return (fields){json_object_get(im->config, "trainer"), im->config_name};
}

/* The number of active features: in the file (since the end of 2024), in the configuration, or
 * both, and then the same. */
static mdla_status read_k(sae_import *im, import_plan *plan, mdla_error *err)
{
    const fields trainer = trainer_of(im);
    weight *const t = weights_find(im->tensors, "k");
    double stored = 0.0;
    uint32_t k = 0;

    MDLA_TRY(fields_count_or(&trainer, "k", UINT32_MAX, false, &k, err));
    if (t != NULL) {
        MDLA_TRY(weights_scalar(im->tensors, t, &stored, err));
        if (!(stored >= 1.0) || stored > UINT32_MAX || stored != floor(stored))
            return error_set(err, MDLA_ERR_CORRUPT, "%s: tensor k is %g", im->tensors->name,
                             stored);
        if (k != 0 && k != (uint32_t)stored)
            return error_set(err, MDLA_ERR_CORRUPT, "%s: k is %" PRIu32 ", but %.0f in %s",
                             im->config_name, k, stored, im->tensors->name);
        k = (uint32_t)stored;
    }
    if (k == 0)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: k is missing, in the file as in its configuration", im->name);
    plan->k = k;
    return MDLA_OK;
}

/* -1 means that it was never trained: the code would be a plain relu's. */
static mdla_status read_threshold(sae_import *im, double *threshold, mdla_error *err)
{
    weight *const t = weights_find(im->tensors, "threshold");

    if (t == NULL)
        return error_set(
            err, MDLA_ERR_CORRUPT,
            "%s: tensor threshold is missing: without it the code depends on the batch",
            im->tensors->name);
    MDLA_TRY(weights_scalar(im->tensors, t, threshold, err));
    if (*threshold >= 0.0 && isfinite(*threshold))
        return MDLA_OK;
    return error_set(err, MDLA_ERR_DATA,
                     "%s: threshold is %g: it was never trained, and the code depends on the batch",
                     im->tensors->name, *threshold);
}

static mdla_status read_sizes(const sae_import *im, import_plan *plan, mdla_error *err)
{
    const fields trainer = trainer_of(im);

    MDLA_TRY(
        fields_count_or(&trainer, "activation_dim", im->limits->max_dims, false, &plan->dims, err));
    MDLA_TRY(
        fields_count_or(&trainer, "dict_size", im->limits->max_width, false, &plan->width, err));
    if (plan->dims != 0 || plan->width != 0)
        plan->whose = "config.json";
    return MDLA_OK;
}

/* ---- Tensors --------------------------------------------------------------------------------- */

static void plan_tensors(const dictionary_class *c, import_plan *plan)
{
    const bool linear = c->layout == LAYOUT_LINEAR;

    import_add(plan, PART_W_ENC, linear ? "encoder.weight" : "W_enc", !linear);
    import_add(plan, PART_W_DEC, linear ? "decoder.weight" : "W_dec", linear);
    import_add(plan, PART_B_DEC, c->b_dec, false);
    if (c->activation == SAE_GATED) {
        import_add(plan, PART_B_ENC, "gate_bias", false);
        import_add_exponential(plan, PART_GAIN, "r_mag");
        import_add(plan, PART_B_MAG, "mag_bias", false);
    } else {
        import_add(plan, PART_B_ENC, linear ? "encoder.bias" : "b_enc", false);
    }
    if (c->activation == SAE_JUMPRELU && !c->one_threshold)
        import_add(plan, PART_THRESHOLD, "threshold", false);
    plan->activation = c->activation;
    plan->subtract_b_dec = c->subtract_b_dec;
}

mdla_status dictionary_import_class(sae_import *im, const char *class_name, mdla_error *err)
{
    const dictionary_class *c;
    import_plan plan = {0};
    double threshold = 0.0;

    MDLA_TRY(find_class(im, class_name, &c, err));
    MDLA_TRY(read_sizes(im, &plan, err));
    plan_tensors(c, &plan);
    if (c->activation == SAE_TOPK) {
        MDLA_TRY(read_k(im, &plan, err));
        weights_ignore(im->tensors, "threshold"); /* not used where k is */
    } else if (c->one_threshold) {
        uint32_t unused_k = 0;
        const fields trainer = trainer_of(im);

        /* k decides nothing here, but where it is told twice it must be the same. */
        MDLA_TRY(fields_count_or(&trainer, "k", UINT32_MAX, false, &unused_k, err));
        if (unused_k != 0 || weights_find(im->tensors, "k") != NULL)
            MDLA_TRY(read_k(im, &plan, err));
        MDLA_TRY(read_threshold(im, &threshold, err));
        weights_ignore(im->tensors, "group_sizes");
    }
    MDLA_TRY(import_model(im, &plan, err));
    if (c->one_threshold)
        import_fill_threshold(im, threshold);
    import_note(im, "class %s", c->name);
    return MDLA_OK;
}

/* ---- Loading --------------------------------------------------------------------------------- */

static mdla_status refuse_backup(const sae_import *im, mdla_error *err)
{
    if (weights_find(im->tensors, "ae") == NULL)
        return MDLA_OK;
    return error_set(
        err, MDLA_ERR_UNSUPPORTED,
        "%s: the backup of a training that was interrupted (key ae): its biases are in "
        "normalised units; save the finished dictionary",
        im->tensors->name);
}

/* Classes that no other shares its keys with; NULL where there are none. */
static const char *class_by_keys(const sae_import *im)
{
    if (weights_find(im->tensors, "gate_bias") != NULL)
        return "GatedAutoEncoder";
    if (weights_find(im->tensors, "bias") != NULL)
        return "AutoEncoder";
    if (weights_find(im->tensors, "decoder.bias") != NULL)
        return "AutoEncoderNew";
    if (weights_find(im->tensors, "group_sizes") != NULL)
        return "MatryoshkaBatchTopKSAE";
    return NULL;
}

mdla_status dictionary_import(sae_import *im, mdla_error *err)
{
    const char *class_name = im->variant;
    bool found;

    MDLA_TRY(import_config(im, "config.json", &found, err));
    if (class_name == NULL && found) {
        static const char *const hooks[] = {"submodule_name", NULL};
        const fields trainer = trainer_of(im);

        import_hook(im, &trainer, hooks);
        class_name = json_string_value(fields_get(&trainer, "dict_class"));
        if (class_name == NULL)
            return error_set(err, MDLA_ERR_CORRUPT, "%s: trainer.dict_class is missing",
                             im->config_name);
    }
    MDLA_TRY(import_weights(im, import_pt_member(im, "ae.pt"), weights_open_torch, err));
    MDLA_TRY(refuse_backup(im, err));
    if (class_name == NULL)
        class_name = class_by_keys(im);
    if (class_name == NULL)
        return error_set(
            err, MDLA_ERR_UNSUPPORTED,
            "%s: no config.json: several classes have these tensors and other "
            "formulas; say which kind it is, dictionary-learning:CLASS, where CLASS is "
            "such as AutoEncoderTopK or BatchTopKSAE",
            im->tensors->name);
    return dictionary_import_class(im, class_name, err);
}
