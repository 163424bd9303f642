#include "arrays/fortran.h"

#include "arrays/convert.h"
#include "arrays/dense.h"
#include "base/alloc.h"
#include "io_error.h"

#include <inttypes.h>
#include <string.h>

/* A tile is as many rows as fit here: each column of it costs a seek, so few tiles are good. */
#define TILE_VALUES ((size_t)1 << 21)
/* A column of a tile whose rows lie no farther apart than this is read in one piece. */
#define SPAN_VALUES ((size_t)8192)

/* With shape (a, b, ..., dims) a column is a run of row_count values in which the first axis varies
 * fastest, while row numbers count with the last leading axis fastest: place() turns one into the
 * other. */
typedef struct fortran {
    uint64_t start; /* byte offset of the first value */
    size_t value_nbytes;
    bool big_endian;
    unsigned leading;             /* axes that make up the rows */
    uint64_t shape[NPY_AXES_MAX]; /* of those */
    uint64_t tile_first;          /* rows in the tile: tile_first .. tile_first + tile_count - 1 */
    size_t tile_count, tile_capacity;
    float *tile;      /* [tile_capacity][dims] */
    uint64_t *places; /* [tile_capacity] of the tile's rows in a column */
    uint8_t span[SPAN_VALUES * sizeof(double)];
} fortran;

static uint64_t place(const fortran *f, uint64_t row)
{
    uint64_t stride = 1, result = 0;
    uint64_t digits[NPY_AXES_MAX];
    unsigned axis;

    for (axis = f->leading; axis-- > 0;) {
        digits[axis] = row % f->shape[axis];
        row /= f->shape[axis];
    }
    for (axis = 0; axis < f->leading; axis++) {
        result += digits[axis] * stride;
        stride *= f->shape[axis]; /* at most row_count, which didn't overflow */
    }
    return result;
}

static mdla_status read_values(mdla_rows *rows, uint64_t index, size_t count, mdla_error *err)
{
    fortran *const f = rows->state;

    MDLA_TRY(input_seek(&rows->in, f->start + index * f->value_nbytes, err));
    return input_read(&rows->in, f->span, count * f->value_nbytes, "the array", err);
}

static mdla_status convert_value(mdla_rows *rows, size_t offset, size_t row, size_t column,
                                 mdla_error *err)
{
    fortran *const f = rows->state;
    float *const dst = f->tile + row * rows->dims + column;

    if (convert_to_f32(rows->dtype, f->big_endian, f->span + offset * f->value_nbytes, 1, dst) == 0)
        return dense_overflow(rows, f->tile_first + row, column, err);
    return MDLA_OK;
}

/* Rows [first, end) of one column of the tile, whose places span at most SPAN_VALUES. */
static mdla_status read_span(mdla_rows *rows, size_t column, size_t first, size_t end, uint64_t low,
                             uint64_t high, mdla_error *err)
{
    fortran *const f = rows->state;
    size_t row;

    MDLA_TRY(
        read_values(rows, (uint64_t)column * rows->row_count + low, (size_t)(high - low) + 1, err));
    for (row = first; row < end; row++)
        MDLA_TRY(convert_value(rows, (size_t)(f->places[row] - low), row, column, err));
    return MDLA_OK;
}

/* Groups consecutive rows while they lie close together, so that a 2-D array is read in long
 * pieces. */
static mdla_status load_column(mdla_rows *rows, size_t column, mdla_error *err)
{
    fortran *const f = rows->state;
    size_t first = 0;

    while (first < f->tile_count) {
        uint64_t low = f->places[first], high = low;
        size_t end = first + 1;

        for (; end < f->tile_count; end++) {
            const uint64_t p = f->places[end];
            const uint64_t new_low = p < low ? p : low, new_high = p > high ? p : high;

            if (new_high - new_low >= SPAN_VALUES)
                break;
            low = new_low;
            high = new_high;
        }
        MDLA_TRY(read_span(rows, column, first, end, low, high, err));
        first = end;
    }
    return MDLA_OK;
}

static mdla_status load_tile(mdla_rows *rows, uint64_t first, mdla_error *err)
{
    fortran *const f = rows->state;
    const uint64_t left = rows->row_count - first;
    const size_t count = left < f->tile_capacity ? (size_t)left : f->tile_capacity;
    mdla_status status = MDLA_OK;
    size_t row, column;

    f->tile_first = first;
    f->tile_count = count;
    for (row = 0; row < count; row++)
        f->places[row] = place(f, first + row);
    for (column = 0; column < rows->dims && status == MDLA_OK; column++)
        status = load_column(rows, column, err);
    if (status != MDLA_OK)
        f->tile_count = 0;
    return status;
}

static mdla_status fortran_read(mdla_rows *rows, void *to, size_t count, size_t *got,
                                mdla_error *err)
{
    fortran *const f = rows->state;
    float *const dst = to; /* numbers don't come here */
    size_t done = 0;

    while (done < count) {
        const uint64_t row = rows->next + done;
        size_t offset, n;

        if (row < f->tile_first || row - f->tile_first >= f->tile_count)
            MDLA_TRY(load_tile(rows, row, err));
        offset = (size_t)(row - f->tile_first);
        n = f->tile_count - offset < count - done ? f->tile_count - offset : count - done;
        memcpy(dst + done * rows->dims, f->tile + offset * rows->dims,
               n * rows->dims * sizeof *dst);
        done += n;
    }
    *got = done;
    return MDLA_OK;
}

static void fortran_close(mdla_rows *rows)
{
    fortran *const f = rows->state;

    alloc_free(rows->al, f->tile);
    alloc_free(rows->al, f->places);
    alloc_free(rows->al, f);
}

static const rows_ops fortran_ops = {fortran_read, NULL, NULL, fortran_close};

mdla_status fortran_open(mdla_rows *rows, const npy_header *header, mdla_error *err)
{
    fortran *f;

    if (!input_can_seek(&rows->in) || rows->in.source.nbytes == MDLA_UNKNOWN)
        return error_set(
            err, MDLA_ERR_UNSUPPORTED,
            "%s: a column-major array can't be read from a pipe; give a file, or save it in C "
            "order (numpy.ascontiguousarray)",
            rows->in.name);
    MDLA_TRY(dense_check_size(rows, header->dtype, err));
    f = alloc_zeroed(rows->al, 1, sizeof *f);
    if (f == NULL)
        return error_memory(err, rows->in.name);
    f->start = rows->in.position;
    f->value_nbytes = mdla_dtype_nbytes(header->dtype);
    f->big_endian = header->big_endian;
    f->leading = header->axes - 1;
    memcpy(f->shape, header->shape, f->leading * sizeof f->shape[0]);
    f->tile_capacity = rows->dims < TILE_VALUES ? TILE_VALUES / rows->dims : 1;
    if (f->tile_capacity > rows->row_count)
        f->tile_capacity = (size_t)rows->row_count;
    f->tile = alloc_array(rows->al, f->tile_capacity * rows->dims, sizeof *f->tile);
    f->places = alloc_array(rows->al, f->tile_capacity, sizeof *f->places);
    rows->dtype = header->dtype;
    rows->can_rewind = true;
    rows->ops = &fortran_ops;
    rows->state = f;
    return f->tile != NULL && f->places != NULL ? MDLA_OK : error_memory(err, rows->in.name);
}
