#include "support.h"

static const float values[6] = {0.0f, 1.0f, 2.5f, -3.5f, 300.25f, 7.0f};

static mdla_status write_array(mdla_array_kind kind, mdla_dtype dtype, uint64_t promised,
                               bytes *out)
{
    mdla_array_writer *w;
    mdla_sink sink;
    mdla_status status;
    void *written;
    size_t nbytes;

    assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
    status = mdla_array_writer_open(NULL, sink, kind, promised, 3, dtype, NULL, &w, NULL);
    if (status != MDLA_OK)
        return status;
    status = mdla_array_writer_rows(w, values, 2, NULL);
    if (mdla_array_writer_close(w, 1, NULL) != MDLA_OK)
        return MDLA_ERR_ARGUMENT;
    out->count = 0;
    put(out, written, nbytes);
    free(written);
    return status;
}

static void test_array_writer_every_dtype_reads_back(void **state)
{
    const mdla_array_options told = {.bf16 = 1};
    float got[6];
    size_t row_count, i;
    uint32_t dims;
    mdla_error err;
    int dtype;
    bytes b;

    (void)state;
    for (dtype = MDLA_F32; dtype <= MDLA_BOOL; dtype++) {
        if (dtype == MDLA_U16 || dtype == MDLA_I16)
            continue; /* told is about those: below */
        assert_int_equal(write_array(MDLA_ARRAY_NPY, (mdla_dtype)dtype, 2, &b), MDLA_OK);
        assert_int_equal((b.data[8] + 256 * b.data[9] + 10) % 64, 0);
        assert_int_equal(read_array(&b, 0, &told, got, &row_count, &dims, &err), MDLA_OK);
        assert_int_equal(row_count, 2);
        assert_int_equal(dims, 3);
        assert_true(got[1] == 1.0f);
        for (i = 0; i < 6 && dtype <= MDLA_F64; i++) {
            if (dtype != MDLA_BF16) /* 300.25 has too many bits for it */
                assert_true(got[i] == values[i]);
        }
    }
    assert_int_equal(write_array(MDLA_ARRAY_NPY, MDLA_I16, 2, &b), MDLA_OK);
    assert_int_equal(
        read_array(&b, 0, &(mdla_array_options){.bf16 = -1}, got, &row_count, &dims, &err),
        MDLA_OK);
    assert_true(got[2] == 2.0f && got[3] == -4.0f && got[4] == 300.0f);
}

static void test_array_writer_npz_and_safetensors_read_back(void **state)
{
    static const mdla_array_kind kinds[] = {MDLA_ARRAY_NPZ, MDLA_ARRAY_SAFETENSORS};
    static const mdla_dtype dtypes[] = {MDLA_F32, MDLA_F16, MDLA_F64, MDLA_I32};
    const mdla_array_options named = {.array = "activations"};
    float got[6];
    size_t row_count = 0, i;
    uint32_t dims = 0;
    mdla_error err;
    bytes b;

    (void)state;
    for (i = 0; i < 8; i++) {
        assert_int_equal(write_array(kinds[i % 2], dtypes[i / 2], 2, &b), MDLA_OK);
        assert_int_equal(read_array(&b, 0, &named, got, &row_count, &dims, &err), MDLA_OK);
        assert_true(row_count == 2 && dims == 3 && got[5] == 7.0f);
        assert_int_equal(write_array(kinds[i % 2], dtypes[i / 2], MDLA_UNKNOWN, &b),
                         MDLA_ERR_ARGUMENT);
    }
}

static void test_array_writer_raw_is_bare_values(void **state)
{
    bytes b;

    (void)state;
    assert_int_equal(write_array(MDLA_ARRAY_RAW, MDLA_F16, MDLA_UNKNOWN, &b), MDLA_OK);
    assert_int_equal(b.count, 12);
    assert_memory_equal(b.data + 2, "\x00\x3c", 2);
}

static void test_array_writer_holds_to_the_promised_rows(void **state)
{
    bytes b;

    (void)state;
    assert_int_equal(write_array(MDLA_ARRAY_NPY, MDLA_F32, 1, &b), MDLA_ERR_ARGUMENT);
    assert_int_equal(write_array(MDLA_ARRAY_NPY, MDLA_F32, 3, &b), MDLA_ERR_ARGUMENT);
    assert_int_equal(write_array(MDLA_ARRAY_NPY, MDLA_F32, MDLA_UNKNOWN, &b), MDLA_ERR_ARGUMENT);
    assert_int_equal(write_array(MDLA_ARRAY_NPY, (mdla_dtype)13, 2, &b), MDLA_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_array_writer_every_dtype_reads_back),
        cmocka_unit_test(test_array_writer_npz_and_safetensors_read_back),
        cmocka_unit_test(test_array_writer_raw_is_bare_values),
        cmocka_unit_test(test_array_writer_holds_to_the_promised_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
