/* Range coder and adaptive contexts: what goes in comes out, in about -log2 p bits, and nothing
 * that comes in from outside does harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "rangecoder/adaptive_bit.h"
#include "rangecoder/range_decoder.h"
#include "rangecoder/range_encoder.h"
#include "test_random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void start(range_encoder *e)
{
    memset(e, 0, sizeof *e);
    range_encoder_start(e, alloc_of(NULL));
}

static void test_symbols_every_size_round_trips(void **state)
{
    (void)state;
    for (unsigned shift = 1; shift <= RANGE_SHIFT_MAX; shift++) {
        const uint64_t total = (uint64_t)1 << shift;
        const uint64_t starts[] = {0, 1, total / 2, total - 1, 0};
        const uint64_t sizes[] = {1, total - 1, total / 2, 1, total};
        range_encoder e;
        range_decoder d;

        start(&e);
        for (int round = 0; round < 50; round++)
            for (int i = 0; i < 5; i++)
                range_encoder_symbol(&e, starts[i], sizes[i], shift);
        assert_int_equal(range_encoder_finish(&e), MDLA_OK);
        range_decoder_init(&d, e.payload, e.nbytes);
        for (int round = 0; round < 50; round++)
            for (int i = 0; i < 5; i++) {
                const uint64_t value = range_decoder_peek(&d, shift);

                assert_true(value >= starts[i] && value - starts[i] < sizes[i]);
                range_decoder_take(&d, starts[i], sizes[i], shift);
            }
        assert_true(range_decoder_finished(&d));
        range_encoder_free(&e);
    }
}

/* Always the topmost symbol: low stays just below a carry for the whole run; then a lower one
 * decides it. */
static void test_carry_long_runs_round_trip(void **state)
{
    (void)state;
    for (unsigned shift = 1; shift <= RANGE_SHIFT_MAX; shift += 3)
        for (int tail = 0; tail < 3; tail++) {
            const uint64_t top = ((uint64_t)1 << shift) - 1;
            const uint64_t last = tail == 0 ? 0 : tail == 1 ? top / 2 : top;
            const int run = 3000;
            range_encoder e;
            range_decoder d;

            start(&e);
            for (int i = 0; i < run; i++)
                range_encoder_symbol(&e, top, 1, shift);
            for (int i = 0; i < 5; i++)
                range_encoder_symbol(&e, last, 1, shift);
            assert_int_equal(range_encoder_finish(&e), MDLA_OK);
            range_decoder_init(&d, e.payload, e.nbytes);
            for (int i = 0; i < run + 5; i++) {
                assert_true(range_decoder_peek(&d, shift) == (i < run ? top : last));
                range_decoder_take(&d, i < run ? top : last, 1, shift);
            }
            assert_true(range_decoder_finished(&d));
            range_encoder_free(&e);
        }
}

/* Drives low towards all-ones by choosing, bit by bit, whichever half keeps the end of the interval
 * highest, with odd probabilities so that truncation leaves gaps. */
static void test_carry_low_near_all_ones_round_trips(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        test_random r = {seed};
        uint8_t bits[600];
        uint32_t p[600];
        range_encoder e;
        range_decoder d;

        start(&e);
        for (int i = 0; i < 600; i++) {
            p[i] = 1 + (uint32_t)(test_random_next(&r) % ((1U << RANGE_BIT_BITS) - 1));
            /* Long stretches of ones in low; now and then the other half, to make or break the
             * carry. */
            bits[i] = (uint8_t)(e.low + (e.range >> RANGE_BIT_BITS) * p[i] < e.low ||
                                test_random_next(&r) % 100 == 0);
            range_encoder_bit(&e, bits[i], p[i]);
        }
        assert_int_equal(range_encoder_finish(&e), MDLA_OK);
        range_decoder_init(&d, e.payload, e.nbytes);
        for (int i = 0; i < 600; i++)
            assert_int_equal(range_decoder_bit(&d, p[i]), bits[i]);
        assert_true(range_decoder_finished(&d));
        range_encoder_free(&e);
    }
}

/* A random mix of bits and symbols; what: 0 encode, 1 decode and compare. Returns the ideal bits.
 */
