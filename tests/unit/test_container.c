/* Whole files in memory: round trips, damage of every kind, accounting, both ways of reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "container/header.h"
#include "small_file.h"

#include <zlib.h>

#define DIMS 12
#define WIDTH 24
#define ROWS 150

static small_case fixture;

static int set_up(void **state)
{
    (void)state;
    random_seed("test_container");
    small_case_make(&fixture, DIMS, WIDTH, ROWS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    small_case_free(&fixture);
    return 0;
}

static void test_container_round_trip_keeps_the_promise(void **state)
{
    mdla_encode_report report;
    mdla_error err;
    void *bytes;
    size_t nbytes, got;
    float *rows;
    double error = 0.0, deviation = 0.0;

    (void)state;
    small_case_encode(&fixture, ROWS, false, 64, 1, &bytes, &nbytes, &report);
    assert_int_equal(report.file_nbytes, nbytes);
    assert_int_equal(decode_bytes(bytes, nbytes, false, NULL, 2, &rows, &got, &err), MDLA_OK);
    assert_int_equal(got, ROWS);
    for (uint32_t d = 0; d < DIMS; d++) {
        double mean = 0.0;

        for (size_t r = 0; r < ROWS; r++)
            mean += fixture.rows[r * DIMS + d] / (double)ROWS;
        for (size_t r = 0; r < ROWS; r++) {
            const double x = fixture.rows[r * DIMS + d];

            error += (x - rows[r * DIMS + d]) * (x - rows[r * DIMS + d]);
            deviation += (x - mean) * (x - mean);
        }
    }
    assert_true(fabs(report.fvu - error / deviation) < 1e-9);
    assert_true(report.fvu < 0.2);
    free(rows);
    free(bytes);
}

static void test_container_threads_and_blocks_do_not_change_rows(void **state)
{
    void *one, *two, *blocks;
    size_t one_nbytes, two_nbytes, blocks_nbytes, got;
    float *a, *b, *c;
    mdla_error err;

    (void)state;
    small_case_encode(&fixture, ROWS, false, 64, 1, &one, &one_nbytes, NULL);
    small_case_encode(&fixture, ROWS, false, 64, 3, &two, &two_nbytes, NULL);
    small_case_encode(&fixture, ROWS, false, 7, 1, &blocks, &blocks_nbytes, NULL);
    assert_int_equal(one_nbytes, two_nbytes);
    assert_memory_equal(one, two, one_nbytes);
    assert_int_equal(decode_bytes(one, one_nbytes, false, NULL, 1, &a, &got, &err), MDLA_OK);
    assert_int_equal(decode_bytes(one, one_nbytes, true, NULL, 3, &b, &got, &err), MDLA_OK);
    assert_int_equal(got, ROWS);
    assert_memory_equal(a, b, ROWS * DIMS * sizeof *a);
    assert_int_equal(decode_bytes(blocks, blocks_nbytes, true, NULL, 2, &c, &got, &err), MDLA_OK);
    assert_int_equal(got, ROWS);
    assert_memory_equal(a, c, ROWS * DIMS * sizeof *a);
    free(one);
    free(two);
    free(blocks);
    free(a);
    free(b);
    free(c);
}

static void test_container_every_bit_flip_is_found(void **state)
{
    void *bytes;
    size_t nbytes, got;
    mdla_error err;

    (void)state;
    small_case_encode(&fixture, 40, false, 16, 1, &bytes, &nbytes, NULL);
    for (size_t bit = 0; bit < 8 * nbytes; bit++) {
        float *rows;

        ((uint8_t *)bytes)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        for (unsigned as_pipe = 0; as_pipe < 2; as_pipe++) {
            const mdla_status status =
                decode_bytes(bytes, nbytes, as_pipe != 0, NULL, 1, &rows, &got, &err);

            if (status == MDLA_OK)
                fail_msg("bit %zu of byte %zu, %s: no error", bit % 8, bit / 8,
                         as_pipe ? "pipe" : "file");
            assert_true(strncmp(err.text, "small.mdla", 10) == 0);
            free(rows);
        }
        ((uint8_t *)bytes)[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(bytes);
}

static void test_container_every_truncation_is_found(void **state)
{
    void *bytes;
    size_t nbytes, got;
    mdla_error err;

    (void)state;
    small_case_encode(&fixture, 40, false, 16, 1, &bytes, &nbytes, NULL);
    for (size_t cut = 0; cut < nbytes; cut++) {
        for (unsigned as_pipe = 0; as_pipe < 2; as_pipe++) {
            uint8_t *copy =
                malloc(cut + 1); /* its own block, so that a read past the end is seen */
            float *rows;

            assert_non_null(copy);
            memcpy(copy, bytes, cut);
            if (decode_bytes(copy, cut, as_pipe != 0, NULL, 1, &rows, &got, &err) == MDLA_OK)
                fail_msg("cut to %zu bytes, %s: no error", cut, as_pipe ? "pipe" : "file");
            free(rows);
            free(copy);
        }
    }
    free(bytes);
}

