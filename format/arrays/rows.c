/* The life of a mdla_rows: opening by first bytes, reading, going to a row, closing. */
#include "arrays/rows.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "container/chunk.h"
#include "gzip_source.h"
#include "io_error.h"

#include <inttypes.h>
#include <string.h>

mdla_rows *rows_new(const mdla_config *config)
{
    const mdla_allocator *const al = alloc_of(config);
    mdla_rows *const rows = alloc_zeroed(al, 1, sizeof *rows);
    mdla_config defaults;

    if (rows == NULL)
        return NULL;
    mdla_config_init(&defaults);
    rows->al = al;
    rows->limits = config != NULL ? config->limits : defaults.limits;
    return rows;
}

void mdla_rows_close(mdla_rows *rows)
{
    if (rows == NULL)
        return;
    if (rows->ops != NULL && rows->ops->close != NULL)
        rows->ops->close(rows);
    row_numbers_close(rows->passages);
    row_numbers_close(rows->tokens);
    input_close(&rows->in);
    alloc_free(rows->al, rows);
}

mdla_status rows_set_shape(mdla_rows *rows, uint64_t row_count, uint64_t dims, mdla_error *err)
{
    const char *const name = rows->in.name != NULL ? rows->in.name : "rows";

    if (dims == 0)
        return error_set(err, MDLA_ERR_DATA, "%s: rows of no values", name);
    if (rows->numbers && row_count != MDLA_UNKNOWN) {
        if (!checked_mul_u64(row_count, dims, &row_count))
            return error_set(err, MDLA_ERR_CORRUPT, "%s: sizes overflow", name);
        dims = 1;
    }
    if (dims > rows->limits.max_dims)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: rows of %" PRIu64 " values; the limit is %" PRIu32, name, dims,
                         rows->limits.max_dims);
    if (row_count != MDLA_UNKNOWN && row_count > rows->limits.max_rows)
        return error_set(err, MDLA_ERR_LIMIT, "%s: %" PRIu64 " rows; the limit is %" PRIu64, name,
                         row_count, rows->limits.max_rows);
    rows->dims = (uint32_t)dims;
    rows->row_count = row_count;
    return MDLA_OK;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static bool starts_with(const uint8_t *bytes, size_t count, const char *magic, size_t length)
{
    return count >= length && memcmp(bytes, magic, length) == 0;
}

/* Puts what a gzip source holds in the place of the source. */
static mdla_status unzip_input(mdla_rows *rows, mdla_error *err)
{
    mdla_source inner, outer;
    char *name;
    mdla_status status;

    MDLA_TRY(rows_take_input(rows, &inner, &name, err));
    inner.nbytes = MDLA_UNKNOWN;
    status = gzip_source(rows->al, inner, &outer);
    if (status == MDLA_OK)
        status = input_open(rows->al, outer, name, &rows->in, err);
    else
        status = error_memory(err, name);
    alloc_free(rows->al, name);
    return status;
}

mdla_status rows_take_input(mdla_rows *rows, mdla_source *source, char **name, mdla_error *err)
{
    *name = alloc_text(rows->al, rows->in.name);
    if (*name == NULL)
        return error_memory(err, rows->in.name);
    if (input_to_source(&rows->in, source) == MDLA_OK)
        return MDLA_OK;
    (void)error_memory(err, *name);
    alloc_free(rows->al, *name);
    return MDLA_ERR_MEMORY;
}

/* Little-endian length of a message, then its root: where streams begin that were written before
 * the marker FFFFFFFF came in. */
static bool old_arrow(const uint8_t *first, size_t count)
{
    return count >= 8 && first[3] == 0 && first[2] < 16 && first[0] % 4 == 0 &&
           (first[0] | first[1] | first[2]) != 0 && first[4] >= 8 && first[4] <= 64 &&
           (first[5] | first[6] | first[7]) == 0;
}

/* A header's length below 2^32, then the header. Asked before IDX: the length may end in zeros. */
static bool is_safetensors(const uint8_t *first, size_t count)
{
    return count >= 9 && first[8] == '{' && (first[4] | first[5] | first[6] | first[7]) == 0;
}

static mdla_status no_name(const mdla_rows *rows, const mdla_array_options *options,
                           mdla_error *err)
{
    if (options->array == NULL)
        return MDLA_OK;
    return error_set(err, MDLA_ERR_ARGUMENT, "%s: holds one array, without a name, and no %.80s",
                     rows->in.name, options->array);
}

