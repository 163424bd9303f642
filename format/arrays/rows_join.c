/* Rows that come from memory, and shards read one after the other. */
#include "arrays/dense.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <inttypes.h>
#include <string.h>

/* ---- Memory ---------------------------------------------------------------------------------- */

static mdla_status memory_rows_read(mdla_rows *rows, void *dst, size_t count, size_t *got,
                                    mdla_error *err)
{
    (void)err;
    memcpy(dst, (const float *)rows->state + (size_t)rows->next * rows->dims,
           count * rows->dims * sizeof(float));
    *got = count;
    return MDLA_OK;
}

static const rows_ops memory_ops = {memory_rows_read, NULL, NULL, NULL};

mdla_status mdla_rows_from_memory(const mdla_config *config, const float *values,
                                  uint64_t row_count, uint32_t dims, mdla_rows **out,
                                  mdla_error *err)
{
    mdla_rows *const rows = rows_new(config);
    mdla_status status;

    *out = NULL;
    if (rows == NULL)
        return error_memory(err, NULL);
    status = row_count == MDLA_UNKNOWN
                 ? error_set(err, MDLA_ERR_ARGUMENT, "rows in memory must be counted")
                 : rows_set_shape(rows, row_count, dims, err);
    if (status != MDLA_OK) {
        mdla_rows_close(rows);
        return status;
    }
    rows->dtype = MDLA_F32;
    rows->can_rewind = true;
    rows->ops = &memory_ops;
    rows->state = (void *)(uintptr_t)values; /* read alone */
    *out = rows;
    return MDLA_OK;
}

static bool is_big_endian(void)
{
    const uint16_t one = 1;

    return *(const uint8_t *)&one == 0;
}

mdla_status mdla_rows_from_values(const mdla_config *config, const void *values, mdla_dtype dtype,
                                  uint64_t row_count, uint32_t dims, mdla_rows **out,
                                  mdla_error *err)
{
    const size_t value_nbytes = mdla_dtype_nbytes(dtype);
    mdla_source source;
    mdla_rows *rows;
    mdla_status status;
    size_t nbytes;

    *out = NULL;
    if (dtype == MDLA_F32)
        return mdla_rows_from_memory(config, values, row_count, dims, out, err);
    if (value_nbytes == 0)
        return error_set(err, MDLA_ERR_ARGUMENT, "values of type %d: no such type", (int)dtype);
    if (row_count > SIZE_MAX || !checked_mul_size((size_t)row_count, dims, &nbytes) ||
        !checked_mul_size(nbytes, value_nbytes, &nbytes))
        return error_set(err, MDLA_ERR_ARGUMENT, "%" PRIu64 " rows don't fit into memory",
                         row_count);
    rows = rows_new(config);
    if (rows == NULL)
        return error_memory(err, NULL);
    mdla_source_memory(values, nbytes, &source);
    status = input_open(rows->al, source, "rows", &rows->in, err);
    if (status == MDLA_OK)
        status = rows_set_shape(rows, row_count, dims, err);
    if (status == MDLA_OK)
        status = dense_open(rows, dtype, is_big_endian(), err);
    if (status != MDLA_OK) {
        mdla_rows_close(rows);
        return status;
    }
    *out = rows;
    return MDLA_OK;
}

/* ---- Shards ---------------------------------------------------------------------------------- */

typedef struct shards {
    size_t count, current;
    mdla_rows *part[];
} shards;

static mdla_status shards_read(mdla_rows *rows, void *dst, size_t count, size_t *got,
                               mdla_error *err)
{
    shards *const s = rows->state;

    while (*got < count && s->current < s->count) {
        size_t n;

        MDLA_TRY(
            rows_read(s->part[s->current], rows_place(rows, dst, *got), count - *got, &n, err));
        *got += n;
        if (*got < count)
            s->current++;
    }
    return MDLA_OK;
}