static void test_container_trailing_byte_is_found(void **state)
{
    void *bytes;
    size_t nbytes, got;
    uint8_t *longer;
    float *rows;
    mdla_error err;

    (void)state;
    small_case_encode(&fixture, 40, false, 16, 1, &bytes, &nbytes, NULL);
    longer = calloc(nbytes + 1, 1);
    assert_non_null(longer);
    memcpy(longer, bytes, nbytes);
    for (unsigned as_pipe = 0; as_pipe < 2; as_pipe++) {
        assert_int_not_equal(
            decode_bytes(longer, nbytes + 1, as_pipe != 0, NULL, 1, &rows, &got, &err), MDLA_OK);
        free(rows);
    }
    free(longer);
    free(bytes);
}

/* A chunk with a right CRC, for files that are well framed and wrong. */
static size_t put_chunk(uint8_t *to, const char *type, const void *payload, size_t nbytes)
{
    uint32_t crc;

    memcpy(to, type, 4);
    for (unsigned i = 0; i < 4; i++)
        to[4 + i] = (uint8_t)(nbytes >> 8 * i);
    memcpy(to + 8, payload, nbytes);
    crc = (uint32_t)crc32_z(0, to, nbytes + 8);
    for (unsigned i = 0; i < 4; i++)
        to[8 + nbytes + i] = (uint8_t)(crc >> 8 * i);
    return nbytes + 12;
}

/* The file with a chunk put before its tail (36 bytes from the end). */
static void with_extra_chunk(const char *type, mdla_status expected)
{
    void *bytes;
    size_t nbytes, got, extra;
    uint8_t *longer;
    float *rows;
    mdla_error err;

    small_case_encode(&fixture, 40, false, 16, 1, &bytes, &nbytes, NULL);
    longer = malloc(nbytes + 64);
    assert_non_null(longer);
    memcpy(longer, bytes, nbytes - 36);
    extra = put_chunk(longer + nbytes - 36, type, "hello", 5);
    memcpy(longer + nbytes - 36 + extra, (uint8_t *)bytes + nbytes - 36, 36);
    for (unsigned as_pipe = 0; as_pipe < 2; as_pipe++) {
        assert_int_equal(
            decode_bytes(longer, nbytes + extra, as_pipe != 0, NULL, 1, &rows, &got, &err),
            expected);
        if (expected == MDLA_ERR_UNSUPPORTED)
            assert_non_null(strstr(err.text, type));
        else if (expected == MDLA_OK)
            assert_int_equal(got, 40);
        free(rows);
    }
    free(longer);
    free(bytes);
}

static void test_container_unknown_ancillary_chunk_is_skipped(void **state)
{
    (void)state;
    with_extra_chunk("xtra", MDLA_OK);
}

static void test_container_unknown_critical_chunk_is_refused_by_name(void **state)
{
    (void)state;
    with_extra_chunk("XTRA", MDLA_ERR_UNSUPPORTED);
}

static void test_container_second_note_is_refused(void **state)
{
    (void)state;
    with_extra_chunk("note", MDLA_ERR_CORRUPT);
}

static void test_container_newer_version_is_refused(void **state)
{
    void *bytes;
    size_t nbytes, got;
    uint8_t head[40];
    float *rows;
    mdla_error err;

    (void)state;
    small_case_encode(&fixture, 40, false, 16, 1, &bytes, &nbytes, NULL);
    memcpy(head, (uint8_t *)bytes + 16, sizeof head);
    head[2] = 77;
    put_chunk((uint8_t *)bytes + 8, "HEAD", head, sizeof head);
    assert_int_equal(decode_bytes(bytes, nbytes, false, NULL, 1, &rows, &got, &err),
                     MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "0.77"));
    free(bytes);
}

