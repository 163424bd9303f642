/* Token ids beside the rows: packing, whole files of several chunks, damage, numbers that don't
 * fit. Passage numbers: packing, counted from coded starts, kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arrays/npy_write.h"
#include "container/bytes.h"
#include "container/passage_numbers.h"
#include "small_file.h"

#include <string.h>
#include <zlib.h>

#define DIMS 4
#define ROWS 70000 /* two chunks */

static int64_t ids[ROWS], again[ROWS];

static void test_tokens_are_packed_in_the_least_bytes(void **state)
{
    static const struct {
        int64_t most;
        unsigned value_nbytes;
    } cases[] = {{255, 1},   {256, 2},        {65535, 2},
                 {65536, 4}, {UINT32_MAX, 4}, {(int64_t)1 << 32, 8},
                 {-1, 8},    {INT64_MIN, 8}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t payload[8192];
        uint8_t *stream;
        size_t nbytes;
        tokens_head head;

        for (size_t r = 0; r < 1000; r++)
            ids[r] = random_below(200);
        ids[500] = cases[i].most;
        assert_int_equal(
            tokens_pack(alloc_of(NULL), ids, 1000, MDLA_I64, payload, &stream, &nbytes), MDLA_OK);
        assert_true(nbytes + TOKENS_HEAD_NBYTES <= sizeof payload);
        memcpy(payload + TOKENS_HEAD_NBYTES, stream, nbytes);
        nbytes += TOKENS_HEAD_NBYTES;
        assert_int_equal(tokens_unpack(alloc_of(NULL), payload, nbytes, &head, again), MDLA_OK);
        assert_int_equal(head.rows, 1000);
        assert_int_equal(head.dtype, MDLA_I64);
        assert_int_equal(head.value_nbytes, cases[i].value_nbytes);
        assert_memory_equal(again, ids, 1000 * sizeof *ids);
        /* A stream that ends early or late, of more or fewer values than the head says. */
        assert_int_equal(tokens_unpack(alloc_of(NULL), payload, nbytes - 1, &head, again),
                         MDLA_ERR_CORRUPT);
        payload[nbytes] = 0;
        assert_int_equal(tokens_unpack(alloc_of(NULL), payload, nbytes + 1, &head, again),
                         MDLA_ERR_CORRUPT);
        for (int change = -1; change <= 1; change += 2) {
            payload[0] = (uint8_t)(payload[0] + change);
            assert_int_equal(tokens_unpack(alloc_of(NULL), payload, nbytes, &head, again),
                             MDLA_ERR_CORRUPT);
            payload[0] = (uint8_t)(payload[0] - change);
        }
        alloc_free(alloc_of(NULL), stream);
    }
}

static void test_tokens_heads_out_of_range_are_refused(void **state)
{
    static const uint8_t good[TOKENS_HEAD_NBYTES] = {0, 0, 1, 0, 9, 2, 0, 0};
    static const uint8_t bad[][TOKENS_HEAD_NBYTES] = {
        {0, 0, 0, 0, 9, 2, 0, 0},  {1, 0, 1, 0, 9, 2, 0, 0}, {1, 0, 0, 0, 3, 2, 0, 0},
        {1, 0, 0, 0, 12, 2, 0, 0}, {1, 0, 0, 0, 9, 3, 0, 0}, {1, 0, 0, 0, 9, 0, 0, 0},
        {1, 0, 0, 0, 9, 2, 1, 0}};
    tokens_head head;

    (void)state;
    assert_int_equal(tokens_head_get(good, &head), MDLA_OK);
    assert_int_equal(head.rows, TOKENS_ROWS_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tokens_head_get(bad[i], &head), MDLA_ERR_CORRUPT);
}

