/* Blocks to rows: a batch of blocks is read in order, decoded by as many workers, then handed out.
 */
#include "decoder.h"

#include "base/alloc.h"
#include "container/bytes.h"
#include "synthesis/synthesis.h"

#include <zlib.h>

mdla_status row_code_new(const mdla_allocator *al, uint32_t width, row_code *code)
{
    code->count = 0;
    code->feature = alloc_array(al, width, sizeof *code->feature);
    code->level = alloc_array(al, width, sizeof *code->level);
    return code->feature != NULL && code->level != NULL ? MDLA_OK : MDLA_ERR_MEMORY;
}

void row_code_free(const mdla_allocator *al, row_code *code)
{
    alloc_free(al, code->feature);
    alloc_free(al, code->level);
}

mdla_status decoder_make_slots(mdla_decoder *d, mdla_error *err)
{
    bool complete = true;

    if (d->slots != NULL)
        return MDLA_OK;
    MDLA_TRY(decoder_need_codebook(d, err));
    d->pool = parallel_open(d->al, d->config.threads);
    if (d->pool == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory to decode", d->name);
    d->slot_count = parallel_workers(d->pool);
    d->slots = alloc_zeroed(d->al, d->slot_count, sizeof *d->slots);
    for (size_t i = 0; d->slots != NULL && i < d->slot_count; i++) {
        block_slot *s = &d->slots[i];
        const size_t values = (size_t)d->header.block_rows * d->header.dims;

        s->rows = alloc_array(d->al, values, sizeof *s->rows);
        s->accumulator = alloc_array(d->al, d->header.dims, sizeof *s->accumulator);
        complete = row_code_new(d->al, d->header.width, &s->code) == MDLA_OK &&
                   row_context_new(d->al, d->model, &s->context) == MDLA_OK && s->rows != NULL &&
                   s->accumulator != NULL && complete;
    }
    if (d->slots == NULL || !complete) {
        decoder_free_slots(d);
        return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for blocks of %u rows x %u dims",
                         d->name, d->header.block_rows, d->header.dims);
    }
    return MDLA_OK;
}

void decoder_free_slots(mdla_decoder *d)
{
    for (size_t i = 0; d->slots != NULL && i < d->slot_count; i++) {
        chunk_free(d->al, &d->slots[i].c);
        alloc_free(d->al, d->slots[i].rows);
        alloc_free(d->al, d->slots[i].accumulator);
        row_code_free(d->al, &d->slots[i].code);
        row_context_free(&d->slots[i].context);
    }
    alloc_free(d->al, d->slots);
    d->slots = NULL;
    parallel_close(d->pool);
    d->pool = NULL;
}

static void decode_slot(void *ctx, size_t task, size_t worker)
{
    const mdla_decoder *d = ctx;
    block_slot *s = &d->slots[task];
    block_decoder b;

    (void)worker;
    s->row_count = 0;
    s->status = block_decoder_start(&b, d->model, &s->context, s->c.payload, s->c.nbytes);
    if (s->status == MDLA_OK && (b.row_count > d->header.block_rows ||
                                 (s->wanted_rows != 0 && b.row_count != s->wanted_rows)))
        s->status = MDLA_ERR_CORRUPT;
    for (uint32_t r = 0; s->status == MDLA_OK && r < b.row_count; r++) {
        block_decoder_row(&b, &s->code, NULL);
        if (b.range.bad || !synthesis_fits(d->model, &s->code))
            s->status = MDLA_ERR_CORRUPT;
        else
            synthesis_row(d->model, &s->code, s->accumulator, s->rows + (size_t)r * d->header.dims);
    }
    if (s->status == MDLA_OK && !block_decoder_finished(&b))
        s->status = MDLA_ERR_CORRUPT;
    if (s->status == MDLA_OK)
        s->row_count = b.row_count;
}

/* The next block's chunk into a slot. end: no block is left (a pipe's trailer was then read and
 * checked). */
static mdla_status read_block(mdla_decoder *d, block_slot *s, bool *end, mdla_error *err)
{
    uint8_t varints[2 * BYTES_VARINT_MAX];
    const block_entry *entry = NULL;

    *end = d->seekable ? d->next_block == d->tail.blocks : d->complete;
    if (*end)
        return MDLA_OK;
    if (d->seekable) {
        entry = &d->index[d->next_block];
        if (d->r.offset != entry->offset)
            MDLA_TRY(chunk_seek(&d->r, entry->offset, err));
    }
    MDLA_TRY(chunk_read(&d->r, &s->c, NULL, err));
    if (s->c.type != CHUNK_BLOCK && !d->seekable) {
        const chunk spare = d->scratch;

        d->scratch = s->c; /* the first chunk of the trailer */
        s->c = spare;
        *end = true;
        return decoder_read_trailer(d, true, err);
    }
    if (s->c.type != CHUNK_BLOCK ||
        (entry != NULL && s->c.nbytes + CHUNK_FRAME_NBYTES != entry->nbytes))
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: block %llu at byte %llu is not what the row index says", d->name,
                         (unsigned long long)d->next_block, (unsigned long long)s->c.offset);
    s->wanted_rows = entry != NULL ? entry->rows : 0;
    s->number = d->next_block++;
    if (entry == NULL &&
        s->c.nbytes >= BLOCK_HEADER_NBYTES) { /* what the trailer will be compared with */
        const uint32_t rows = (uint32_t)(s->c.payload[0] | s->c.payload[1] << 8) + 1;
        uint8_t *put =
            bytes_put_varint(bytes_put_varint(varints, rows), s->c.nbytes + CHUNK_FRAME_NBYTES);

        d->next_row += rows;
        d->index_sum = (uint32_t)crc32_z(d->index_sum, varints, (size_t)(put - varints));
    }
    return MDLA_OK;
}