static mdla_status open_kind(mdla_rows *rows, const mdla_array_options *options, mdla_error *err)
{
    const uint8_t *first;
    size_t count;
    bool zipped;

    if (options->raw_dims != 0 && !rows->numbers) {
        MDLA_TRY(no_name(rows, options, err));
        return raw_open(rows, options->raw_dims, err);
    }
    MDLA_TRY(input_peek(&rows->in, 9, &first, &count, err));
    zipped = starts_with(first, count, "\x1f\x8b", 2);
    if (zipped) {
        MDLA_TRY(unzip_input(rows, err));
        MDLA_TRY(input_peek(&rows->in, 9, &first, &count, err));
    }
    if (starts_with(first, count, "\0\0", 2) && count >= 4 && !is_safetensors(first, count)) {
        MDLA_TRY(no_name(rows, options, err));
        return idx_open(rows, err);
    }
    if (zipped)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: gzipped, but no IDX file inside; gunzip it first", rows->in.name);
    if (count == 0)
        return error_set(err, MDLA_ERR_TRUNCATED, "%s: is empty", rows->in.name);
    if (is_safetensors(first, count))
        return rows_open_safetensors(rows, options, err);
    if (starts_with(first, count, "PK\3\4", 4) || starts_with(first, count, "PK\5\6", 4))
        return npz_open(rows, options, err);
    if (starts_with(first, count, "\xff\xff\xff\xff", 4) || old_arrow(first, count))
        return arrow_open(rows, options, err);
    if (starts_with(first, count, "ARROW1", 6))
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: an Arrow file; Arrow streams are read, as datasets and SAELens write "
                         "them",
                         rows->in.name);
    if (starts_with(first, count, "\x93NUMPY", 6)) {
        MDLA_TRY(no_name(rows, options, err));
        return npy_open(rows, options, err);
    }
    if (rows->numbers)
        return error_set(err, MDLA_ERR_FORMAT,
                         "%s: no array of integers: not .npy, .npz, safetensors, Arrow or IDX",
                         rows->in.name);
    if (starts_with(first, count, "\x89PNG\r\n\x1a\n", 8)) {
        MDLA_TRY(no_name(rows, options, err));
        return rows_open_png(rows, err);
    }
    if (starts_with(first, count, (const char *)chunk_magic_file, MAGIC_NBYTES))
        return error_set(err, MDLA_ERR_FORMAT,
                         "%s: a .mdla file, which holds codes; decode it to rows first",
                         rows->in.name);
    return error_set(err, MDLA_ERR_FORMAT,
                     "%s: not .npy, .npz, safetensors, Arrow, PNG or IDX; bare float32 values are "
                     "read as raw rows where their dims are given",
                     rows->in.name);
}

/* Opens the array's kind. Of numbers 16 bits are what they say, and floats are refused. */
static mdla_status open_array(mdla_rows *rows, const mdla_array_options *given, mdla_error *err)
{
    mdla_array_options options = *given;

    rows->numbers = options.numbers != 0;
    if (!rows->numbers)
        return open_kind(rows, &options, err);
    options.bf16 = -1;
    MDLA_TRY(open_kind(rows, &options, err));
    if (rows->dtype < MDLA_U8 || rows->dtype == MDLA_BOOL)
        return error_set(err, MDLA_ERR_DATA,
                         "%s: must be integers, not %s; of a file that holds several arrays, name "
                         "the one that is meant",
                         rows->in.name, mdla_dtype_name(rows->dtype));
    return MDLA_OK;
}

