/* Passage numbers: the starts that are coded with the rows say where one ends, chunks of numbers
 * what each is called. Without such chunks passages are called 0, 1, 2 ... */
#include "base/alloc.h"
#include "decoder_numbers.h"

#define HELD 512 /* numbers handed out together */

mdla_status decoder_pass_passages(mdla_decoder *d, uint32_t nbytes, mdla_error *err)
{
    const uint64_t offset = d->r.offset;
    uint8_t bytes[8 + PASSAGES_HEAD_NBYTES];
    passages_head head;

    if (nbytes < PASSAGES_HEAD_NBYTES || !d->header.code.passages)
        return numbers_damaged(d, offset, err);
    MDLA_TRY(chunk_read_bytes(&d->r, bytes, sizeof bytes, err));
    if (passages_head_get(bytes + 8, &head) != MDLA_OK)
        return numbers_damaged(d, offset, err);
    MDLA_TRY(chunk_seek(&d->r, offset, err));
    return numbers_pass(d, &d->passages, head.rows, head.dtype, nbytes, err);
}

/* Rows of a chunk, or of a file without chunks. */
typedef struct passage_walk {
    uint64_t block;          /* the first to look at */
    uint64_t held_block;     /* whose starts are held; UINT64_MAX: none's */
    uint8_t *starts;         /* [BLOCK_ROWS_MAX], so that a block of many chunks is decoded once */
    uint64_t from;           /* the row that passages are counted from */
    uint64_t first, end;     /* rows that are wanted */
    const int64_t *numbers;  /* of the passages; NULL: as they are counted */
    uint64_t limit, passage; /* how many there may be; the row's, from 0 */
    int64_t held[HELD];
    size_t count; /* held */
    number_taker taker;
    void *ctx;
    bool failed, bad;
} passage_walk;

static void hand_out(passage_walk *w)
{
    if (w->count != 0 && !w->failed)
        w->failed = w->taker(w->ctx, w->held, w->count) != MDLA_OK;
    w->count = 0;
}

static void keep_start(void *ctx, const bit_visit *v, uint64_t row)
{
    passage_walk *w = ctx;

    w->starts[row - v->d->index[w->block].first_row] = v->code.starts_passage;
}

static void walk_row(passage_walk *w, uint64_t row, bool starts_passage)
{
    w->passage += row != w->from && starts_passage;
    w->bad = w->bad || w->passage >= w->limit;
    if (row < w->first || w->bad)
        return;
    w->held[w->count++] = w->numbers != NULL ? w->numbers[w->passage] : (int64_t)w->passage;
    if (w->count == HELD)
        hand_out(w);
}

static mdla_status walk_block(bit_visit *v, const block_entry *entry, passage_walk *w,
                              mdla_error *err)
{
    const uint64_t after = entry->first_row + entry->rows, end = after < w->end ? after : w->end;
    uint64_t row = entry->first_row > w->from ? entry->first_row : w->from;

    if (w->held_block != w->block)
        MDLA_TRY(bit_visit_check(v, entry, keep_start, w, err));
    w->held_block = w->block;
    for (; row < end; row++)
        walk_row(w, row, w->starts[row - entry->first_row]);
    return MDLA_OK;
}

static mdla_status walk(mdla_decoder *d, bit_visit *v, passage_walk *w, mdla_error *err)
{
    mdla_status status = MDLA_OK;

    for (; status == MDLA_OK && w->block < d->tail.blocks; w->block++) {
        const block_entry *entry = &d->index[w->block];
        const uint64_t after = entry->first_row + entry->rows;

        if (after > w->from)
            status = walk_block(v, entry, w, err);
        if (after >= w->end)
            break; /* the next chunk may begin in this block */
    }
    hand_out(w);
    if (status == MDLA_OK && w->failed)
        status = error_set(err, MDLA_ERR_IO, "the output can't be written");
    return status;
}

/* Rows of one chunk: w->first and w->end lie in it. */
static mdla_status walk_chunk(mdla_decoder *d, bit_visit *v, const number_entry *entry,
                              int64_t *numbers, passage_walk *w, mdla_error *err)
{
    passages_head head;
    mdla_status status;

    MDLA_TRY(numbers_read_chunk(d, entry, CHUNK_PASSAGES, err));
    status = passages_unpack(d->al, d->scratch.payload, d->scratch.nbytes, &head, numbers);
    if (status == MDLA_ERR_MEMORY)
        return error_set(err, status, "%s: no memory for its passage numbers", d->name);
    if (status != MDLA_OK || head.rows != entry->rows || head.dtype != d->passages.dtype)
        return numbers_damaged(d, entry->offset, err);
    w->from = entry->first_row;
    w->numbers = numbers;
    w->limit = head.passages;
    w->passage = 0;
    MDLA_TRY(walk(d, v, w, err));
    if (w->bad || (w->end == entry->first_row + entry->rows && w->passage + 1 != w->limit))
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: passage numbers at byte %llu are not as many as passages", d->name,
                         (unsigned long long)entry->offset);
    return MDLA_OK;
}

static mdla_status check_passages(const mdla_decoder *d, uint64_t first, uint64_t count,
                                  mdla_error *err)
{
    MDLA_TRY(numbers_check_range(d, first, count, err));
    if (!d->header.code.passages)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "%s: holds no starts of passages: none were given when it was encoded",
                         d->name);
    return MDLA_OK;
}

static mdla_status each_passage(mdla_decoder *d, uint64_t first, uint64_t count, number_taker taker,
                                void *ctx, mdla_error *err)
{
    const uint64_t end = first + count;
    passage_walk w = {.first = first,
                      .end = end,
                      .limit = UINT64_MAX,
                      .held_block = UINT64_MAX,
                      .taker = taker,
                      .ctx = ctx};
    int64_t *numbers;
    bit_visit v;
    mdla_status status;

    MDLA_TRY(check_passages(d, first, count, err));
    if (count == 0)
        return MDLA_OK;
    MDLA_TRY(numbers_new(d, &numbers, err));
    w.starts = alloc_array(d->al, BLOCK_ROWS_MAX, 1);
    status = bit_visit_start(&v, d, err);
    if (status == MDLA_OK && w.starts == NULL)
        status = error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its passages", d->name);
    if (status == MDLA_OK && d->passages.count == 0)
        status = walk(d, &v, &w, err);
    while (status == MDLA_OK && d->passages.count != 0 && w.first != end) {
        const number_entry *entry = numbers_find(&d->passages, w.first);
        const uint64_t border = entry->first_row + entry->rows;

        w.end = border < end ? border : end;
        status = walk_chunk(d, &v, entry, numbers, &w, err);
        w.first = w.end;
    }
    bit_visit_end(&v);
    alloc_free(d->al, w.starts);
    alloc_free(d->al, numbers);
    return status;
}

mdla_status mdla_decoder_read_passages(mdla_decoder *d, uint64_t first, size_t count, int64_t *dst,
                                       mdla_error *err)
{
    return each_passage(d, first, count, numbers_copy, &dst, err);
}

mdla_status mdla_decoder_write_passages(mdla_decoder *d, uint64_t first, uint64_t count,
                                        mdla_sink sink, mdla_error *err)
{
    const mdla_dtype dtype = d->passages.count != 0 ? d->passages.dtype : MDLA_I64;
    mdla_status status = check_passages(d, first, count, err);
    number_file f;

    if (status == MDLA_OK)
        status = number_file_begin(&f, sink, dtype, count, err);
    if (status == MDLA_OK)
        status = each_passage(d, first, count, number_file_put, &f, err);
    return number_file_end(sink, status, err);
}
