/* Any number of files as one stream of rows: each is opened for its header and closed again, and
 * opened once more when its rows are read, so that there may be more files than a process can hold
 * open (a folder of images, the shards of an archive). */
#include "arrays/rows.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <inttypes.h>
#include <string.h>

#define OPEN_MAX 8 /* kept open: seeking goes back and forth over few borders */

typedef struct shard {
    char *file, *array; /* array may be NULL */
    uint64_t end;       /* rows of all shards up to here */
} shard;

typedef struct shard_slot {
    mdla_rows *rows; /* NULL: free */
    size_t shard;
} shard_slot;

typedef struct shard_list {
    mdla_config config;
    mdla_folder folder;
    mdla_array_options options;
    size_t count, next_slot;
    shard_slot slots[OPEN_MAX];
    shard shards[];
} shard_list;

static mdla_status open_shard(shard_list *list, size_t i, mdla_rows **out, mdla_error *err)
{
    mdla_array_options options = list->options;
    mdla_source source;

    options.array = list->shards[i].array;
    MDLA_TRY(list->folder.open(list->folder.ctx, list->shards[i].file, &source, err));
    return mdla_rows_open(&list->config, source, list->shards[i].file, &options, out, err);
}

/* The shard's rows, from a slot or opened into one. */
static mdla_status get_shard(shard_list *list, size_t i, mdla_rows **out, mdla_error *err)
{
    shard_slot *slot;
    size_t k;

    for (k = 0; k < OPEN_MAX; k++) {
        if (list->slots[k].rows != NULL && list->slots[k].shard == i) {
            *out = list->slots[k].rows;
            return MDLA_OK;
        }
    }
    slot = &list->slots[list->next_slot];
    list->next_slot = (list->next_slot + 1) % OPEN_MAX;
    mdla_rows_close(slot->rows);
    slot->rows = NULL;
    MDLA_TRY(open_shard(list, i, &slot->rows, err));
    slot->shard = i;
    *out = slot->rows;
    return MDLA_OK;
}

static uint64_t start_of(const shard_list *list, size_t i)
{
    return i == 0 ? 0 : list->shards[i - 1].end;
}

