/* Hugging Face shards: one column of an Arrow IPC stream, lists of equal length of numbers, as
 * rows.
 *
 * The innermost list is a row; a record may hold several (Array2D of (context, dims)). Validity
 * bitmaps aren't read: a column with nulls is refused. Offsets are, and lists of different lengths
 * are refused, so that a batch's values are one block. A file is walked once when it is opened, by
 * the messages' heads, to count rows; a pipe is read as it comes.
 */
#include "arrays/arrow_schema.h"
#include "arrays/choose.h"
#include "arrays/convert.h"
#include "arrays/dense.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <inttypes.h>
#include <string.h>

#define BUFFER_VALUES ((size_t)8192)

typedef struct batch_place {
    uint64_t message; /* byte offset */
    uint64_t records_before;
} batch_place;

typedef struct arrow {
    arrow_message m; /* the batch entered last */
    arrow_column column;
    size_t node_count, buffer_count;
    size_t value_nbytes;
    uint64_t size[ARROW_LEVELS_MAX]; /* list lengths; 0: not known yet */
    uint64_t rows_per_record;        /* 0: not known yet */
    batch_place *places;             /* of a file: its batches; none are kept of a pipe */
    size_t place_count, place_room;
    uint64_t records;                /* of a file: all */
    uint64_t batch_first, batch_end; /* rows of the batch entered */
    uint64_t values;                 /* byte offset of its first value */
    uint8_t buffer[BUFFER_VALUES * sizeof(double)];
} arrow;

static mdla_status damaged(const mdla_rows *rows, const char *what, mdla_error *err)
{
    const arrow *const a = rows->state;

    return error_set(err, MDLA_ERR_CORRUPT, "%s: column %.80s, batch at byte %" PRIu64 ": %s",
                     rows->in.name, a->column.name, a->m.body, what);
}

static mdla_status refused(const mdla_rows *rows, const char *what, mdla_error *err)
{
    const arrow *const a = rows->state;

    return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: column %.80s: %s", rows->in.name,
                     a->column.name, what);
}

/* ---- A record batch ---------------------------------------------------------------------------
 */

/* Vectors of a batch's head: where its nodes and buffers stand in the FlatBuffer. */
typedef struct batch_head {
    uint64_t records;
    size_t nodes, buffers;
} batch_head;

static mdla_status read_head(mdla_rows *rows, batch_head *head, mdla_error *err)
{
    arrow *const a = rows->state;
    flatbuffer *const fb = &a->m.fb;
    const int64_t records = flatbuffer_i64(fb, a->m.header, 0, 0);
    size_t node_count, buffer_count;

    head->nodes = flatbuffer_vector(fb, a->m.header, 1, 16, &node_count);
    head->buffers = flatbuffer_vector(fb, a->m.header, 2, 16, &buffer_count);
    if (flatbuffer_field(fb, a->m.header, 3) != 0)
        return refused(rows, "compressed Arrow batches; write the data set uncompressed", err);
    if (flatbuffer_field(fb, a->m.header, 4) != 0)
        return refused(rows, "Arrow batches with views; write the data set without them", err);
    if (fb->bad || records < 0 || node_count != a->node_count || buffer_count != a->buffer_count)
        return damaged(rows, "its table doesn't fit the schema", err);
    head->records = (uint64_t)records;
    return MDLA_OK;
}

/* Buffer i of the batch: where it lies in the file and how long it is. */
static mdla_status buffer_at(mdla_rows *rows, const batch_head *head, size_t i, uint64_t *position,
                             uint64_t *nbytes, mdla_error *err)
{
    const arrow *const a = rows->state;
    const int64_t offset = flatbuffer_struct_i64(&a->m.fb, head->buffers + 16 * i);
    const int64_t length = flatbuffer_struct_i64(&a->m.fb, head->buffers + 16 * i + 8);

    if (offset < 0 || length < 0 || (uint64_t)offset > a->m.body_nbytes ||
        (uint64_t)length > a->m.body_nbytes - (uint64_t)offset)
        return damaged(rows, "a buffer lies outside", err);
    *position = a->m.body + (uint64_t)offset;
    *nbytes = (uint64_t)length;
    return MDLA_OK;
}

