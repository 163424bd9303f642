/* Values of an array on their way into entries. */
#include "codes/codes_in.h"

#include "arrays/convert.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

mdla_status codes_reserve(mdla_codes *codes, uint64_t count, const char *name, mdla_error *err)
{
    uint64_t needed, nbytes;
    codes_entry *grown;

    if (!checked_add_u64(codes->count, count, &needed) ||
        !checked_mul_u64(needed, sizeof *grown, &nbytes) || nbytes > codes->limits.max_memory ||
        nbytes > SIZE_MAX)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: %" PRIu64 " entries, which need more than the limit of %" PRIu64
                         " bytes of memory",
                         name, count, codes->limits.max_memory);
    if (needed > codes->room) {
        grown = alloc_grown(codes->al, codes->entries, codes->count, (size_t)needed, sizeof *grown);
        if (grown == NULL)
            return error_memory(err, name);
        codes->entries = grown;
        codes->room = (size_t)needed;
    }
    codes->count = (size_t)needed;
    return MDLA_OK;
}

mdla_status codes_set_shape(mdla_codes *codes, uint64_t rows, uint64_t width, const char *name,
                            mdla_error *err)
{
    if (rows > codes->limits.max_rows || width > codes->limits.max_width || width == 0)
        return error_set(err, width == 0 ? MDLA_ERR_DATA : MDLA_ERR_LIMIT,
                         "%s: a code of %" PRIu64 " rows and %" PRIu64
                         " features; the limits are %" PRIu64 " and %" PRIu32,
                         name, rows, width, codes->limits.max_rows, codes->limits.max_width);
    codes->rows = rows;
    codes->width = (uint32_t)width;
    return MDLA_OK;
}

static uint64_t load(const uint8_t *p, size_t nbytes, bool big_endian)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < nbytes; i++)
        value = value << 8 | p[big_endian ? i : nbytes - 1 - i];
    return value;
}

static mdla_status take(codes_array *a, uint8_t *bytes, size_t n, mdla_error *err)
{
    return input_read(a->in, bytes, n * mdla_dtype_nbytes(a->dtype), a->name, err);
}

mdla_status codes_array_indices(codes_array *a, uint64_t *dst, size_t n, mdla_error *err)
{
    const size_t nbytes = mdla_dtype_nbytes(a->dtype);
    const bool is_signed =
        a->dtype == MDLA_I8 || a->dtype == MDLA_I16 || a->dtype == MDLA_I32 || a->dtype == MDLA_I64;
    uint8_t bytes[CODES_PIECE * sizeof(uint64_t)];
    size_t i;

    if (!is_signed && a->dtype != MDLA_U8 && a->dtype != MDLA_U16 && a->dtype != MDLA_U32 &&
        a->dtype != MDLA_U64)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s holds %s, no whole numbers", a->in->name,
                         a->name, mdla_dtype_name(a->dtype));
    MDLA_TRY(take(a, bytes, n, err));
    for (i = 0; i < n; i++) {
        dst[i] = load(bytes + i * nbytes, nbytes, a->big_endian);
        if (is_signed && dst[i] >> (8 * nbytes - 1) != 0)
            return error_set(err, MDLA_ERR_CORRUPT, "%s: %s holds a negative number", a->in->name,
                             a->name);
    }
    return MDLA_OK;
}

static bool holds_double(const codes_array *a, const uint8_t *bytes, float kept, double *value)
{
    const uint64_t bits = load(bytes, sizeof bits, a->big_endian);

    memcpy(value, &bits, sizeof *value);
    return *value == (double)kept;
}

static bool holds_integer(const codes_array *a, const uint8_t *bytes, double *value)
{
    uint64_t size;
    int64_t signed_value;
    bool below;

    convert_to_i64(a->dtype, a->big_endian, bytes, 1, &signed_value);
    below = signed_value < 0 && a->dtype != MDLA_U64;
    size = below ? 0 - (uint64_t)signed_value : (uint64_t)signed_value;
    *value = below ? -(double)size : (double)size;
    return size == 0 || size >> __builtin_ctzll(size) < UINT64_C(1) << 24;
}

