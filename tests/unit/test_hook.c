/* Where rows stood, by name: which names are, what a file and other outputs hold of them, what
 * breaks a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arrays/safetensors_header.h"
#include "container/chunk.h"
#include "container/hook.h"
#include "small_file.h"

#define DIMS 4
#define TAIL 36 /* the last chunk, framed */

static const char name[] = "blocks.5.h\xc3\xa9 \"x\\";

static void test_hook_names_are_plain_text(void **state)
{
    static const struct {
        const char *text;
        int good;
    } cases[] = {{"a", 1},
                 {"blocks.5.hook_resid_post", 1},
                 {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 1},
                 {"", 0},
                 {"a\nb", 0},
                 {"\x1b[2J", 0},
                 {"a\x7f", 0},
                 {"a\x80", 0},
                 {"\xc3", 0},
                 {"\xc0\xaf", 0},
                 {"\xed\xa0\x80", 0},
                 {"\xf4\x90\x80\x80", 0}};
    char longest[HOOK_NBYTES_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(hook_is_name(cases[i].text, strlen(cases[i].text)), cases[i].good);
        assert_int_equal(hook_check(cases[i].text, NULL),
                         cases[i].good ? MDLA_OK : MDLA_ERR_ARGUMENT);
    }
    memset(longest, 'x', sizeof longest);
    longest[HOOK_NBYTES_MAX + 1] = '\0';
    assert_false(hook_is_name(longest, HOOK_NBYTES_MAX + 1));
    longest[HOOK_NBYTES_MAX] = '\0';
    assert_true(hook_is_name(longest, HOOK_NBYTES_MAX));
    assert_false(hook_is_name("a\0b", 3));
    assert_int_equal(hook_check(NULL, NULL), MDLA_OK);
}

static void test_hook_goes_into_safetensors_metadata(void **state)
{
    const tensor_entry tensor = {"activations", MDLA_F32, 2, {3, 2}};
    char longest[HOOK_NBYTES_MAX + 1];
    uint8_t header[SAFETENSORS_HEADER_ROOM + 1];
    size_t nbytes;

    (void)state;
    nbytes = safetensors_header_write(&tensor, 1, name, header);
    header[nbytes] = '\0';
    assert_int_equal(nbytes % 8, 0);
    assert_non_null(strstr((char *)header + 8,
                           "{\"__metadata__\":{\"hook_name\":\"blocks.5.h\xc3\xa9 \\\"x\\\\\"},"
                           "\"activations\":{"));
    memset(longest, '"', sizeof longest);
    longest[HOOK_NBYTES_MAX] = '\0';
    assert_true(safetensors_header_write(&tensor, 1, longest, header) < SAFETENSORS_HEADER_ROOM);
}

/* ---- Files -------------------------------------------------------------------------------------
 */

static mdla_status open_bytes(const void *bytes, size_t nbytes, mdla_decoder **out, mdla_error *err)
{
    mdla_source source;

    mdla_source_memory(bytes, nbytes, &source);
    return mdla_decoder_open(NULL, source, "hook", NULL, out, err);
}

static void test_hook_comes_back_and_counts_apart(void **state)
{
    const mdla_encode_options options = {.hook = name};
    mdla_encode_report with, without;
    mdla_account account;
    mdla_decoder *decoder;
    mdla_file_info info;
    mdla_error err;
    void *bytes, *plain;
    size_t nbytes, plain_nbytes;
    small_case c;

    (void)state;
    small_case_make(&c, DIMS, 6, 200);
    small_case_encode_as(&c, 200, (mdla_encode_options){0}, 1, &plain, &plain_nbytes, &without);
    small_case_encode_as(&c, 200, options, 1, &bytes, &nbytes, &with);
    assert_int_equal(nbytes, plain_nbytes + strlen(name) + CHUNK_FRAME_NBYTES);
    assert_int_equal(with.hook_nbytes, nbytes - plain_nbytes);
    assert_int_equal(without.hook_nbytes, 0);
    assert_int_equal(open_bytes(bytes, nbytes, &decoder, &err), MDLA_OK);
    mdla_decoder_query(decoder, &info);
    assert_string_equal(info.hook, name);
    assert_int_equal(mdla_decoder_account(decoder, &account, &err), MDLA_OK);
    assert_true(account.bits[MDLA_BITS_HOOK] == 8.0 * (double)with.hook_nbytes);
    mdla_decoder_close(decoder);
    assert_int_equal(open_bytes(plain, plain_nbytes, &decoder, &err), MDLA_OK);
    mdla_decoder_query(decoder, &info);
    assert_null(info.hook);
    mdla_decoder_close(decoder);
    free(bytes);
    free(plain);
    small_case_free(&c);
}

