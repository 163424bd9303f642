#include "support.h"

#include "arrays/convert.h"

#include <math.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float from_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static void test_convert_every_f16_comes_back(void **state)
{
    uint32_t bits;

    (void)state;
    for (bits = 0; bits <= 0xffff; bits++)
        assert_int_equal(convert_to_f16_bits(convert_f16_bits((uint16_t)bits)), bits);
    assert_true(convert_f16_bits(0x0001) == 0x1p-24f);
    assert_true(convert_f16_bits(0x3c00) == 1.0f);
    assert_true(convert_f16_bits(0xfbff) == -65504.0f);
}

/* Half way between each pair of neighbours goes to the even one, a hair beyond to the nearer one.
 */
static void test_convert_f16_midpoints_round_to_even(void **state)
{
    uint32_t bits;

    (void)state;
    for (bits = 0; bits < 0x7bff; bits++) {
        const float low = convert_f16_bits((uint16_t)bits),
                    high = convert_f16_bits((uint16_t)(bits + 1));
        const float middle = (low + high) / 2.0f; /* exact: 12 significant bits */

        assert_int_equal(convert_to_f16_bits(middle), bits + (bits & 1));
        assert_int_equal(convert_to_f16_bits(nextafterf(middle, 0.0f)), bits);
        assert_int_equal(convert_to_f16_bits(nextafterf(middle, 1e9f)), bits + 1);
    }
    assert_int_equal(convert_to_f16_bits(65519.996f), 0x7bff);
    assert_int_equal(convert_to_f16_bits(65520.0f), 0x7c00);
    assert_int_equal(convert_to_f16_bits(-1e30f), 0xfc00);
    assert_int_equal(convert_to_f16_bits(from_bits(0x7f800001)), 0x7e00); /* never infinity */
}

static void test_convert_bf16_rounds_to_even(void **state)
{
    (void)state;
    assert_int_equal(convert_to_bf16_bits(1.0f), 0x3f80);
    assert_int_equal(convert_to_bf16_bits(from_bits(0x3f808000)), 0x3f80);
    assert_int_equal(convert_to_bf16_bits(from_bits(0x3f818000)), 0x3f82);
    assert_int_equal(convert_to_bf16_bits(from_bits(0x3f808001)), 0x3f81);
    assert_int_equal(convert_to_bf16_bits(from_bits(0x7f7fffff)), 0x7f80);
    assert_int_equal(convert_to_bf16_bits(from_bits(0x7f800001)), 0x7fc0);
    assert_int_equal(convert_to_bf16_bits(from_bits(0xffc10000)), 0xffc1);
}

static void test_convert_nan_payload_survives_widening(void **state)
{
    const uint8_t f32[4] = {0x01, 0x00, 0xa0, 0xff}; /* signalling, negative */
    uint8_t back[8];
    float value;

    (void)state;
    assert_int_equal(convert_to_f32(MDLA_F32, false, f32, 1, &value), 1);
    assert_int_equal(bits_of(value), 0xffa00001);
    convert_from_f32(MDLA_F64, &value, 1, back);
    assert_int_equal(convert_to_f32(MDLA_F64, false, back, 1, &value), 1);
    assert_int_equal(bits_of(value), 0xffa00001);
}

static void test_convert_f64_overflow_is_pointed_out(void **state)
{
    const double doubles[3] = {1.5, INFINITY, -1e300};
    uint8_t b[24];
    float values[3];
    int i, j;

    (void)state;
    for (i = 0; i < 3; i++) {
        uint64_t bits;

        memcpy(&bits, &doubles[i], sizeof bits);
        for (j = 0; j < 8; j++)
            b[8 * i + j] = (uint8_t)(bits >> 8 * (7 - j));
    }
    assert_int_equal(convert_to_f32(MDLA_F64, true, b, 3, values), 2);
    assert_int_equal(convert_to_f32(MDLA_F64, true, b, 2, values), 2);
    assert_true(values[0] == 1.5f && isinf(values[1]));
}

