/* Folders of SAEs from bytes: a byte that says which layout, the configuration up to the first NUL,
 * then the weights. What loads encodes a row. For a .pt file the bytes are tried as a pickle alone
 * too, since an archive around them would have to have its CRC right. */
#include "base/alloc.h"
#include "saes/pickle.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static const struct {
    const char *config, *weights, *chosen, *kind;
} layouts[] = {
    {"cfg.json", "sae_weights.safetensors", NULL, NULL},
    {"cfg.json", "sae.safetensors", NULL, NULL},
    {"config.json", "params.safetensors", NULL, "gemma-scope-2"},
    {"config.json", "params.npz", NULL, NULL},
    {"hyperparams.json", "checkpoints/final.safetensors", NULL, NULL},
    {"config.json", "sae_weights.safetensors", NULL, NULL},
    {"config.json", "ae.pt", NULL, NULL},
    {"x_cfg.json", "x.pt", "x.pt", NULL},
    {"x_cfg.json", "x.pt", "x.pt", "torch:pre-bias"},
    {"cfg.json", "activation_scaler.json", NULL, "saelens"},
};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

typedef struct fuzz_folder {
    size_t layout;
    const void *config, *weights;
    size_t config_nbytes, weights_nbytes;
} fuzz_folder;

static mdla_status open_member(void *ctx, const char *member, mdla_source *out, mdla_error *err)
{
    const fuzz_folder *const f = ctx;

    (void)err;
    if (strcmp(member, layouts[f->layout].config) == 0)
        mdla_source_memory(f->config, f->config_nbytes, out);
    else if (strcmp(member, layouts[f->layout].weights) == 0)
        mdla_source_memory(f->weights, f->weights_nbytes, out);
    else
        return MDLA_ERR_IO;
    return MDLA_OK;
}

static void encode_row(const mdla_sae *sae)
{
    float row[64] = {1.0f, -2.0f, 0.5f}, decoded[64];
    mdla_config config;

    mdla_config_init(&config);
    config.threads = 1;
    if (mdla_sae_dims(sae) <= 64)
        (void)!mdla_sae_forward(&config, sae, row, 1, decoded, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    const uint8_t *const nul = nbytes > 1 ? memchr(data + 1, 0, nbytes - 1) : NULL;
    fuzz_folder f = {0};
    mdla_folder folder = {&f, open_member, NULL, NULL, NULL, NULL};
    mdla_sae_options options = {NULL, 0.0};
    mdla_config config;
    mdla_sae *sae;
    pickle p;

    if (nbytes == 0)
        return 0;
    if (pickle_read(alloc_of(NULL), data + 1, nbytes - 1, "fuzz", &p, NULL) == MDLA_OK)
        pickle_free(&p);
    if (nul == NULL)
        return 0;
    f.layout = data[0] % LAYOUTS;
    f.config = data + 1;
    f.config_nbytes = (size_t)(nul - data) - 1;
    f.weights = nul + 1;
    f.weights_nbytes = nbytes - f.config_nbytes - 2;
    folder.chosen = layouts[f.layout].chosen;
    options.kind = layouts[f.layout].kind;
    options.act_scale = data[0] >= 128 ? 2.0 : 0.0;
    mdla_config_init(&config);
    config.limits.max_memory = 64 << 20;
    if (mdla_sae_load(&config, folder, "fuzz", &options, &sae, NULL) != MDLA_OK)
        return 0;
    encode_row(sae);
    mdla_sae_free(sae);
    return 0;
}
