/* Codes written in each layout, and read back. */
#include "corpus.h"

#include "base/alloc.h"
#include "zip_source.h"

#include <math.h>

enum { ROWS = 5, WIDTH = 7 };

/* Row 1 and the last are empty; row 2 comes unsorted. */
static const uint32_t features[][3] = {{0, 6, 0}, {0, 0, 0}, {5, 2, 3}, {6, 0, 0}, {0, 0, 0}};
static const float strengths[][3] = {{1, 2.5f, 0}, {0, 0, 0}, {3, 4, 0.125f}, {8, 0, 0}, {0, 0, 0}};
static const size_t counts[] = {2, 0, 3, 1, 0};

static void write_rows(mdla_codes_writer *w)
{
    size_t i;

    for (i = 0; i < ROWS; i++)
        assert_int_equal(mdla_codes_writer_row(w, features[i], strengths[i], counts[i], NULL),
                         MDLA_OK);
}

static void check_codes(mdla_codes *codes)
{
    static const uint32_t sorted[3] = {2, 3, 5};
    const uint32_t *f;
    const float *s;

    assert_int_equal(mdla_codes_rows(codes), ROWS);
    assert_int_equal(mdla_codes_width(codes), WIDTH);
    assert_int_equal(mdla_codes_active(codes), 6);
    assert_int_equal(mdla_codes_row(codes, 0, &f, &s), 2);
    assert_true(f[1] == 6 && s[1] == 2.5f);
    assert_int_equal(mdla_codes_row(codes, 1, &f, &s), 0);
    assert_int_equal(mdla_codes_row(codes, 2, &f, &s), 3);
    assert_memory_equal(f, sorted, sizeof sorted);
    assert_true(s[0] == 4.0f && s[1] == 0.125f && s[2] == 3.0f);
    assert_int_equal(mdla_codes_row(codes, 4, &f, &s), 0);
    mdla_codes_free(codes);
}

static void test_codes_csr_and_coo_come_back(void **state)
{
    static const mdla_dtype types[] = {MDLA_F32, MDLA_F16};
    mdla_codes_writer *w;
    mdla_codes *codes;
    mdla_source source;
    mdla_sink sink;
    mdla_error err;
    void *written;
    size_t nbytes, i;

    (void)state;
    for (i = 0; i < 4; i++) {
        const mdla_codes_options options = {.kind = i < 2 ? MDLA_CODES_CSR : MDLA_CODES_COO,
                                            .width = WIDTH,
                                            .strengths = types[i % 2]};

        assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
        assert_int_equal(mdla_codes_writer_open(NULL, sink, &options, &w, &err), MDLA_OK);
        write_rows(w);
        assert_int_equal(mdla_codes_writer_close(w, 1, &err), MDLA_OK);
        mdla_source_memory(written, nbytes, &source);
        if (mdla_codes_read(NULL, source, "a", NULL, &codes, &err) != MDLA_OK)
            fail_msg("%s", err.text);
        check_codes(codes);
        free(written);
    }
}

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