static void test_container_reference_needs_its_codebook(void **state)
{
    small_case other;
    void *bytes;
    size_t nbytes, got;
    float *rows;
    mdla_error err;

    (void)state;
    small_case_encode(&fixture, 40, true, 16, 1, &bytes, &nbytes, NULL);
    assert_int_equal(decode_bytes(bytes, nbytes, false, NULL, 1, &rows, &got, &err),
                     MDLA_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "SHA-256"));
    small_case_make(&other, DIMS, WIDTH, ROWS);
    assert_int_equal(decode_bytes(bytes, nbytes, false, other.book, 1, &rows, &got, &err),
                     MDLA_ERR_ARGUMENT);
    assert_int_equal(decode_bytes(bytes, nbytes, false, fixture.book, 1, &rows, &got, &err),
                     MDLA_OK);
    assert_int_equal(got, 40);
    small_case_free(&other);
    free(rows);
    free(bytes);
}

static void test_container_no_rows_is_a_file(void **state)
{
    void *bytes;
    size_t nbytes, got;
    float *rows;
    mdla_error err;

    (void)state;
    small_case_encode(&fixture, 0, false, 0, 1, &bytes, &nbytes, NULL);
    for (unsigned as_pipe = 0; as_pipe < 2; as_pipe++) {
        assert_int_equal(decode_bytes(bytes, nbytes, as_pipe != 0, NULL, 1, &rows, &got, &err),
                         MDLA_OK);
        assert_int_equal(got, 0);
        free(rows);
    }
    free(bytes);
}

static void test_container_seek_gives_the_same_rows(void **state)
{
    void *bytes;
    size_t nbytes, got;
    float *all, part[5 * DIMS];
    mdla_source source;
    mdla_decoder *decoder;
    mdla_error err;

    (void)state;
    small_case_encode(&fixture, ROWS, false, 16, 1, &bytes, &nbytes, NULL);
    assert_int_equal(decode_bytes(bytes, nbytes, false, NULL, 1, &all, &got, &err), MDLA_OK);
    mdla_source_memory(bytes, nbytes, &source);
    assert_int_equal(mdla_decoder_open(NULL, source, "small", NULL, &decoder, &err), MDLA_OK);
    for (unsigned round = 0; round < 100; round++) {
        const uint32_t row = random_below(ROWS + 1);
        const size_t want = ROWS - row < 5 ? ROWS - row : 5;

        assert_int_equal(mdla_decoder_seek(decoder, row, &err), MDLA_OK);
        assert_int_equal(mdla_decoder_read_rows(decoder, part, 5, &got, &err), MDLA_OK);
        assert_int_equal(got, want);
        assert_memory_equal(part, all + row * DIMS, want * DIMS * sizeof *part);
    }
    assert_int_equal(mdla_decoder_seek(decoder, ROWS + 1, &err), MDLA_ERR_ARGUMENT);
    mdla_decoder_close(decoder);
    free(all);
    free(bytes);
}

static mdla_status (*plain_read)(void *, void *, size_t, size_t *);
static size_t nbytes_read;

static mdla_status counted_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    const mdla_status status = plain_read(ctx, dst, nbytes, got);

    nbytes_read += *got;
    return status;
}

/* However many threads could decode ahead. */
static void test_container_seek_reads_the_blocks_asked_for_alone(void **state)
{
    void *bytes;
    size_t nbytes, got, one_block;
    float part[ROWS * DIMS];
    mdla_source source;
    mdla_decoder *decoder;
    mdla_config config;
    mdla_error err;

    (void)state;
    small_case_encode(&fixture, ROWS, false, 16, 1, &bytes, &nbytes, NULL);
    mdla_source_memory(bytes, nbytes, &source);
    plain_read = source.read;
    source.read = counted_read;
    mdla_config_init(&config);
    config.threads = 4;
    assert_int_equal(mdla_decoder_open(&config, source, "small", NULL, &decoder, &err), MDLA_OK);
    nbytes_read = 0;
    assert_int_equal(mdla_decoder_seek(decoder, 32, &err), MDLA_OK);
    assert_int_equal(mdla_decoder_read_rows(decoder, part, 16, &got, &err), MDLA_OK);
    one_block = nbytes_read;
    assert_true(one_block > 0);
    assert_int_equal(mdla_decoder_seek(decoder, 37, &err), MDLA_OK); /* it is decoded already */
    assert_int_equal(mdla_decoder_read_rows(decoder, part, 3, &got, &err), MDLA_OK);
    assert_int_equal(nbytes_read, one_block);
    nbytes_read = 0;
    assert_int_equal(mdla_decoder_seek(decoder, 5, &err), MDLA_OK);
    assert_int_equal(mdla_decoder_read_rows(decoder, part, 3, &got, &err), MDLA_OK);
    assert_in_range(nbytes_read, 1, 3 * one_block / 2);
    nbytes_read = 0;
    assert_int_equal(mdla_decoder_read_rows(decoder, part, 16, &got, &err), MDLA_OK);
    assert_true(nbytes_read > 2 * one_block); /* in order: ahead */
    mdla_decoder_close(decoder);
    free(bytes);
}