static mdla_status check_node(mdla_rows *rows, const batch_head *head, size_t i, uint64_t needed,
                              mdla_error *err)
{
    const arrow *const a = rows->state;
    const int64_t length = flatbuffer_struct_i64(&a->m.fb, head->nodes + 16 * i);

    if (length < 0 || (uint64_t)length < needed)
        return damaged(rows, "lists lead past their values", err);
    if (flatbuffer_struct_i64(&a->m.fb, head->nodes + 16 * i + 8) != 0)
        return refused(rows, "holds nulls; fill or drop them", err);
    return MDLA_OK;
}

static uint64_t offset_of(const uint8_t *b, size_t nbytes)
{
    uint64_t value = 0;

    while (nbytes-- > 0)
        value = value << 8 | b[nbytes];
    return value;
}

/* Reads the count + 1 offsets from `first` on; all lists must be *size long, which the first list
 * says where it is 0. *start is the first list's first element. */
static mdla_status check_offsets(mdla_rows *rows, const batch_head *head, size_t buffer,
                                 size_t width, uint64_t first, uint64_t count, uint64_t *size,
                                 uint64_t *start, mdla_error *err)
{
    arrow *const a = rows->state;
    uint64_t position, nbytes, previous = 0, i = 0;

    MDLA_TRY(buffer_at(rows, head, buffer, &position, &nbytes, err));
    if (nbytes / width < first || nbytes / width - first <= count)
        return damaged(rows, "list offsets are missing", err);
    MDLA_TRY(input_seek(&rows->in, position + first * width, err));
    while (i <= count) {
        const uint64_t left = count + 1 - i, room = sizeof a->buffer / width;
        const size_t n = (size_t)(left < room ? left : room);
        size_t k;

        MDLA_TRY(input_read(&rows->in, a->buffer, n * width, "list offsets", err));
        for (k = 0; k < n; k++, i++) {
            const uint64_t offset = offset_of(a->buffer + k * width, width);

            if (offset > INT64_MAX || (i != 0 && offset < previous))
                return damaged(rows, "list offsets fall", err);
            if (i == 0)
                *start = offset;
            else if (*size == 0 && i == 1)
                *size = offset - previous;
            if (i != 0 && (offset - previous != *size || *size == 0))
                return refused(rows, "lists of different lengths, or empty; pad them", err);
            previous = offset;
        }
    }
    return MDLA_OK;
}

/* From the records down to the values: *first and *count become those of the values. */
static mdla_status descend(mdla_rows *rows, const batch_head *head, uint64_t *first,
                           uint64_t *count, size_t *buffer, mdla_error *err)
{
    arrow *const a = rows->state;
    uint64_t end;
    unsigned level;

    *first = 0;
    *count = head->records;
    *buffer = a->column.first_buffer;
    for (level = 0; level < a->column.levels; level++) {
        const arrow_list kind = a->column.list[level];
        uint64_t start = 0;

        if (!checked_add_u64(*first, *count, &end))
            return damaged(rows, "sizes overflow", err);
        MDLA_TRY(check_node(rows, head, a->column.first_node + level, end, err));
        if (kind == ARROW_FIXED_LIST) {
            if (!checked_mul_u64(*first, a->size[level], &start))
                return damaged(rows, "sizes overflow", err);
            *buffer += 1;
        } else {
            MDLA_TRY(check_offsets(rows, head, *buffer + 1, kind == ARROW_LIST ? 4 : 8, *first,
                                   *count, &a->size[level], &start, err));
            *buffer += 2;
        }
        *first = start;
        if (!checked_mul_u64(*count, a->size[level], count))
            return damaged(rows, "sizes overflow", err);
    }
    if (!checked_add_u64(*first, *count, &end))
        return damaged(rows, "sizes overflow", err);
    return check_node(rows, head, a->column.first_node + level, end, err);
}

/* Checks the batch in a->m, not empty, and finds its values. first_row is its first row's number.
 */
