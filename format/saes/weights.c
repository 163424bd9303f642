#include "saes/weights.h"

#include "arrays/convert.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_VALUES ((size_t)4096)
/* Lines that have to be turned are turned in tiles of this many values. */
#define TILE_VALUES ((size_t)1 << 20)

/* ---- The set --------------------------------------------------------------------------------- */

weights *weights_new(const mdla_allocator *al, const char *name, size_t room)
{
    weights *const w = alloc_zeroed(al, 1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->al = al;
    w->name = alloc_text(al, name);
    w->items = alloc_zeroed(al, room, sizeof *w->items);
    if (w->name != NULL && w->items != NULL)
        return w;
    weights_close(w);
    return NULL;
}

void weights_close(weights *w)
{
    size_t i;

    if (w == NULL)
        return;
    for (i = 0; i < w->count; i++)
        alloc_free(w->al, w->items[i].name);
    alloc_free(w->al, w->items);
    if (w->close != NULL)
        w->close(w->container);
    alloc_free(w->al, w->name);
    alloc_free(w->al, w);
}

void weights_set_strides(weight *t, bool fortran_order)
{
    uint64_t step = 1;
    unsigned i;

    for (i = 0; i < t->axes; i++) {
        const unsigned axis = fortran_order ? i : t->axes - 1 - i;

        t->stride[axis] = step;
        step *= t->shape[axis]; /* the container has checked that the product fits */
    }
}

weight *weights_find(const weights *w, const char *name)
{
    size_t i;

    for (i = 0; i < w->count; i++)
        if (strcmp(w->items[i].name, name) == 0)
            return &w->items[i];
    return NULL;
}

void weights_ignore(weights *w, const char *name)
{
    weight *const t = weights_find(w, name);

    if (t != NULL)
        t->known = true;
}

mdla_status weights_check_known(const weights *w, mdla_error *err)
{
    size_t i;

    for (i = 0; i < w->count; i++)
        if (!w->items[i].known)
            return error_set(err, MDLA_ERR_UNSUPPORTED,
                             "%s: unexpected tensor %.80s: the SAE may be of a kind that is not "
                             "known",
                             w->name, w->items[i].name);
    return MDLA_OK;
}

mdla_status weights_check(const weights *w, const char *name, unsigned axes, uint64_t first,
                          uint64_t second, const char *whose, mdla_error *err)
{
    const weight *const t = weights_find(w, name);

    if (t == NULL)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: tensor %.80s is missing", w->name, name);
    if (t->dtype != MDLA_F32 && t->dtype != MDLA_F16 && t->dtype != MDLA_BF16 &&
        t->dtype != MDLA_F64)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: tensor %.80s: dtype %s is not supported; weights are F32, F16, BF16 "
                         "or F64",
                         w->name, name, t->dtype_name);
    if (t->axes != axes)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: tensor %.80s has %u axes, not %u", w->name,
                         name, t->axes, axes);
    if (axes == 1 && t->shape[0] != first)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: tensor %.80s has %" PRIu64 " values; %s says %" PRIu64, w->name, name,
                         t->shape[0], whose, first);
    if (axes == 2 && (t->shape[0] != first || t->shape[1] != second))
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: tensor %.80s has shape [%" PRIu64 ", %" PRIu64 "]; %s says [%" PRIu64
                         ", %" PRIu64 "]",
                         w->name, name, t->shape[0], t->shape[1], whose, first, second);
    return MDLA_OK;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* A tensor being read: its storage, and how many values of it have been taken. */
typedef struct reading {
    const weights *w;
    const weight *t;
    input in;
    uint64_t at;
    bool any; /* values that are not finite are fine */
} reading;

static mdla_status start(weights *w, const weight *t, reading *r, mdla_error *err)
{
    mdla_source source;
    char name[512];

    *r = (reading){.w = w, .t = t};
    (void)snprintf(name, sizeof name, "%.400s: tensor %.80s", w->name, t->name);
    MDLA_TRY(w->open(w, t, &source, err));
    return input_open(w->al, source, name, &r->in, err);
}

static mdla_status next_values(reading *r, size_t count, float *dst, mdla_error *err)
{
    const size_t nbytes = mdla_dtype_nbytes((mdla_dtype)r->t->dtype);
    uint8_t buffer[BUFFER_VALUES * sizeof(double)];
    size_t done, n, i;

    for (done = 0; done < count; done += n) {
        size_t bad;

        n = count - done < BUFFER_VALUES ? count - done : BUFFER_VALUES;
        MDLA_TRY(input_read(&r->in, buffer, n * nbytes, "it", err));
        bad = convert_to_f32((mdla_dtype)r->t->dtype, r->t->big_endian, buffer, n, dst + done);
        if (bad != n)
            return error_set(err, MDLA_ERR_DATA,
                             "%s: tensor %.80s: value %" PRIu64 " is too large for float32",
                             r->w->name, r->t->name, r->at - r->t->offset + bad);
        for (i = done; !r->any && i < done + n; i++)
            if (!isfinite(dst[i]))
                return error_set(err, MDLA_ERR_DATA, "%s: tensor %.80s: value %" PRIu64 " is %s",
                                 r->w->name, r->t->name, r->at - r->t->offset + (i - done),
                                 isnan(dst[i]) ? "NaN" : "infinite");
        r->at += n;
    }
    return MDLA_OK;
}

