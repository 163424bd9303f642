#include "train/feed.h"

#include "base/alloc.h"
#include "encode/survey.h"

#include <string.h>

#define FEED_CHUNK 64

/* Rows are held out in runs, since neighbours are alike: a row between two that are trained on
 * would be no stranger to the SAE. */
#define RUN_ROWS 256u
#define HOLDOUT_MAX_ROWS 16384u

/* Whether a row is held out, where every block-th run is. */
static bool is_held_out(const feed *f, uint64_t row)
{
    return f->block != 0 && row / RUN_ROWS % f->block == f->skip;
}

static uint64_t count_held_out(const feed *f)
{
    uint64_t count = 0;

    if (f->block == 0)
        return 0;
    for (uint64_t first = f->skip * RUN_ROWS; first < f->row_count; first += f->block * RUN_ROWS)
        count += f->row_count - first < RUN_ROWS ? f->row_count - first : RUN_ROWS;
    return count;
}

static void choose_holdout(feed *f, double part, uint64_t seed)
{
    const uint64_t runs = f->row_count / RUN_ROWS;
    const uint64_t most = HOLDOUT_MAX_ROWS / RUN_ROWS;
    double wanted = part * (double)runs;

    if (part <= 0.0 || runs < 2)
        return;
    wanted = wanted < 1.0 ? 1.0 : wanted > (double)most ? (double)most : wanted;
    f->block = (uint64_t)((double)runs / wanted);
    f->block = f->block < 2 ? 2 : f->block;
    while ((runs + f->block - 1) / f->block > most)
        f->block++;
    f->skip = rng_mix(seed) % f->block;
}

mdla_status feed_open(const mdla_config *config, mdla_rows *rows, double holdout,
                      uint64_t buffer_nbytes, uint64_t seed, feed *f, mdla_error *err)
{
    const uint64_t row_nbytes = (uint64_t)mdla_rows_dims(rows) * sizeof(float);
    uint64_t capacity = buffer_nbytes / row_nbytes;

    memset(f, 0, sizeof *f);
    f->al = alloc_of(config);
    f->rows = rows;
    f->row_count = mdla_rows_count(rows);
    f->dims = mdla_rows_dims(rows);
    choose_holdout(f, holdout, seed);
    f->holdout_rows = (size_t)count_held_out(f);
    f->train_rows = f->row_count - f->holdout_rows;
    capacity = capacity < f->train_rows ? capacity : f->train_rows;
    capacity = capacity < 1 ? 1 : capacity > UINT32_MAX ? UINT32_MAX : capacity;
    f->chunk = alloc_array(f->al, FEED_CHUNK, f->dims * sizeof *f->chunk);
    f->holdout = alloc_array(f->al, f->holdout_rows, f->dims * sizeof *f->holdout);
    if (f->chunk == NULL || f->holdout == NULL ||
        shuffle_open(f->al, f->dims, (size_t)capacity, seed, &f->buffer) != MDLA_OK)
        return error_set(err, MDLA_ERR_MEMORY,
                         "out of memory for %llu rows of shuffling; give less",
                         (unsigned long long)capacity);
    return MDLA_OK;
}

void feed_close(feed *f)
{
    if (f->al == NULL)
        return;
    alloc_free(f->al, f->chunk);
    alloc_free(f->al, f->holdout);
    shuffle_close(&f->buffer);
    memset(f, 0, sizeof *f);
}

static void keep_held_out(feed *f, const float *row)
{
    if (f->holdout_filled == f->holdout_rows)
        return; /* a later pass: they are known */
    memcpy(f->holdout + f->holdout_filled++ * f->dims, row, f->dims * sizeof *row);
}

/* Reads the next rows, at most FEED_CHUNK, checked, into the chunk. */
static mdla_status read_chunk(feed *f, size_t most, size_t *got, mdla_error *err)
{
    MDLA_TRY(mdla_rows_read(f->rows, f->chunk, most < FEED_CHUNK ? most : FEED_CHUNK, got, err));
    if (*got == 0)
        return error_set(err, MDLA_ERR_TRUNCATED, "the rows end at row %llu of %llu",
                         (unsigned long long)f->next, (unsigned long long)f->row_count);
    return rows_check_finite(f->chunk, *got, f->dims, f->next, err);
}

/* Reads while a whole chunk finds room; an empty buffer, which may be smaller than that, takes what
 * it can. */
static mdla_status top_up(feed *f, mdla_error *err)
{
    while (f->next < f->row_count &&
           (shuffle_room(&f->buffer) >= FEED_CHUNK || f->buffer.live == 0)) {
        size_t got;

        MDLA_TRY(read_chunk(f, shuffle_room(&f->buffer), &got, err));
        for (size_t i = 0; i < got; i++, f->next++) {
            if (is_held_out(f, f->next))
                keep_held_out(f, f->chunk + i * f->dims);
            else
                shuffle_put(&f->buffer, f->chunk + i * f->dims, f->next);
        }
    }
    return MDLA_OK;
}

mdla_status feed_begin(feed *f, mdla_error *err)
{
    MDLA_TRY(mdla_rows_rewind(f->rows, err));
    f->next = 0;
    return top_up(f, err);
}

mdla_status feed_take(feed *f, float *dst, size_t count, mdla_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (f->buffer.live == 0) {
            if (f->buffer.held == f->train_rows)
                shuffle_again(&f->buffer);
            else
                MDLA_TRY(feed_begin(f, err));
        }
        shuffle_take(&f->buffer, dst + i * f->dims);
        MDLA_TRY(top_up(f, err));
    }
    return MDLA_OK;
}

feed_place feed_tell(const feed *f)
{
    return (feed_place){f->next, f->buffer.live, f->buffer.held, f->buffer.rng};
}

mdla_status feed_resume(feed *f, const feed_place *place, mdla_error *err)
{
    const bool all = place->held == f->train_rows;
    const size_t count = (size_t)(all ? place->held : place->live);
    shuffle_slot *slots;
    size_t done = 0;

    f->buffer.live = (size_t)place->live;
    f->buffer.held = (size_t)place->held;
    f->buffer.rng = place->rng;
    MDLA_TRY(mdla_rows_rewind(f->rows, err));
    f->next = 0;
    if (shuffle_slots(&f->buffer, count, &slots) != MDLA_OK)
        return error_set(err, MDLA_ERR_MEMORY, "out of memory");
    while (f->next < f->row_count && (done < count || f->holdout_filled < f->holdout_rows)) {
        size_t got;
        const mdla_status status = read_chunk(f, FEED_CHUNK, &got, err);

        if (status != MDLA_OK) {
            alloc_free(f->al, slots);
            return status;
        }
        for (size_t i = 0; i < got; i++, f->next++) {
            const float *row = f->chunk + i * f->dims;

            if (is_held_out(f, f->next))
                keep_held_out(f, row);
            while (done < count && slots[done].number == f->next)
                memcpy(f->buffer.values + (size_t)slots[done++].slot * f->dims, row,
                       f->dims * sizeof *row);
        }
    }
    alloc_free(f->al, slots);
    f->next = place->next;
    return mdla_rows_seek(f->rows, f->next, err);
}
