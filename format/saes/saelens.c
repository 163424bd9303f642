/* SAELens folders: cfg.json and sae_weights.safetensors, read. */
#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"
#include "saes/sae_handle.h"
#include "saes/saelens_config.h"
#include "saes/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* W_enc is stored [dims][width] and kept [width][dims]: turned in tiles of this many values. */
#define TILE_VALUES ((size_t)1 << 20)

typedef struct loading {
    saelens_config config;
    safetensors *weights;
    sae *model;
    float *factor; /* [width] for strengths when decoding; NULL where there is none */
} loading;

/* ---- Tensors --------------------------------------------------------------------------------- */

/* axes 1: [first]; 2: [first][second]. */
static mdla_status check_tensor(const loading *l, const safetensor *t, unsigned axes,
                                uint64_t first, uint64_t second, mdla_error *err)
{
    const char *const name = l->weights->in.name;

    if (t->dtype != MDLA_F32 && t->dtype != MDLA_F16 && t->dtype != MDLA_BF16 &&
        t->dtype != MDLA_F64)
        return error_set(
            err, MDLA_ERR_UNSUPPORTED,
            "%s: tensor %s: dtype %s is not supported; weights are F32, F16, BF16 or F64", name,
            t->name, t->dtype_name);
    if (t->axes != axes)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: tensor %s has %u axes, not %u", name, t->name,
                         t->axes, axes);
    if (t->shape[0] != first || (axes == 2 && t->shape[1] != second)) {
        if (axes == 1)
            return error_set(err, MDLA_ERR_CORRUPT,
                             "%s: tensor %s has %" PRIu64 " values; cfg.json says %" PRIu64, name,
                             t->name, t->shape[0], first);
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: tensor %s has shape [%" PRIu64 ", %" PRIu64
                         "]; cfg.json says [%" PRIu64 ", %" PRIu64 "]",
                         name, t->name, t->shape[0], t->shape[1], first, second);
    }
    return MDLA_OK;
}

static mdla_status read_finite(const loading *l, const safetensor *t, uint64_t first, size_t count,
                               float *dst, mdla_error *err)
{
    size_t i;

    MDLA_TRY(safetensors_read_f32(l->weights, t, first, count, dst, err));
    for (i = 0; i < count; i++) {
        if (!isfinite(dst[i]))
            return error_set(err, MDLA_ERR_DATA, "%s: tensor %s: value %" PRIu64 " is %s",
                             l->weights->in.name, t->name, first + i,
                             isnan(dst[i]) ? "NaN" : "infinite");
    }
    return MDLA_OK;
}

static mdla_status read_turned(const loading *l, const safetensor *t, float *dst, mdla_error *err)
{
    const size_t dims = l->config.dims, width = l->config.width;
    const size_t tile = width < TILE_VALUES ? TILE_VALUES / width : 1;
    float *const buffer =
        alloc_array(l->model->al, (tile < dims ? tile : dims) * width, sizeof *buffer);
    mdla_status status = MDLA_OK;
    size_t first, d, j;

    if (buffer == NULL)
        return error_memory(err, l->weights->in.name);
    for (first = 0; first < dims && status == MDLA_OK; first += tile) {
        const size_t count = dims - first < tile ? dims - first : tile;

        status = read_finite(l, t, (uint64_t)first * width, count * width, buffer, err);
        for (j = 0; j < width && status == MDLA_OK; j++)
            for (d = 0; d < count; d++)
                dst[j * dims + first + d] = buffer[d * width + j];
    }
    alloc_free(l->model->al, buffer);
    return status;
}

static mdla_status read_vector(const loading *l, const safetensor *t, uint32_t count, float *dst,
                               mdla_error *err)
{
    MDLA_TRY(check_tensor(l, t, 1, count, 0, err));
    return read_finite(l, t, 0, count, dst, err);
}

static mdla_status read_factor(loading *l, const safetensor *t, mdla_error *err)
{
    if (l->factor != NULL)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: scaling_factor and finetuning_scaling_factor both",
                         l->weights->in.name);
    l->factor = alloc_array(l->model->al, l->config.width, sizeof *l->factor);
    if (l->factor == NULL)
        return error_memory(err, l->weights->in.name);
    return read_vector(l, t, l->config.width, l->factor, err);
}

