#include "arrays/row_numbers.h"

#include "arrays/rows.h"
#include "base/alloc.h"
#include "io_error.h"

#include <inttypes.h>

struct row_numbers {
    mdla_rows *array;
    const char *what;
    int64_t last;   /* the number read last */
    uint64_t after; /* the row behind it; 0: none was read */
};

static const char *name_of(const row_numbers *n)
{
    return n->array->in.name != NULL ? n->array->in.name : "beside the rows";
}

mdla_status row_numbers_new(mdla_rows *array, const char *what, row_numbers **out, mdla_error *err)
{
    row_numbers *n = NULL;
    mdla_status status = MDLA_OK;

    *out = NULL;
    if (!array->numbers)
        status =
            error_set(err, MDLA_ERR_ARGUMENT, "%s must be opened as numbers, not as rows", what);
    else if ((n = alloc_zeroed(array->al, 1, sizeof *n)) == NULL)
        status = error_memory(err, what);
    if (status != MDLA_OK) {
        mdla_rows_close(array);
        return status;
    }
    *n = (row_numbers){array, what, 0, 0};
    *out = n;
    return MDLA_OK;
}

void row_numbers_close(row_numbers *n)
{
    if (n == NULL)
        return;
    const mdla_allocator *al = n->array->al;

    mdla_rows_close(n->array);
    alloc_free(al, n);
}

mdla_dtype row_numbers_dtype(const row_numbers *n)
{
    return n->array->dtype;
}

mdla_status row_numbers_check(const row_numbers *n, uint64_t row_count, mdla_error *err)
{
    const uint64_t count = n->array->row_count;

    if (row_count == MDLA_UNKNOWN || count == MDLA_UNKNOWN || row_count == count)
        return MDLA_OK;
    return error_set(err, MDLA_ERR_DATA,
                     "%s: has %" PRIu64 " %s for %" PRIu64 " rows; give one a row", name_of(n),
                     count, n->what, row_count);
}

mdla_status row_numbers_check_rewindable(const row_numbers *n, mdla_error *err)
{
    return mdla_rows_can_rewind(n->array)
               ? MDLA_OK
               : error_set(err, MDLA_ERR_UNSUPPORTED,
                           "%s: %s are read twice, which a pipe can't be; give a file", name_of(n),
                           n->what);
}

mdla_status row_numbers_read(row_numbers *n, int64_t *dst, size_t count, mdla_error *err)
{
    size_t got;

    MDLA_TRY(rows_read(n->array, dst, count, &got, err));
    if (got < count)
        return error_set(err, MDLA_ERR_DATA, "%s: has %" PRIu64 " %s, fewer than there are rows",
                         name_of(n), n->array->next, n->what);
    if (count != 0) {
        n->last = dst[count - 1];
        n->after = n->array->next;
    }
    return MDLA_OK;
}

mdla_status row_numbers_seek(row_numbers *n, uint64_t row, mdla_error *err)
{
    return mdla_rows_seek(n->array, row, err);
}

mdla_status row_numbers_before(row_numbers *n, uint64_t row, int64_t *out, mdla_error *err)
{
    if (row != 0 && row != n->after) {
        MDLA_TRY(row_numbers_seek(n, row - 1, err));
        MDLA_TRY(row_numbers_read(n, out, 1, err));
    }
    MDLA_TRY(row_numbers_seek(n, row, err));
    *out = row != 0 ? n->last : 0;
    return MDLA_OK;
}