static void test_passage_numbers_are_packed_as_differences(void **state)
{
    static const int64_t numbers[] = {1000, 1001, 1002,    5, INT64_MAX, INT64_MIN, INT64_MAX, -1,
                                      0,    5,    5 + 127, 5, INT64_MIN, INT64_MIN, -2};
    enum { COUNT = sizeof numbers / sizeof *numbers };

    (void)state;
    for (uint32_t count = 1; count <= COUNT; count++) {
        const passages_head given = {count + 2, count, MDLA_U64};
        uint8_t payload[1024] = {0}, *stream;
        passages_head head;
        size_t nbytes;

        memcpy(ids, numbers, count * sizeof *ids);
        assert_int_equal(passages_pack(alloc_of(NULL), &given, ids, payload, &stream, &nbytes),
                         MDLA_OK);
        memcpy(payload + PASSAGES_HEAD_NBYTES, stream, nbytes);
        alloc_free(alloc_of(NULL), stream);
        nbytes += PASSAGES_HEAD_NBYTES;
        assert_int_equal(payload[9], count < 5 ? 2 : 8);
        assert_int_equal(passages_unpack(alloc_of(NULL), payload, nbytes, &head, again), MDLA_OK);
        assert_int_equal(head.rows, count + 2);
        assert_int_equal(head.passages, count);
        assert_int_equal(head.dtype, MDLA_U64);
        assert_memory_equal(again, numbers, count * sizeof *again);
        for (int change = -1; change <= 1; change += 2) { /* of the numbers in the stream */
            payload[4] = (uint8_t)(payload[4] + change);
            assert_int_equal(passages_unpack(alloc_of(NULL), payload, nbytes, &head, again),
                             MDLA_ERR_CORRUPT);
            payload[4] = (uint8_t)(payload[4] - change);
        }
        payload[0] = (uint8_t)(count - 1); /* fewer rows than passages */
        assert_int_equal(passages_head_get(payload, &head), MDLA_ERR_CORRUPT);
        memcpy(payload, "\1\0\1", 3); /* 65,537 */
        assert_int_equal(passages_head_get(payload, &head), MDLA_ERR_CORRUPT);
        payload[0] = 0;
        assert_int_equal(passages_head_get(payload, &head), MDLA_OK);
        for (size_t n = 0; n < nbytes; n++)
            assert_int_equal(passages_unpack(alloc_of(NULL), payload, n, &head, again),
                             MDLA_ERR_CORRUPT);
    }
}

/* A .npy file of count numbers in memory, in bytes (large enough). Returns its size. */
static size_t make_npy(uint8_t *bytes, mdla_dtype dtype, const int64_t *numbers, uint64_t count)
{
    const size_t value_nbytes = mdla_dtype_nbytes(dtype);
    char header[NPY_HEADER_ROOM];
    size_t at = npy_header_write(npy_descr(dtype), 1, &count, header);

    memcpy(bytes, header, at);
    for (uint64_t i = 0; i < count; i++)
        for (size_t k = 0; k < value_nbytes; k++)
            bytes[at++] = (uint8_t)((uint64_t)numbers[i] >> 8 * k);
    return at;
}

static mdla_status open_numbers(const uint8_t *bytes, size_t nbytes, mdla_rows **out,
                                mdla_error *err)
{
    const mdla_array_options options = {.numbers = 1};
    mdla_source source;

    mdla_source_memory(bytes, nbytes, &source);
    return mdla_rows_open(NULL, source, "ids", &options, out, err);
}

/* Encodes rows with ids, and passages of 7 rows, at a coarse step; with their numbers where there
 * are some, of type I32. */
static mdla_status encode(const small_case *c, mdla_dtype dtype, uint64_t count,
                          const int64_t *numbers_of_passages, void **bytes, size_t *nbytes,
                          mdla_encode_report *report, mdla_error *err)
{
    static uint8_t token_file[NPY_HEADER_ROOM + 8 * ROWS], passage_file[NPY_HEADER_ROOM + 8 * ROWS];
    static int64_t passages[ROWS];
    const mdla_encode_options options = {.target = {.step = 4.0},
                                         .model = MDLA_MODEL_ADDITIVE,
                                         .passage_numbers = numbers_of_passages != NULL};
    mdla_rows *rows, *numbers;
    mdla_sink sink;
    mdla_status status;

    for (size_t r = 0; r < ROWS; r++)
        passages[r] = numbers_of_passages != NULL ? numbers_of_passages[r] : 40 - (int64_t)(r / 7);
    assert_int_equal(mdla_rows_from_memory(NULL, c->rows, c->row_count, DIMS, &rows, err), MDLA_OK);
    assert_int_equal(
        open_numbers(passage_file,
                     make_npy(passage_file, numbers_of_passages != NULL ? MDLA_I32 : MDLA_I16,
                              passages, c->row_count),
                     &numbers, err),
        MDLA_OK);
    assert_int_equal(mdla_rows_set_passages(rows, numbers, err), MDLA_OK);
    assert_false(mdla_rows_has_tokens(rows));
    status = open_numbers(token_file, make_npy(token_file, dtype, ids, count), &numbers, err);
    if (status == MDLA_OK)
        status = mdla_rows_set_tokens(rows, numbers, err);
    if (status == MDLA_OK) {
        assert_true(mdla_rows_has_tokens(rows));
        assert_int_equal(mdla_sink_memory(bytes, nbytes, &sink), MDLA_OK);
        status = mdla_encode(NULL, c->book, NULL, rows, &options, sink, report, err);
    }
    mdla_rows_close(rows);
    return status;
}

