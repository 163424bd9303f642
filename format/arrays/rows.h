/* Inside mdla_rows: what a kind of array has to offer to be read as rows.
 *
 * A new kind adds an _open function that looks at rows->in, fills in
 * dims, row_count, dtype and ops (often through dense_open), and its first bytes in rows.c.
 */
#ifndef MDLA_ROWS_H
#define MDLA_ROWS_H

#include "arrays/passages.h"
#include "input.h"
#include "mdla/mdla.h"

typedef struct rows_ops {
    /* count rows from rows->next on; count stays within row_count where that is known. Fewer
     * (*got) at the end of rows of unknown number alone. Needn't move rows->next. dst: float32
     * [count][dims], of numbers int64 [count]. */
    mdla_status (*read)(mdla_rows *rows, void *dst, size_t count, size_t *got, mdla_error *err);
    /* Goes to a row that is known to exist or is the end; called where can_rewind is set alone.
     * NULL where read looks at rows->next and needs no more. */
    mdla_status (*seek)(mdla_rows *rows, uint64_t row, mdla_error *err);
    /* After the last row was read: is that all? May be NULL. */
    mdla_status (*end)(mdla_rows *rows, mdla_error *err);
    void (*close)(mdla_rows *rows); /* frees rows->state; may be NULL */
} rows_ops;

struct mdla_rows {
    const mdla_allocator *al;
    mdla_limits limits;
    input in; /* zeroed where the rows come from elsewhere */
    uint32_t dims;
    uint64_t row_count; /* or MDLA_UNKNOWN */
    uint64_t next;      /* the row that the next read begins with */
    mdla_dtype dtype;
    bool can_rewind;
    bool numbers;                   /* integers, one a row (dims 1), whatever the array's axes */
    row_numbers *passages, *tokens; /* numbers beside the rows, or NULL */
    const rows_ops *ops;
    void *state;
};

/* A handle without a kind yet; it owns its input once that is put in. NULL: no memory. */
mdla_rows *rows_new(const mdla_config *config);

/* Where a row's values go in what read fills. */
static inline void *rows_place(const mdla_rows *rows, void *dst, size_t row)
{
    return rows->numbers ? (void *)((int64_t *)dst + row)
                         : (void *)((float *)dst + row * rows->dims);
}

/* mdla_rows_read for numbers too: dst as rows_ops.read has it. */
mdla_status rows_read(mdla_rows *rows, void *dst, size_t max_rows, size_t *got, mdla_error *err);

/* Checks a shape from a header against the limits and sets rows->dims and rows->row_count; of
 * numbers each value is a row. */
mdla_status rows_set_shape(mdla_rows *rows, uint64_t row_count, uint64_t dims, mdla_error *err);

/* Moves rows->in, with what was peeked at, into a source of the same bytes, for a reader that takes
 * one; name is a copy of its name, for alloc_free. On failure neither is to be freed. */
mdla_status rows_take_input(mdla_rows *rows, mdla_source *source, char **name, mdla_error *err);

/* Kinds. Each reads its header from rows->in. */
mdla_status npy_open(mdla_rows *rows, const mdla_array_options *options, mdla_error *err);
mdla_status npz_open(mdla_rows *rows, const mdla_array_options *options, mdla_error *err);
mdla_status idx_open(mdla_rows *rows, mdla_error *err);
mdla_status raw_open(mdla_rows *rows, uint32_t dims, mdla_error *err);
mdla_status arrow_open(mdla_rows *rows, const mdla_array_options *options, mdla_error *err);

/* Kinds that need more than libc and zlib. The decoder library, which has no more, refuses them by
 * name (kinds_absent.c). */
mdla_status rows_open_safetensors(mdla_rows *rows, const mdla_array_options *options,
                                  mdla_error *err);
mdla_status rows_open_png(mdla_rows *rows, mdla_error *err);

#endif
