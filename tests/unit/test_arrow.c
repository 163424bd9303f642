#include "corpus.h"

/* 5 records of 2 rows of 3 values 0, 1, 2 ... in batches of 2 records. */
static void test_arrow_nested_lists_are_rows(void **state)
{
    static const char *const names[] = {"arrow", "arrow-old"};
    float values[30];
    size_t rows = 0, i, k;
    uint32_t dims = 0;
    mdla_error err;
    bytes b;
    int pipe;

    (void)state;
    for (k = 0; k < 2; k++) {
        corpus_bytes(names[k], &b);
        for (pipe = 0; pipe < 2; pipe++) {
            assert_int_equal(corpus_read(&b, pipe, NULL, values, &rows, &dims, &err), MDLA_OK);
            assert_int_equal(rows, 10);
            assert_int_equal(dims, 3);
            for (i = 0; i < 30; i++)
                assert_true(values[i] == (float)i);
        }
    }
}

static void test_arrow_columns_are_named(void **state)
{
    float values[10];
    size_t rows = 0;
    uint32_t dims = 0;
    mdla_error err;
    bytes b;

    (void)state;
    corpus_bytes("arrow", &b);
    assert_int_equal(corpus_read(&b, 0, "fixed", values, &rows, &dims, &err), MDLA_OK);
    assert_true(rows == 5 && dims == 2 && values[8] == 4.0f && values[9] == -4.0f);
    assert_int_equal(corpus_read(&b, 0, "text", NULL, &rows, &dims, &err), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(corpus_read(&b, 0, "more", NULL, &rows, &dims, &err), MDLA_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "acts (list<list<f32>>"));
}

static void test_arrow_rows_are_found_by_seek(void **state)
{
    const mdla_array_options options = {.array = "acts"};
    static const uint64_t order[] = {9, 0, 4, 3, 7};
    float row[3];
    mdla_rows *rows;
    mdla_error err;
    size_t got, i;
    bytes b;

    (void)state;
    corpus_bytes("arrow", &b);
    assert_int_equal(mdla_rows_open(NULL, source_of(&b, 0), "a", &options, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_rows_count(rows), 10);
    for (i = 0; i < 5; i++) {
        assert_int_equal(mdla_rows_seek(rows, order[i], &err), MDLA_OK);
        assert_int_equal(mdla_rows_read(rows, row, 1, &got, &err), MDLA_OK);
        assert_true(got == 1 && row[1] == (float)(3 * order[i] + 1));
    }
    mdla_rows_close(rows);
}

static void test_arrow_file_format_is_refused(void **state)
{
    size_t rows = 0;
    uint32_t dims = 0;
    mdla_error err;
    bytes b = {.count = 0};

    (void)state;
    put_text(&b, "ARROW1..........");
    assert_int_equal(corpus_read(&b, 0, NULL, NULL, &rows, &dims, &err), MDLA_ERR_UNSUPPORTED);
}

static void test_arrow_damage_is_found_or_harmless(void **state)
{
    bytes b;

    (void)state;
    corpus_bytes("arrow", &b);
    corpus_damage(&b, "acts");
    corpus_bytes("arrow-old", &b);
    corpus_damage(&b, "fixed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_nested_lists_are_rows),
        cmocka_unit_test(test_arrow_columns_are_named),
        cmocka_unit_test(test_arrow_rows_are_found_by_seek),
        cmocka_unit_test(test_arrow_file_format_is_refused),
        cmocka_unit_test(test_arrow_damage_is_found_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