mdla_status mdla_rows_open(const mdla_config *config, mdla_source source, const char *name,
                           const mdla_array_options *options, mdla_rows **out, mdla_error *err)
{
    static const mdla_array_options detect = {0};
    mdla_rows *const rows = rows_new(config);
    mdla_status status;

    *out = NULL;
    if (rows == NULL) {
        if (source.close != NULL)
            source.close(source.ctx);
        return error_memory(err, name);
    }
    status = input_open(rows->al, source, name, &rows->in, err);
    if (status == MDLA_OK)
        status = open_array(rows, options != NULL ? options : &detect, err);
    if (status != MDLA_OK) {
        mdla_rows_close(rows);
        return status;
    }
    *out = rows;
    return MDLA_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

uint32_t mdla_rows_dims(const mdla_rows *rows)
{
    return rows->dims;
}

uint64_t mdla_rows_count(const mdla_rows *rows)
{
    return rows->row_count;
}

mdla_dtype mdla_rows_dtype(const mdla_rows *rows)
{
    return rows->dtype;
}

int mdla_rows_can_rewind(const mdla_rows *rows)
{
    return rows->can_rewind;
}

mdla_status mdla_rows_read(mdla_rows *rows, float *dst, size_t max_rows, size_t *got,
                           mdla_error *err)
{
    if (!rows->numbers)
        return rows_read(rows, dst, max_rows, got, err);
    *got = 0;
    return error_set(err, MDLA_ERR_ARGUMENT, "numbers beside rows aren't read as rows");
}

mdla_status rows_read(mdla_rows *rows, void *dst, size_t max_rows, size_t *got, mdla_error *err)
{
    size_t want = max_rows, read = 0;

    *got = 0;
    if (rows->row_count != MDLA_UNKNOWN && rows->row_count - rows->next < want)
        want = (size_t)(rows->row_count - rows->next);
    if (want != 0)
        MDLA_TRY(rows->ops->read(rows, dst, want, &read, err));
    if (rows->limits.max_rows - rows->next < read)
        return error_set(err, MDLA_ERR_LIMIT, "%s: more than %" PRIu64 " rows, which is the limit",
                         rows->in.name != NULL ? rows->in.name : "rows", rows->limits.max_rows);
    rows->next += read;
    if (max_rows != 0 && rows->next == rows->row_count && rows->ops->end != NULL)
        MDLA_TRY(rows->ops->end(rows, err));
    *got = read;
    return MDLA_OK;
}

static mdla_status set_numbers(mdla_rows *rows, row_numbers **place, mdla_rows *numbers,
                               const char *what, mdla_error *err)
{
    row_numbers_close(*place);
    MDLA_TRY(row_numbers_new(numbers, what, place, err));
    return row_numbers_check(*place, rows->row_count, err);
}

mdla_status mdla_rows_set_passages(mdla_rows *rows, mdla_rows *numbers, mdla_error *err)
{
    MDLA_TRY(set_numbers(rows, &rows->passages, numbers, "passage numbers", err));
    return row_numbers_seek(rows->passages, rows->next, err);
}

mdla_status mdla_rows_set_tokens(mdla_rows *rows, mdla_rows *numbers, mdla_error *err)
{
    return set_numbers(rows, &rows->tokens, numbers, "token ids", err);
}

int mdla_rows_has_tokens(const mdla_rows *rows)
{
    return rows->tokens != NULL;
}

int mdla_rows_has_passages(const mdla_rows *rows)
{
    return rows->passages != NULL;
}

mdla_status mdla_rows_read_passages(mdla_rows *rows, float *dst, uint8_t *starts, size_t max_rows,
                                    size_t *got, mdla_error *err)
{
    MDLA_TRY(mdla_rows_read(rows, dst, max_rows, got, err));
    memset(starts, 0, *got);
    if (rows->passages == NULL)
        return MDLA_OK;
    return passages_read(rows->passages, rows->next - *got, starts, *got, err);
}

mdla_status mdla_rows_rewind(mdla_rows *rows, mdla_error *err)
{
    const char *const name = rows->in.name != NULL ? rows->in.name : "rows";

    if (rows->next == 0)
        return MDLA_OK;
    if (!rows->can_rewind)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: can't be read twice from a pipe; give a file", name);
    if (rows->ops->seek != NULL)
        MDLA_TRY(rows->ops->seek(rows, 0, err));
    rows->next = 0;
    return MDLA_OK;
}

static mdla_status past_the_end(const mdla_rows *rows, uint64_t row, uint64_t row_count,
                                mdla_error *err)
{
    return error_set(err, MDLA_ERR_ARGUMENT, "%s: no row %" PRIu64 "; there are %" PRIu64,
                     rows->in.name != NULL ? rows->in.name : "rows", row, row_count);
}

/* Forward, by reading. */
static mdla_status skip_rows(mdla_rows *rows, uint64_t row, mdla_error *err)
{
    const size_t tile = 16384 / rows->dims + 1;
    int64_t *const scratch = alloc_array(rows->al, tile * rows->dims, sizeof *scratch);
    mdla_status status = MDLA_OK;

    if (scratch == NULL)
        return error_memory(err, rows->in.name);
    while (status == MDLA_OK && rows->next < row) {
        const uint64_t left = row - rows->next;
        size_t got;

        status = rows_read(rows, scratch, left < tile ? (size_t)left : tile, &got, err);
        if (status == MDLA_OK && got == 0)
            status = past_the_end(rows, row, rows->next, err);
    }
    alloc_free(rows->al, scratch);
    return status;
}

mdla_status mdla_rows_seek(mdla_rows *rows, uint64_t row, mdla_error *err)
{
    if (rows->row_count != MDLA_UNKNOWN && row > rows->row_count)
        return past_the_end(rows, row, rows->row_count, err);
    if (row == rows->next)
        return MDLA_OK;
    if (rows->can_rewind && rows->row_count != MDLA_UNKNOWN) {
        if (rows->ops->seek != NULL)
            MDLA_TRY(rows->ops->seek(rows, row, err));
        rows->next = row;
        return MDLA_OK;
    }
    if (row < rows->next)
        MDLA_TRY(mdla_rows_rewind(rows, err));
    return skip_rows(rows, row, err);
}
