/* Posting lists: classes, the coder, the builder over many tiles, and queries on whole files, which
 * must answer as they do without lists; damage of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "container/header.h"
#include "encode/posting_builder.h"
#include "postings/posting_decoder.h"
#include "small_file.h"

#include <zlib.h>

#define DIMS 12
#define WIDTH 24
#define ROWS 150
#define BLOCK_ROWS 7

static small_case fixture;
static void *plain, *listed; /* the same rows without and with lists */
static size_t plain_nbytes, listed_nbytes;

static int set_up(void **state)
{
    mdla_encode_report report;

    (void)state;
    random_seed("test_postings");
    small_case_make(&fixture, DIMS, WIDTH, ROWS);
    small_case_encode(&fixture, ROWS, false, BLOCK_ROWS, 1, &plain, &plain_nbytes, NULL);
    small_case_encode_as(
        &fixture, ROWS,
        (mdla_encode_options){.block_rows = BLOCK_ROWS, .note = "a test", .postings = 1}, 1,
        &listed, &listed_nbytes, &report);
    assert_int_equal(listed_nbytes, plain_nbytes + report.postings_nbytes);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    small_case_free(&fixture);
    free(plain);
    free(listed);
    return 0;
}

static void test_posting_classes_bound_their_levels(void **state)
{
    (void)state;
    for (uint32_t level = 1; level <= 4095; level++) {
        const unsigned own = posting_class(level), before = posting_class(level - 1);

        assert_true(own == before || own == before + 1);
        assert_true(level <= posting_class_top(own));
        assert_true(level > posting_class_top(before) || own == before);
    }
    assert_int_equal(posting_class(0), 0);
    assert_int_equal(posting_class(4095), POSTING_CLASS_MAX);
    assert_int_equal(posting_class_top(POSTING_CLASS_MAX), 4095);
}

/* The level that feature has in a block, 0 for none; any function that looks random. */
static uint32_t planted_level(uint32_t feature, uint64_t block)
{
    uint64_t x = (block * 100003 + feature) * UINT64_C(0x9e3779b97f4a7c15);

    x ^= x >> 29;
    if (x % 100 >= 3 + feature % 40)
        return 0;
    return 1 + (uint32_t)(x >> 32) % (feature % 7 == 0 ? 4095 : 6);
}

/* Builds lists of so many blocks and reads every chunk of them back. */
static void check_builder(uint32_t width, uint64_t blocks)
{
    posting_builder *b = posting_builder_new(alloc_of(NULL), width);
    uint8_t *classes = malloc(blocks + 1);
    code_rows codes = {0};
    chunk_writer out = {0};
    chunk_reader r = {.al = alloc_of(NULL), .max_chunk = 1 << 20, .name = "lists"};
    chunk c = {0};
    void *bytes;
    size_t nbytes;
    uint32_t feature = 0, chunks = 0;
    mdla_error err;

    assert_non_null(b);
    assert_non_null(classes);
    for (uint64_t block = 0; block < blocks; block++) {
        codes.row_count = 0;
        assert_int_equal(code_rows_reserve(alloc_of(NULL), &codes, 2, 2 * width), MDLA_OK);
        codes.start[0] = 0;
        for (unsigned row = 0; row < 2; row++) { /* the level, and one that mustn't count */
            size_t at = codes.start[row];

            for (uint32_t f = 0; f < width; f++)
                if (planted_level(f, block) > row) {
                    codes.feature[at] = f;
                    codes.level[at++] = row == 0 ? (int32_t)planted_level(f, block) : 1;
                }
            codes.start[row + 1] = at;
        }
        codes.row_count = 2;
        assert_int_equal(posting_builder_block(b, &codes, &err), MDLA_OK);
    }
    assert_int_equal(mdla_sink_memory(&bytes, &nbytes, &out.sink), MDLA_OK);
    assert_int_equal(posting_builder_write(b, &out, &err), MDLA_OK);
    assert_int_equal(out.sink.close(out.sink.ctx, 1), MDLA_OK);
    posting_builder_free(b);
    mdla_source_memory(bytes, nbytes, &r.source);
    while (feature < width) {
        posting_model model;
        range_decoder d;

        assert_int_equal(chunk_read(&r, &c, NULL, &err), MDLA_OK);
        assert_int_equal(c.type, CHUNK_POSTINGS);
        bytes_in in = {c.payload, c.payload + c.nbytes, false};
        assert_int_equal(bytes_u32(&in), feature);
        const uint32_t count = bytes_u32(&in);
        assert_true(count > 0 && count <= width - feature);
        range_decoder_init(&d, in.at, (size_t)(in.end - in.at));
        posting_model_init(&model);
        for (uint32_t end = feature + count; feature < end; feature++) {
            posting_decode(&d, &model, classes, blocks);
            for (uint64_t block = 0; block < blocks; block++)
                assert_int_equal(classes[block], posting_class(planted_level(feature, block)));
        }
        assert_true(range_decoder_finished(&d));
        chunks++;
    }
    assert_int_equal(r.offset, nbytes);
    assert_true(nbytes < 100000 || chunks > 1);
    chunk_free(r.al, &c);
    chunk_reader_close(&r);
    code_rows_free(alloc_of(NULL), &codes);
    free(classes);
    free(bytes);
}