static mdla_status enter_batch(mdla_rows *rows, const batch_head *head, uint64_t first_row,
                               mdla_error *err)
{
    arrow *const a = rows->state;
    const unsigned row_level = rows->numbers ? a->column.levels : a->column.levels - 1;
    uint64_t first, count, position, nbytes, end, per_record = 1;
    size_t buffer;
    unsigned level;

    MDLA_TRY(descend(rows, head, &first, &count, &buffer, err));
    MDLA_TRY(buffer_at(rows, head, buffer + 1, &position, &nbytes, err));
    if (!checked_add_u64(first, count, &end) || end > nbytes / a->value_nbytes)
        return damaged(rows, "values are missing", err);
    for (level = 0; level < row_level; level++)
        per_record *= a->size[level]; /* count is a multiple: no overflow */
    if (a->rows_per_record == 0) {
        const uint64_t dims = rows->numbers ? 1 : a->size[level];

        a->rows_per_record = per_record;
        if (dims > rows->limits.max_dims)
            return rows_set_shape(rows, 0, dims, err);
        rows->dims = (uint32_t)dims;
    }
    a->values = position + first * a->value_nbytes;
    a->batch_first = first_row;
    return checked_add_u64(first_row, head->records * per_record, &a->batch_end)
               ? MDLA_OK
               : damaged(rows, "sizes overflow", err);
}

/* The next batch that holds records, from the input's position; a->m.kind is ARROW_END where there
 * is none. */
static mdla_status next_batch(mdla_rows *rows, batch_head *head, mdla_error *err)
{
    arrow *const a = rows->state;

    for (;;) {
        MDLA_TRY(arrow_message_next(&rows->in, &a->m, err));
        if (a->m.kind == ARROW_END)
            return MDLA_OK;
        if (a->m.kind != ARROW_BATCH)
            return refused(rows,
                           a->m.kind == ARROW_DICTIONARY ? "an Arrow dictionary batch"
                                                         : "an Arrow message of an unknown kind",
                           err);
        MDLA_TRY(read_head(rows, head, err));
        if (head->records != 0)
            return MDLA_OK;
        MDLA_TRY(input_seek(&rows->in, a->m.body + a->m.body_nbytes, err));
    }
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

/* Reads the head of a batch of a file. */
static mdla_status enter_place(mdla_rows *rows, size_t place, batch_head *head, mdla_error *err)
{
    arrow *const a = rows->state;

    a->batch_first = a->batch_end = 0; /* until it is entered */
    MDLA_TRY(input_seek(&rows->in, a->places[place].message, err));
    MDLA_TRY(next_batch(rows, head, err));
    return a->m.kind == ARROW_BATCH ? MDLA_OK : damaged(rows, "the file has changed", err);
}

/* Enters the batch of a row that exists, in a file. */
static mdla_status go_to_row(mdla_rows *rows, uint64_t row, mdla_error *err)
{
    arrow *const a = rows->state;
    const uint64_t record = row / a->rows_per_record;
    size_t low = 0, high = a->place_count;
    batch_head head = {0};

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;

        if (a->places[middle].records_before <= record)
            low = middle;
        else
            high = middle;
    }
    MDLA_TRY(enter_place(rows, low, &head, err));
    return enter_batch(rows, &head, a->places[low].records_before * a->rows_per_record, err);
}

/* The pipe's next batch; *more is false at its end. */
static mdla_status go_on(mdla_rows *rows, bool *more, mdla_error *err)
{
    arrow *const a = rows->state;
    batch_head head = {0};

    if (a->m.kind == ARROW_BATCH) {
        MDLA_TRY(input_seek(&rows->in, a->m.body + a->m.body_nbytes, err));
        MDLA_TRY(next_batch(rows, &head, err));
        if (a->m.kind == ARROW_BATCH) {
            *more = true;
            return enter_batch(rows, &head, a->batch_end, err);
        }
        MDLA_TRY(input_expect_end(&rows->in, err));
    }
    *more = false;
    return MDLA_OK;
}

/* Values of the batch entered, from a row on. */
static mdla_status read_values(mdla_rows *rows, uint64_t row, void *dst, size_t count,
                               mdla_error *err)
{
    arrow *const a = rows->state;
    const size_t total = count * rows->dims; /* dst has as many */
    size_t done, n;

    MDLA_TRY(input_seek(&rows->in,
                        a->values + (row - a->batch_first) * rows->dims * a->value_nbytes, err));
    for (done = 0; done < total; done += n) {
        size_t bad;

        n = total - done < BUFFER_VALUES ? total - done : BUFFER_VALUES;
        MDLA_TRY(input_read(&rows->in, a->buffer, n * a->value_nbytes, a->column.name, err));
        bad = dense_put(rows, false, a->buffer, n, dst, done);
        if (bad != n)
            return dense_overflow(rows, row + (done + bad) / rows->dims, (done + bad) % rows->dims,
                                  err);
    }
    return MDLA_OK;
}