static mdla_status read_tensor(loading *l, const safetensor *t, mdla_error *err)
{
    const uint32_t dims = l->config.dims, width = l->config.width;
    sae *const s = l->model;

    if (strcmp(t->name, "W_enc") == 0)
        return read_turned(l, t, s->w_enc, err);
    if (strcmp(t->name, "W_dec") == 0)
        return read_finite(l, t, 0, (size_t)width * dims, s->w_dec, err);
    if (strcmp(t->name, "b_enc") == 0)
        return read_vector(l, t, width, s->b_enc, err);
    if (strcmp(t->name, "b_dec") == 0)
        return read_vector(l, t, dims, s->b_dec, err);
    if (strcmp(t->name, "threshold") == 0 && s->threshold != NULL)
        return read_vector(l, t, width, s->threshold, err);
    if (strcmp(t->name, "scaling_factor") == 0 || strcmp(t->name, "finetuning_scaling_factor") == 0)
        return read_factor(l, t, err);
    return error_set(err, MDLA_ERR_UNSUPPORTED,
                     "%s: unexpected tensor %.80s: the SAE may be of a kind that is not known",
                     l->weights->in.name, t->name);
}

/* All that is needed is there, and the matrices have the sizes that cfg.json claims: before memory
 * is taken for those sizes. */
static mdla_status check_tensors(const loading *l, mdla_error *err)
{
    static const char *const needed[] = {"W_enc", "W_dec", "b_enc", "b_dec", "threshold"};
    const size_t needed_count = l->config.activation == SAE_JUMPRELU ? 5 : 4;
    const uint32_t dims = l->config.dims, width = l->config.width;
    size_t i;

    for (i = 0; i < needed_count; i++) {
        if (safetensors_find(l->weights, needed[i]) == NULL)
            return error_set(err, MDLA_ERR_CORRUPT, "%s: tensor %s is missing", l->weights->in.name,
                             needed[i]);
    }
    MDLA_TRY(check_tensor(l, safetensors_find(l->weights, "W_enc"), 2, dims, width, err));
    return check_tensor(l, safetensors_find(l->weights, "W_dec"), 2, width, dims, err);
}

/* In the order of their data, so that a member that can't seek will do. */
static mdla_status read_tensors(loading *l, mdla_error *err)
{
    size_t i;

    for (i = 0; i < l->weights->count; i++)
        MDLA_TRY(read_tensor(l, &l->weights->tensors[i], err));
    return MDLA_OK;
}

/* ---- Folding --------------------------------------------------------------------------------- */

/* Products of finite weights may be too large for float32. */
static mdla_status check_folded(const loading *l, size_t feature, mdla_error *err)
{
    const sae *const s = l->model;
    bool finite = isfinite(s->b_enc[feature]);
    size_t d;

    for (d = 0; d < s->dims; d++)
        finite = finite && isfinite(s->w_dec[feature * s->dims + d]) &&
                 isfinite(s->w_enc[feature * s->dims + d]);
    if (finite)
        return MDLA_OK;
    return error_set(err, MDLA_ERR_DATA,
                     "%s: feature %zu: its weights are too large for float32 when scaled",
                     l->weights->in.name, feature);
}

/* f' = f x factor when decoding: into the atoms, so that strengths stay as SAELens has them. */
static mdla_status fold_factor(const loading *l, mdla_error *err)
{
    const char *const name = l->weights->in.name;
    size_t j, d;

    if (l->factor == NULL)
        return l->config.apply_scaling_factor
                   ? error_set(err, MDLA_ERR_CORRUPT,
                               "%s: tensor finetuning_scaling_factor is missing", name)
                   : MDLA_OK;
    for (j = 0; j < l->config.width; j++) {
        float *const atom = l->model->w_dec + j * l->config.dims;

        if (l->factor[j] == 1.0f)
            continue;
        if (!l->config.apply_scaling_factor)
            return error_set(err, MDLA_ERR_UNSUPPORTED,
                             "%s: the scaling factor of feature %zu is not 1, yet cfg.json says "
                             "that there is none",
                             name, j);
        for (d = 0; d < l->config.dims; d++)
            atom[d] *= l->factor[j];
        MDLA_TRY(check_folded(l, j, err));
    }
    return MDLA_OK;
}