/* The file with chunks of these payloads before its tail: opened and, as a pipe, read. */
static void check_spliced(const void *plain, size_t nbytes, const char *const *payloads,
                          const size_t *sizes, size_t count, mdla_status expected)
{
    uint8_t *file = malloc(nbytes + 4096), *end;
    mdla_sink sink;
    mdla_decoder *decoder = NULL;
    mdla_error err;
    void *chunks;
    size_t chunks_nbytes, row_count;
    float *rows;

    assert_non_null(file);
    assert_int_equal(mdla_sink_memory(&chunks, &chunks_nbytes, &sink), MDLA_OK);
    chunk_writer w = {sink, 0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(chunk_write(&w, CHUNK_HOOK, payloads[i], sizes[i], NULL, 0), MDLA_OK);
    assert_int_equal(sink.close(sink.ctx, 1), MDLA_OK);
    end = file + nbytes - TAIL;
    memcpy(file, plain, nbytes - TAIL);
    memcpy(end, chunks, chunks_nbytes);
    memcpy(end + chunks_nbytes, (const uint8_t *)plain + nbytes - TAIL, TAIL);
    assert_int_equal(open_bytes(file, nbytes + chunks_nbytes, &decoder, &err), expected);
    mdla_decoder_close(decoder);
    assert_int_equal(
        decode_bytes(file, nbytes + chunks_nbytes, true, NULL, 1, &rows, &row_count, &err),
        expected);
    free(rows);
    free(chunks);
    free(file);
}

static void test_hook_chunks_that_no_encoder_writes_are_corrupt(void **state)
{
    char longest[HOOK_NBYTES_MAX + 1];
    const char *const good[] = {"a", "b"};
    const struct {
        const char *text;
        size_t nbytes;
    } bad[] = {{"", 0},    {longest, sizeof longest}, {"a\0", 2}, {"\xff", 1}, {"a\n", 2},
               {"\xc3", 1}};
    const size_t ones[] = {1, 1};
    mdla_error err;
    void *plain;
    size_t nbytes;
    small_case c;

    (void)state;
    memset(longest, 'x', sizeof longest);
    small_case_make(&c, DIMS, 6, 50);
    small_case_encode_as(&c, 50, (mdla_encode_options){0}, 1, &plain, &nbytes, NULL);
    check_spliced(plain, nbytes, good, ones, 1, MDLA_OK);
    check_spliced(plain, nbytes, good, ones, 2, MDLA_ERR_CORRUPT);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_spliced(plain, nbytes, &bad[i].text, &bad[i].nbytes, 1, MDLA_ERR_CORRUPT);

    /* Nor does the encoder take them. */
    const mdla_encode_options options = {.target = {.step = 1.0}, .hook = "a\nb"};
    mdla_rows *rows;
    mdla_sink sink;
    void *bytes = NULL;
    size_t unused;

    assert_int_equal(mdla_rows_from_memory(NULL, c.rows, 50, DIMS, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_sink_memory(&bytes, &unused, &sink), MDLA_OK);
    assert_int_equal(mdla_encode(NULL, c.book, NULL, rows, &options, sink, NULL, &err),
                     MDLA_ERR_ARGUMENT);
    assert_null(bytes);
    mdla_rows_close(rows);
    free(plain);
    small_case_free(&c);
}

static int set_up(void **state)
{
    (void)state;
    random_seed("test_hook");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hook_names_are_plain_text),
        cmocka_unit_test(test_hook_goes_into_safetensors_metadata),
        cmocka_unit_test(test_hook_comes_back_and_counts_apart),
        cmocka_unit_test(test_hook_chunks_that_no_encoder_writes_are_corrupt),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