typedef struct visit_sums {
    uint64_t rows;
    size_t active;
    double bits;
} visit_sums;

static int visit_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                     const mdla_symbol_bits *bits)
{
    visit_sums *v = ctx;

    assert_int_equal(row, v->rows++);
    v->bits += bits->passage + bits->norm + bits->header;
    for (size_t i = 0; i < count; i++) {
        assert_true(code[i].feature < WIDTH && code[i].level >= 1 && code[i].strength > 0.0);
        v->bits += code[i].index_bits + code[i].level_bits;
    }
    v->active += count;
    return 0;
}

/* What is known without decoding is the same; only the outline of a file that names its codebook
 * goes without that. */
static void check_outline(const void *bytes, size_t nbytes, const mdla_account *decoded)
{
    static const mdla_bit_class coded[] = {MDLA_BITS_PASSAGES, MDLA_BITS_ROW_NORMS,
                                           MDLA_BITS_INDICES, MDLA_BITS_LEVELS, MDLA_BITS_CODER};
    float row[DIMS];
    mdla_file_info info;
    mdla_source source;
    mdla_decoder *decoder;
    mdla_account account;
    mdla_error err;
    double sum = 0.0;
    size_t got;

    mdla_source_memory(bytes, nbytes, &source);
    assert_int_equal(mdla_decoder_open_outline(NULL, source, "small", &decoder, &err), MDLA_OK);
    mdla_decoder_query(decoder, &info);
    assert_int_equal(mdla_decoder_account_outline(decoder, &account, &err), MDLA_OK);
    for (size_t i = 0; i < sizeof coded / sizeof coded[0]; i++) {
        assert_true(isnan(account.bits[coded[i]]));
        account.bits[coded[i]] = decoded->bits[coded[i]];
        sum += decoded->bits[coded[i]];
    }
    assert_memory_equal(account.bits, decoded->bits, sizeof account.bits);
    assert_true(fabs(sum - account.charged) < 1e-6);
    assert_int_equal(account.rows, decoded->rows);
    if (info.embedded) {
        assert_non_null(mdla_decoder_codebook(decoder));
    } else {
        assert_null(mdla_decoder_codebook(decoder));
        assert_int_equal(mdla_decoder_account(decoder, &account, &err), MDLA_ERR_ARGUMENT);
        assert_int_equal(mdla_decoder_read_rows(decoder, row, 1, &got, &err), MDLA_ERR_ARGUMENT);
    }
    mdla_decoder_close(decoder);
}

/* The step's exponent is at byte 28 of the header's payload. */
static void test_container_outline_has_a_step_too(void **state)
{
    static const uint8_t exponents[][4] = {
        {81, 0, 0, 0}, {0xff, 0xff, 0xff, 0x7f}, {0, 0, 0, 0x80}};

    (void)state;
    for (unsigned reference = 0; reference < 2; reference++) {
        uint8_t payload[HEADER_NBYTES], *bytes;
        void *made;
        size_t nbytes;
        mdla_source source;
        mdla_decoder *decoder;
        mdla_error err;

        small_case_encode(&fixture, 40, reference != 0, 16, 1, &made, &nbytes, NULL);
        bytes = made;
        memcpy(payload, bytes + 16, sizeof payload);
        for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++) {
            memcpy(payload + 28, exponents[i], 4);
            put_chunk(bytes + 8, "HEAD", payload, sizeof payload);
            mdla_source_memory(bytes, nbytes, &source);
            assert_int_equal(mdla_decoder_open_outline(NULL, source, "small", &decoder, &err),
                             MDLA_ERR_CORRUPT);
            assert_non_null(strstr(err.text, "step"));
        }
        free(made);
    }
}

