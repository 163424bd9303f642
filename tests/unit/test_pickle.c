#include "support.h"

#include "base/alloc.h"
#include "saes/pickle.h"

#define READ(text, p, err)                                                                         \
    pickle_read(alloc_of(NULL), (const uint8_t *)(text), sizeof(text) - 1, "p", p, err)

static void test_pickle_plain_values(void **state)
{
    const pickle_value *root;
    mdla_error err;
    pickle p;

    (void)state;
    assert_int_equal(READ("\x80\x02"
                          "}q\0(X\1\0\0\0aK\7U\1bM\1\2X\1\0\0\0cJ\xff\xff\xff\xff"
                          "X\1\0\0\0d\x8a\2\0\x80X\1\0\0\0eG?\xf8\0\0\0\0\0\0X\1\0\0\0f](K\1K\2e"
                          "X\1\0\0\0gNX\1\0\0\0h\x88u.",
                          &p, &err),
                     MDLA_OK);
    root = &p.values[p.root];
    assert_int_equal(pickle_get(&p, root, "a")->whole, 7);
    assert_int_equal(pickle_get(&p, root, "b")->whole, 513);
    assert_int_equal(pickle_get(&p, root, "c")->whole, -1);
    assert_int_equal(pickle_get(&p, root, "d")->whole, -32768);
    assert_true(pickle_get(&p, root, "e")->real == 1.5);
    assert_int_equal(pickle_get(&p, root, "f")->count, 2);
    assert_int_equal(pickle_item(&p, pickle_get(&p, root, "f"), 1)->whole, 2);
    assert_int_equal(pickle_get(&p, root, "g")->type, PICKLE_NONE);
    assert_int_equal(pickle_get(&p, root, "h")->whole, 1);
    assert_null(pickle_get(&p, root, "z"));
    pickle_free(&p);
}

static void test_pickle_values_may_hold_themselves(void **state)
{
    mdla_error err;
    pickle p;

    (void)state;
    assert_int_equal(READ("\x80\x02"
                          "}q\0X\1\0\0\0ah\0s.",
                          &p, &err),
                     MDLA_OK);
    assert_ptr_equal(pickle_get(&p, &p.values[p.root], "a"), &p.values[p.root]);
    pickle_free(&p);
}

static void test_pickle_programs_are_refused(void **state)
{
    static const struct {
        const char *text, *why;
        size_t nbytes;
        mdla_status want;
    } cases[] = {
#define CASE(text, why, want) {text, why, sizeof(text) - 1, want}
        CASE("\x80\x02"
             "cposix\nsystem\n(X\2\0\0\0lstR.",
             "posix.system", MDLA_ERR_UNSUPPORTED),
        CASE("\x80\x02"
             "c__builtin__\neval\n.",
             "__builtin__.eval", MDLA_ERR_UNSUPPORTED),
        CASE("\x80\x02"
             "(X\2\0\0\0lsiposix\nsystem\n.",
             "opcode 0x69", MDLA_ERR_UNSUPPORTED),
        CASE("\x80\x04"
             "}.",
             "another protocol", MDLA_ERR_UNSUPPORTED),
        CASE("}.", "another protocol", MDLA_ERR_UNSUPPORTED),
        CASE("\x80\x02"
             "}}b.",
             "BUILD", MDLA_ERR_UNSUPPORTED),
        CASE("\x80\x02"
             "ctorch\nFloatStorage\n)R.",
             "storage class", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             "ccollections\nOrderedDict\n(K\1tR.",
             "OrderedDict with", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             ")Q.",
             "persistent id", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             "ctorch._utils\n_rebuild_tensor_v2\n)R.",
             "other arguments", MDLA_ERR_CORRUPT),
        CASE("\x80\x02", "ends early", MDLA_ERR_TRUNCATED),
        CASE("\x80\x02"
             "X\xff\xff\xff\xff",
             "ends early", MDLA_ERR_TRUNCATED),
        CASE("\x80\x02"
             "ctorch",
             "ends early", MDLA_ERR_TRUNCATED),
        CASE("\x80\x02"
             ".",
             "more or less", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             "}.}",
             "more or less", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             "R",
             "empty stack", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             "u",
             "no mark", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             "}(K\1u",
             "can't hold", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             "K\1K\2K\3s",
             "can't hold", MDLA_ERR_CORRUPT),
        CASE("\x80\x02\x87", "more than there is", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             "h\0",
             "never stored", MDLA_ERR_CORRUPT),
        CASE("\x80\x02"
             "r\xff\xff\xff\xff",
             "out of range", MDLA_ERR_CORRUPT),
        CASE("\x80\x02\x8a\x09"
             ""
             "123456789",
             "64 bits", MDLA_ERR_CORRUPT),
#undef CASE
    };
    mdla_error err;
    pickle p;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const mdla_status got = pickle_read(alloc_of(NULL), (const uint8_t *)cases[i].text,
                                            cases[i].nbytes, "p", &p, &err);

        if (got != cases[i].want || strstr(err.text, cases[i].why) == NULL)
            fail_msg("case %zu: %s, not '%s'", i, err.text, cases[i].why);
        assert_null(p.values);
    }
}

static void test_pickle_work_is_bounded(void **state)
{
    const size_t nbytes = 3000000;
    uint8_t *const text = malloc(nbytes);
    mdla_error err;
    pickle p;

    (void)state;
    memset(text, '}', nbytes);
    text[0] = 0x80;
    text[1] = 2;
    assert_int_equal(pickle_read(alloc_of(NULL), text, nbytes, "p", &p, &err), MDLA_ERR_LIMIT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pickle_plain_values),
        cmocka_unit_test(test_pickle_values_may_hold_themselves),
        cmocka_unit_test(test_pickle_programs_are_refused),
        cmocka_unit_test(test_pickle_work_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
