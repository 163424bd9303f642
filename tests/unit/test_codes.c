/* Codes written in each layout, and read back. */
#include "corpus.h"

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
        cmocka_unit_test(test_codes_delphi_comes_back_and_misses_no_file),
        cmocka_unit_test(test_codes_that_can_not_be_written_are_refused),
        cmocka_unit_test(test_codes_delphi_alone_needs_to_be_told),
        cmocka_unit_test(test_codes_damaged_are_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
