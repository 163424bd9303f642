/* Survival coding: tables against exact values, round trips, prices, hostile payloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "entropy/survival_decoder.h"
#include "entropy/survival_encoder.h"
#include "random.h"

#define COUNT 3000

static survival_table table;
static uint64_t cum[COUNT + 1];

static survival_line line_of(uint32_t count, uint32_t scale)
{
    return (survival_line){&table, cum, count, scale, survival_window(scale)};
}

static void random_line(uint32_t count)
{
    cum[0] = 0;
    for (uint32_t k = 0; k < count; k++)
        cum[k + 1] = cum[k] + survival_cost[random_below(RATE_INDEX_MAX + 1)];
}

static void test_survival_cost_matches_formula(void **state)
{
    (void)state;
    for (int i = 0; i <= RATE_INDEX_MAX; i++) {
        const double exact = log2(1.0 + exp2((80.0 - i) / 8.0)) * 0x1p28;
        assert_true(fabs(survival_cost[i] - exact) <= 0.5 + exact * 1e-12);
    }
    assert_int_equal(survival_cost[RATE_INDEX_EVEN], 1 << COST_BITS);
    assert_int_equal(survival_cost[RATE_INDEX_MAX], COST_MIN);
}

static void test_survival_of_is_near_exact_and_never_rises(void **state)
{
    uint64_t before = UINT64_C(1) << SURVIVAL_BITS;

    (void)state;
    survival_table_init(&table);
    for (uint64_t cost = 0; cost < (uint64_t)17 << COST_BITS; cost += 12345) {
        const uint64_t s = survival_of(&table, cost);
        const double exact = exp2(40.0 - fmin((double)cost * 0x1p-28, 16.0));

        assert_true(s <= before);
        assert_true(fabs((double)s - exact) <= exact * 4e-9 + 2.0);
        before = s;
    }
    /* Every step near the joints of octaves and table entries. */
    for (uint64_t octave = 1; octave < 16; octave++) {
        for (int64_t near = -300; near < 300; near++) {
            const uint64_t cost = (octave << COST_BITS) + (uint64_t)near;
            assert_true(survival_of(&table, cost + 1) <= survival_of(&table, cost));
        }
    }
}

static void test_survival_bounds_fall_strictly(void **state)
{
    (void)state;
    random_seed(__func__);
    survival_table_init(&table);
    for (unsigned round = 0; round < 50; round++) {
        const uint32_t scale = round % 5 == 0   ? 1
                               : round % 5 == 1 ? 65535
                                                : 1 + random_below(20000);

        random_line(COUNT);
        const survival_line line = line_of(COUNT, scale);
        for (uint32_t start = 0; start < COUNT;) {
            const uint32_t end = survival_window_end(&line, start);

            assert_true(end > start && end <= COUNT);
            assert_true(survival_bound(&line, start, end, start) <= UINT64_C(1) << SURVIVAL_BITS);
            for (uint32_t k = start; k < end; k++)
                assert_true(survival_bound(&line, start, end, k) >
                            survival_bound(&line, start, end, k + 1));
            assert_true(survival_bound(&line, start, end, end) > 0);
            start = end;
        }
    }
}

static void test_survival_positions_round_trip_at_their_price(void **state)
{
    range_encoder e = {0};
    mdla_config config;

    (void)state;
    random_seed(__func__);
    mdla_config_init(&config);
    survival_table_init(&table);
    for (unsigned round = 0; round < 200; round++) {
        const uint32_t count = 1 + random_below(COUNT), scale = 1 + random_below(65535);
        uint32_t hits[64], starts[64];
        double charged = 0.0, decoded = 0.0;
        range_decoder d;

        random_line(count);
        const survival_line line = line_of(count, scale);
        range_encoder_start(&e, alloc_of(&config));
        for (unsigned i = 0; i < 64; i++) {
            starts[i] = random_below(count + 1);
            hits[i] = starts[i] + random_below(count - starts[i] + 1);
            charged += survival_encode(&e, &line, starts[i], hits[i]);
        }
        assert_int_equal(range_encoder_finish(&e), MDLA_OK);
        assert_true(8.0 * (double)e.nbytes <= charged * 1.001 + 16.0);
        range_decoder_init(&d, e.payload, e.nbytes);
        for (unsigned i = 0; i < 64; i++)
            assert_int_equal(survival_decode(&d, &line, starts[i], &decoded), hits[i]);
        assert_true(range_decoder_finished(&d));
        assert_true(fabs(decoded - charged) < 1e-6 * charged + 1e-9);
    }
    range_encoder_free(&e);
}

static void test_survival_prices_are_those_of_independent_features(void **state)
{
    range_encoder e = {0};
    mdla_config config;
    double charged, ideal = 0.0;

    (void)state;
    random_seed(__func__);
    mdla_config_init(&config);
    survival_table_init(&table);
    cum[0] = 0;
    for (uint32_t k = 0; k < COUNT; k++)
        cum[k + 1] = cum[k] + survival_cost[100 + k % 100];
    const survival_line line = line_of(COUNT, SURVIVAL_SCALE_ONE);
    range_encoder_start(&e, alloc_of(&config));
    charged = survival_encode(&e, &line, 0, 1234) + survival_encode(&e, &line, 1235, COUNT);
    for (uint32_t k = 0; k < COUNT; k++) {
        const double p = 1.0 / (1.0 + exp2((100 + k % 100 - 80) / 8.0));
        ideal -= log2(k == 1234 ? p : 1.0 - p);
    }
    assert_true(fabs(charged - ideal) < 0.001 * ideal);
    range_encoder_free(&e);
}

static void test_survival_garbage_stays_in_range(void **state)
{
    uint8_t garbage[64];

    (void)state;
    random_seed(__func__);
    survival_table_init(&table);
    for (unsigned round = 0; round < 2000; round++) {
        const uint32_t count = 1 + random_below(COUNT);
        range_decoder d;

        for (unsigned i = 0; i < sizeof garbage; i++)
            garbage[i] = round % 3 == 0 ? 255 : (uint8_t)random_u64();
        random_line(count);
        const survival_line line = line_of(count, 1 + random_below(65535));
        range_decoder_init(&d, garbage, random_below(sizeof garbage + 1));
        for (uint32_t at = 0, i = 0; at < count && i < 200; i++) {
            at = survival_decode(&d, &line, at, NULL);
            assert_true(at <= count);
            at += at < count;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_survival_cost_matches_formula),
        cmocka_unit_test(test_survival_of_is_near_exact_and_never_rises),
        cmocka_unit_test(test_survival_bounds_fall_strictly),
        cmocka_unit_test(test_survival_positions_round_trip_at_their_price),
        cmocka_unit_test(test_survival_prices_are_those_of_independent_features),
        cmocka_unit_test(test_survival_garbage_stays_in_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