static void test_posting_builder_no_blocks(void **state)
{
    (void)state;
    check_builder(5, 0);
}

static void test_posting_builder_one_tile(void **state)
{
    (void)state;
    check_builder(50, 3);
    check_builder(1, 1024);
}

static void test_posting_builder_tiles_in_the_scratch_file(void **state)
{
    (void)state;
    check_builder(9, 1025);
    check_builder(30, 3000);
}

static void test_posting_builder_features_in_groups(void **state)
{
    (void)state;
    check_builder(40000, 500); /* a tile is 419 blocks, a group 20,020 features */
}

static mdla_decoder *open_file(const void *bytes, size_t nbytes)
{
    mdla_decoder *decoder;
    mdla_source source;
    mdla_error err;

    mdla_source_memory(bytes, nbytes, &source);
    if (mdla_decoder_open(NULL, source, "small.mdla", NULL, &decoder, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    return decoder;
}

typedef struct found_rows {
    mdla_feature_row rows[ROWS];
    size_t count;
} found_rows;

static int keep_row(void *ctx, const mdla_feature_row *at)
{
    found_rows *found = ctx;

    assert_true(found->count < ROWS);
    found->rows[found->count++] = *at;
    return 0;
}

static void assert_same_rows(const found_rows *a, const found_rows *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->rows[i].row, b->rows[i].row);
        assert_int_equal(a->rows[i].level, b->rows[i].level);
        assert_true(a->rows[i].strength == b->rows[i].strength);
        assert_true(a->rows[i].index_bits == b->rows[i].index_bits);
        assert_true(a->rows[i].level_bits == b->rows[i].level_bits);
    }
}

static void test_postings_answers_are_those_without(void **state)
{
    mdla_decoder *a = open_file(plain, plain_nbytes), *b = open_file(listed, listed_nbytes);
    mdla_file_info info;
    mdla_error err;
    size_t active = 0;

    (void)state;
    mdla_decoder_query(a, &info);
    assert_false(info.postings);
    mdla_decoder_query(b, &info);
    assert_true(info.postings);
    for (uint32_t f = 0; f < WIDTH; f++) {
        found_rows x = {.count = 0}, y = {.count = 0};

        assert_int_equal(mdla_decoder_visit_feature(a, f, keep_row, &x, &err), MDLA_OK);
        assert_int_equal(mdla_decoder_visit_feature(b, f, keep_row, &y, &err), MDLA_OK);
        assert_same_rows(&x, &y);
        active += x.count;
        for (size_t top = 0; top <= x.count + 1; top++) {
            assert_int_equal(mdla_decoder_top_rows(a, f, x.rows, top, &x.count, &err), MDLA_OK);
            assert_int_equal(mdla_decoder_top_rows(b, f, y.rows, top, &y.count, &err), MDLA_OK);
            assert_same_rows(&x, &y);
            for (size_t i = 1; i < x.count; i++)
                assert_true(x.rows[i - 1].strength > x.rows[i].strength ||
                            (x.rows[i - 1].strength == x.rows[i].strength &&
                             x.rows[i - 1].row < x.rows[i].row));
        }
    }
    assert_true(active > 100);
    assert_int_equal(mdla_decoder_visit_feature(b, WIDTH, keep_row, NULL, &err), MDLA_ERR_ARGUMENT);
    mdla_decoder_close(a);
    mdla_decoder_close(b);
}

/* A source over memory that counts what is read of it. */
typedef struct counted {
    mdla_source inner;
    uint64_t nbytes;
} counted;