/* To the tensor's first value, by reading: a storage that is read from end to end is checked. */
static mdla_status skip_to_first(reading *r, mdla_error *err)
{
    uint64_t left = r->t->offset * mdla_dtype_nbytes((mdla_dtype)r->t->dtype);
    uint8_t scratch[4096];

    r->at = r->t->offset;
    while (left != 0) {
        const size_t n = left < sizeof scratch ? (size_t)left : sizeof scratch;

        MDLA_TRY(input_read(&r->in, scratch, n, "it", err));
        left -= n;
    }
    return MDLA_OK;
}

static mdla_status read_to_end(reading *r, mdla_error *err)
{
    uint8_t scratch[4096];
    size_t got = 1;

    while (got != 0)
        MDLA_TRY(input_read_some(&r->in, scratch, sizeof scratch, &got, err));
    return MDLA_OK;
}

/* count lines of length values one after the other; line i is dst's column i. */
static mdla_status read_turned(reading *r, size_t count, size_t length, float *dst, mdla_error *err)
{
    const size_t tile = length < TILE_VALUES ? TILE_VALUES / length : 1;
    float *const buffer =
        alloc_array(r->w->al, (tile < count ? tile : count) * length, sizeof *buffer);
    mdla_status status = MDLA_OK;
    size_t first, i, j;

    if (buffer == NULL)
        return error_memory(err, r->w->name);
    for (first = 0; first < count && status == MDLA_OK; first += tile) {
        const size_t lines = count - first < tile ? count - first : tile;

        status = next_values(r, lines * length, buffer, err);
        for (j = 0; j < length && status == MDLA_OK; j++)
            for (i = 0; i < lines; i++)
                dst[j * count + first + i] = buffer[i * length + j];
    }
    alloc_free(r->w->al, buffer);
    return status;
}

/* Any strides: the storage from the first value to the last, then what is wanted of it. The
 * container has checked that it is there. */
static mdla_status read_strided(reading *r, size_t rows, size_t columns, uint64_t row_stride,
                                uint64_t column_stride, float *dst, mdla_error *err)
{
    const uint64_t span = (rows - 1) * row_stride + (columns - 1) * column_stride + 1;
    float *const buffer =
        span <= SIZE_MAX ? alloc_array(r->w->al, (size_t)span, sizeof *buffer) : NULL;
    mdla_status status;
    size_t i, j;

    if (buffer == NULL)
        return error_memory(err, r->w->name);
    r->any = true; /* what lies between the values is not the tensor's */
    status = next_values(r, (size_t)span, buffer, err);
    for (i = 0; i < rows && status == MDLA_OK; i++) {
        for (j = 0; j < columns && status == MDLA_OK; j++) {
            const float value = buffer[i * row_stride + j * column_stride];

            dst[i * columns + j] = value;
            if (!isfinite(value))
                status = error_set(err, MDLA_ERR_DATA, "%s: tensor %.80s: value [%zu, %zu] is %s",
                                   r->w->name, r->t->name, i, j, isnan(value) ? "NaN" : "infinite");
        }
    }
    alloc_free(r->w->al, buffer);
    return status;
}

static mdla_status read_values(reading *r, bool turned, float *dst, mdla_error *err)
{
    const weight *const t = r->t;
    const size_t first = t->axes > 0 ? (size_t)t->shape[0] : 1; /* checked: as large as dst */
    const size_t second = t->axes > 1 ? (size_t)t->shape[1] : 1;
    const uint64_t step = t->axes > 0 ? t->stride[0] : 1, inner = t->axes > 1 ? t->stride[1] : 1;
    const bool rows_run = (inner == 1 || second == 1) && (step == second || first == 1);
    const bool columns_run = (step == 1 || first == 1) && (inner == first || second == 1);

    MDLA_TRY(skip_to_first(r, err));
    if ((rows_run && !turned) || (columns_run && turned))
        return next_values(r, first * second, dst, err);
    if (rows_run)
        return read_turned(r, first, second, dst, err);
    if (columns_run)
        return read_turned(r, second, first, dst, err);
    return turned ? read_strided(r, second, first, inner, step, dst, err)
                  : read_strided(r, first, second, step, inner, dst, err);
}

mdla_status weights_read(weights *w, weight *t, bool turned, float *dst, mdla_error *err)
{
    mdla_status status;
    reading r;

    t->known = true;
    MDLA_TRY(start(w, t, &r, err));
    status = read_values(&r, turned, dst, err);
    if (status == MDLA_OK)
        status = read_to_end(&r, err);
    input_close(&r.in);
    return status;
}

mdla_status weights_scalar(weights *w, weight *t, double *out, mdla_error *err)
{
    float value = 0.0f;
    mdla_status status;
    uint64_t count = 1;
    unsigned axis;
    reading r;

    t->known = true;
    for (axis = 0; axis < t->axes; axis++)
        count = t->shape[axis] == 1 ? count : 0;
    if (count != 1 || t->dtype < 0)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: tensor %.80s is not one number", w->name,
                         t->name);
    MDLA_TRY(start(w, t, &r, err));
    r.any = true;
    status = skip_to_first(&r, err);
    if (status == MDLA_OK)
        status = next_values(&r, 1, &value, err);
    if (status == MDLA_OK)
        status = read_to_end(&r, err);
    input_close(&r.in);
    *out = (double)value;
    return status;
}