static void test_container_accounting_sums_to_the_file(void **state)
{
    (void)state;
    for (unsigned reference = 0; reference < 2; reference++) {
        void *bytes;
        size_t nbytes;
        mdla_source source;
        mdla_decoder *decoder;
        mdla_account account;
        mdla_error err;
        visit_sums v = {0};
        double sum = 0.0;

        small_case_encode(&fixture, ROWS, reference != 0, 64, 1, &bytes, &nbytes, NULL);
        mdla_source_memory(bytes, nbytes, &source);
        assert_int_equal(mdla_decoder_open(NULL, source, "small", fixture.book, &decoder, &err),
                         MDLA_OK);
        assert_int_equal(mdla_decoder_account(decoder, &account, &err), MDLA_OK);
        for (unsigned i = 0; i < MDLA_BITS_CLASSES; i++)
            sum += account.bits[i];
        assert_true(fabs(sum - 8.0 * (double)nbytes) < 1e-6);
        assert_int_equal(account.file_nbytes, nbytes);
        check_outline(bytes, nbytes, &account);
        assert_int_equal(mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, visit_row, &v, &err),
                         MDLA_OK);
        assert_int_equal(v.rows, ROWS);
        assert_int_equal(v.active, account.active);
        assert_true(fabs(v.bits - account.charged) < 1e-6);
        /* A payload's last byte is left out where it happens to be zero: 8 bits a block less. */
        assert_true(account.bits[MDLA_BITS_CODER] > -3 * 8.0 &&
                    account.bits[MDLA_BITS_CODER] < 3 * 17.0);
        mdla_decoder_close(decoder);
        free(bytes);
    }
}

static void test_container_codebook_file_round_trips(void **state)
{
    void *bytes, *again;
    size_t nbytes, again_nbytes;
    mdla_sink sink;
    mdla_source source;
    mdla_codebook *copy;
    mdla_codebook_info a, b;
    mdla_error err;
    float x[DIMS], y[DIMS];

    (void)state;
    assert_int_equal(mdla_sink_memory(&bytes, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_codebook_write(fixture.book, sink, &err), MDLA_OK);
    mdla_source_memory(bytes, nbytes, &source);
    assert_int_equal(mdla_codebook_read(NULL, source, "cb", &copy, &err), MDLA_OK);
    mdla_codebook_query(fixture.book, &a);
    mdla_codebook_query(copy, &b);
    assert_memory_equal(a.sha256, b.sha256, 32);
    assert_true(a.atom_bits == b.atom_bits && a.bias_bits == b.bias_bits &&
                a.prior_bits == b.prior_bits);
    for (uint32_t k = 0; k < WIDTH; k++) {
        assert_int_equal(mdla_codebook_atom(fixture.book, k, x), MDLA_OK);
        assert_int_equal(mdla_codebook_atom(copy, k, y), MDLA_OK);
        assert_memory_equal(x, y, sizeof x);
    }
    assert_int_equal(mdla_codebook_atom(copy, WIDTH, x), MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_sink_memory(&again, &again_nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_codebook_write(copy, sink, &err), MDLA_OK);
    assert_int_equal(again_nbytes, nbytes);
    assert_memory_equal(again, bytes, nbytes);
    mdla_codebook_free(copy);
    for (size_t cut = 0; cut < nbytes; cut++) {
        mdla_source_memory(bytes, cut, &source);
        assert_int_not_equal(mdla_codebook_read(NULL, source, "cb", &copy, &err), MDLA_OK);
    }
    free(bytes);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container_round_trip_keeps_the_promise),
        cmocka_unit_test(test_container_threads_and_blocks_do_not_change_rows),
        cmocka_unit_test(test_container_every_bit_flip_is_found),
        cmocka_unit_test(test_container_every_truncation_is_found),
        cmocka_unit_test(test_container_trailing_byte_is_found),
        cmocka_unit_test(test_container_unknown_ancillary_chunk_is_skipped),
        cmocka_unit_test(test_container_unknown_critical_chunk_is_refused_by_name),
        cmocka_unit_test(test_container_second_note_is_refused),
        cmocka_unit_test(test_container_newer_version_is_refused),
        cmocka_unit_test(test_container_reference_needs_its_codebook),
        cmocka_unit_test(test_container_no_rows_is_a_file),
        cmocka_unit_test(test_container_seek_gives_the_same_rows),
        cmocka_unit_test(test_container_seek_reads_the_blocks_asked_for_alone),
        cmocka_unit_test(test_container_outline_has_a_step_too),
        cmocka_unit_test(test_container_accounting_sums_to_the_file),
        cmocka_unit_test(test_container_codebook_file_round_trips),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