static mdla_status arrow_read(mdla_rows *rows, void *dst, size_t count, size_t *got,
                              mdla_error *err)
{
    arrow *const a = rows->state;
    size_t done = 0;

    while (done < count) {
        const uint64_t row = rows->next + done;
        bool more = true;
        size_t n = count - done;

        if (row < a->batch_first || row >= a->batch_end) {
            if (rows->can_rewind)
                MDLA_TRY(go_to_row(rows, row, err));
            else
                MDLA_TRY(go_on(rows, &more, err));
        }
        if (!more)
            break;
        if (a->batch_end - row < n)
            n = (size_t)(a->batch_end - row);
        MDLA_TRY(read_values(rows, row, rows_place(rows, dst, done), n, err));
        done += n;
    }
    *got = done;
    return MDLA_OK;
}

static void arrow_close(mdla_rows *rows)
{
    arrow *const a = rows->state;

    arrow_message_free(rows->al, &a->m);
    alloc_free(rows->al, a->column.name);
    alloc_free(rows->al, a->places);
    alloc_free(rows->al, a);
}

static const rows_ops arrow_ops = {arrow_read, NULL, NULL, arrow_close};

/* ---- Opening ----------------------------------------------------------------------------------
 */

static mdla_status choose_column(mdla_rows *rows, const arrow_schema *schema, const char *wanted,
                                 size_t *index, mdla_error *err)
{
    array_list list;
    mdla_status status;

    array_list_start(&list, rows->al);
    status = arrow_schema_list(schema, &list);
    if (status == MDLA_OK)
        status = choose_array(list.entries, list.count, wanted, rows->in.name, index, err);
    else
        status = error_memory(err, rows->in.name);
    array_list_free(&list);
    return status;
}

static mdla_status set_column(mdla_rows *rows, arrow_schema *schema,
                              const mdla_array_options *options, mdla_error *err)
{
    arrow *const a = rows->state;
    size_t index = 0;

    MDLA_TRY(choose_column(rows, schema, options->array, &index, err));
    a->column = schema->columns[index];
    schema->columns[index].name = NULL; /* it is the column's now */
    a->node_count = schema->node_count;
    a->buffer_count = schema->buffer_count;
    memcpy(a->size, a->column.size, sizeof a->size);
    if (a->column.dtype < 0 || (a->column.levels == 0 && !rows->numbers))
        return error_set(err, a->column.dtype < 0 ? MDLA_ERR_UNSUPPORTED : MDLA_ERR_DATA,
                         "%s: column %.80s is of type %s; rows need lists of numbers",
                         rows->in.name, a->column.name, a->column.text);
    rows->dtype = (mdla_dtype)a->column.dtype;
    if ((rows->dtype == MDLA_U16 || rows->dtype == MDLA_I16) && options->bf16 == 0)
        return refused(
            rows, "16-bit integers are often bfloat16 bit patterns; say bf16 or integers", err);
    if ((rows->dtype == MDLA_U16 || rows->dtype == MDLA_I16) && options->bf16 > 0)
        rows->dtype = MDLA_BF16;
    a->value_nbytes = mdla_dtype_nbytes(rows->dtype);
    return MDLA_OK;
}

static mdla_status read_schema(mdla_rows *rows, const mdla_array_options *options, mdla_error *err)
{
    arrow *const a = rows->state;
    arrow_schema schema;
    mdla_status status;

    MDLA_TRY(arrow_message_next(&rows->in, &a->m, err));
    if (a->m.kind != ARROW_SCHEMA)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: the Arrow stream begins with no schema",
                         rows->in.name);
    status = arrow_schema_read(rows->al, &a->m, rows->in.name, &schema, err);
    if (status == MDLA_OK)
        status = set_column(rows, &schema, options, err);
    arrow_schema_free(&schema);
    if (status == MDLA_OK)
        status = input_seek(&rows->in, a->m.body + a->m.body_nbytes, err);
    return status;
}

