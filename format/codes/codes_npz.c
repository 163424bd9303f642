/* Codes that scipy.sparse.save_npz wrote: csr, csc and coo. */
#include "codes/codes_in.h"

#include "arrays/npy_header.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "zip_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FORMAT_ROOM 400 /* of format.npy, a word of three letters */

typedef struct npz_in {
    zip_archive *zip;
    const char *name;
} npz_in;

static mdla_status missing(const npz_in *z, const char *key, mdla_error *err)
{
    return error_set(err, MDLA_ERR_FORMAT, "%s: no SciPy sparse matrix: it lacks %s", z->name, key);
}

/* Opens KEY.npy; a->in is `in`, which the caller closes. */
static mdla_status open_array(npz_in *z, const char *key, unsigned axes, input *in, codes_array *a,
                              mdla_error *err)
{
    const zip_member *member;
    npy_header header;
    mdla_source source;
    char name[40];
    unsigned axis;
    uint64_t nbytes;

    (void)snprintf(name, sizeof name, "%s.npy", key);
    member = zip_find(z->zip, name);
    if (member == NULL)
        return missing(z, key, err);
    MDLA_TRY(zip_member_open(z->zip, member, &source, err));
    MDLA_TRY(input_open(z->zip->in.al, source, z->name, in, err));
    MDLA_TRY(npy_header_read(in, -1, &header, err));
    if (header.axes != axes || (header.fortran_order && axes > 1))
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s has %u axes, not %u in C order", z->name,
                         key, header.axes, axes);
    *a = (codes_array){in, key, header.dtype, header.big_endian, axes, {0, 0}, 1};
    for (axis = 0; axis < axes; axis++) {
        a->shape[axis] = header.shape[axis];
        if (!checked_mul_u64(a->count, header.shape[axis], &a->count))
            return error_set(err, MDLA_ERR_CORRUPT, "%s: %s: sizes overflow", z->name, key);
    }
    if (!checked_mul_u64(a->count, mdla_dtype_nbytes(a->dtype), &nbytes) ||
        nbytes != source.nbytes - in->position)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: %s: its shape and type don't make its %" PRIu64 " bytes", z->name,
                         key, source.nbytes);
    return MDLA_OK;
}

/* The word in format.npy: |S3, or unicode of either byte order. */
static mdla_status read_word(npz_in *z, char word[4], mdla_error *err)
{
    const zip_member *const member = zip_find(z->zip, "format.npy");
    uint8_t bytes[FORMAT_ROOM];
    size_t got = 0, start, width, i;
    mdla_source source;
    mdla_status status;
    input in;

    if (member == NULL)
        return missing(z, "format", err);
    MDLA_TRY(zip_member_open(z->zip, member, &source, err));
    MDLA_TRY(input_open(z->zip->in.al, source, z->name, &in, err));
    status = input_read_some(&in, bytes, sizeof bytes, &got, err);
    input_close(&in);
    MDLA_TRY(status);
    start = got >= 10 ? 10 + (size_t)bytes[8] + 256 * (size_t)bytes[9] : got;
    width = start < got ? (got - start) / 3 : 0;
    if (memcmp(bytes, "\x93NUMPY\x01", 7) != 0 || (width != 1 && width != 4) ||
        got != start + 3 * width)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: format is no word of three letters", z->name);
    for (i = 0; i < 3; i++) {
        const uint8_t *const c = bytes + start + i * width;

        word[i] = (char)(c[0] != 0 ? c[0] : c[width - 1]);
    }
    word[3] = '\0';
    return MDLA_OK;
}

static mdla_status read_shape(mdla_codes *codes, npz_in *z, mdla_error *err)
{
    uint64_t shape[2] = {0, 0};
    codes_array a;
    input in = {0};
    mdla_status status = open_array(z, "shape", 1, &in, &a, err);

    if (status == MDLA_OK && a.count != 2)
        status = error_set(err, MDLA_ERR_UNSUPPORTED, "%s: a sparse array of %" PRIu64 " axes",
                           z->name, a.count);
    if (status == MDLA_OK)
        status = codes_array_indices(&a, shape, 2, err);
    input_close(&in);
    return status == MDLA_OK ? codes_set_shape(codes, shape[0], shape[1], z->name, err) : status;
}

static mdla_status read_data(mdla_codes *codes, npz_in *z, mdla_error *err)
{
    codes_array a;
    input in = {0};
    mdla_status status = open_array(z, "data", 1, &in, &a, err);

    if (status == MDLA_OK)
        status = codes_reserve(codes, a.count, z->name, err);
    if (status == MDLA_OK)
        status = codes_read_strengths(codes, &a, 0, a.count, err);
    input_close(&in);
    return status;
}

typedef mdla_status (*read_field)(mdla_codes *, codes_array *, size_t, uint64_t, mdla_error *);

