#include "support.h"

#include "base/alloc.h"
#include "zip_source.h"

/* A member's bytes behind its .npy header, after checking what the header says. */
static void check_array(zip_archive *zip, const char *name, const char *descr, const char *shape,
                        const void *want, size_t nbytes)
{
    static uint8_t text[1 << 20];
    char said[128];
    mdla_source source;
    size_t got, header;

    assert_non_null(zip_find(zip, name));
    assert_int_equal(zip_member_open(zip, zip_find(zip, name), &source, NULL), MDLA_OK);
    assert_int_equal(source.read(source.ctx, text, sizeof text, &got), MDLA_OK);
    source.close(source.ctx);
    header = 10 + (text[8] | (size_t)text[9] << 8);
    assert_int_equal(header % 64, 0);
    (void)snprintf(said, sizeof said, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                   descr, shape);
    assert_memory_equal(text + 10, said, strlen(said));
    assert_int_equal(got - header, nbytes);
    assert_memory_equal(text + header, want, nbytes);
}

static void test_csr_rows_come_out_as_scipy_reads_them(void **state)
{
    static const uint32_t features[] = {1, 4, 0};
    static const float strengths[] = {0.5f, -2.0f, 1.0f};
    mdla_csr_writer *writer;
    mdla_source source;
    zip_archive *zip;
    mdla_error err;
    mdla_sink sink;
    size_t nbytes;
    void *data;

    (void)state;
    assert_int_equal(mdla_sink_memory(&data, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_csr_writer_open(NULL, sink, 5, &writer, &err), MDLA_OK);
    assert_int_equal(mdla_csr_writer_row(writer, features, strengths, 2, &err), MDLA_OK);
    assert_int_equal(mdla_csr_writer_row(writer, NULL, NULL, 0, &err), MDLA_OK);
    assert_int_equal(mdla_csr_writer_row(writer, features + 2, strengths + 2, 1, &err), MDLA_OK);
    assert_int_equal(mdla_csr_writer_close(writer, 1, &err), MDLA_OK);
    mdla_source_memory(data, nbytes, &source);
    assert_int_equal(zip_open(alloc_of(NULL), source, "z", false, &zip, &err), MDLA_OK);
    check_array(zip, "indices.npy", "<i4", "(3,)", "\1\0\0\0\4\0\0\0\0\0\0\0", 12);
    check_array(zip, "indptr.npy", "<i4", "(4,)", "\0\0\0\0\2\0\0\0\2\0\0\0\3\0\0\0", 16);
    check_array(zip, "format.npy", "|S3", "()", "csr", 3);
    check_array(zip, "shape.npy", "<i8", "(2,)", "\3\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 16);
    check_array(zip, "data.npy", "<f4", "(3,)", "\0\0\0?\0\0\0\xc0\0\0\x80?", 12);
    zip_close(zip);
    free(data);
}

static void test_csr_more_than_a_buffer(void **state)
{
    enum { ROWS = 50000 };
    static int32_t ends[ROWS + 1];
    mdla_csr_writer *writer;
    mdla_source source;
    zip_archive *zip;
    mdla_error err;
    mdla_sink sink;
    size_t nbytes;
    uint32_t i;
    void *data;

    (void)state;
    assert_int_equal(mdla_sink_memory(&data, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_csr_writer_open(NULL, sink, ROWS, &writer, &err), MDLA_OK);
    for (i = 0; i < ROWS; i++) {
        const float one = 1.0f;

        assert_int_equal(mdla_csr_writer_row(writer, &i, &one, i % 3 != 0, &err), MDLA_OK);
        ends[i + 1] = ends[i] + (i % 3 != 0);
    }
    assert_int_equal(mdla_csr_writer_close(writer, 1, &err), MDLA_OK);
    mdla_source_memory(data, nbytes, &source);
    assert_int_equal(zip_open(alloc_of(NULL), source, "z", false, &zip, &err), MDLA_OK);
    if (*(const uint8_t *)&(uint16_t){1} == 1)
        check_array(zip, "indptr.npy", "<i4", "(50001,)", ends, sizeof ends);
    zip_close(zip);
    free(data);
}

static void test_csr_features_out_of_order_are_refused(void **state)
{
    static const uint32_t features[] = {3, 3, 7};
    static const float strengths[] = {1, 1, 1};
    mdla_csr_writer *writer;
    mdla_error err;
    mdla_sink sink;
    size_t nbytes;
    void *data;

    (void)state;
    assert_int_equal(mdla_sink_memory(&data, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_csr_writer_open(NULL, sink, 7, &writer, &err), MDLA_OK);
    assert_int_equal(mdla_csr_writer_row(writer, features, strengths, 2, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_csr_writer_row(writer, features + 2, strengths, 1, &err),
                     MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_csr_writer_close(writer, 1, &err), MDLA_ERR_ARGUMENT);
    assert_null(data);
    assert_int_equal(mdla_csr_writer_close(NULL, 1, &err), MDLA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csr_rows_come_out_as_scipy_reads_them),
        cmocka_unit_test(test_csr_more_than_a_buffer),
        cmocka_unit_test(test_csr_features_out_of_order_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
