#include "saes/import.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"
#include "saes/json_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Members --------------------------------------------------------------------------------- */

void import_member_name(const sae_import *im, const char *member, char *text, size_t text_nbytes)
{
    const char *const slash = strrchr(im->name, '/');

    if (im->folder->chosen == NULL)
        (void)snprintf(text, text_nbytes, "%s/%s", im->name, member);
    else if (strcmp(member, im->folder->chosen) == 0 || slash == NULL)
        (void)snprintf(text, text_nbytes, "%s", slash == NULL ? member : im->name);
    else
        (void)snprintf(text, text_nbytes, "%.*s/%s", (int)(slash - im->name), im->name, member);
}

mdla_status import_try(sae_import *im, const char *member, mdla_source *out, bool *found,
                       mdla_error *err)
{
    mdla_status status;

    errno = 0;
    status = im->folder->open(im->folder->ctx, member, out, err);
    *found = status == MDLA_OK;
    /* A folder in memory sets no errno; one on disk says whether it's there but can't be read. */
    if (status == MDLA_ERR_IO && (errno == 0 || errno == ENOENT || errno == ENOTDIR))
        return MDLA_OK;
    return status;
}

mdla_status import_has(sae_import *im, const char *member, bool *found, mdla_error *err)
{
    mdla_source source;

    MDLA_TRY(import_try(im, member, &source, found, err));
    if (*found && source.close != NULL)
        source.close(source.ctx);
    return MDLA_OK;
}

mdla_status import_config(sae_import *im, const char *member, bool *found, mdla_error *err)
{
    mdla_source source;
    mdla_status status;
    bool there = true;
    input in;

    if (found == NULL)
        MDLA_TRY(im->folder->open(im->folder->ctx, member, &source, err));
    else
        MDLA_TRY(import_try(im, member, &source, &there, err));
    if (found != NULL)
        *found = there;
    if (!there)
        return MDLA_OK;
    import_member_name(im, member, im->config_name, sizeof im->config_name);
    MDLA_TRY(input_open(im->al, source, im->config_name, &in, err));
    json_decref(im->config);
    status = json_text_load(&in, &im->config, err);
    input_close(&in);
    return status;
}

fields import_fields(const sae_import *im)
{
    return (fields){im->config, im->config_name};
}

mdla_status import_weights(sae_import *im, const char *member, import_opener opener,
                           mdla_error *err)
{
    mdla_source source;
    char name[512];

    import_member_name(im, member, name, sizeof name);
    MDLA_TRY(im->folder->open(im->folder->ctx, member, &source, err));
    return opener(im->al, source, name, &im->tensors, err);
}

static bool says(const char *text, const char *word)
{
    for (; text != NULL && *text != '\0'; text++) {
        size_t i = 0;

        while (word[i] != '\0' && tolower((unsigned char)text[i]) == word[i])
            i++;
        if (word[i] == '\0')
            return true;
    }
    return false;
}

bool import_path_says(const sae_import *im, const char *word)
{
    return !im->named && (says(im->name, word) || says(im->folder->origin, word));
}

void import_note(sae_import *im, const char *format, ...)
{
    char *const notes = im->about.notes;
    const size_t used = strlen(notes);
    va_list args;

    if (used + 2 >= sizeof im->about.notes)
        return;
    va_start(args, format);
    (void)vsnprintf(notes + used, sizeof im->about.notes - used, format, args);
    va_end(args);
    if (strlen(notes) + 1 < sizeof im->about.notes)
        strcat(notes, "\n");
}

void import_hook(sae_import *im, const fields *f, const char *const *keys)
{
    for (; *keys != NULL && im->about.hook[0] == '\0'; keys++) {
        const char *const text = json_string_value(fields_get(f, *keys));

        if (text != NULL && hook_is_name(text, strlen(text)))
            strcpy(im->about.hook, text);
    }
}

const char *import_pt_member(const sae_import *im, const char *fallback)
{
    return im->folder->chosen != NULL ? im->folder->chosen : fallback;
}

/* ---- The plan -------------------------------------------------------------------------------- */

void import_add(import_plan *plan, import_part part, const char *name, bool turned)
{
    plan->tensors[plan->tensor_count++] = (import_tensor){name, part, turned, false};
}

void import_add_exponential(import_plan *plan, import_part part, const char *name)
{
    plan->tensors[plan->tensor_count++] = (import_tensor){name, part, false, true};
}

static const import_tensor *find_part(const import_plan *plan, import_part part)
{
    size_t i;

    for (i = 0; i < plan->tensor_count; i++)
        if (plan->tensors[i].part == part)
            return &plan->tensors[i];
    return NULL;
}

static mdla_status check_size(const sae_import *im, const char *what, uint64_t size, uint32_t limit,
                              mdla_error *err)
{
    if (size >= 1 && size <= limit)
        return MDLA_OK;
    return error_set(err, size == 0 ? MDLA_ERR_CORRUPT : MDLA_ERR_LIMIT,
                     "%s: %s is %" PRIu64 "; it must be from 1 to %" PRIu32, im->tensors->name,
                     what, size, limit);
}