static void test_codes_csr_is_as_scipy_reads_it(void **state)
{
    static const uint32_t f[] = {1, 4, 0};
    static const float s[] = {0.5f, -2.0f, 1.0f};
    const mdla_codes_options options = {.width = 5};
    mdla_codes_writer *writer;
    mdla_source source;
    zip_archive *zip;
    mdla_error err;
    mdla_sink sink;
    size_t nbytes;
    void *data;

    (void)state;
    assert_int_equal(mdla_sink_memory(&data, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_codes_writer_open(NULL, sink, &options, &writer, &err), MDLA_OK);
    assert_int_equal(mdla_codes_writer_row(writer, f, s, 2, &err), MDLA_OK);
    assert_int_equal(mdla_codes_writer_row(writer, NULL, NULL, 0, &err), MDLA_OK);
    assert_int_equal(mdla_codes_writer_row(writer, f + 2, s + 2, 1, &err), MDLA_OK);
    assert_int_equal(mdla_codes_writer_close(writer, 1, &err), MDLA_OK);
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

static void test_codes_csr_more_than_a_buffer(void **state)
{
    enum { MANY = 50000 };
    static int32_t ends[MANY + 1];
    const mdla_codes_options options = {.width = MANY};
    mdla_codes_writer *writer;
    mdla_source source;
    zip_archive *zip;
    mdla_error err;
    mdla_sink sink;
    size_t nbytes;
    uint32_t i;
    void *data;

    (void)state;
    assert_int_equal(mdla_sink_memory(&data, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_codes_writer_open(NULL, sink, &options, &writer, &err), MDLA_OK);
    for (i = 0; i < MANY; i++) {
        const float one = 1.0f;

        assert_int_equal(mdla_codes_writer_row(writer, &i, &one, i % 3 != 0, &err), MDLA_OK);
        ends[i + 1] = ends[i] + (i % 3 != 0);
    }
    assert_int_equal(mdla_codes_writer_close(writer, 1, &err), MDLA_OK);
    mdla_source_memory(data, nbytes, &source);
    assert_int_equal(zip_open(alloc_of(NULL), source, "z", false, &zip, &err), MDLA_OK);
    if (*(const uint8_t *)&(uint16_t){1} == 1)
        check_array(zip, "indptr.npy", "<i4", "(50001,)", ends, sizeof ends);
    zip_close(zip);
    free(data);
}

/* ---- delphi in a folder in memory ---------------------------------------------------------------
 */

typedef struct kept {
    char names[4][40];
    void *bytes[4];
    size_t nbytes[4];
    size_t count;
} kept;

static mdla_status kept_create(void *ctx, const char *member, mdla_sink *out, mdla_error *err)
{
    kept *const k = ctx;

    (void)err;
    assert_true(k->count < 4);
    snprintf(k->names[k->count], sizeof k->names[0], "%s", member);
    k->count++;
    return mdla_sink_memory(&k->bytes[k->count - 1], &k->nbytes[k->count - 1], out);
}

static mdla_status kept_open(void *ctx, const char *member, mdla_source *out, mdla_error *err)
{
    kept *const k = ctx;
    size_t i;

    (void)err;
    for (i = 0; i < k->count && strcmp(k->names[i], member) != 0; i++)
        ;
    if (i == k->count)
        return MDLA_ERR_IO;
    mdla_source_memory(k->bytes[i], k->nbytes[i], out);
    return MDLA_OK;
}

static void test_codes_delphi_comes_back_and_misses_no_file(void **state)
{
    const mdla_codes_options options = {.kind = MDLA_CODES_DELPHI,
                                        .width = WIDTH,
                                        .strengths = MDLA_F16,
                                        .context = 2,
                                        .splits = 3,
                                        .model = "a \"model\""};
    kept k = {.count = 0};
    const mdla_folder folder = {.ctx = &k, .open = kept_open, .create = kept_create};
    const char *members[4];
    mdla_codes_writer *w;
    mdla_codes *codes;
    mdla_error err;
    size_t i;

    (void)state;
    assert_int_equal(mdla_codes_writer_open_folder(NULL, folder, &options, &w, &err), MDLA_OK);
    write_rows(w);
    assert_int_equal(mdla_codes_writer_close(w, 1, &err), MDLA_OK);
    assert_int_equal(k.count, 4);
    assert_string_equal(k.names[0], "0_1.safetensors");
    assert_string_equal(k.names[1], "2_3.safetensors");
    assert_string_equal(k.names[2], "4_6.safetensors");
    for (i = 0; i < 4; i++)
        members[i] = k.names[3 - i];
    if (mdla_codes_read_folder(NULL, folder, members, 4, "a", NULL, &codes, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    check_codes(codes);
    members[2] = "other.safetensors"; /* 2_3 is gone */
    assert_int_equal(mdla_codes_read_folder(NULL, folder, members, 4, "a", NULL, &codes, &err),
                     MDLA_ERR_CORRUPT);
    for (i = 0; i < 4; i++)
        free(k.bytes[i]);
}

static void test_codes_that_can_not_be_written_are_refused(void **state)
{
    mdla_codes_options options = {.kind = MDLA_CODES_CSR, .width = WIDTH, .strengths = MDLA_F16};
    const uint32_t twice[] = {1, 1}, beyond = WIDTH, one = 1;
    const float values[] = {1, 2}, large = 65520, nan = NAN, half = 0.5f;
    mdla_codes_writer *w;
    mdla_sink sink;
    mdla_error err;
    void *written;
    size_t nbytes;

    (void)state;
    assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_codes_writer_open(NULL, sink, &options, &w, &err), MDLA_OK);
    assert_int_equal(mdla_codes_writer_row(w, twice, values, 2, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_codes_writer_row(w, &beyond, values, 1, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_codes_writer_row(w, &one, &large, 1, &err), MDLA_ERR_DATA);
    assert_non_null(strstr(err.text, "65504"));
    assert_int_equal(mdla_codes_writer_row(w, &one, &nan, 1, &err), MDLA_ERR_DATA);
    assert_int_equal(mdla_codes_writer_close(w, 0, &err), MDLA_OK);
    options.strengths = MDLA_I32;
    assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_codes_writer_open(NULL, sink, &options, &w, &err), MDLA_OK);
    assert_int_equal(mdla_codes_writer_row(w, &one, &half, 1, &err), MDLA_ERR_DATA);
    assert_int_equal(mdla_codes_writer_close(w, 0, &err), MDLA_OK);
    options.kind = MDLA_CODES_DELPHI; /* into a file */
    assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_codes_writer_open(NULL, sink, &options, &w, &err), MDLA_ERR_ARGUMENT);
}

static void test_codes_delphi_alone_needs_to_be_told(void **state)
{
    mdla_codes_shape given = {0};
    mdla_codes *codes;
    mdla_error err;
    bytes b;

    (void)state;
    corpus_bytes("delphi", &b);
    assert_int_equal(mdla_codes_read(NULL, source_of(&b, 0), "a", NULL, &codes, &err),
                     MDLA_ERR_ARGUMENT);
    given.width = 50;
    assert_int_equal(mdla_codes_read(NULL, source_of(&b, 0), "a", &given, &codes, &err),
                     MDLA_ERR_ARGUMENT);
    given.has_rows = 1;
    given.rows = 24;
    given.context = 8;
    assert_int_equal(mdla_codes_read(NULL, source_of(&b, 0), "a", &given, &codes, &err), MDLA_OK);
    mdla_codes_free(codes);
    given.rows = 23; /* the last of 24 has an entry */
    assert_int_equal(mdla_codes_read(NULL, source_of(&b, 0), "a", &given, &codes, &err),
                     MDLA_ERR_CORRUPT);
}

static void test_codes_damaged_are_refused_or_harmless(void **state)
{
    static const char *const names[] = {"csr.npz", "coo", "delphi"};
    const mdla_codes_shape given = {.rows = 24, .has_rows = 1, .width = 50, .context = 8};
    mdla_codes *codes;
    mdla_error err;
    bytes good, b;
    size_t i, k;

    (void)state;
    for (k = 0; k < 3; k++) {
        corpus_bytes(names[k], &good);
        for (i = 0; i < 2 * good.count; i++) {
            b = good;
            b.data[i / 2] ^= i % 2 ? 0xff : 1;
            err.text[0] = '\0';
            if (mdla_codes_read(NULL, source_of(&b, 0), "a", &given, &codes, &err) == MDLA_OK)
                mdla_codes_free(codes);
            else
                assert_true(err.text[0] != '\0');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_csr_and_coo_come_back),
        cmocka_unit_test(test_codes_csr_is_as_scipy_reads_it),
        cmocka_unit_test(test_codes_csr_more_than_a_buffer),
        cmocka_unit_test(test_codes_delphi_comes_back_and_misses_no_file),
        cmocka_unit_test(test_codes_that_can_not_be_written_are_refused),
        cmocka_unit_test(test_codes_delphi_alone_needs_to_be_told),
        cmocka_unit_test(test_codes_damaged_are_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