/* The part that holds the row; parts behind it start anew when their turn comes. */
static mdla_status shards_seek(mdla_rows *rows, uint64_t row, mdla_error *err)
{
    shards *const s = rows->state;
    size_t i;

    for (i = 0; i < s->count; i++)
        MDLA_TRY(mdla_rows_rewind(s->part[i], err));
    for (i = 0; i + 1 < s->count && row >= s->part[i]->row_count; i++)
        row -= s->part[i]->row_count;
    s->current = i;
    return mdla_rows_seek(s->part[i], row, err);
}

/* The last shard's end was seen by its own read; an empty one behind it wasn't read yet. */
static mdla_status shards_end(mdla_rows *rows, mdla_error *err)
{
    shards *const s = rows->state;
    int64_t none;
    size_t got;

    while (s->current + 1 < s->count) {
        s->current++;
        MDLA_TRY(rows_read(s->part[s->current], &none, 1, &got, err));
    }
    return MDLA_OK;
}

static void shards_close(mdla_rows *rows)
{
    shards *const s = rows->state;
    size_t i;

    for (i = 0; i < s->count; i++)
        mdla_rows_close(s->part[i]);
    alloc_free(rows->al, s);
}

static const rows_ops shards_ops = {shards_read, shards_seek, shards_end, shards_close};

/* rows->state holds the parts already. */
static mdla_status join(mdla_rows *rows, mdla_error *err)
{
    const shards *const s = rows->state;
    uint64_t total = 0;
    size_t i;

    if (s->count == 0)
        return error_set(err, MDLA_ERR_ARGUMENT, "no rows to join");
    rows->dtype = s->part[0]->dtype;
    rows->numbers = s->part[0]->numbers;
    rows->can_rewind = true;
    for (i = 0; i < s->count; i++) {
        const mdla_rows *const part = s->part[i];

        if (part->numbers != rows->numbers)
            return error_set(err, MDLA_ERR_ARGUMENT, "rows and numbers beside rows don't join");
        if (part->dims != s->part[0]->dims)
            return error_set(err, MDLA_ERR_ARGUMENT,
                             "%s: rows of %" PRIu32 " values; those of %s have %" PRIu32,
                             part->in.name != NULL ? part->in.name : "rows", part->dims,
                             s->part[0]->in.name != NULL ? s->part[0]->in.name : "the first part",
                             s->part[0]->dims);
        rows->can_rewind = rows->can_rewind && part->can_rewind;
        if (total == MDLA_UNKNOWN || part->row_count == MDLA_UNKNOWN)
            total = MDLA_UNKNOWN;
        else if (!checked_add_u64(total, part->row_count, &total))
            return error_set(err, MDLA_ERR_LIMIT, "too many rows");
    }
    return rows_set_shape(rows, total, s->part[0]->dims, err);
}

mdla_status mdla_rows_concat(const mdla_config *config, mdla_rows **parts, size_t count,
                             mdla_rows **out, mdla_error *err)
{
    const mdla_allocator *const al = alloc_of(config);
    mdla_rows *const rows = rows_new(config);
    size_t nbytes, i;
    shards *s = NULL;
    mdla_status status;

    *out = NULL;
    if (rows != NULL && checked_mul_size(count, sizeof(mdla_rows *), &nbytes) &&
        checked_add_size(nbytes, sizeof *s, &nbytes))
        s = alloc_zeroed(al, 1, nbytes);
    if (s == NULL) {
        for (i = 0; i < count; i++)
            mdla_rows_close(parts[i]);
        mdla_rows_close(rows);
        return error_memory(err, NULL);
    }
    s->count = count;
    if (count != 0)
        memcpy(s->part, parts, count * sizeof(mdla_rows *));
    rows->state = s;
    rows->ops = &shards_ops;
    status = join(rows, err);
    if (status != MDLA_OK) {
        mdla_rows_close(rows);
        return status;
    }
    *out = rows;
    return MDLA_OK;
}
