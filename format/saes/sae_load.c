/* Which kind of SAE a folder or file holds, by its members' names first, then by its configuration,
 * and only where there is none by its tensors; then that kind's importer. */
#include "base/alloc.h"
#include "io_error.h"
#include "saes/import.h"

#include <math.h>
#include <string.h>

typedef struct kind {
    const char *name;
    mdla_status (*import)(sae_import *, mdla_error *);
} kind;

static const kind kinds[] = {
    {"saelens", saelens_import},
    {"gemma-scope", gemma_scope_import},
    {"gemma-scope-2", gemma_scope_2_import},
    {"sparsify", sparsify_import},
    {"dictionary-learning", dictionary_import},
    {"llama-scope", llama_scope_import},
    {"openai", openai_import},
    {"torch", other_pt_import},
};
enum {
    SAELENS,
    GEMMA_SCOPE,
    GEMMA_SCOPE_2,
    SPARSIFY,
    DICTIONARY_LEARNING,
    LLAMA_SCOPE,
    OPENAI,
    TORCH,
    KINDS
};

const char *mdla_sae_kind_name(size_t index)
{
    return index < KINDS ? kinds[index].name : NULL;
}

/* ---- Which kind ------------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), n = strlen(end);

    return length >= n && strcmp(text + length - n, end) == 0;
}

/* config.json tells what a .pt file or sae_weights.safetensors beside it is. */
static mdla_status has_trainer(sae_import *im, bool *out, mdla_error *err)
{
    bool found;

    MDLA_TRY(import_config(im, "config.json", &found, err));
    *out = found && json_is_object(json_object_get(im->config, "trainer"));
    return MDLA_OK;
}

static mdla_status detect_pt(sae_import *im, const char *member, int *out, mdla_error *err)
{
    bool dictionary;

    MDLA_TRY(has_trainer(im, &dictionary, err));
    *out = dictionary || strcmp(member, "ae.pt") == 0 ? DICTIONARY_LEARNING : TORCH;
    return MDLA_OK;
}

static mdla_status check_llama(sae_import *im, int *out, mdla_error *err)
{
    bool found;

    MDLA_TRY(import_config(im, "config.json", &found, err));
    if (found && (json_object_get(im->config, "sae_type") != NULL ||
                  json_object_get(im->config, "act_fn") != NULL ||
                  json_object_get(im->config, "norm_activation") != NULL)) {
        *out = LLAMA_SCOPE;
        return MDLA_OK;
    }
    return error_set(err, MDLA_ERR_UNSUPPORTED,
                     "%s: sae_weights.safetensors without cfg.json: the same tensors fit several "
                     "formulas; put SAELens' cfg.json beside it",
                     im->name);
}

/* What the user named inside a folder; *out stays as it is where the name tells nothing. */
static mdla_status detect_chosen(sae_import *im, int *out, mdla_error *err)
{
    const char *const member = im->folder->chosen;

    if (ends_with(member, ".npz"))
        *out = GEMMA_SCOPE;
    else if (ends_with(member, ".pt") || ends_with(member, ".pth") || ends_with(member, ".bin"))
        return detect_pt(im, member, out, err);
    else if (ends_with(member, ".pkl") || ends_with(member, ".pkl.gz"))
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: a pickle of an object, which can't be read without executing it",
                         im->name);
    else if (ends_with(member, ".codebook") || ends_with(member, ".mdla"))
        return error_set(err, MDLA_ERR_FORMAT,
                         "%s: no SAE, but what mdla made of one; give it as the codebook",
                         im->name);
    return MDLA_OK;
}

