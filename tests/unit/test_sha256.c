/* SHA-256 against the published vectors of FIPS 180-4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

static void check(const char *text, size_t repeats, const char *expected)
{
    sha256 s;
    uint8_t digest[32];
    char hex[65];

    sha256_init(&s);
    for (size_t i = 0; i < repeats; i++)
        sha256_update(&s, text, strlen(text));
    sha256_finish(&s, digest);
    for (unsigned i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, expected);
}

static void test_sha256_published_vectors_match(void **state)
{
    (void)state;
    check("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check("a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    check("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1,
          "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0");
}

static void test_sha256_values_hash_as_little_endian(void **state)
{
    const float values[2] = {1.0f, -2.5f};
    const uint8_t bytes[8] = {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0};
    sha256 s;
    uint8_t got[32], want[32];

    (void)state;
    sha256_init(&s);
    sha256_update_f32(&s, values, 2);
    sha256_finish(&s, got);
    sha256_init(&s);
    sha256_update(&s, bytes, sizeof bytes);
    sha256_finish(&s, want);
    assert_memory_equal(got, want, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sha256_published_vectors_match),
                                       cmocka_unit_test(test_sha256_values_hash_as_little_endian)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
