/* SAELens folders, written: as version 6 writes an inference SAE. */
#include "base/alloc.h"
#include "io_error.h"
#include "saes/sae_handle.h"
#include "saes/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TILE_VALUES ((size_t)1 << 20)

/* The layout written is that of this version; its loader goes by the number. */
#define SAELENS_VERSION "6.18.0"

/* W_enc is kept [width][dims] and stored [dims][width]. */
static mdla_status write_turned(const sae *s, mdla_sink *sink, mdla_error *err)
{
    const size_t dims = s->dims, width = s->width;
    const size_t tile = width < TILE_VALUES ? TILE_VALUES / width : 1;
    float *const buffer = alloc_array(s->al, (tile < dims ? tile : dims) * width, sizeof *buffer);
    mdla_status status = MDLA_OK;
    size_t first, d, j;

    if (buffer == NULL)
        return error_memory(err, NULL);
    for (first = 0; first < dims && status == MDLA_OK; first += tile) {
        const size_t count = dims - first < tile ? dims - first : tile;

        for (j = 0; j < width; j++)
            for (d = 0; d < count; d++)
                buffer[d * width + j] = s->w_enc[j * dims + first + d];
        status = safetensors_write_values(sink, buffer, count * width, err);
    }
    alloc_free(s->al, buffer);
    return status;
}

static mdla_status write_weights(const sae *s, mdla_sink *sink, mdla_error *err)
{
    const safetensor_shape entries[] = {
        {"W_dec", 2, {s->width, s->dims}}, {"W_enc", 2, {s->dims, s->width}},
        {"b_dec", 1, {s->dims, 0}},        {"b_enc", 1, {s->width, 0}},
        {"threshold", 1, {s->width, 0}},
    };

    MDLA_TRY(safetensors_write_header(sink, entries, s->threshold != NULL ? 5 : 4, err));
    MDLA_TRY(safetensors_write_values(sink, s->w_dec, (size_t)s->width * s->dims, err));
    MDLA_TRY(write_turned(s, sink, err));
    MDLA_TRY(safetensors_write_values(sink, s->b_dec, s->dims, err));
    MDLA_TRY(safetensors_write_values(sink, s->b_enc, s->width, err));
    return s->threshold != NULL ? safetensors_write_values(sink, s->threshold, s->width, err)
                                : MDLA_OK;
}

static mdla_status write_config(const sae *s, mdla_sink *sink, mdla_error *err)
{
    static const char *const architecture[] = {
        [SAE_RELU] = "standard", [SAE_JUMPRELU] = "jumprelu", [SAE_TOPK] = "topk"};
    char text[1024], topk[96] = "";
    mdla_status status;
    int n;

    if (s->activation == SAE_TOPK)
        (void)snprintf(topk, sizeof topk,
                       "  \"k\": %" PRIu32 ",\n  \"rescale_acts_by_decoder_norm\": false,\n", s->k);
    n = snprintf(text, sizeof text,
                 "{\n"
                 "  \"architecture\": \"%s\",\n"
                 "  \"d_in\": %" PRIu32 ",\n"
                 "  \"d_sae\": %" PRIu32 ",\n"
                 "  \"dtype\": \"float32\",\n"
                 "  \"device\": \"cpu\",\n"
                 "  \"apply_b_dec_to_input\": %s,\n"
                 "  \"normalize_activations\": \"none\",\n"
                 "  \"reshape_activations\": \"none\",\n"
                 "%s"
                 "  \"metadata\": {\n"
                 "    \"sae_lens_version\": \"" SAELENS_VERSION "\",\n"
                 "    \"written_by\": \"mdla " MDLA_VERSION "\"\n"
                 "  }\n"
                 "}\n",
                 architecture[s->activation], s->dims, s->width,
                 s->subtract_b_dec ? "true" : "false", topk);
    errno = 0;
    status = sink->write(sink->ctx, text, (size_t)n);
    if (status == MDLA_ERR_IO)
        return error_io(err, "cfg.json", "write");
    return status == MDLA_OK ? MDLA_OK
                             : error_set(err, status, "cfg.json: %s", mdla_status_text(status));
}

static mdla_status write_member(const sae *s, mdla_folder *folder, const char *member,
                                mdla_status (*write)(const sae *, mdla_sink *, mdla_error *),
                                mdla_error *err)
{
    mdla_status status, closed;
    mdla_sink sink;

    MDLA_TRY(folder->create(folder->ctx, member, &sink, err));
    status = write(s, &sink, err);
    errno = 0;
    closed = sink.close(sink.ctx, status == MDLA_OK);
    if (status != MDLA_OK || closed == MDLA_OK)
        return status;
    if (closed == MDLA_ERR_IO)
        return error_io(err, member, "finish");
    return error_set(err, closed, "%s: %s", member, mdla_status_text(closed));
}

mdla_status mdla_sae_save(const mdla_sae *handle, mdla_folder folder, mdla_error *err)
{
    const sae *const s = handle->model;
    mdla_status status;

    if (folder.create == NULL)
        status = error_set(err, MDLA_ERR_ARGUMENT, "the folder is open for reading alone");
    else if (s->norm != SAE_NORM_NONE || s->scale != NULL ||
             (s->activation != SAE_RELU && s->activation != SAE_JUMPRELU &&
              s->activation != SAE_TOPK))
        status = error_set(err, MDLA_ERR_UNSUPPORTED,
                           "SAEs of relu, jumprelu and topk without normalisation are saved, not "
                           "this one");
    else
        status =
            write_member(handle->model, &folder, "sae_weights.safetensors", write_weights, err);
    if (status == MDLA_OK) /* last: a folder with cfg.json is a whole one */
        status = write_member(handle->model, &folder, "cfg.json", write_config, err);
    if (folder.close != NULL)
        folder.close(folder.ctx);
    return status;
}
