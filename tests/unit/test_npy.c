#include "support.h"

#define HEADER_2X3 "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"

/* Version 1 with the text as it stands, then count floats 0, 1, 2 ... */
static void npy_bytes(bytes *b, const char *text, size_t count)
{
    size_t i;

    b->count = 0;
    put(b, "\x93NUMPY\x01\x00", 8);
    put_byte(b, (unsigned)(strlen(text) & 0xff));
    put_byte(b, (unsigned)(strlen(text) >> 8));
    put_text(b, text);
    for (i = 0; i < count; i++)
        put_f32_le(b, (float)i);
}

static mdla_status read_npy(const bytes *b, int pipe, mdla_error *err)
{
    const mdla_array_options options = {0};
    size_t row_count;
    uint32_t dims;

    return read_array(b, pipe, &options, NULL, &row_count, &dims, err);
}

static void test_npy_c_order_reads_from_file_and_pipe(void **state)
{
    float values[6];
    size_t row_count, i;
    uint32_t dims;
    mdla_error err;
    bytes b;
    int pipe;

    (void)state;
    npy_bytes(&b, HEADER_2X3 "    \n", 6);
    for (pipe = 0; pipe < 2; pipe++) {
        assert_int_equal(read_array(&b, pipe, NULL, values, &row_count, &dims, &err), MDLA_OK);
        assert_int_equal(row_count, 2);
        assert_int_equal(dims, 3);
        for (i = 0; i < 6; i++)
            assert_true(values[i] == (float)i);
    }
}

static void test_npy_fortran_3d_is_turned(void **state)
{
    float values[24];
    size_t row_count, i, j, k;
    uint32_t dims;
    mdla_error err;
    bytes b;

    (void)state;
    npy_bytes(&b, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3, 4)}\n", 24);
    assert_int_equal(read_array(&b, 0, NULL, values, &row_count, &dims, &err), MDLA_OK);
    assert_int_equal(row_count, 6);
    for (i = 0; i < 2; i++)
        for (j = 0; j < 3; j++)
            for (k = 0; k < 4; k++)
                assert_true(values[(i * 3 + j) * 4 + k] == (float)(i + 2 * (j + 3 * k)));
}

/* Over several spans and with both kinds of seeking. */
static void test_npy_fortran_tall_rows_are_found_by_seek(void **state)
{
    enum { ROWS = 30000 };
    const char *const text = "{'descr': '|u1', 'fortran_order': True, 'shape': (30000, 2)}\n";
    uint8_t *const data = malloc(2 * ROWS + 256);
    bytes head;
    mdla_source source;
    mdla_rows *rows;
    mdla_error err;
    float row[2];
    size_t got, i;

    (void)state;
    npy_bytes(&head, text, 0);
    memcpy(data, head.data, head.count);
    for (i = 0; i < 2 * ROWS; i++)
        data[head.count + i] = (uint8_t)(i * 31 >> 5);
    mdla_source_memory(data, head.count + 2 * ROWS, &source);
    assert_int_equal(mdla_rows_open(NULL, source, "a", NULL, &rows, &err), MDLA_OK);
    for (i = 7; i < ROWS; i += 1999) {
        assert_int_equal(mdla_rows_seek(rows, ROWS - i, &err), MDLA_OK);
        assert_int_equal(mdla_rows_read(rows, row, 1, &got, &err), MDLA_OK);
        assert_true(row[0] == (float)data[head.count + ROWS - i]);
        assert_true(row[1] == (float)data[head.count + 2 * ROWS - i]);
    }
    mdla_rows_close(rows);
    free(data);
}

static void test_npy_fortran_from_pipe_is_refused(void **state)
{
    mdla_error err;
    bytes b;

    (void)state;
    npy_bytes(&b, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}\n", 6);
    assert_int_equal(read_npy(&b, 1, &err), MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "pipe"));
    npy_bytes(&b, "{'descr': '<f4', 'fortran_order': True, 'shape': (6, 1)}\n", 6);
    assert_int_equal(read_npy(&b, 1, &err), MDLA_OK); /* both orders are the same */
}

static void test_npy_one_axis_says_what_to_do(void **state)
{
    mdla_error err;
    bytes b;

    (void)state;
    npy_bytes(&b, "{'descr': '<f4', 'fortran_order': False, 'shape': (300,)}\n", 300);
    assert_int_equal(read_npy(&b, 0, &err), MDLA_ERR_DATA);
    assert_string_equal(err.text,
                        "a: 1-D array of 300 values; rows need two axes: reshape to (rows, dims)");
}