/* a' = a x n, f' = f / n with n the atom's norm: into the weights, as SAELens itself folds it. */
static mdla_status fold_norms(const loading *l, mdla_error *err)
{
    sae *const s = l->model;
    size_t j, d;

    if (!l->config.rescale_by_norm)
        return MDLA_OK;
    for (j = 0; j < s->width; j++) {
        float *const atom = s->w_dec + j * s->dims, *const weights = s->w_enc + j * s->dims;
        double sum = 0.0, norm;

        for (d = 0; d < s->dims; d++)
            sum += (double)atom[d] * (double)atom[d];
        norm = sqrt(sum);
        if (norm == 0.0)
            return error_set(
                err, MDLA_ERR_DATA,
                "%s: the atom of feature %zu is zero, and strengths are to be divided by its norm",
                l->weights->in.name, j);
        for (d = 0; d < s->dims; d++) {
            atom[d] = (float)((double)atom[d] / norm);
            weights[d] = (float)((double)weights[d] * norm);
        }
        s->b_enc[j] = (float)((double)s->b_enc[j] * norm);
        MDLA_TRY(check_folded(l, j, err));
    }
    return MDLA_OK;
}

/* ---- Loading --------------------------------------------------------------------------------- */

static mdla_status read_config(const mdla_allocator *al, const mdla_limits *limits,
                               mdla_folder *folder, const char *name, saelens_config *out,
                               mdla_error *err)
{
    mdla_source source;
    mdla_status status;
    input in;

    MDLA_TRY(folder->open(folder->ctx, "cfg.json", &source, err));
    MDLA_TRY(input_open(al, source, name, &in, err));
    status = saelens_config_read(&in, limits, out, err);
    input_close(&in);
    return status;
}

static mdla_status make_model(loading *l, const mdla_allocator *al, const mdla_limits *limits,
                              const char *name, mdla_error *err)
{
    const saelens_config *const c = &l->config;
    const uint64_t nbytes = 2 * sizeof(float) * (uint64_t)c->dims * c->width; /* 2^39 at most */

    if (nbytes > limits->max_memory)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: weights of %" PRIu64 " bytes; the limit is %" PRIu64, name, nbytes,
                         limits->max_memory);
    l->model = sae_new(al, c->dims, c->width, c->activation);
    if (l->model == NULL)
        return error_memory(err, name);
    l->model->k = c->k;
    l->model->subtract_b_dec = c->subtract_b_dec;
    return MDLA_OK;
}

static mdla_status load(loading *l, const mdla_allocator *al, const mdla_limits *limits,
                        mdla_folder *folder, const char *name, mdla_error *err)
{
    char member[512];
    mdla_source source;

    (void)snprintf(member, sizeof member, "%s/cfg.json", name);
    MDLA_TRY(read_config(al, limits, folder, member, &l->config, err));
    (void)snprintf(member, sizeof member, "%s/sae_weights.safetensors", name);
    MDLA_TRY(folder->open(folder->ctx, "sae_weights.safetensors", &source, err));
    MDLA_TRY(safetensors_open(al, source, member, &l->weights, err));
    MDLA_TRY(check_tensors(l, err));
    MDLA_TRY(make_model(l, al, limits, member, err));
    MDLA_TRY(read_tensors(l, err));
    MDLA_TRY(fold_factor(l, err));
    return fold_norms(l, err);
}

mdla_status mdla_sae_load(const mdla_config *config, mdla_folder folder, const char *name,
                          mdla_sae **out, mdla_error *err)
{
    const mdla_allocator *const al = alloc_of(config);
    mdla_config defaults;
    mdla_status status;
    loading l;

    *out = NULL;
    memset(&l, 0, sizeof l);
    mdla_config_init(&defaults);
    status = load(&l, al, config != NULL ? &config->limits : &defaults.limits, &folder, name, err);
    if (folder.close != NULL)
        folder.close(folder.ctx);
    safetensors_close(l.weights);
    alloc_free(al, l.factor);
    if (status != MDLA_OK) {
        sae_free(l.model);
        return status;
    }
    *out = sae_handle_new(l.model);
    return *out != NULL ? MDLA_OK : error_memory(err, name);
}