/* Up to `most` blocks, at least one: more than one is read ahead where rows are read in order. */
static mdla_status next_batch(mdla_decoder *d, uint64_t most, mdla_error *err)
{
    bool end = false;
    mdla_status status = MDLA_OK;

    d->batch_count = d->batch_at = 0;
    d->slot_row = 0;
    if (d->header.code.cache)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: a latent cache: it holds codes and no atoms, so there are no rows to "
                         "decode; take its codes",
                         d->name);
    MDLA_TRY(decoder_make_slots(d, err));
    while (status == MDLA_OK && !end && d->batch_count < d->slot_count && d->batch_count < most) {
        status = read_block(d, &d->slots[d->batch_count], &end, err);
        if (status == MDLA_OK && !end)
            d->batch_count++;
    }
    parallel_run(d->pool, d->batch_count, decode_slot, d);
    for (size_t i = 0; i < d->batch_count; i++) {
        const block_slot *s = &d->slots[i];

        if (s->status != MDLA_OK) { /* the blocks before it are still handed out */
            d->batch_count = i;
            status = error_set(
                err, s->status == MDLA_ERR_TRUNCATED ? MDLA_ERR_TRUNCATED : MDLA_ERR_CORRUPT,
                "%s: block %llu at byte %llu can't be decoded: the file is damaged", d->name,
                (unsigned long long)s->number, (unsigned long long)s->c.offset);
        }
    }
    return status;
}

mdla_status mdla_decoder_read_rows(mdla_decoder *d, float *dst, size_t max_rows, size_t *got,
                                   mdla_error *err)
{
    const size_t dims = d->header.dims;

    *got = 0;
    while (*got < max_rows) {
        if (d->batch_at == d->batch_count) {
            if (d->failed == MDLA_OK)
                d->failed = next_batch(
                    d, d->sought ? (max_rows - *got - 1) / d->header.block_rows + 1 : UINT64_MAX,
                    &d->failure);
            if (d->batch_count == 0) {
                if (d->failed != MDLA_OK && err != NULL)
                    *err = d->failure;
                return d->failed;
            }
        }
        const block_slot *s = &d->slots[d->batch_at];
        const size_t left = s->row_count - d->slot_row;
        const size_t take = left < max_rows - *got ? left : max_rows - *got;

        memcpy(dst + *got * dims, s->rows + (size_t)d->slot_row * dims, take * dims * sizeof *dst);
        *got += take;
        d->slot_row += (uint32_t)take;
        if (d->slot_row == s->row_count) {
            d->slot_row = 0;
            if (++d->batch_at == d->batch_count && d->failed != MDLA_OK)
                d->batch_at = d->batch_count = 0;
        }
    }
    d->sought = false;
    return MDLA_OK;
}

/* Goes to a row of a block that is decoded already. */
static bool find_in_batch(mdla_decoder *d, uint64_t block, uint64_t row)
{
    for (size_t i = 0; i < d->batch_count; i++)
        if (d->slots[i].number == block) {
            d->batch_at = i;
            d->slot_row = (uint32_t)(row - d->index[block].first_row);
            return true;
        }
    return false;
}

mdla_status mdla_decoder_seek(mdla_decoder *d, uint64_t row, mdla_error *err)
{
    uint64_t low = 0, high = d->tail.blocks;

    if (!d->seekable)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: can't go to a row of a pipe", d->name);
    if (row > d->tail.rows)
        return error_set(err, MDLA_ERR_ARGUMENT, "%s: row %llu is past the last; there are %llu",
                         d->name, (unsigned long long)row, (unsigned long long)d->tail.rows);
    while (low < high) { /* the first block that ends past the row */
        const uint64_t middle = low + (high - low) / 2;

        if (d->index[middle].first_row + d->index[middle].rows > row)
            high = middle;
        else
            low = middle + 1;
    }
    d->sought = true;
    if (low < d->tail.blocks && find_in_batch(d, low, row))
        return MDLA_OK;
    d->next_block = low;
    d->batch_count = d->batch_at = 0;
    d->slot_row = 0;
    d->failed = MDLA_OK;
    if (low == d->tail.blocks || row == d->index[low].first_row)
        return MDLA_OK;
    d->failed = next_batch(d, 1, &d->failure);
    if (d->batch_count == 0) {
        if (err != NULL)
            *err = d->failure;
        return d->failed;
    }
    d->slot_row = (uint32_t)(row - d->index[low].first_row);
    return MDLA_OK;
}