/* Every prefix of a good file fails, from a file and from a pipe, and a byte more fails too. */
static void test_npy_wrong_length_is_refused(void **state)
{
    mdla_error err;
    bytes whole, cut;
    int pipe;

    (void)state;
    npy_bytes(&whole, HEADER_2X3 "\n", 6);
    for (pipe = 0; pipe < 2; pipe++) {
        cut = whole;
        for (cut.count = 0; cut.count < whole.count; cut.count++)
            assert_int_equal(read_npy(&cut, pipe, &err), cut.count != 0 && cut.count < 6
                                                             ? MDLA_ERR_FORMAT
                                                             : MDLA_ERR_TRUNCATED);
        put_byte(&cut, 0);
        assert_int_equal(read_npy(&cut, pipe, &err), MDLA_ERR_CORRUPT);
    }
}

static void test_npy_header_grammar_is_strict(void **state)
{
    static const struct {
        const char *text;
        mdla_status want;
    } cases[] = {
        {HEADER_2X3, MDLA_OK},
        {"{\"shape\" : ( 2,3 ) , \"descr\":'<f4','fortran_order' :False}", MDLA_OK},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L)}\n", MDLA_OK},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1+1, 3)}", MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}", MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3)}",
         MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", MDLA_ERR_DATA},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4)}",
         MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6, 0)}", MDLA_ERR_DATA},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 65537)}", MDLA_ERR_LIMIT},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False}", MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
         MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}", MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x", MDLA_ERR_CORRUPT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)", MDLA_ERR_CORRUPT},
        {"{'descr': '<f4", MDLA_ERR_CORRUPT},
        {"", MDLA_ERR_CORRUPT},
        {"{'descr': '=f4', 'fortran_order': False, 'shape': (2, 3)}", MDLA_ERR_UNSUPPORTED},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (2, 3)}", MDLA_ERR_UNSUPPORTED},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}", MDLA_ERR_UNSUPPORTED},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3)}", MDLA_ERR_UNSUPPORTED},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}",
         MDLA_ERR_UNSUPPORTED},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (4, 3)}", MDLA_ERR_UNSUPPORTED},
    };
    mdla_error err;
    size_t i;
    bytes b;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        npy_bytes(&b, cases[i].text, 6);
        if (read_npy(&b, 0, &err) != cases[i].want)
            fail_msg("%s: not %s", cases[i].text, mdla_status_text(cases[i].want));
    }
}

static void test_npy_16_bit_patterns_are_what_the_caller_says(void **state)
{
    const mdla_array_options bf16 = {.bf16 = 1}, integers = {.bf16 = -1};
    float values[2];
    size_t row_count;
    uint32_t dims;
    mdla_error err;
    bytes b;

    (void)state;
    npy_bytes(&b, "{'descr': '>u2', 'fortran_order': False, 'shape': (1, 2)}", 0);
    put(&b, "\x3f\x80\xc0\x00", 4);
    assert_int_equal(read_array(&b, 0, &bf16, values, &row_count, &dims, &err), MDLA_OK);
    assert_true(values[0] == 1.0f && values[1] == -2.0f);
    assert_int_equal(read_array(&b, 0, &integers, values, &row_count, &dims, &err), MDLA_OK);
    assert_true(values[0] == 16256.0f && values[1] == 49152.0f);
    npy_bytes(&b, "{'descr': '|V2', 'fortran_order': False, 'shape': (1, 2)}", 1);
    assert_int_equal(read_array(&b, 0, &integers, NULL, &row_count, &dims, &err),
                     MDLA_ERR_UNSUPPORTED);
    assert_int_equal(read_array(&b, 0, &bf16, NULL, &row_count, &dims, &err), MDLA_OK);
}

static void test_npy_versions_beyond_3_are_refused(void **state)
{
    mdla_error err;
    bytes b;

    (void)state;
    npy_bytes(&b, HEADER_2X3, 6);
    b.data[6] = 4;
    assert_int_equal(read_npy(&b, 0, &err), MDLA_ERR_UNSUPPORTED);
    b.data[6] = 1;
    b.data[7] = 1;
    assert_int_equal(read_npy(&b, 0, &err), MDLA_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npy_c_order_reads_from_file_and_pipe),
        cmocka_unit_test(test_npy_fortran_3d_is_turned),
        cmocka_unit_test(test_npy_fortran_tall_rows_are_found_by_seek),
        cmocka_unit_test(test_npy_fortran_from_pipe_is_refused),
        cmocka_unit_test(test_npy_one_axis_says_what_to_do),
        cmocka_unit_test(test_npy_wrong_length_is_refused),
        cmocka_unit_test(test_npy_header_grammar_is_strict),
        cmocka_unit_test(test_npy_16_bit_patterns_are_what_the_caller_says),
        cmocka_unit_test(test_npy_versions_beyond_3_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