static mdla_status counted_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    counted *c = ctx;
    const mdla_status status = c->inner.read(c->inner.ctx, dst, nbytes, got);

    c->nbytes += *got;
    return status;
}

static mdla_status counted_seek(void *ctx, uint64_t offset)
{
    const counted *c = ctx;

    return c->inner.seek(c->inner.ctx, offset);
}

static void counted_close(void *ctx)
{
    const counted *c = ctx;

    if (c->inner.close != NULL)
        c->inner.close(c->inner.ctx);
}

/* Bytes read for the strongest row of each feature. */
static uint64_t bytes_of_top(const void *bytes, size_t nbytes)
{
    counted c = {.nbytes = 0};
    mdla_decoder *decoder;
    mdla_feature_row row;
    mdla_error err;
    size_t got;

    mdla_source_memory(bytes, nbytes, &c.inner);
    const mdla_source source = {&c, counted_read, counted_seek, nbytes, counted_close};

    assert_int_equal(mdla_decoder_open(NULL, source, "counted", NULL, &decoder, &err), MDLA_OK);
    c.nbytes = 0;
    for (uint32_t f = 0; f < WIDTH; f++)
        assert_int_equal(mdla_decoder_top_rows(decoder, f, &row, 1, &got, &err), MDLA_OK);
    mdla_decoder_close(decoder);
    return c.nbytes;
}

static void test_postings_leave_blocks_unread(void **state)
{
    (void)state;
    assert_true(bytes_of_top(listed, listed_nbytes) < bytes_of_top(plain, plain_nbytes) / 2);
}

static void test_postings_have_a_class_of_bits(void **state)
{
    mdla_decoder *decoder = open_file(listed, listed_nbytes);
    mdla_account account;
    mdla_error err;
    double sum = 0.0;

    (void)state;
    assert_int_equal(mdla_decoder_account(decoder, &account, &err), MDLA_OK);
    for (unsigned i = 0; i < MDLA_BITS_CLASSES; i++)
        sum += account.bits[i];
    assert_true(fabs(sum - 8.0 * (double)listed_nbytes) < 1e-6);
    assert_true(account.bits[MDLA_BITS_POSTINGS] == 8.0 * (double)(listed_nbytes - plain_nbytes));
    assert_int_equal(mdla_decoder_check_postings(decoder, &err), MDLA_OK);
    mdla_decoder_close(decoder);
}

/* The first post chunk's place in the listed file: lists stand between what both files have and the
 * tail. */
static size_t lists_at(void)
{
    return plain_nbytes - TAIL_NBYTES - CHUNK_FRAME_NBYTES;
}

static void mend(uint8_t *chunk_bytes)
{
    bytes_in in = {chunk_bytes + 4, chunk_bytes + 8, false};
    const size_t nbytes = bytes_u32(&in) + 8;

    bytes_put(chunk_bytes + nbytes, crc32_z(0, chunk_bytes, nbytes), 4);
}

static void test_postings_every_bit_flip_is_found(void **state)
{
    const size_t end = listed_nbytes - TAIL_NBYTES - CHUNK_FRAME_NBYTES;
    uint8_t *bytes = malloc(listed_nbytes);

    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, listed, listed_nbytes);
    for (size_t bit = 8 * lists_at(); bit < 8 * end; bit++) {
        mdla_decoder *decoder;
        mdla_source source;
        mdla_error err;
        float *rows;
        size_t got;

        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (decode_bytes(bytes, listed_nbytes, true, NULL, 1, &rows, &got, &err) == MDLA_OK)
            fail_msg("bit %zu of byte %zu in a pipe: no error", bit % 8, bit / 8);
        free(rows);
        mdla_source_memory(bytes, listed_nbytes, &source);
        if (mdla_decoder_open(NULL, source, "small.mdla", NULL, &decoder, &err) == MDLA_OK) {
            found_rows found = {.count = 0};

            assert_int_equal(mdla_decoder_check_postings(decoder, &err), MDLA_ERR_CORRUPT);
            assert_int_equal(mdla_decoder_visit_feature(decoder, 0, keep_row, &found, &err),
                             MDLA_ERR_CORRUPT);
            mdla_decoder_close(decoder);
        }
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(bytes);
}