/* The shard that holds a row that exists. */
static size_t shard_of(const shard_list *list, uint64_t row)
{
    size_t low = 0, high = list->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (list->shards[middle].end <= row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static mdla_status shard_list_read(mdla_rows *rows, void *dst, size_t count, size_t *got,
                                   mdla_error *err)
{
    shard_list *const list = rows->state;
    size_t done = 0;

    while (done < count) {
        const uint64_t row = rows->next + done;
        const size_t i = shard_of(list, row);
        const uint64_t left = list->shards[i].end - row;
        const size_t want = left < count - done ? (size_t)left : count - done;
        mdla_rows *part;
        size_t n;

        MDLA_TRY(get_shard(list, i, &part, err));
        if (part->row_count != list->shards[i].end - start_of(list, i) || part->dims != rows->dims)
            return error_set(err, MDLA_ERR_DATA, "%s: has changed while it was read",
                             list->shards[i].file);
        MDLA_TRY(mdla_rows_seek(part, row - start_of(list, i), err));
        MDLA_TRY(rows_read(part, rows_place(rows, dst, done), want, &n, err));
        if (n != want)
            return error_set(err, MDLA_ERR_TRUNCATED, "%s: ends early", list->shards[i].file);
        done += n;
    }
    *got = done;
    return MDLA_OK;
}

static void shard_list_close(mdla_rows *rows)
{
    shard_list *const list = rows->state;
    size_t i;

    for (i = 0; i < OPEN_MAX; i++)
        mdla_rows_close(list->slots[i].rows);
    for (i = 0; i < list->count; i++) {
        alloc_free(rows->al, list->shards[i].file);
        if (list->shards[i].array != NULL)
            alloc_free(rows->al, list->shards[i].array);
    }
    if (list->folder.close != NULL)
        list->folder.close(list->folder.ctx);
    alloc_free(rows->al, list);
}

static const rows_ops shard_list_ops = {shard_list_read, NULL, NULL, shard_list_close};

/* Reads one shard's header. */
static mdla_status measure(mdla_rows *rows, size_t i, mdla_error *err)
{
    shard_list *const list = rows->state;
    const char *const file = list->shards[i].file;
    mdla_rows *part = NULL;
    mdla_status status = open_shard(list, i, &part, err);
    size_t got;
    int64_t none;

    if (status == MDLA_OK && (part->row_count == MDLA_UNKNOWN || !part->can_rewind))
        status = error_set(err, MDLA_ERR_UNSUPPORTED,
                           "%s: its rows can't be counted beforehand; give a plain file", file);
    if (status == MDLA_OK && part->row_count == 0)
        status = rows_read(part, &none, 1, &got, err); /* nothing may follow */
    if (status == MDLA_OK && i == 0) {
        rows->dims = part->dims;
        rows->dtype = part->dtype;
    }
    if (status == MDLA_OK && part->dims != rows->dims)
        status = error_set(err, MDLA_ERR_ARGUMENT,
                           "%s: rows of %" PRIu32 " values; those of %s have %" PRIu32, file,
                           part->dims, list->shards[0].file, rows->dims);
    if (status == MDLA_OK &&
        !checked_add_u64(start_of(list, i), part->row_count, &list->shards[i].end))
        status = error_set(err, MDLA_ERR_LIMIT, "%s: too many rows", file);
    mdla_rows_close(part);
    return status;
}

static mdla_status add_shards(mdla_rows *rows, const mdla_shard *shards, size_t count,
                              mdla_error *err)
{
    shard_list *const list = rows->state;
    size_t i;

    if (count == 0)
        return error_set(err, MDLA_ERR_ARGUMENT, "no files of rows");
    for (i = 0; i < count; i++) {
        const char *const array = shards[i].array != NULL ? shards[i].array : list->options.array;
        shard *const s = &list->shards[i];

        s->file = alloc_text(rows->al, shards[i].file);
        s->array = array != NULL ? alloc_text(rows->al, array) : NULL;
        list->count++;
        if (s->file == NULL || (array != NULL && s->array == NULL))
            return error_memory(err, shards[i].file);
    }
    list->options.array = NULL; /* the caller's; every shard has its own now */
    for (i = 0; i < count; i++)
        MDLA_TRY(measure(rows, i, err));
    return rows_set_shape(rows, list->shards[count - 1].end, rows->dims, err);
}

mdla_status mdla_rows_open_shards(const mdla_config *config, mdla_folder folder,
                                  const mdla_shard *shards, size_t count,
                                  const mdla_array_options *options, mdla_rows **out,
                                  mdla_error *err)
{
    mdla_rows *const rows = rows_new(config);
    shard_list *list = NULL;
    size_t nbytes;
    mdla_status status;

    *out = NULL;
    if (rows != NULL && checked_mul_size(count, sizeof(shard), &nbytes) &&
        checked_add_size(nbytes, sizeof *list, &nbytes))
        list = alloc_zeroed(rows->al, 1, nbytes);
    if (list == NULL) {
        if (folder.close != NULL)
            folder.close(folder.ctx);
        mdla_rows_close(rows);
        return error_memory(err, NULL);
    }
    mdla_config_init(&list->config);
    if (config != NULL)
        list->config = *config;
    list->folder = folder;
    if (options != NULL)
        list->options = *options;
    rows->numbers = list->options.numbers != 0;
    rows->state = list;
    rows->ops = &shard_list_ops;
    rows->can_rewind = true;
    status = add_shards(rows, shards, count, err);
    if (status != MDLA_OK) {
        mdla_rows_close(rows);
        return status;
    }
    *out = rows;
    return MDLA_OK;
}