static mdla_status detect(sae_import *im, int *out, mdla_error *err)
{
    static const struct {
        const char *member, *beside; /* beside: that must be there too; NULL: none */
        int kind;
    } layouts[] = {
        {"sae_weights.safetensors", "cfg.json", SAELENS}, {"sae.safetensors", "cfg.json", SPARSIFY},
        {"hyperparams.json", NULL, LLAMA_SCOPE},          {"params.npz", NULL, GEMMA_SCOPE},
        {"params.safetensors", NULL, GEMMA_SCOPE_2},      {"ae.pt", NULL, DICTIONARY_LEARNING},
    };
    size_t i;
    bool found;

    *out = KINDS;
    if (im->folder->chosen != NULL)
        MDLA_TRY(detect_chosen(im, out, err));
    for (i = 0; *out == KINDS && i < sizeof layouts / sizeof layouts[0]; i++) {
        MDLA_TRY(import_has(im, layouts[i].member, &found, err));
        if (found && layouts[i].beside != NULL)
            MDLA_TRY(import_has(im, layouts[i].beside, &found, err));
        if (found)
            *out = layouts[i].kind;
    }
    if (*out != KINDS)
        return MDLA_OK;
    MDLA_TRY(import_has(im, "sae_weights.safetensors", &found, err));
    if (found)
        return check_llama(im, out, err);
    MDLA_TRY(import_has(im, "cfg.json", &found, err));
    if (found)
        return error_set(err, MDLA_ERR_IO,
                         "%s: cfg.json, but neither sae_weights.safetensors nor sae.safetensors "
                         "beside it",
                         im->name);
    return error_set(err, MDLA_ERR_IO,
                     "%s: holds no SAE that is known by its files' names (cfg.json with "
                     "sae_weights.safetensors or sae.safetensors; params.npz; params.safetensors; "
                     "ae.pt; hyperparams.json); of a .pt file give its own path",
                     im->name);
}

/* "NAME" or "NAME:VARIANT". */
static mdla_status named_kind(sae_import *im, const char *text, int *out, mdla_error *err)
{
    const char *const colon = strchr(text, ':');
    const size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);

    im->named = true;
    im->variant = colon != NULL ? colon + 1 : NULL;
    for (*out = 0; *out < KINDS; (*out)++)
        if (strlen(kinds[*out].name) == length && memcmp(kinds[*out].name, text, length) == 0)
            break;
    if (*out == KINDS)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "'%.60s' is no kind of SAE; known are saelens, gemma-scope, "
                         "gemma-scope-2, sparsify, dictionary-learning[:CLASS], llama-scope, "
                         "openai and torch[:pre-bias|:no-pre-bias]",
                         text);
    if (im->variant != NULL && *out != DICTIONARY_LEARNING && *out != TORCH)
        return error_set(err, MDLA_ERR_ARGUMENT, "'%.60s': that kind has no variants", text);
    return MDLA_OK;
}

/* ---- Loading --------------------------------------------------------------------------------- */

static mdla_status load(sae_import *im, const mdla_sae_options *options, mdla_error *err)
{
    int which;

    if (options->kind != NULL)
        MDLA_TRY(named_kind(im, options->kind, &which, err));
    else
        MDLA_TRY(detect(im, &which, err));
    json_decref(im->config);
    im->config = NULL;
    strcpy(im->about.kind, kinds[which].name);
    im->act_scale = options->act_scale;
    MDLA_TRY(kinds[which].import(im, err));
    return im->act_scale != 0.0 ? fold_input_scale(im, im->act_scale, err) : MDLA_OK;
}

mdla_status mdla_sae_load(const mdla_config *config, mdla_folder folder, const char *name,
                          const mdla_sae_options *options, mdla_sae **out, mdla_error *err)
{
    static const mdla_sae_options none = {NULL, 0.0};
    mdla_config defaults;
    mdla_status status;
    sae_import im = {.al = alloc_of(config), .folder = &folder, .name = name};

    *out = NULL;
    mdla_config_init(&defaults);
    im.limits = config != NULL ? &config->limits : &defaults.limits;
    status = load(&im, options != NULL ? options : &none, err);
    weights_close(im.tensors);
    json_decref(im.config);
    if (folder.close != NULL)
        folder.close(folder.ctx);
    if (status != MDLA_OK) {
        sae_free(im.model);
        return status;
    }
    *out = sae_handle_new(im.model);
    if (*out == NULL)
        return error_memory(err, name);
    (*out)->about = im.about;
    return MDLA_OK;
}
