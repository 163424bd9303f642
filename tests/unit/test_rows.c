#include "support.h"

/* count floats first, first + 1 ... */
static void raw_bytes(bytes *b, unsigned first, unsigned count)
{
    unsigned i;

    b->count = 0;
    for (i = 0; i < count; i++)
        put_f32_le(b, (float)(first + i));
}

static const mdla_array_options raw3 = {.raw_dims = 3};

static void test_rows_raw_of_odd_size_is_refused(void **state)
{
    size_t row_count;
    uint32_t dims;
    mdla_error err;
    bytes b;
    int pipe;

    (void)state;
    for (pipe = 0; pipe < 2; pipe++) {
        raw_bytes(&b, 0, 9);
        assert_int_equal(read_array(&b, pipe, &raw3, NULL, &row_count, &dims, &err), MDLA_OK);
        assert_int_equal(row_count, 3);
        put_byte(&b, 0);
        assert_int_equal(read_array(&b, pipe, &raw3, NULL, &row_count, &dims, &err),
                         MDLA_ERR_TRUNCATED);
        raw_bytes(&b, 0, 10);
        assert_int_equal(read_array(&b, pipe, &raw3, NULL, &row_count, &dims, &err),
                         MDLA_ERR_TRUNCATED);
    }
}

static void test_rows_unknown_kind_says_what_is_known(void **state)
{
    mdla_error err;
    mdla_rows *rows;
    bytes b = {.count = 0};

    (void)state;
    assert_int_equal(mdla_rows_open(NULL, source_of(&b, 0), "a", NULL, &rows, &err),
                     MDLA_ERR_TRUNCATED);
    assert_string_equal(err.text, "a: is empty");
    put_text(&b, "row,col");
    assert_int_equal(mdla_rows_open(NULL, source_of(&b, 0), "a", NULL, &rows, &err),
                     MDLA_ERR_FORMAT);
    assert_non_null(strstr(err.text, ".npy"));
}