static void test_convert_integers_keep_their_values(void **state)
{
    const uint8_t b[8] = {0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    float v;

    (void)state;
    convert_to_f32(MDLA_U8, false, b, 1, &v);
    assert_true(v == 255.0f);
    convert_to_f32(MDLA_I8, false, b, 1, &v);
    assert_true(v == -1.0f);
    convert_to_f32(MDLA_I16, false, b, 1, &v);
    assert_true(v == -257.0f);
    convert_to_f32(MDLA_I16, true, b, 1, &v);
    assert_true(v == -2.0f);
    convert_to_f32(MDLA_U32, false, b, 1, &v);
    assert_true(v == 4294967040.0f);
    convert_to_f32(MDLA_I64, false, b, 1, &v);
    assert_true(v == -257.0f);
    convert_to_f32(MDLA_U64, false, b, 1, &v);
    assert_true(v == 0x1p64f);
    convert_to_f32(MDLA_BOOL, false, b, 1, &v);
    assert_true(v == 1.0f);
}

static void check_integer(mdla_dtype dtype, float value, uint64_t want)
{
    uint8_t b[8] = {0};
    uint64_t got = 0;
    int i;

    convert_from_f32(dtype, &value, 1, b);
    for (i = 7; i >= 0; i--)
        got = got << 8 | b[i];
    assert_true(got == want);
}

static void test_convert_to_integers_rounds_and_clamps(void **state)
{
    (void)state;
    check_integer(MDLA_U8, 2.5f, 2);
    check_integer(MDLA_U8, 3.5f, 4);
    check_integer(MDLA_U8, -7.0f, 0);
    check_integer(MDLA_U8, 1e9f, 255);
    check_integer(MDLA_U8, NAN, 0);
    check_integer(MDLA_I8, -129.0f, 0x80);
    check_integer(MDLA_U32, 1e10f, UINT32_MAX);
    check_integer(MDLA_I32, -INFINITY, 0x80000000);
    check_integer(MDLA_I64, 1e30f, INT64_MAX);
    check_integer(MDLA_I64, -3.0f, (uint64_t)-3);
    check_integer(MDLA_U64, 1e30f, UINT64_MAX);
    check_integer(MDLA_U64, -1e30f, 0);
    check_integer(MDLA_BOOL, 17.0f, 1);
}

static void test_convert_numbers_are_exact(void **state)
{
    static const struct {
        mdla_dtype dtype;
        int64_t value; /* of src: 81 02 03 04 05 06 07 f8, or as many as it takes */
        int64_t swapped;
    } cases[] = {{MDLA_U8, 0x81, 0x81},
                 {MDLA_I8, 0x81 - 0x100, 0x81 - 0x100},
                 {MDLA_U16, 0x0281, 0x8102},
                 {MDLA_I16, 0x0281, 0x8102 - 0x10000},
                 {MDLA_U32, 0x04030281, 0x81020304},
                 {MDLA_I32, 0x04030281, 0x81020304LL - 0x100000000},
                 {MDLA_U64, -0x07f8f9fafbfcfd7f, -0x7efdfcfbfaf9f808},
                 {MDLA_I64, -0x07f8f9fafbfcfd7f, -0x7efdfcfbfaf9f808}};
    static const uint8_t src[] = {0x81, 2, 3, 4, 5, 6, 7, 0xf8};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t got;

        convert_to_i64(cases[i].dtype, false, src, 1, &got);
        assert_true(got == cases[i].value);
        convert_to_i64(cases[i].dtype, true, src, 1, &got);
        assert_true(got == cases[i].swapped);
    }
}

static void test_convert_unknown_dtype_has_no_name(void **state)
{
    (void)state;
    assert_string_equal(mdla_dtype_name(MDLA_BF16), "bf16");
    assert_null(mdla_dtype_name((mdla_dtype)99));
    assert_int_equal(mdla_dtype_nbytes((mdla_dtype)99), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convert_every_f16_comes_back),
        cmocka_unit_test(test_convert_f16_midpoints_round_to_even),
        cmocka_unit_test(test_convert_bf16_rounds_to_even),
        cmocka_unit_test(test_convert_nan_payload_survives_widening),
        cmocka_unit_test(test_convert_f64_overflow_is_pointed_out),
        cmocka_unit_test(test_convert_integers_keep_their_values),
        cmocka_unit_test(test_convert_to_integers_rounds_and_clamps),
        cmocka_unit_test(test_convert_numbers_are_exact),
        cmocka_unit_test(test_convert_unknown_dtype_has_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