static mdla_decoder *open_bytes(const void *bytes, size_t nbytes)
{
    mdla_decoder *decoder;
    mdla_source source;
    mdla_error err;

    mdla_source_memory(bytes, nbytes, &source);
    if (mdla_decoder_open(NULL, source, "tokens", NULL, &decoder, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    return decoder;
}

/* Rows first .. first + count - 1 of a written .npy file against numbers of the same type. */
static void check_npy(void *bytes, size_t nbytes, mdla_dtype dtype, const int64_t *numbers,
                      uint64_t count)
{
    uint8_t *expected = malloc(NPY_HEADER_ROOM + 8 * (size_t)count);

    assert_non_null(expected);
    assert_int_equal(make_npy(expected, dtype, numbers, count), nbytes);
    assert_memory_equal(bytes, expected, nbytes);
    free(expected);
    free(bytes);
}

static void make_rows(small_case *c)
{
    small_case_make(c, DIMS, 6, 500);
    c->rows = realloc(c->rows, (size_t)ROWS * DIMS * sizeof *c->rows);
    assert_non_null(c->rows);
    for (size_t i = (size_t)c->row_count * DIMS; i < (size_t)ROWS * DIMS; i++)
        c->rows[i] = c->rows[i % (c->row_count * DIMS)];
    c->row_count = ROWS;
}

static void test_tokens_and_passages_come_back_with_their_rows(void **state)
{
    static const uint64_t firsts[] = {0, 1, 65535, 65536, 69999, 70000};
    small_case c;
    mdla_encode_report report;
    mdla_account account;
    mdla_decoder *decoder;
    mdla_file_info info;
    mdla_sink sink;
    mdla_error err;
    void *bytes, *out;
    size_t nbytes, out_nbytes;
    double sum = 0.0;
    static int64_t passages[ROWS];

    (void)state;
    make_rows(&c);
    for (size_t r = 0; r < ROWS; r++)
        ids[r] = (int64_t)random_below(50000) - (r % 1000 == 0 ? 60000 : 0);
    if (encode(&c, MDLA_I32, ROWS, NULL, &bytes, &nbytes, &report, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    decoder = open_bytes(bytes, nbytes);
    mdla_decoder_query(decoder, &info);
    assert_true(info.tokens && info.passages);
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        const uint64_t first = firsts[i], count = ROWS - first;

        assert_int_equal(mdla_decoder_read_tokens(decoder, first, (size_t)count, again, &err),
                         MDLA_OK);
        assert_memory_equal(again, ids + first, (size_t)count * sizeof *ids);
        assert_int_equal(mdla_sink_memory(&out, &out_nbytes, &sink), MDLA_OK);
        assert_int_equal(mdla_decoder_write_tokens(decoder, first, count, sink, &err), MDLA_OK);
        check_npy(out, out_nbytes, MDLA_I32, ids + first, count);
    }
    for (uint64_t first = 0; first < 30; first += 5) {
        for (uint64_t r = 0; r < 3000; r++)
            passages[r] = (int64_t)((first + r) / 7);
        assert_int_equal(mdla_sink_memory(&out, &out_nbytes, &sink), MDLA_OK);
        assert_int_equal(mdla_decoder_write_passages(decoder, first, 3000, sink, &err), MDLA_OK);
        check_npy(out, out_nbytes, MDLA_I64, passages, 3000);
    }
    assert_int_equal(mdla_decoder_read_tokens(decoder, 69999, 2, again, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_decoder_read_tokens(decoder, 70001, 0, again, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_decoder_account(decoder, &account, &err), MDLA_OK);
    for (unsigned i = 0; i < MDLA_BITS_CLASSES; i++)
        sum += account.bits[i];
    assert_true(fabs(sum - 8.0 * (double)nbytes) < 1e-3);
    assert_true(account.bits[MDLA_BITS_TOKENS] == 8.0 * (double)report.tokens_nbytes);
    assert_true(report.tokens_nbytes > ROWS);
    mdla_decoder_close(decoder);
    free(bytes);
    small_case_free(&c);
}

static void check_passages(mdla_decoder *decoder, uint64_t first, uint64_t count,
                           const int64_t *passages)
{
    mdla_sink sink;
    mdla_error err;
    void *out;
    size_t out_nbytes;

    if (mdla_decoder_read_passages(decoder, first, (size_t)count, again, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(again, passages + first, (size_t)count * sizeof *again);
    assert_int_equal(mdla_sink_memory(&out, &out_nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_decoder_write_passages(decoder, first, count, sink, &err), MDLA_OK);
    check_npy(out, out_nbytes, MDLA_I32, passages + first, count);
}

static void test_passage_numbers_come_back_as_they_were(void **state)
{
    static const uint64_t firsts[] = {0, 3, 65530, 65535, 65536, 65537, 69999, 70000};
    static int64_t passages[ROWS];
    small_case c;
    mdla_encode_report report;
    mdla_account account;
    mdla_decoder *decoder;
    mdla_file_info info;
    mdla_error err;
    void *bytes;
    size_t nbytes;
    double sum = 0.0;

    (void)state;
    make_rows(&c);
    /* Runs of 7; some number comes again, some is below zero, and one spans the chunks. */
    for (size_t r = 0; r < ROWS; r++)
        passages[r] = r / 1000 == 65 ? INT32_MIN
                      : r % 7 == 0   ? (int64_t)random_below(2000) - 17
                                     : passages[r - (r != 0)];
    if (encode(&c, MDLA_I32, ROWS, passages, &bytes, &nbytes, &report, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    decoder = open_bytes(bytes, nbytes);
    mdla_decoder_query(decoder, &info);
    assert_true(info.passages && info.passage_numbers);
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        check_passages(decoder, firsts[i], ROWS - firsts[i], passages);
        check_passages(decoder, firsts[i], ROWS - firsts[i] < 40 ? 0 : 40, passages);
    }
    assert_int_equal(mdla_decoder_read_passages(decoder, 69999, 2, again, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_decoder_account(decoder, &account, &err), MDLA_OK);
    for (unsigned i = 0; i < MDLA_BITS_CLASSES; i++)
        sum += account.bits[i];
    assert_true(fabs(sum - 8.0 * (double)nbytes) < 1e-3);
    assert_true(account.bits[MDLA_BITS_PASSAGE_NUMBERS] == 8.0 * (double)report.passages_nbytes);
    assert_true(report.passages_nbytes > ROWS / 7);
    assert_true(account.bits[MDLA_BITS_PASSAGES] > ROWS / 70.0);
    assert_true(account.bits[MDLA_BITS_ROW_HEADERS] == 32.0 * (double)info.blocks);
    mdla_decoder_close(decoder);
    free(bytes);

    /* 0, 1, 2 ...: their starts are enough. */
    for (size_t r = 0; r < ROWS; r++)
        passages[r] = (int64_t)(r / 7);
    assert_int_equal(encode(&c, MDLA_I32, ROWS, passages, &bytes, &nbytes, &report, &err), MDLA_OK);
    assert_int_equal(report.passages_nbytes, 0);
    decoder = open_bytes(bytes, nbytes);
    mdla_decoder_query(decoder, &info);
    assert_true(info.passages && !info.passage_numbers);
    assert_int_equal(mdla_decoder_read_passages(decoder, 65530, 100, again, &err), MDLA_OK);
    assert_memory_equal(again, passages + 65530, 100 * sizeof *again);
    mdla_decoder_close(decoder);
    free(bytes);
    small_case_free(&c);
}

/* A chunk of one row's passage number; returns its end. */
static uint8_t *put_number(uint8_t *to, int64_t number)
{
    const passages_head head = {1, 1, MDLA_I32};
    uint8_t *stream;
    size_t nbytes;

    assert_int_equal(passages_pack(alloc_of(NULL), &head, &number, to + 8, &stream, &nbytes),
                     MDLA_OK);
    memcpy(to + 8 + PASSAGES_HEAD_NBYTES, stream, nbytes);
    alloc_free(alloc_of(NULL), stream);
    nbytes += PASSAGES_HEAD_NBYTES;
    bytes_put(bytes_put(to, CHUNK_PASSAGES, 4), nbytes, 4);
    return bytes_put(to + 8 + nbytes, crc32_z(0, to, nbytes + 8), 4);
}

static size_t nbytes_read;
static mdla_status (*plain_read)(void *ctx, void *dst, size_t nbytes, size_t *got);

static mdla_status counted_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    nbytes_read += nbytes;
    return plain_read(ctx, dst, nbytes, got);
}

static void test_chunks_of_a_row_dont_decode_its_block_again(void **state)
{
    enum { COUNT = 100, TAIL_CHUNK_NBYTES = 36 };
    static int64_t passages[ROWS];
    small_case c;
    mdla_encode_report report;
    mdla_decoder *decoder;
    mdla_source source;
    mdla_error err;
    void *made;
    uint8_t *bytes, *end;
    size_t nbytes, kept;

    (void)state;
    small_case_make(&c, DIMS, 6, COUNT);
    for (size_t r = 0; r < COUNT; r++)
        passages[r] = 1000 - (int64_t)(r / 7);
    assert_int_equal(encode(&c, MDLA_I32, COUNT, passages, &made, &nbytes, &report, &err), MDLA_OK);
    kept = nbytes - TAIL_CHUNK_NBYTES - (size_t)report.passages_nbytes;
    bytes = malloc(nbytes + (size_t)COUNT * 64);
    assert_non_null(bytes);
    memcpy(bytes, made, kept);
    end = bytes + kept;
    for (size_t r = 0; r < COUNT; r++)
        end = put_number(end, passages[r]);
    memcpy(end, (uint8_t *)made + nbytes - TAIL_CHUNK_NBYTES, TAIL_CHUNK_NBYTES);
    nbytes = (size_t)(end - bytes) + TAIL_CHUNK_NBYTES;
    mdla_source_memory(bytes, nbytes, &source);
    plain_read = source.read;
    source.read = counted_read;
    if (mdla_decoder_open(NULL, source, "chunks", NULL, &decoder, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    nbytes_read = 0;
    if (mdla_decoder_read_passages(decoder, 0, COUNT, again, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(again, passages, COUNT * sizeof *again);
    assert_true(nbytes_read < nbytes);
    assert_int_equal(mdla_decoder_read_passages(decoder, 40, 3, again, &err), MDLA_OK);
    assert_memory_equal(again, passages + 40, 3 * sizeof *again);
    mdla_decoder_close(decoder);
    free(bytes);
    free(made);
    small_case_free(&c);
}

static void test_damaged_tokens_are_found(void **state)
{
    small_case c;
    mdla_encode_report report;
    mdla_decoder *decoder;
    mdla_source source;
    mdla_error err;
    uint8_t *bytes;
    void *made;
    size_t nbytes;

    (void)state;
    small_case_make(&c, DIMS, 6, 100);
    for (size_t r = 0; r < 100; r++)
        ids[r] = random_below(300);
    assert_int_equal(encode(&c, MDLA_U16, 100, NULL, &made, &nbytes, &report, &err), MDLA_OK);
    bytes = made;
    for (size_t at = nbytes - 36 - (size_t)report.tokens_nbytes; at < nbytes - 36; at++) {
        mdla_status status;

        bytes[at] ^= 0x10;
        mdla_source_memory(bytes, nbytes, &source);
        status = mdla_decoder_open(NULL, source, "tokens", NULL, &decoder, &err);
        if (status == MDLA_OK) {
            status = mdla_decoder_read_tokens(decoder, 0, 100, again, &err);
            mdla_decoder_close(decoder);
        }
        assert_int_not_equal(status, MDLA_OK);
        bytes[at] ^= 0x10;
    }
    free(bytes);
    small_case_free(&c);
}

static void test_numbers_and_rows_arent_mixed_up(void **state)
{
    static uint8_t file[NPY_HEADER_ROOM + 8 * 4];
    static const int64_t numbers[] = {3, 4, 5, 6};
    static const float values[] = {1, 2, 3, 4};
    mdla_rows *rows, *beside, *parts[2];
    float value;
    size_t got;
    mdla_error err;

    (void)state;
    assert_int_equal(open_numbers(file, make_npy(file, MDLA_I32, numbers, 4), &beside, &err),
                     MDLA_OK);
    assert_int_equal(mdla_rows_count(beside), 4);
    assert_int_equal(mdla_rows_dtype(beside), MDLA_I32);
    assert_int_equal(mdla_rows_read(beside, &value, 1, &got, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_rows_from_memory(NULL, values, 4, 1, &rows, &err), MDLA_OK);
    parts[0] = beside;
    parts[1] = rows;
    assert_int_equal(mdla_rows_concat(NULL, parts, 2, &rows, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_rows_from_memory(NULL, values, 4, 1, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_from_memory(NULL, values, 4, 1, &beside, &err), MDLA_OK);
    assert_int_equal(mdla_rows_set_tokens(rows, beside, &err), MDLA_ERR_ARGUMENT);
    assert_false(mdla_rows_has_tokens(rows));
    mdla_rows_close(rows);
}

static void test_passages_can_be_set_between_rows(void **state)
{
    static uint8_t file[NPY_HEADER_ROOM + 8 * 4];
    static const int64_t numbers[] = {3, 3, 3, 6};
    static const float values[] = {1, 2, 3, 4};
    mdla_rows *rows, *beside;
    float read[4];
    uint8_t starts[4];
    size_t got;
    mdla_error err;

    (void)state;
    assert_int_equal(mdla_rows_from_memory(NULL, values, 4, 1, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read(rows, read, 2, &got, &err), MDLA_OK);
    assert_int_equal(open_numbers(file, make_npy(file, MDLA_I32, numbers, 4), &beside, &err),
                     MDLA_OK);
    assert_int_equal(mdla_rows_set_passages(rows, beside, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read_passages(rows, read, starts, 2, &got, &err), MDLA_OK);
    assert_memory_equal(starts, "\0\1", 2);
    assert_int_equal(mdla_rows_rewind(rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read_passages(rows, read, starts, 4, &got, &err), MDLA_OK);
    assert_memory_equal(starts, "\1\0\0\1", 4);
    mdla_rows_close(rows);
}

static void test_tokens_that_dont_fit_are_refused(void **state)
{
    small_case c;
    mdla_encode_report report;
    mdla_decoder *decoder;
    mdla_sink sink;
    mdla_error err;
    void *bytes;
    size_t nbytes;

    (void)state;
    small_case_make(&c, DIMS, 6, 100);
    assert_int_equal(encode(&c, MDLA_I32, 99, NULL, &bytes, &nbytes, &report, &err), MDLA_ERR_DATA);
    assert_non_null(strstr(err.text, "99 token ids for 100 rows"));
    assert_int_equal(encode(&c, MDLA_F32, 100, NULL, &bytes, &nbytes, &report, &err),
                     MDLA_ERR_DATA);
    assert_non_null(strstr(err.text, "must be integers"));

    small_case_encode(&c, 100, false, 0, 1, &bytes, &nbytes, NULL);
    decoder = open_bytes(bytes, nbytes);
    assert_int_equal(mdla_decoder_read_tokens(decoder, 0, 1, again, &err), MDLA_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "no token ids"));
    mdla_decoder_close(decoder);
    decoder = open_bytes(bytes, nbytes);
    void *out = NULL;
    size_t out_nbytes;

    assert_int_equal(mdla_sink_memory(&out, &out_nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_decoder_write_passages(decoder, 0, 1, sink, &err), MDLA_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "no starts of passages"));
    mdla_decoder_close(decoder);
    free(bytes);
    small_case_free(&c);
}

static int set_up(void **state)
{
    (void)state;
    random_seed("test_tokens");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_are_packed_in_the_least_bytes),
        cmocka_unit_test(test_tokens_heads_out_of_range_are_refused),
        cmocka_unit_test(test_passage_numbers_are_packed_as_differences),
        cmocka_unit_test(test_tokens_and_passages_come_back_with_their_rows),
        cmocka_unit_test(test_passage_numbers_come_back_as_they_were),
        cmocka_unit_test(test_damaged_tokens_are_found),
        cmocka_unit_test(test_numbers_and_rows_arent_mixed_up),
        cmocka_unit_test(test_passages_can_be_set_between_rows),
        cmocka_unit_test(test_tokens_that_dont_fit_are_refused),
        cmocka_unit_test(test_chunks_of_a_row_dont_decode_its_block_again),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
