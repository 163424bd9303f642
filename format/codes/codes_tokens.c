/* Token ids beside the rows of codes. */
#include "codes/codes_in.h"

#include "arrays/convert.h"
#include "arrays/row_numbers.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <inttypes.h>

static mdla_status make_room(mdla_codes *codes, const char *name, mdla_error *err)
{
    uint64_t nbytes;

    if (!checked_mul_u64(codes->rows, sizeof *codes->tokens, &nbytes) ||
        nbytes > codes->limits.max_memory || nbytes > SIZE_MAX)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: %" PRIu64 " token ids, which need more than the limit of %" PRIu64
                         " bytes of memory",
                         name, codes->rows, codes->limits.max_memory);
    codes->tokens = alloc_array(codes->al, (size_t)codes->rows, sizeof *codes->tokens);
    return codes->tokens != NULL ? MDLA_OK : error_memory(err, name);
}

static mdla_status read_ids(codes_array *a, int64_t *dst, size_t n, mdla_error *err)
{
    uint8_t bytes[CODES_PIECE * sizeof(int64_t)];

    MDLA_TRY(input_read(a->in, bytes, n * mdla_dtype_nbytes(a->dtype), a->name, err));
    convert_to_i64(a->dtype, a->big_endian, bytes, n, dst);
    return MDLA_OK;
}

static mdla_status compare_ids(const mdla_codes *codes, const codes_array *a, uint64_t first,
                               const int64_t *ids, size_t n, mdla_error *err)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (ids[i] != codes->tokens[first + i])
            return error_set(err, MDLA_ERR_CORRUPT,
                             "%s: its tokens differ from those of the files before: row %" PRIu64
                             " has %" PRId64 ", not %" PRId64 "; they aren't of one cache",
                             a->in->name, first + i, ids[i], codes->tokens[first + i]);
    }
    return MDLA_OK;
}

mdla_status codes_read_tokens(mdla_codes *codes, codes_array *a, mdla_error *err)
{
    const bool is_first = codes->tokens == NULL;
    int64_t piece[CODES_PIECE];
    uint64_t done;
    size_t n, i;

    if (a->dtype < MDLA_U8 || a->dtype > MDLA_I64)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %s holds %s, no whole numbers", a->in->name,
                         a->name, mdla_dtype_name(a->dtype));
    if (is_first) {
        MDLA_TRY(make_room(codes, a->in->name, err));
        codes->token_dtype = a->dtype;
    }
    for (done = 0; done < codes->rows; done += n) {
        n = codes->rows - done < CODES_PIECE ? (size_t)(codes->rows - done) : CODES_PIECE;
        MDLA_TRY(read_ids(a, piece, n, err));
        if (!is_first)
            MDLA_TRY(compare_ids(codes, a, done, piece, n, err));
        for (i = 0; i < n; i++)
            codes->tokens[done + i] = piece[i];
    }
    return MDLA_OK;
}

mdla_status mdla_codes_set_tokens(mdla_codes *codes, mdla_rows *numbers, mdla_error *err)
{
    row_numbers *ids;
    mdla_status status;

    if (codes->tokens != NULL) {
        mdla_rows_close(numbers);
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "the cache holds token ids of its own; leave out the others");
    }
    MDLA_TRY(row_numbers_new(numbers, "token ids", &ids, err));
    status = row_numbers_check(ids, codes->rows, err);
    if (status == MDLA_OK)
        status = make_room(codes, "codes", err);
    if (status == MDLA_OK)
        status = row_numbers_read(ids, codes->tokens, (size_t)codes->rows, err);
    codes->token_dtype = row_numbers_dtype(ids);
    row_numbers_close(ids);
    if (status != MDLA_OK) {
        alloc_free(codes->al, codes->tokens);
        codes->tokens = NULL;
    }
    return status;
}

const int64_t *mdla_codes_tokens(const mdla_codes *codes)
{
    return codes->tokens;
}