/* Lists whose CRC is right and that say something else than the codes. */
static void test_postings_that_lie_are_found(void **state)
{
    uint8_t *bytes = malloc(listed_nbytes);
    uint8_t *chunk_bytes = bytes + lists_at();
    unsigned refused = 0;

    (void)state;
    assert_non_null(bytes);
    for (unsigned bit = 0; bit < 64; bit++) {
        mdla_decoder *decoder;
        mdla_error err;

        memcpy(bytes, listed, listed_nbytes);
        chunk_bytes[8 + POSTINGS_HEADER_NBYTES + bit / 8] ^= (uint8_t)(1 << bit % 8);
        mend(chunk_bytes);
        decoder = open_file(bytes, listed_nbytes);
        assert_int_equal(mdla_decoder_check_postings(decoder, &err), MDLA_ERR_CORRUPT);
        for (uint32_t f = 0; f < WIDTH; f++) {
            found_rows found = {.count = 0};

            refused +=
                mdla_decoder_visit_feature(decoder, f, keep_row, &found, &err) == MDLA_ERR_CORRUPT;
        }
        mdla_decoder_close(decoder);
    }
    assert_true(refused > 64);
    free(bytes);
}

/* Opens a file whose post chunks are those given, [count] first features and numbers of features,
 * each a copy of the one that there is. */
static mdla_status open_with(const uint32_t (*parts)[2], size_t count)
{
    const size_t at = lists_at(), tail = TAIL_NBYTES + CHUNK_FRAME_NBYTES;
    const size_t part = listed_nbytes - tail - at;
    const size_t nbytes = at + count * part + tail;
    uint8_t *bytes = malloc(nbytes);
    mdla_status status[2];

    assert_non_null(bytes);
    memcpy(bytes, listed, at);
    for (size_t i = 0; i < count; i++) {
        uint8_t *to = bytes + at + i * part;

        memcpy(to, (const uint8_t *)listed + at, part);
        bytes_put(bytes_put(to + 8, parts[i][0], 4), parts[i][1], 4);
        mend(to);
    }
    memcpy(bytes + nbytes - tail, (const uint8_t *)listed + listed_nbytes - tail, tail);
    for (unsigned as_pipe = 0; as_pipe < 2; as_pipe++) {
        mdla_error err;
        float *rows;
        size_t got;

        status[as_pipe] = decode_bytes(bytes, nbytes, as_pipe != 0, NULL, 1, &rows, &got, &err);
        free(rows);
    }
    assert_int_equal(status[0], status[1]);
    free(bytes);
    return status[0];
}

static void test_postings_chunks_hold_each_feature_once(void **state)
{
    static const uint32_t whole[][2] = {{0, WIDTH}}, halves[][2] = {{0, 10}, {10, WIDTH - 10}},
                          gap[][2] = {{0, 10}, {11, WIDTH - 11}}, twice[][2] = {{0, WIDTH}, {0, 1}},
                          few[][2] = {{0, WIDTH - 1}}, many[][2] = {{0, WIDTH + 1}},
                          none[][2] = {{0, 0}, {0, WIDTH}}, late[][2] = {{1, WIDTH - 1}};

    (void)state;
    assert_int_equal(open_with(whole, 1), MDLA_OK);
    assert_int_equal(open_with(halves, 2), MDLA_OK);
    assert_int_equal(open_with(gap, 2), MDLA_ERR_CORRUPT);
    assert_int_equal(open_with(twice, 2), MDLA_ERR_CORRUPT);
    assert_int_equal(open_with(few, 1), MDLA_ERR_CORRUPT);
    assert_int_equal(open_with(many, 1), MDLA_ERR_CORRUPT);
    assert_int_equal(open_with(none, 2), MDLA_ERR_CORRUPT);
    assert_int_equal(open_with(late, 1), MDLA_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posting_classes_bound_their_levels),
        cmocka_unit_test(test_posting_builder_no_blocks),
        cmocka_unit_test(test_posting_builder_one_tile),
        cmocka_unit_test(test_posting_builder_tiles_in_the_scratch_file),
        cmocka_unit_test(test_posting_builder_features_in_groups),
        cmocka_unit_test(test_postings_answers_are_those_without),
        cmocka_unit_test(test_postings_leave_blocks_unread),
        cmocka_unit_test(test_postings_have_a_class_of_bits),
        cmocka_unit_test(test_postings_every_bit_flip_is_found),
        cmocka_unit_test(test_postings_that_lie_are_found),
        cmocka_unit_test(test_postings_chunks_hold_each_feature_once),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