static double random_mix(uint64_t seed, int count, range_encoder *e, range_decoder *d)
{
    test_random r = {seed};
    double ideal = 0;

    for (int i = 0; i < count; i++) {
        if (test_random_next(&r) & 1) {
            const uint32_t skew = (uint32_t)(test_random_next(&r) % RANGE_BIT_BITS);
            const uint32_t p =
                1 + (uint32_t)(test_random_next(&r) % ((1U << RANGE_BIT_BITS >> skew) - 1));
            const unsigned bit = test_random_next(&r) % (1U << RANGE_BIT_BITS) < p;
            const double odds = p / (double)(1U << RANGE_BIT_BITS);

            ideal -= log2(bit ? odds : 1 - odds);
            if (e != NULL)
                range_encoder_bit(e, bit, p);
            else
                assert_int_equal(range_decoder_bit(d, p), bit);
        } else {
            const unsigned shift = 1 + (unsigned)(test_random_next(&r) % RANGE_SHIFT_MAX);
            const uint64_t total = (uint64_t)1 << shift;
            const uint64_t first = test_random_next(&r) % total;
            const uint64_t size = 1 + test_random_next(&r) % (total - first);

            ideal -= log2((double)size / (double)total);
            if (e != NULL) {
                range_encoder_symbol(e, first, size, shift);
            } else {
                const uint64_t value = range_decoder_peek(d, shift);

                assert_true(value >= first && value - first < size);
                range_decoder_take(d, first, size, shift);
            }
        }
    }
    return ideal;
}

static void test_mix_random_round_trips_near_entropy(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        const int count = seed % 10 == 0 ? 5000 : (int)(seed % 50);
        range_encoder e;
        range_decoder d;
        double ideal;

        start(&e);
        ideal = random_mix(seed, count, &e, NULL);
        assert_int_equal(range_encoder_finish(&e), MDLA_OK);
        /* Truncating range >> shift loses at most 2^(shift - 48) of it, 1.44 x 2^-8 bits at shift
         * 40; most far less. The end costs up to two bytes, of which one may be the interval's own.
         */
        assert_true((double)e.nbytes * 8 <= ideal + 16 + count * 0.0057);
        assert_true((double)e.nbytes * 8 >= ideal - 16);
        range_decoder_init(&d, e.payload, e.nbytes);
        random_mix(seed, count, NULL, &d);
        assert_true(range_decoder_finished(&d));
        range_encoder_free(&e);
    }
}

static void test_encoder_nothing_coded_empty_payload(void **state)
{
    range_encoder e;
    range_decoder d;

    (void)state;
    start(&e);
    assert_int_equal(range_encoder_finish(&e), MDLA_OK);
    assert_int_equal(e.nbytes, 0);
    range_decoder_init(&d, NULL, 0);
    assert_true(range_decoder_finished(&d));
    range_encoder_free(&e);
}

static void test_encoder_restarted_codes_the_same(void **state)
{
    range_encoder e;
    uint8_t *first;
    size_t nbytes;

    (void)state;
    start(&e);
    random_mix(7, 2000, &e, NULL);
    assert_int_equal(range_encoder_finish(&e), MDLA_OK);
    nbytes = e.nbytes;
    first = malloc(nbytes);
    assert_non_null(first);
    memcpy(first, e.payload, nbytes);
    range_encoder_start(&e, alloc_of(NULL));
    random_mix(7, 2000, &e, NULL);
    assert_int_equal(range_encoder_finish(&e), MDLA_OK);
    assert_int_equal(e.nbytes, nbytes);
    assert_memory_equal(e.payload, first, nbytes);
    free(first);
    range_encoder_free(&e);
}

/* Bits of probability one half, decoded whatever the payload. */
static bool finished_after(const uint8_t *payload, size_t nbytes, int count)
{
    range_decoder d;

    range_decoder_init(&d, payload, nbytes);
    for (int i = 0; i < count; i++)
        (void)range_decoder_bit(&d, 1U << (RANGE_BIT_BITS - 1));
    return range_decoder_finished(&d);
}

static void test_decoder_wrong_length_is_reported(void **state)
{
    const int count = 8000;
    test_random r = {3};
    uint8_t *longer;
    range_encoder e;

    (void)state;
    start(&e);
    for (int i = 0; i < count; i++)
        range_encoder_bit(&e, test_random_next(&r) & 1, 1U << (RANGE_BIT_BITS - 1));
    assert_int_equal(range_encoder_finish(&e), MDLA_OK);
    assert_true(finished_after(e.payload, e.nbytes, count));
    /* The end is at most two bytes: what is missing beyond them is noticed. */
    for (size_t cut = 3; cut <= e.nbytes; cut++)
        assert_false(finished_after(e.payload, e.nbytes - cut, count));
    longer = calloc(1, e.nbytes + 40);
    assert_non_null(longer);
    memcpy(longer, e.payload, e.nbytes);
    for (size_t more = 1; more <= 40; more++)
        assert_false(finished_after(longer, e.nbytes + more, count)); /* zeros change no symbol */
    memset(longer + e.nbytes, 0x5a, 40);
    for (size_t more = 3; more <= 40; more++)
        assert_false(finished_after(longer, e.nbytes + more, count));
    free(longer);
    range_encoder_free(&e);
}

