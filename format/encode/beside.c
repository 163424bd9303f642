#include "encode/beside.h"

#include "base/alloc.h"
#include "container/passage_numbers.h"
#include "io_error.h"

/* Numbers of all rows, a chunk's at a time. */
typedef struct number_reader {
    row_numbers *numbers;
    uint64_t left;   /* rows still to come */
    int64_t *values; /* [TOKENS_ROWS_MAX] */
    size_t count;    /* of them, read last; 0 at the end */
} number_reader;

static mdla_status start(number_reader *r, row_numbers *numbers, const file_writer *w,
                         mdla_error *err)
{
    *r = (number_reader){.numbers = numbers, .left = w->rows};
    MDLA_TRY(row_numbers_check(numbers, w->rows, err));
    MDLA_TRY(row_numbers_seek(numbers, 0, err));
    r->values = alloc_array(w->al, TOKENS_ROWS_MAX, sizeof *r->values);
    return r->values != NULL ? MDLA_OK : error_memory(err, "numbers beside the rows");
}

static mdla_status next(number_reader *r, mdla_error *err)
{
    r->count = r->left < TOKENS_ROWS_MAX ? (size_t)r->left : TOKENS_ROWS_MAX;
    r->left -= r->count;
    return row_numbers_read(r->numbers, r->values, r->count, err);
}

static mdla_status written(mdla_status status, mdla_error *err)
{
    return status == MDLA_OK ? MDLA_OK : error_set(err, status, "the output can't be written");
}

mdla_status beside_write_tokens(file_writer *w, row_numbers *tokens, mdla_error *err)
{
    number_reader r;
    mdla_status status = start(&r, tokens, w, err);

    while (status == MDLA_OK && (status = next(&r, err)) == MDLA_OK && r.count != 0)
        status = written(file_writer_tokens(w, r.values, r.count, row_numbers_dtype(tokens)), err);
    alloc_free(w->al, r.values);
    return status;
}

/* Whether passages are 0, 1, 2 ..., so that their starts tell their numbers. */
static mdla_status are_plain(number_reader *r, bool *plain, mdla_error *err)
{
    uint64_t number = 0;

    *plain = true;
    for (bool first = true; *plain; first = false) {
        MDLA_TRY(next(r, err));
        if (r->count == 0)
            break;
        *plain = !first || r->values[0] == 0;
        for (size_t i = 0; *plain && i < r->count; i++) {
            number += (uint64_t)r->values[i] != number;
            *plain = (uint64_t)r->values[i] == number;
        }
    }
    return MDLA_OK;
}

/* A number a passage: of the first row, then of each row that has another than the one before. */
static uint32_t keep_starts(int64_t *values, size_t count)
{
    uint32_t kept = 1;

    for (size_t i = 1; i < count; i++) {
        if (values[i] != values[kept - 1])
            values[kept++] = values[i];
    }
    return kept;
}

mdla_status beside_write_passages(file_writer *w, row_numbers *passages, mdla_error *err)
{
    number_reader r;
    bool plain = false;
    mdla_status status = start(&r, passages, w, err);

    if (status == MDLA_OK)
        status = are_plain(&r, &plain, err);
    r.left = plain ? 0 : w->rows;
    if (status == MDLA_OK)
        status = row_numbers_seek(passages, 0, err);
    while (status == MDLA_OK && r.left != 0 && (status = next(&r, err)) == MDLA_OK) {
        const passages_head head = {(uint32_t)r.count, keep_starts(r.values, r.count),
                                    row_numbers_dtype(passages)};

        status = written(file_writer_passages(w, &head, r.values), err);
    }
    alloc_free(w->al, r.values);
    return status;
}