static mdla_status add_place(mdla_rows *rows, uint64_t message, uint64_t records, mdla_error *err)
{
    arrow *const a = rows->state;

    if (a->place_count == a->place_room) {
        const size_t room = a->place_room == 0 ? 64 : 2 * a->place_room;
        batch_place *const grown =
            alloc_grown(rows->al, a->places, a->place_count, room, sizeof *grown);

        if (grown == NULL)
            return error_memory(err, rows->in.name);
        a->places = grown;
        a->place_room = room;
    }
    a->places[a->place_count++] = (batch_place){message, a->records};
    return checked_add_u64(a->records, records, &a->records) ? MDLA_OK
                                                             : damaged(rows, "sizes overflow", err);
}

/* All batches of a file, by their heads. */
static mdla_status walk(mdla_rows *rows, mdla_error *err)
{
    arrow *const a = rows->state;
    batch_head head = {0};

    for (;;) {
        const uint64_t message = rows->in.position;

        MDLA_TRY(next_batch(rows, &head, err));
        if (a->m.kind == ARROW_END)
            return input_expect_end(&rows->in, err);
        MDLA_TRY(add_place(rows, message, head.records, err));
        MDLA_TRY(input_seek(&rows->in, a->m.body + a->m.body_nbytes, err));
    }
}

/* Without a record only lists of fixed length tell how long a row is. */
static mdla_status no_records(mdla_rows *rows, mdla_error *err)
{
    const arrow *const a = rows->state;
    const unsigned last = a->column.levels - 1;

    if (rows->numbers)
        return rows_set_shape(rows, 0, 1, err);
    if (a->size[last] == 0)
        return error_set(err, MDLA_ERR_DATA, "%s: no records, which would say how long a row is",
                         rows->in.name);
    return rows_set_shape(rows, 0, a->size[last], err);
}

static mdla_status open_file(mdla_rows *rows, mdla_error *err)
{
    arrow *const a = rows->state;
    batch_head head = {0};
    uint64_t row_count;

    MDLA_TRY(walk(rows, err));
    if (a->records == 0)
        return no_records(rows, err);
    MDLA_TRY(enter_place(rows, 0, &head, err));
    MDLA_TRY(enter_batch(rows, &head, 0, err));
    if (!checked_mul_u64(a->records, a->rows_per_record, &row_count))
        return damaged(rows, "sizes overflow", err);
    return rows_set_shape(rows, row_count, rows->dims, err);
}

static mdla_status open_pipe(mdla_rows *rows, mdla_error *err)
{
    arrow *const a = rows->state;
    batch_head head = {0};

    MDLA_TRY(next_batch(rows, &head, err));
    if (a->m.kind == ARROW_END)
        return no_records(rows, err);
    MDLA_TRY(enter_batch(rows, &head, 0, err));
    return rows_set_shape(rows, MDLA_UNKNOWN, rows->dims, err);
}

mdla_status arrow_open(mdla_rows *rows, const mdla_array_options *options, mdla_error *err)
{
    arrow *const a = alloc_zeroed(rows->al, 1, sizeof *a);

    if (a == NULL)
        return error_memory(err, rows->in.name);
    rows->state = a;
    rows->ops = &arrow_ops;
    rows->can_rewind = input_can_seek(&rows->in);
    MDLA_TRY(read_schema(rows, options, err));
    return rows->can_rewind ? open_file(rows, err) : open_pipe(rows, err);
}

mdla_status array_list_arrow(input *in, array_list *list, mdla_error *err)
{
    arrow_message m = {0};
    arrow_schema schema = {0};
    mdla_status status = arrow_message_next(in, &m, err);

    if (status == MDLA_OK && m.kind != ARROW_SCHEMA)
        status = error_set(err, MDLA_ERR_CORRUPT, "%s: the Arrow stream begins with no schema",
                           in->name);
    if (status == MDLA_OK)
        status = arrow_schema_read(in->al, &m, in->name, &schema, err);
    if (status == MDLA_OK)
        status = arrow_schema_list(&schema, list);
    arrow_schema_free(&schema);
    arrow_message_free(in->al, &m);
    return status;
}