static void test_decoder_garbage_stays_in_bounds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        test_random r = {seed};
        const size_t nbytes = test_random_next(&r) % 40;
        uint8_t *payload = malloc(nbytes + 1);
        adaptive_bit context = adaptive_bit_initial();
        range_decoder d;

        assert_non_null(payload);
        for (size_t i = 0; i < nbytes; i++)
            payload[i] = seed % 3 == 0 ? 0xff : (uint8_t)test_random_next(&r);
        range_decoder_init(&d, payload, nbytes);
        for (int i = 0; i < 500; i++) {
            const unsigned shift = 1 + (unsigned)(test_random_next(&r) % RANGE_SHIFT_MAX);
            const unsigned bit = range_decoder_bit(&d, adaptive_bit_p(&context));
            const uint64_t value = range_decoder_peek(&d, shift);

            adaptive_bit_update(&context, bit);
            assert_true(value >> shift == 0);
            range_decoder_take(&d, value, 1, shift);
            assert_true(d.range >> RANGE_BOTTOM_BITS != 0 && d.code < d.range);
        }
        assert_false(range_decoder_finished(&d));
        free(payload);
    }
}

static void test_decoder_all_ones_payload_is_refused(void **state)
{
    uint8_t payload[9];
    range_decoder d;

    (void)state;
    memset(payload, 0xff, sizeof payload);
    range_decoder_init(&d, payload, sizeof payload);
    for (int i = 0; i < 8; i++)
        (void)range_decoder_bit(&d, 1U << (RANGE_BIT_BITS - 1));
    assert_false(range_decoder_finished(&d));
}

static void *no_memory(void *ctx, size_t nbytes)
{
    (void)ctx;
    (void)nbytes;
    return NULL;
}

static void release_nothing(void *ctx, void *ptr)
{
    (void)ctx;
    (void)ptr;
}

static void test_encoder_without_memory_says_so(void **state)
{
    const mdla_allocator none = {NULL, no_memory, release_nothing};
    range_encoder e = {0};

    (void)state;
    range_encoder_start(&e, &none);
    random_mix(5, 1000, &e, NULL);
    assert_int_equal(range_encoder_finish(&e), MDLA_ERR_MEMORY);
    range_encoder_free(&e);
}

/* Half a symbol of prior: after n equal bits the estimate of the other one is about 1 / (4 n + 2).
 */
static void test_adaptive_bit_follows_what_it_sees(void **state)
{
    adaptive_bit ones = adaptive_bit_initial(), zeros = adaptive_bit_initial(),
                 mixed = adaptive_bit_initial();
    test_random r = {11};
    double bits = 0;

    (void)state;
    for (int n = 1; n <= 100; n++) {
        adaptive_bit_update(&ones, 1);
        adaptive_bit_update(&zeros, 0);
        assert_true(fabs(adaptive_bit_p(&zeros) / 4194304.0 - 1 / (4.0 * n + 2)) < 2e-4);
        assert_true(fabs(1 - adaptive_bit_p(&ones) / 4194304.0 - 1 / (4.0 * n + 2)) < 2e-4);
    }
    for (int n = 0; n < 100000; n++) {
        adaptive_bit_update(&ones, 1);
        adaptive_bit_update(&zeros, 0);
        assert_true(adaptive_bit_p(&ones) < 1U << RANGE_BIT_BITS && adaptive_bit_p(&zeros) > 0);
    }
    for (int n = 0; n < 100000; n++) {
        const unsigned bit = test_random_next(&r) % 10 == 0;
        const double p = adaptive_bit_p(&mixed) / 4194304.0;

        bits -= log2(bit ? p : 1 - p);
        adaptive_bit_update(&mixed, bit);
    }
    assert_true(bits / 100000 < 0.469 * 1.03); /* h(0.1) = 0.469, and the price of never settling */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symbols_every_size_round_trips),
        cmocka_unit_test(test_carry_long_runs_round_trip),
        cmocka_unit_test(test_carry_low_near_all_ones_round_trips),
        cmocka_unit_test(test_mix_random_round_trips_near_entropy),
        cmocka_unit_test(test_encoder_nothing_coded_empty_payload),
        cmocka_unit_test(test_encoder_restarted_codes_the_same),
        cmocka_unit_test(test_decoder_wrong_length_is_reported),
        cmocka_unit_test(test_decoder_garbage_stays_in_bounds),
        cmocka_unit_test(test_decoder_all_ones_payload_is_refused),
        cmocka_unit_test(test_encoder_without_memory_says_so),
        cmocka_unit_test(test_adaptive_bit_follows_what_it_sees),
    };

    return cmocka_run_group_tests_name("range_coder", tests, NULL, NULL);
}
