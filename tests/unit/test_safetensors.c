#include "memory_folder.h"

#include "base/alloc.h"
#include "saes/safetensors.h"

static mdla_status open_bytes(const bytes *b, int pipe, safetensors **out, mdla_error *err)
{
    return safetensors_open(alloc_of(NULL), source_of(b, pipe), "a", out, err);
}

#define TENSOR(name, dtype, shape, begin, end)                                                     \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end \
    "]}"
#define TWO TENSOR("a", "F32", "[2]", 0, 8)

static void test_safetensors_rules_of_the_format_are_held(void **state)
{
    static const struct {
        const char *header;
        size_t nbytes;
        mdla_status want;
    } cases[] = {
        {"{" TWO "}", 8, MDLA_OK},
        {"{" TWO "}   ", 8, MDLA_OK},
        {"{}", 0, MDLA_OK},
        {"{" TENSOR("b", "F32", "[1]", 8, 12) "," TWO "}", 12, MDLA_OK},
        {"{" TENSOR("b", "F32", "[0,5]", 0, 0) "," TWO "}", 8, MDLA_OK},
        {"{" TENSOR("a", "F32", "[]", 0, 4) "}", 4, MDLA_OK},
        {"{\"__metadata__\":{\"x\":\"y\"}," TWO "}", 8, MDLA_OK},
        {"{\"__metadata__\":{\"x\":1}," TWO "}", 8, MDLA_ERR_CORRUPT},
        {" {" TWO "}", 8, MDLA_ERR_FORMAT},
        {"", 8, MDLA_ERR_FORMAT},
        {"{" TWO "} x", 8, MDLA_ERR_CORRUPT},
        {"{" TWO "," TWO "}", 8, MDLA_ERR_CORRUPT},
        {"{" TWO "}", 9, MDLA_ERR_CORRUPT},
        {"{" TWO "}", 7, MDLA_ERR_TRUNCATED},
        {"{" TENSOR("a", "F32", "[2]", 4, 12) "}", 12, MDLA_ERR_CORRUPT},
        {"{" TWO "," TENSOR("b", "F32", "[1]", 4, 8) "}", 8, MDLA_ERR_CORRUPT},
        {"{" TENSOR("a", "F32", "[2]", 8, 0) "}", 8, MDLA_ERR_CORRUPT},
        {"{" TENSOR("a", "F32", "[3]", 0, 8) "}", 8, MDLA_ERR_CORRUPT},
        {"{" TENSOR("a", "F32", "[-2]", 0, 8) "}", 8, MDLA_ERR_CORRUPT},
        {"{" TENSOR("a", "F32", "[2.0]", 0, 8) "}", 8, MDLA_ERR_CORRUPT},
        {"{" TENSOR("a", "F32", "2", 0, 8) "}", 8, MDLA_ERR_CORRUPT},
        {"{" TENSOR("a", "F32", "[4294967296,4294967296]", 0, 8) "}", 8, MDLA_ERR_CORRUPT},
        {"{" TENSOR("a", "F32", "[4611686018427387904]", 0, 8) "}", 8, MDLA_ERR_CORRUPT},
        {"{" TENSOR("a", "F4", "[3]", 0, 1) "}", 1, MDLA_ERR_CORRUPT},
        {"{" TENSOR("a", "F99", "[2]", 0, 8) "}", 8, MDLA_ERR_UNSUPPORTED},
        {"{" TENSOR("a", "F32", "[1,1,1,1,1,1,1,1,2]", 0, 8) "}", 8, MDLA_ERR_UNSUPPORTED},
        {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, MDLA_ERR_CORRUPT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, MDLA_ERR_CORRUPT},
        {"{\"a\":7}", 0, MDLA_ERR_CORRUPT},
        {"{\"a\xff\":7}", 0, MDLA_ERR_CORRUPT},
    };
    safetensors *st;
    mdla_error err;
    size_t i;
    bytes b;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        safetensors_bytes(&b, cases[i].header, cases[i].nbytes);
        if (open_bytes(&b, 0, &st, &err) != cases[i].want)
            fail_msg("%s: not %s", cases[i].header, mdla_status_text(cases[i].want));
        safetensors_close(st);
    }
}

static void test_safetensors_header_length_is_checked_first(void **state)
{
    safetensors *st;
    mdla_error err;
    bytes b;

    (void)state;
    safetensors_bytes(&b, "{}", 0);
    b.data[4] = 1;
    assert_int_equal(open_bytes(&b, 0, &st, &err), MDLA_ERR_TRUNCATED);
    assert_int_equal(open_bytes(&b, 1, &st, &err), MDLA_ERR_LIMIT);
    b.data[4] = 0;
    b.data[3] = 5; /* 80 MB, from a pipe: no more memory than there are bytes */
    assert_int_equal(open_bytes(&b, 1, &st, &err), MDLA_ERR_TRUNCATED);
    b.count = 5;
    assert_int_equal(open_bytes(&b, 0, &st, &err), MDLA_ERR_TRUNCATED);
}

static void test_safetensors_values_are_read_and_types_refused(void **state)
{
    float values[2];
    safetensors *st;
    mdla_error err;
    bytes b;

    (void)state;
    safetensors_bytes(
        &b, "{" TENSOR("e", "F8_E4M3", "[4]", 0, 4) "," TENSOR("b", "F32", "[3]", 4, 16) "}", 16);
    assert_int_equal(open_bytes(&b, 0, &st, &err), MDLA_OK);
    assert_int_equal(safetensors_read_f32(st, safetensors_find(st, "b"), 1, 2, values, &err),
                     MDLA_OK);
    assert_true(values[0] == 2.0f && values[1] == 3.0f);
    assert_int_equal(safetensors_read_f32(st, safetensors_find(st, "b"), 2, 2, values, &err),
                     MDLA_ERR_ARGUMENT);
    assert_int_equal(safetensors_read_f32(st, safetensors_find(st, "e"), 0, 1, values, &err),
                     MDLA_ERR_UNSUPPORTED);
    assert_string_equal(err.text, "a: tensor e: dtype F8_E4M3 is not supported");
    assert_null(safetensors_find(st, "x"));
    safetensors_close(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safetensors_rules_of_the_format_are_held),
        cmocka_unit_test(test_safetensors_header_length_is_checked_first),
        cmocka_unit_test(test_safetensors_values_are_read_and_types_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