static void test_rows_limits_are_kept(void **state)
{
    mdla_config config;
    mdla_rows *rows;
    mdla_error err;
    float values[16];
    size_t got;
    bytes b;

    (void)state;
    mdla_config_init(&config);
    config.limits.max_rows = 2;
    raw_bytes(&b, 0, 9);
    assert_int_equal(mdla_rows_open(&config, source_of(&b, 0), "a", &raw3, &rows, &err),
                     MDLA_ERR_LIMIT);
    assert_int_equal(mdla_rows_open(&config, source_of(&b, 1), "a", &raw3, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read(rows, values, 3, &got, &err), MDLA_ERR_LIMIT);
    mdla_rows_close(rows);
    config.limits.max_dims = 2;
    assert_int_equal(mdla_rows_open(&config, source_of(&b, 1), "a", &raw3, &rows, &err),
                     MDLA_ERR_LIMIT);
}

static void check_row(mdla_rows *rows, uint64_t row)
{
    mdla_error err;
    float values[3];
    size_t got;

    assert_int_equal(mdla_rows_read(rows, values, 1, &got, &err), MDLA_OK);
    assert_int_equal(got, 1);
    assert_true(values[2] == (float)(3 * row + 2));
}

static void test_rows_seek_goes_anywhere_in_a_file_and_forward_in_a_pipe(void **state)
{
    mdla_rows *rows;
    mdla_error err;
    bytes b;

    (void)state;
    raw_bytes(&b, 0, 30);
    assert_int_equal(mdla_rows_open(NULL, source_of(&b, 0), "a", &raw3, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_seek(rows, 7, &err), MDLA_OK);
    check_row(rows, 7);
    assert_int_equal(mdla_rows_seek(rows, 2, &err), MDLA_OK);
    check_row(rows, 2);
    assert_int_equal(mdla_rows_seek(rows, 10, &err), MDLA_OK);
    assert_int_equal(mdla_rows_seek(rows, 11, &err), MDLA_ERR_ARGUMENT);
    mdla_rows_close(rows);
    assert_int_equal(mdla_rows_open(NULL, source_of(&b, 1), "a", &raw3, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_count(rows), MDLA_UNKNOWN);
    assert_false(mdla_rows_can_rewind(rows));
    assert_int_equal(mdla_rows_seek(rows, 4, &err), MDLA_OK);
    check_row(rows, 4);
    assert_int_equal(mdla_rows_rewind(rows, &err), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(mdla_rows_seek(rows, 3, &err), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(mdla_rows_seek(rows, 11, &err), MDLA_ERR_ARGUMENT);
    mdla_rows_close(rows);
}

static mdla_rows *rows_of(const bytes *b, int pipe)
{
    mdla_rows *rows;

    assert_int_equal(mdla_rows_open(NULL, source_of(b, pipe), "part", &raw3, &rows, NULL), MDLA_OK);
    return rows;
}

/* Shards of 2, 0 and 3 rows, read in pieces that cross them. */
static void test_rows_concat_joins_and_seeks(void **state)
{
    mdla_rows *parts[3], *rows;
    bytes first, none = {.count = 0}, last;
    mdla_error err;
    float values[15];
    size_t got;
    int pipe, i;

    (void)state;
    raw_bytes(&first, 0, 6);
    raw_bytes(&last, 6, 9);
    for (pipe = 0; pipe < 2; pipe++) {
        parts[0] = rows_of(&first, 0);
        parts[1] = rows_of(&none, 0);
        parts[2] = rows_of(&last, pipe);
        assert_int_equal(mdla_rows_concat(NULL, parts, 3, &rows, &err), MDLA_OK);
        assert_int_equal(mdla_rows_count(rows), pipe ? MDLA_UNKNOWN : 5);
        assert_int_equal(mdla_rows_read(rows, values, 5, &got, &err), MDLA_OK);
        assert_int_equal(got, 5);
        for (i = 0; i < 15; i++)
            assert_true(values[i] == (float)i);
        assert_int_equal(mdla_rows_read(rows, values, 5, &got, &err), MDLA_OK);
        assert_int_equal(got, 0);
        assert_int_equal(mdla_rows_seek(rows, 3, &err), pipe ? MDLA_ERR_UNSUPPORTED : MDLA_OK);
        if (!pipe) {
            check_row(rows, 3);
            assert_int_equal(mdla_rows_seek(rows, 1, &err), MDLA_OK);
            check_row(rows, 1);
            check_row(rows, 2);
        }
        mdla_rows_close(rows);
    }
}

static void test_rows_concat_of_other_dims_is_refused(void **state)
{
    static const float values[4] = {1, 2, 3, 4};
    mdla_rows *parts[2], *rows;
    mdla_error err;

    (void)state;
    assert_int_equal(mdla_rows_from_memory(NULL, values, 2, 2, &parts[0], &err), MDLA_OK);
    assert_int_equal(mdla_rows_from_memory(NULL, values, 1, 4, &parts[1], &err), MDLA_OK);
    assert_int_equal(mdla_rows_concat(NULL, parts, 2, &rows, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_rows_concat(NULL, parts, 0, &rows, &err), MDLA_ERR_ARGUMENT);
}

static void test_rows_from_values_of_any_type(void **state)
{
    static const uint16_t halves[4] = {0x3c00, 0xc000, 0x3800, 0}; /* 1, -2, 0.5, 0 */
    static const double doubles[4] = {1, -2, 0.5, 1e300};
    static const float expected[4] = {1, -2, 0.5, 0};
    float values[4];
    mdla_rows *rows;
    mdla_error err;
    size_t got;

    (void)state;
    assert_int_equal(mdla_rows_from_values(NULL, halves, MDLA_F16, 2, 2, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_dtype(rows), MDLA_F16);
    assert_int_equal(mdla_rows_seek(rows, 1, &err), MDLA_OK);
    assert_int_equal(mdla_rows_rewind(rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read(rows, values, 3, &got, &err), MDLA_OK);
    assert_int_equal(got, 2);
    assert_memory_equal(values, expected, sizeof values);
    mdla_rows_close(rows);
    assert_int_equal(mdla_rows_from_values(NULL, doubles, MDLA_F64, 2, 2, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read(rows, values, 2, &got, &err), MDLA_ERR_DATA);
    assert_non_null(strstr(err.text, "row 1, column 1"));
    mdla_rows_close(rows);
    assert_int_equal(mdla_rows_from_values(NULL, expected, MDLA_F32, 1, 4, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_dims(rows), 4);
    mdla_rows_close(rows);
    assert_int_equal(mdla_rows_from_values(NULL, halves, (mdla_dtype)99, 2, 2, &rows, &err),
                     MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_rows_from_values(NULL, halves, MDLA_F16, UINT64_MAX / 2, 2, &rows, &err),
                     MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_rows_from_values(NULL, halves, MDLA_F16, 2, 0, &rows, &err),
                     MDLA_ERR_DATA);
    assert_null(rows);
}

/* Fails once in the middle of a read: rows after it must still be the right ones. */
static mdla_status (*real_read)(void *, void *, size_t, size_t *);
static int failures;

static mdla_status failing_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    if (failures > 0) {
        failures--;
        (void)real_read(ctx, dst, nbytes / 2, got); /* what it took is lost */
        return MDLA_ERR_IO;
    }
    return real_read(ctx, dst, nbytes, got);
}

static void test_rows_read_after_a_failure_is_right_or_refused(void **state)
{
    mdla_source source;
    mdla_rows *rows;
    mdla_error err;
    float values[6];
    size_t got;
    bytes b;

    (void)state;
    raw_bytes(&b, 0, 12);
    source = source_of(&b, 0);
    real_read = source.read;
    source.read = failing_read;
    assert_int_equal(mdla_rows_open(NULL, source, "a", &raw3, &rows, &err), MDLA_OK);
    check_row(rows, 0);
    failures = 1;
    assert_int_equal(mdla_rows_read(rows, values, 2, &got, &err), MDLA_ERR_IO);
    assert_int_equal(got, 0);
    check_row(rows, 1);
    mdla_rows_close(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_raw_of_odd_size_is_refused),
        cmocka_unit_test(test_rows_unknown_kind_says_what_is_known),
        cmocka_unit_test(test_rows_limits_are_kept),
        cmocka_unit_test(test_rows_seek_goes_anywhere_in_a_file_and_forward_in_a_pipe),
        cmocka_unit_test(test_rows_concat_joins_and_seeks),
        cmocka_unit_test(test_rows_concat_of_other_dims_is_refused),
        cmocka_unit_test(test_rows_from_values_of_any_type),
        cmocka_unit_test(test_rows_read_after_a_failure_is_right_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
