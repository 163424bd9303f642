#include "support.h"

#include <zlib.h>

/* 3 rows of 2 x 2 bytes 0, 1, 2 ... */
static void idx_bytes(bytes *b)
{
    unsigned i;

    b->count = 0;
    put(b, "\0\0\x08\x03", 4);
    put_u32_be(b, 3);
    put_u32_be(b, 2);
    put_u32_be(b, 2);
    for (i = 0; i < 12; i++)
        put_byte(b, i);
}

static void put_gzipped(bytes *b, const uint8_t *src, size_t count)
{
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)src;
    z.avail_in = (uInt)count;
    z.next_out = b->data + b->count;
    z.avail_out = (uInt)(sizeof b->data - b->count);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    b->count = sizeof b->data - z.avail_out;
    deflateEnd(&z);
}

static mdla_status read_idx(const bytes *b, int pipe, float *values, mdla_error *err)
{
    size_t row_count;
    uint32_t dims;

    return read_array(b, pipe, NULL, values, &row_count, &dims, err);
}

static void check_good(const bytes *b)
{
    float values[12];
    mdla_error err;
    int pipe, i;

    for (pipe = 0; pipe < 2; pipe++) {
        assert_int_equal(read_idx(b, pipe, values, &err), MDLA_OK);
        for (i = 0; i < 12; i++)
            assert_true(values[i] == (float)i);
    }
}

static void test_idx_plain_and_gzipped_read_the_same(void **state)
{
    bytes plain, zipped = {.count = 0};

    (void)state;
    idx_bytes(&plain);
    check_good(&plain);
    put_gzipped(&zipped, plain.data, plain.count);
    check_good(&zipped);
}

static void test_idx_gzip_members_are_joined(void **state)
{
    bytes plain, zipped = {.count = 0};

    (void)state;
    idx_bytes(&plain);
    put_gzipped(&zipped, plain.data, 9);
    put_gzipped(&zipped, plain.data + 9, plain.count - 9);
    check_good(&zipped);
}

static void test_idx_gzip_rewinds_and_seeks(void **state)
{
    bytes plain, zipped = {.count = 0};
    mdla_rows *rows;
    mdla_error err;
    float values[12];
    size_t got;

    (void)state;
    idx_bytes(&plain);
    put_gzipped(&zipped, plain.data, plain.count);
    assert_int_equal(mdla_rows_open(NULL, source_of(&zipped, 0), "a", NULL, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_count(rows), 3);
    assert_int_equal(mdla_rows_dtype(rows), MDLA_U8);
    assert_int_equal(mdla_rows_read(rows, values, 3, &got, &err), MDLA_OK);
    assert_int_equal(mdla_rows_rewind(rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read(rows, values, 1, &got, &err), MDLA_OK);
    assert_true(values[3] == 3.0f);
    assert_int_equal(mdla_rows_seek(rows, 2, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read(rows, values, 3, &got, &err), MDLA_OK);
    assert_int_equal(got, 1);
    assert_true(values[0] == 8.0f);
    mdla_rows_close(rows);
}

static void test_idx_wrong_length_is_refused(void **state)
{
    bytes plain, cut;
    mdla_error err;
    int pipe;

    (void)state;
    idx_bytes(&plain);
    for (pipe = 0; pipe < 2; pipe++) {
        cut = plain;
        for (cut.count = 0; cut.count < plain.count; cut.count++)
            assert_int_equal(read_idx(&cut, pipe, NULL, &err), cut.count != 0 && cut.count < 4
                                                                   ? MDLA_ERR_FORMAT
                                                                   : MDLA_ERR_TRUNCATED);
        put_byte(&cut, 0);
        assert_int_equal(read_idx(&cut, pipe, NULL, &err), MDLA_ERR_CORRUPT);
    }
}

/* Cut anywhere, or with any byte of its trailer changed, or with something behind it. */
static void test_idx_gzip_is_checked_to_its_end(void **state)
{
    bytes plain, zipped = {.count = 0}, bad;
    mdla_error err;
    size_t i;

    (void)state;
    idx_bytes(&plain);
    put_gzipped(&zipped, plain.data, plain.count);
    bad = zipped;
    for (bad.count = 2; bad.count < zipped.count; bad.count++)
        assert_int_equal(read_idx(&bad, 0, NULL, &err), MDLA_ERR_TRUNCATED);
    for (i = zipped.count - 8; i < zipped.count; i++) {
        bad = zipped;
        bad.data[i] ^= 1;
        assert_int_equal(read_idx(&bad, 0, NULL, &err), MDLA_ERR_CORRUPT);
    }
    bad = zipped;
    put_text(&bad, "junk");
    assert_int_equal(read_idx(&bad, 0, NULL, &err), MDLA_ERR_CORRUPT);
    bad = zipped;
    put_gzipped(&bad, plain.data, 1); /* a member too many: content beyond the sizes */
    assert_int_equal(read_idx(&bad, 0, NULL, &err), MDLA_ERR_CORRUPT);
}

static void test_idx_odd_headers_are_refused(void **state)
{
    mdla_error err;
    bytes b;

    (void)state;
    idx_bytes(&b);
    b.data[2] = 7;
    assert_int_equal(read_idx(&b, 0, NULL, &err), MDLA_ERR_UNSUPPORTED);
    assert_string_equal(err.text, "a: unknown IDX type 07");
    idx_bytes(&b);
    b.data[3] = 1;
    assert_int_equal(read_idx(&b, 0, NULL, &err), MDLA_ERR_DATA);
    idx_bytes(&b);
    memset(b.data + 8, 0xff, 8);
    assert_int_equal(read_idx(&b, 0, NULL, &err), MDLA_ERR_LIMIT);
}

static void test_idx_gzip_of_something_else_is_refused(void **state)
{
    bytes zipped = {.count = 0};
    mdla_error err;

    (void)state;
    put_gzipped(&zipped, (const uint8_t *)"hello, hello", 12);
    assert_int_equal(read_idx(&zipped, 0, NULL, &err), MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "gunzip"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idx_plain_and_gzipped_read_the_same),
        cmocka_unit_test(test_idx_gzip_members_are_joined),
        cmocka_unit_test(test_idx_gzip_rewinds_and_seeks),
        cmocka_unit_test(test_idx_wrong_length_is_refused),
        cmocka_unit_test(test_idx_gzip_is_checked_to_its_end),
        cmocka_unit_test(test_idx_odd_headers_are_refused),
        cmocka_unit_test(test_idx_gzip_of_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
