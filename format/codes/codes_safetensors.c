/* Codes in safetensors: coordinates (row, col, data, shape), and delphi's latent caches (locations,
 * activations, tokens), whole or divided by features. */
#include "codes/codes_in.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "codes/codes_delphi.h"
#include "saes/safetensors.h"

#include <inttypes.h>
#include <string.h>

/* Leaves st->in at the tensor's first value. */
static mdla_status open_tensor(safetensors *st, const char *name, unsigned axes, codes_array *a,
                               mdla_error *err)
{
    const safetensor *const t = safetensors_find(st, name);

    if (t == NULL)
        return error_set(err, MDLA_ERR_FORMAT, "%s: no sparse code: it lacks %s", st->in.name,
                         name);
    if (t->dtype < 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: %s: dtype %s is not supported",
                         st->in.name, name, t->dtype_name);
    if (t->axes != axes)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s has %u axes, not %u", st->in.name, name,
                         t->axes, axes);
    *a = (codes_array){&st->in, name, (mdla_dtype)t->dtype, false, axes, {0, 0}, t->count};
    memcpy(a->shape, t->shape, axes * sizeof a->shape[0]);
    return input_seek(&st->in, st->data_offset + t->begin, err);
}

/* One of three arrays of equal length. */
static mdla_status open_column(const mdla_codes *codes, safetensors *st, const char *name,
                               codes_array *a, mdla_error *err)
{
    MDLA_TRY(open_tensor(st, name, 1, a, err));
    return a->count == codes->count
               ? MDLA_OK
               : error_set(err, MDLA_ERR_CORRUPT, "%s: %s has %" PRIu64 " values, data has %zu",
                           st->in.name, name, a->count, codes->count);
}

static mdla_status read_coordinates(mdla_codes *codes, safetensors *st, mdla_error *err)
{
    uint64_t shape[2];
    codes_array a;

    MDLA_TRY(open_tensor(st, "shape", 1, &a, err));
    if (a.count != 2)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: a sparse array of %" PRIu64 " axes",
                         st->in.name, a.count);
    MDLA_TRY(codes_array_indices(&a, shape, 2, err));
    MDLA_TRY(codes_set_shape(codes, shape[0], shape[1], st->in.name, err));
    MDLA_TRY(open_tensor(st, "data", 1, &a, err));
    MDLA_TRY(codes_reserve(codes, a.count, st->in.name, err));
    MDLA_TRY(codes_read_strengths(codes, &a, 0, a.count, err));
    MDLA_TRY(open_column(codes, st, "row", &a, err));
    MDLA_TRY(codes_read_rows(codes, &a, 0, a.count, err));
    MDLA_TRY(open_column(codes, st, "col", &a, err));
    return codes_read_features(codes, &a, 0, a.count, err);
}

/* ---- delphi ------------------------------------------------------------------------------------
 */

static mdla_status disagree(const safetensors *st, uint64_t tokens, uint64_t known,
                            const char *what, mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT,
                     "%s: its tokens are of %" PRIu64 " %s, where %" PRIu64
                     " are given or stand in config.json",
                     st->in.name, tokens, what, known);
}

/* Rows and context from the tokens' shape, which must fit what is known. */
static mdla_status learn_shape(const safetensors *st, const safetensor *t, delphi_shape *shape,
                               mdla_error *err)
{
    mdla_codes_shape *const known = &shape->codes;
    uint64_t rows;

    if (t->axes != 2 || t->shape[1] == 0 || t->shape[1] > UINT32_MAX ||
        !checked_mul_u64(t->shape[0], t->shape[1], &rows))
        return error_set(err, MDLA_ERR_CORRUPT, "%s: tokens are no matrix", st->in.name);
    if (known->context != 0 && known->context != t->shape[1])
        return disagree(st, t->shape[1], known->context, "positions a sequence", err);
    if (known->has_rows && known->rows != rows &&
        (!shape->ends_inside || known->rows > rows || rows - known->rows >= t->shape[1]))
        return disagree(st, rows, known->rows, "rows", err);
    known->context = (uint32_t)t->shape[1];
    if (!known->has_rows)
        known->rows = rows;
    known->has_rows = 1;
    return MDLA_OK;
}