/* An array of one index an entry. */
static mdla_status read_index(mdla_codes *codes, npz_in *z, const char *key, read_field read,
                              mdla_error *err)
{
    codes_array a;
    input in = {0};
    mdla_status status = open_array(z, key, 1, &in, &a, err);

    if (status == MDLA_OK && a.count != codes->count)
        status = error_set(err, MDLA_ERR_CORRUPT, "%s: %s has %" PRIu64 " values, data has %zu",
                           z->name, key, a.count, codes->count);
    if (status == MDLA_OK)
        status = read(codes, &a, 0, a.count, err);
    input_close(&in);
    return status;
}

static void set_major(codes_entry *entry, uint64_t major, bool by_row)
{
    if (by_row)
        entry->row = major;
    else
        entry->feature = (uint32_t)major;
}

/* Where each row (csr) or column (csc) begins. */
static mdla_status spread_offsets(mdla_codes *codes, npz_in *z, codes_array *a, bool by_row,
                                  mdla_error *err)
{
    const uint64_t majors = by_row ? codes->rows : codes->width;
    uint64_t piece[CODES_PIECE], at = 0, i = 0;

    if (a->count != majors + 1)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: indptr has %" PRIu64 " values, not %" PRIu64 " + 1", z->name,
                         a->count, majors);
    while (i <= majors) {
        const size_t n = majors + 1 - i < CODES_PIECE ? (size_t)(majors + 1 - i) : CODES_PIECE;
        size_t k;

        MDLA_TRY(codes_array_indices(a, piece, n, err));
        for (k = 0; k < n; k++, i++) {
            if (piece[k] < at || piece[k] > codes->count || (i == 0 && piece[k] != 0))
                return error_set(err, MDLA_ERR_CORRUPT,
                                 "%s: indptr doesn't rise from 0 to the %zu entries", z->name,
                                 codes->count);
            for (; at < piece[k]; at++)
                set_major(&codes->entries[at], i - 1, by_row);
        }
    }
    return at == codes->count
               ? MDLA_OK
               : error_set(err, MDLA_ERR_CORRUPT, "%s: indptr ends at %" PRIu64 " of %zu entries",
                           z->name, at, codes->count);
}

static mdla_status read_indptr(mdla_codes *codes, npz_in *z, bool by_row, mdla_error *err)
{
    codes_array a;
    input in = {0};
    mdla_status status = open_array(z, "indptr", 1, &in, &a, err);

    if (status == MDLA_OK)
        status = spread_offsets(codes, z, &a, by_row, err);
    input_close(&in);
    return status;
}

/* Newer SciPy keeps coordinates of arrays with other than two axes so; with two they may stand so
 * too: rows, then columns. */
static mdla_status read_coords(mdla_codes *codes, npz_in *z, mdla_error *err)
{
    codes_array a;
    input in = {0};
    mdla_status status = open_array(z, "coords", 2, &in, &a, err);

    if (status == MDLA_OK && (a.shape[0] != 2 || a.shape[1] != codes->count))
        status =
            error_set(err, MDLA_ERR_CORRUPT, "%s: coords are not 2 x %zu", z->name, codes->count);
    if (status == MDLA_OK)
        status = codes_read_rows(codes, &a, 0, codes->count, err);
    if (status == MDLA_OK)
        status = codes_read_features(codes, &a, 0, codes->count, err);
    input_close(&in);
    return status;
}

static mdla_status read_matrix(mdla_codes *codes, npz_in *z, mdla_error *err)
{
    char word[4];

    MDLA_TRY(read_word(z, word, err));
    if (strcmp(word, "csr") != 0 && strcmp(word, "csc") != 0 && strcmp(word, "coo") != 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: SciPy's format %.3s is not supported; save it as csr", z->name, word);
    MDLA_TRY(read_shape(codes, z, err));
    MDLA_TRY(read_data(codes, z, err));
    if (strcmp(word, "csr") == 0) {
        MDLA_TRY(read_index(codes, z, "indices", codes_read_features, err));
        return read_indptr(codes, z, true, err);
    }
    if (strcmp(word, "csc") == 0) {
        MDLA_TRY(read_index(codes, z, "indices", codes_read_rows, err));
        return read_indptr(codes, z, false, err);
    }
    if (zip_find(z->zip, "row.npy") == NULL)
        return read_coords(codes, z, err);
    MDLA_TRY(read_index(codes, z, "row", codes_read_rows, err));
    return read_index(codes, z, "col", codes_read_features, err);
}

mdla_status codes_npz_read(mdla_codes *codes, mdla_source source, const char *name, mdla_error *err)
{
    npz_in z = {NULL, name};
    mdla_status status = zip_open(codes->al, source, name, false, &z.zip, err);

    if (status == MDLA_OK)
        status = read_matrix(codes, &z, err);
    zip_close(z.zip);
    return status;
}