/* Narrower types fit a float32 as they are. */
static void find_rounded(const codes_array *a, const uint8_t *bytes, const float *kept, size_t n,
                         codes_rounded *out)
{
    const size_t nbytes = mdla_dtype_nbytes(a->dtype);
    const bool is_integer = a->dtype == MDLA_I32 || a->dtype == MDLA_U32 || a->dtype == MDLA_I64 ||
                            a->dtype == MDLA_U64;
    size_t i;

    if (a->dtype != MDLA_F64 && !is_integer)
        return;
    for (i = 0; i < n && !out->any; i++) {
        const uint8_t *const at = bytes + i * nbytes;

        out->any = is_integer ? !holds_integer(a, at, &out->value)
                              : !holds_double(a, at, kept[i], &out->value);
        out->index = i;
    }
}

mdla_status codes_array_strengths(codes_array *a, float *dst, size_t n, codes_rounded *rounded,
                                  mdla_error *err)
{
    uint8_t bytes[CODES_PIECE * sizeof(uint64_t)];
    size_t i;

    MDLA_TRY(take(a, bytes, n, err));
    (void)convert_to_f32(a->dtype, a->big_endian, bytes, n, dst);
    for (i = 0; i < n; i++) {
        if (!isfinite(dst[i]))
            return error_set(err, MDLA_ERR_DATA,
                             "%s: %s holds a strength that is NaN, infinite or too large",
                             a->in->name, a->name);
    }
    find_rounded(a, bytes, dst, n, rounded);
    return MDLA_OK;
}

/* ---- Into entries ------------------------------------------------------------------------------
 */

static mdla_status outside(const codes_array *a, const char *what, uint64_t index, uint64_t count,
                           mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT, "%s: %s: %s %" PRIu64 " of %" PRIu64, a->in->name,
                     a->name, what, index, count);
}

mdla_status codes_read_rows(mdla_codes *codes, codes_array *a, size_t first, uint64_t count,
                            mdla_error *err)
{
    uint64_t piece[CODES_PIECE];
    size_t done, n, i;

    for (done = 0; done < count; done += n) {
        n = count - done < CODES_PIECE ? (size_t)count - done : CODES_PIECE;
        MDLA_TRY(codes_array_indices(a, piece, n, err));
        for (i = 0; i < n; i++) {
            if (piece[i] >= codes->rows)
                return outside(a, "row", piece[i], codes->rows, err);
            codes->entries[first + done + i].row = piece[i];
        }
    }
    return MDLA_OK;
}

mdla_status codes_read_features(mdla_codes *codes, codes_array *a, size_t first, uint64_t count,
                                mdla_error *err)
{
    uint64_t piece[CODES_PIECE];
    size_t done, n, i;

    for (done = 0; done < count; done += n) {
        n = count - done < CODES_PIECE ? (size_t)count - done : CODES_PIECE;
        MDLA_TRY(codes_array_indices(a, piece, n, err));
        for (i = 0; i < n; i++) {
            if (piece[i] >= codes->width)
                return outside(a, "feature", piece[i], codes->width, err);
            codes->entries[first + done + i].feature = (uint32_t)piece[i];
        }
    }
    return MDLA_OK;
}

mdla_status codes_read_strengths(mdla_codes *codes, codes_array *a, size_t first, uint64_t count,
                                 mdla_error *err)
{
    float piece[CODES_PIECE];
    size_t done, n, i;

    if (first == 0)
        codes->dtype = a->dtype;
    else if (codes->dtype != a->dtype)
        codes->dtype = MDLA_F32; /* which holds the values of both, as float32 does of all */
    for (done = 0; done < count; done += n) {
        const bool found = codes->rounded.any;

        n = count - done < CODES_PIECE ? (size_t)count - done : CODES_PIECE;
        MDLA_TRY(codes_array_strengths(a, piece, n, &codes->rounded, err));
        if (codes->rounded.any && !found)
            codes->rounded.index += first + done;
        for (i = 0; i < n; i++)
            codes->entries[first + done + i].strength = piece[i];
    }
    return MDLA_OK;
}