mdla_status import_sizes(const sae_import *im, import_plan *plan, mdla_error *err)
{
    const import_tensor *const encoder = find_part(plan, PART_W_ENC);
    const weight *const t = weights_find(im->tensors, encoder->name);
    uint64_t dims = plan->dims, width = plan->width;

    if (t != NULL && t->axes == 2 && (dims == 0 || width == 0)) {
        dims = dims != 0 ? dims : t->shape[encoder->turned ? 0 : 1];
        width = width != 0 ? width : t->shape[encoder->turned ? 1 : 0];
        if (plan->whose == NULL)
            plan->whose = encoder->name;
    }
    if (dims == 0 || width == 0) /* says what is wrong with the encoder */
        return weights_check(im->tensors, encoder->name, 2, 1, 1, "its layout", err);
    MDLA_TRY(check_size(im, "the row length", dims, im->limits->max_dims, err));
    MDLA_TRY(check_size(im, "the number of features", width, im->limits->max_width, err));
    plan->dims = (uint32_t)dims;
    plan->width = (uint32_t)width;
    return MDLA_OK;
}

/* All that is needed is there in the sizes promised: before memory is taken for those sizes. */
static mdla_status check_tensors(const sae_import *im, const import_plan *plan, mdla_error *err)
{
    size_t i;

    for (i = 0; i < plan->tensor_count; i++) {
        const import_tensor *const t = &plan->tensors[i];
        const bool matrix = t->part == PART_W_ENC || t->part == PART_W_DEC;
        const uint64_t first =
            (t->part == PART_B_DEC || (matrix && t->turned)) ? plan->dims : plan->width;

        MDLA_TRY(weights_check(im->tensors, t->name, matrix ? 2 : 1, first,
                               t->turned ? plan->width : plan->dims,
                               plan->whose != NULL ? plan->whose : "the configuration", err));
    }
    return MDLA_OK;
}

static mdla_status make_model(sae_import *im, const import_plan *plan, mdla_error *err)
{
    const uint64_t nbytes =
        2 * sizeof(float) * (uint64_t)plan->dims * plan->width; /* 2^39 at most */

    if (nbytes > im->limits->max_memory)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: weights of %" PRIu64 " bytes; the limit is %" PRIu64,
                         im->tensors->name, nbytes, im->limits->max_memory);
    im->model = sae_new(im->al, plan->dims, plan->width, plan->activation);
    if (im->model == NULL)
        return error_memory(err, im->name);
    im->model->k = plan->k;
    im->model->norm = plan->norm;
    im->model->subtract_b_dec = plan->subtract_b_dec;
    return MDLA_OK;
}

static float *place(const sae_import *im, import_plan *plan, import_part part)
{
    sae *const s = im->model;

    switch (part) {
    case PART_W_ENC: return s->w_enc;
    case PART_W_DEC: return s->w_dec;
    case PART_B_ENC: return s->b_enc;
    case PART_B_DEC: return s->b_dec;
    case PART_THRESHOLD: return s->threshold;
    case PART_GAIN: return s->gain;
    case PART_B_MAG: return s->b_mag;
    case PART_FACTOR:
        plan->factor = alloc_array(im->al, plan->width, sizeof *plan->factor);
        return plan->factor;
    }
    return NULL;
}

static mdla_status read_tensor(sae_import *im, import_plan *plan, weight *t, mdla_error *err)
{
    size_t i, j;

    for (i = 0; i < plan->tensor_count; i++) {
        const import_tensor *const planned = &plan->tensors[i];
        float *into;

        if (strcmp(planned->name, t->name) != 0)
            continue;
        into = place(im, plan, planned->part);
        if (into == NULL)
            return error_memory(err, im->name);
        MDLA_TRY(weights_read(im->tensors, t, planned->turned, into, err));
        for (j = 0; planned->exponential && j < plan->width; j++) {
            into[j] = (float)exp((double)into[j]);
            if (!isfinite(into[j]))
                return error_set(err, MDLA_ERR_DATA,
                                 "%s: tensor %.80s: exp of value %zu is too large for float32",
                                 im->tensors->name, t->name, j);
        }
        return MDLA_OK;
    }
    return MDLA_OK; /* known to say nothing, or refused below */
}

mdla_status import_model(sae_import *im, import_plan *plan, mdla_error *err)
{
    size_t i;

    MDLA_TRY(import_sizes(im, plan, err));
    for (i = 0; i < plan->tensor_count; i++) {
        weight *const t = weights_find(im->tensors, plan->tensors[i].name);

        if (t != NULL)
            t->known = true;
    }
    MDLA_TRY(weights_check_known(im->tensors, err));
    MDLA_TRY(check_tensors(im, plan, err));
    if (plan->activation == SAE_TOPK || plan->activation == SAE_TOPK_ABS ||
        plan->activation == SAE_GROUPMAX) {
        if (plan->k < 1 || plan->k > plan->width)
            return error_set(err, MDLA_ERR_CORRUPT,
                             "%s: k is %" PRIu32 "; it must be from 1 to the %" PRIu32 " features",
                             im->name, plan->k, plan->width);
    }
    if (plan->norm == SAE_NORM_LAYER && plan->dims < 2)
        return error_set(err, MDLA_ERR_DATA, "%s: layer norm of rows of one value is undefined",
                         im->name);
    MDLA_TRY(make_model(im, plan, err));
    /* In the order of their data, so that a member that can't seek will do. */
    for (i = 0; i < im->tensors->count; i++)
        MDLA_TRY(read_tensor(im, plan, &im->tensors->items[i], err));
    return MDLA_OK;
}

void import_fill_threshold(sae_import *im, double threshold)
{
    uint32_t j;

    for (j = 0; j < im->model->width; j++)
        im->model->threshold[j] = (float)threshold;
}