/* locations [n][3]: sequence, position, feature from `start` on, below `end`. */
static mdla_status read_locations(mdla_codes *codes, codes_array *a, size_t first,
                                  const mdla_codes_shape *shape, uint32_t start, uint32_t end,
                                  mdla_error *err)
{
    uint64_t piece[CODES_PIECE / 3 * 3], done;
    size_t n, i;

    for (done = 0; done < a->shape[0]; done += n) {
        n = a->shape[0] - done < CODES_PIECE / 3 ? (size_t)(a->shape[0] - done) : CODES_PIECE / 3;
        MDLA_TRY(codes_array_indices(a, piece, 3 * n, err));
        for (i = 0; i < n; i++) {
            const uint64_t *const l = piece + 3 * i;
            codes_entry *const e = &codes->entries[first + done + i];

            if (l[1] >= shape->context || l[0] > shape->rows / shape->context ||
                l[0] * shape->context + l[1] >= shape->rows)
                return error_set(err, MDLA_ERR_CORRUPT,
                                 "%s: sequence %" PRIu64 ", position %" PRIu64 " of %" PRIu64
                                 " rows in sequences of %" PRIu32,
                                 a->in->name, l[0], l[1], shape->rows, shape->context);
            if (l[2] >= end - start)
                return error_set(err, MDLA_ERR_CORRUPT, "%s: feature %" PRIu64 " of %" PRIu32,
                                 a->in->name, l[2], end - start);
            e->row = l[0] * shape->context + l[1];
            e->feature = start + (uint32_t)l[2];
        }
    }
    return MDLA_OK;
}

/* The shape is known from here on, and the token ids are read. */
static mdla_status read_tokens(mdla_codes *codes, safetensors *st, delphi_shape *shape,
                               uint32_t end, mdla_error *err)
{
    const safetensor *const t = safetensors_find(st, "tokens");
    mdla_codes_shape *const known = &shape->codes;
    codes_array a;

    if (t != NULL)
        MDLA_TRY(learn_shape(st, t, shape, err));
    if (!known->has_rows && shape->has_cached) {
        known->rows = shape->cached;
        known->has_rows = 1;
    }
    if (!known->has_rows || known->context == 0)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "%s: no tokens, which would tell the rows and how many make a sequence; "
                         "say both",
                         st->in.name);
    MDLA_TRY(codes_set_shape(codes, known->rows, end, st->in.name, err));
    codes->context = known->context;
    if (t == NULL)
        return MDLA_OK;
    MDLA_TRY(open_tensor(st, "tokens", 2, &a, err));
    return codes_read_tokens(codes, &a, err);
}

static mdla_status read_cache(mdla_codes *codes, safetensors *st, delphi_shape *shape,
                              uint32_t start, uint32_t end, mdla_error *err)
{
    const size_t first = codes->count;
    codes_array a;

    MDLA_TRY(read_tokens(codes, st, shape, end, err));
    MDLA_TRY(open_tensor(st, "activations", 1, &a, err));
    MDLA_TRY(codes_reserve(codes, a.count, st->in.name, err));
    MDLA_TRY(codes_read_strengths(codes, &a, first, a.count, err));
    MDLA_TRY(open_tensor(st, "locations", 2, &a, err));
    if (a.shape[0] != codes->count - first || a.shape[1] != 3)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: locations are not %zu x 3", st->in.name,
                         codes->count - first);
    return read_locations(codes, &a, first, &shape->codes, start, end, err);
}

mdla_status codes_delphi_split(mdla_codes *codes, mdla_source source, const char *name,
                               delphi_shape *shape, uint32_t start, uint32_t end, mdla_error *err)
{
    safetensors *st = NULL;
    mdla_status status = safetensors_open(codes->al, source, name, &st, err);

    if (status == MDLA_OK)
        status = read_cache(codes, st, shape, start, end, err);
    safetensors_close(st);
    return status;
}

mdla_status codes_safetensors_read(mdla_codes *codes, mdla_source source, const char *name,
                                   const mdla_codes_shape *given, mdla_error *err)
{
    delphi_shape shape = {.codes = *given};
    safetensors *st = NULL;
    mdla_status status = safetensors_open(codes->al, source, name, &st, err);

    if (status != MDLA_OK)
        return status;
    if (safetensors_find(st, "locations") == NULL)
        status = read_coordinates(codes, st, err);
    else if (given->width == 0)
        status = error_set(
            err, MDLA_ERR_ARGUMENT,
            "%s: a latent cache whose features aren't divided, which doesn't tell how many "
            "there are; say it",
            name);
    else
        status = read_cache(codes, st, &shape, 0, given->width, err);
    safetensors_close(st);
    return status;
}
