/* The joint model: its weights there and back, logits against plain sums, positions on its line,
 * prices against what the row would cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "joint/joint_decoder.h"
#include "joint/joint_encoder.h"
#include "joint/joint_weights_decoder.h"
#include "joint/joint_weights_encoder.h"
#include "random.h"
#include "search/search_internal.h"

#include <math.h>
#include <string.h>

#define WIDTH_MAX 400

static survival_table survival;

/* Some sources with weights for most targets, some with few, some with none. */
static void fill_weights(joint_weights *w, bool within)
{
    uint32_t entry[WIDTH_MAX];

    for (uint32_t source = 0; source < w->width; source++) {
        const uint32_t kind = random_below(3), one_in = kind == 0 ? 2 : 40;
        uint32_t count = 0;

        for (uint32_t t = within ? source + 1 : 0; t < w->width; t++)
            if (kind != 2 && random_below(one_in) == 0) {
                const int magnitude = 1 + (int)random_below(JOINT_WEIGHT_MOST);

                entry[count++] = joint_entry(t, random_below(2) != 0 ? magnitude : -magnitude);
            }
        assert_int_equal(joint_weights_append(alloc_of(NULL), w, entry, count), MDLA_OK);
    }
}

static joint_model *random_model(uint32_t width, unsigned shift)
{
    joint_model *m = joint_model_new(alloc_of(NULL), width);

    assert_non_null(m);
    m->shift = shift;
    m->has_before = true;
    for (uint32_t k = 0; k < width; k++)
        m->base[k] = (int16_t)(JOINT_BASE_UNIT * ((int)random_below(100) - 80));
    fill_weights(&m->within, true);
    fill_weights(&m->before, false);
    for (unsigned i = 0; i < JOINT_LEVEL_CLASSES; i++) {
        m->level_by_logit[i] = (uint8_t)random_below(256);
        m->level_by_count[i] = (uint8_t)random_below(256);
    }
    return m;
}

static int weight_of(const joint_weights *w, uint32_t source, uint32_t target)
{
    uint32_t entry[WIDTH_MAX];
    const uint32_t count = joint_weights_list(w, source, entry);

    for (uint32_t i = 0; i < count; i++)
        if (joint_target(entry[i]) == target)
            return joint_weight(entry[i]);
    return 0;
}

/* Payload of a model whose features all have the rate of odds 1 : 1. */
static uint8_t *coded(const joint_model *m, size_t *nbytes)
{
    uint8_t rate[WIDTH_MAX], header[JOINT_HEADER_NBYTES], *payload;
    uint32_t order[WIDTH_MAX];
    range_encoder e = {0};

    for (uint32_t k = 0; k < m->width; k++) {
        rate[k] = RATE_INDEX_EVEN;
        order[k] = k;
    }
    assert_int_equal(joint_model_encode(m, rate, order, header, &e), MDLA_OK);
    *nbytes = sizeof header + e.nbytes;
    payload = malloc(*nbytes);
    assert_non_null(payload);
    memcpy(payload, header, sizeof header);
    memcpy(payload + sizeof header, e.payload, e.nbytes);
    range_encoder_free(&e);
    return payload;
}

static mdla_status decode(uint32_t width, const uint8_t *payload, size_t nbytes, uint64_t most,
                          joint_model **out)
{
    uint8_t rate[WIDTH_MAX];
    uint32_t order[WIDTH_MAX];

    for (uint32_t k = 0; k < width; k++) {
        rate[k] = RATE_INDEX_EVEN;
        order[k] = k;
    }
    return joint_model_decode(alloc_of(NULL), width, rate, order, payload, nbytes, most, out);
}

static void test_joint_weights_round_trip(void **state)
{
    const uint32_t widths[] = {1, 2, 63, 64, 65, 300};

    (void)state;
    for (unsigned i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        joint_model *m = random_model(widths[i], i % (JOINT_SHIFT_MOST + 1)), *again;
        size_t nbytes;
        uint8_t *payload = coded(m, &nbytes);

        assert_int_equal(decode(widths[i], payload, nbytes, UINT64_MAX, &again), MDLA_OK);
        assert_int_equal(again->shift, m->shift);
        assert_memory_equal(again->base, m->base, widths[i] * sizeof *m->base);
        assert_memory_equal(again->level_by_logit, m->level_by_logit, JOINT_LEVEL_CLASSES);
        assert_memory_equal(again->level_by_count, m->level_by_count, JOINT_LEVEL_CLASSES);
        for (uint32_t s = 0; s < widths[i]; s++)
            for (uint32_t t = 0; t < widths[i]; t++) {
                assert_int_equal(weight_of(&again->within, s, t), weight_of(&m->within, s, t));
                assert_int_equal(weight_of(&again->before, s, t), weight_of(&m->before, s, t));
            }
        joint_model_free(again);
        joint_model_free(m);
        free(payload);
    }
}

static void test_joint_payloads_that_lie_are_refused(void **state)
{
    joint_model *m = random_model(120, 1), *out;
    size_t nbytes;
    uint8_t *payload = coded(m, &nbytes), *other = malloc(nbytes);

    (void)state;
    assert_non_null(other);
    assert_int_equal(decode(120, payload, JOINT_HEADER_NBYTES - 1, UINT64_MAX, &out),
                     MDLA_ERR_TRUNCATED);
    assert_int_equal(decode(120, payload, nbytes, 1000, &out), MDLA_ERR_LIMIT);
    assert_null(out);
    for (unsigned at = 0; at < JOINT_HEADER_NBYTES - 2 * JOINT_LEVEL_CLASSES;
         at++) { /* any scale will do */
        memcpy(other, payload, nbytes);
        other[at] ^= 0x40; /* a reserved value, or another number of weights */
        assert_int_not_equal(decode(120, other, nbytes, UINT64_MAX, &out), MDLA_OK);
    }
    for (size_t cut = JOINT_HEADER_NBYTES; cut < nbytes; cut += 7)
        assert_int_not_equal(decode(120, payload, cut, UINT64_MAX, &out), MDLA_OK);
    for (unsigned i = 0; i < 500; i++) { /* anything but undefined behaviour */
        memcpy(other, payload, nbytes);
        other[JOINT_HEADER_NBYTES + random_below((uint32_t)nbytes - JOINT_HEADER_NBYTES)] ^=
            (uint8_t)(1u << random_below(8));
        if (decode(120, other, nbytes, UINT64_MAX, &out) == MDLA_OK)
            joint_model_free(out);
    }
    free(other);
    free(payload);
    joint_model_free(m);
}

/* Random ranks, ascending. */
static uint32_t random_ranks(uint32_t width, uint32_t one_in, uint32_t *rank)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < width; k++)
        if (random_below(one_in) == 0)
            rank[count++] = k;
    return count;
}

static void test_joint_logits_are_plain_sums_however_far_the_pass_has_come(void **state)
{
    const uint32_t widths[] = {1, 63, 64, 65, 300};

    (void)state;
    for (unsigned i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        const uint32_t width = widths[i];
        joint_model *m = random_model(width, 2);
        uint32_t previous[WIDTH_MAX], hits[WIDTH_MAX];
        joint_row row;

        assert_int_equal(joint_row_new(alloc_of(NULL), m, &row), MDLA_OK);
        for (unsigned round = 0; round < 20; round++) {
            const uint32_t before = random_ranks(width, 4, previous);
            const uint32_t count = random_ranks(width, 5, hits);

            joint_row_start(&row, previous, before);
            for (uint32_t h = 0; h < count; h++) {
                joint_row_ready(&row, hits[h] + 1);
                joint_row_hit(&row, hits[h]);
            }
            joint_row_ready(&row, width);
            for (uint32_t k = 0; k < width; k++) {
                int32_t sum = m->base[k];

                for (uint32_t p = 0; p < before; p++)
                    sum += 4 * weight_of(&m->before, previous[p], k);
                for (uint32_t h = 0; h < count; h++)
                    sum += 4 * weight_of(&m->within, hits[h], k);
                assert_int_equal(row.logit[k], sum);
            }
        }
        joint_row_free(&row);
        joint_model_free(m);
    }
}

static void test_joint_positions_round_trip_at_their_price(void **state)
{
    joint_model *m = random_model(333, 0);
    const uint32_t scales[] = {1, 2000, SURVIVAL_SCALE_ONE, 65535};
    joint_row row;

    (void)state;
    assert_int_equal(joint_row_new(alloc_of(NULL), m, &row), MDLA_OK);
    for (unsigned i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        const joint_line line = {&row, &survival, scales[i], survival_window(scales[i])};
        uint32_t hits[60][WIDTH_MAX], count[60];
        range_encoder e = {0};
        range_decoder d;
        double charged = 0.0, decoded = 0.0;

        range_encoder_start(&e, alloc_of(NULL));
        for (unsigned r = 0; r < 60; r++) {
            uint32_t next = 0;

            count[r] = random_ranks(333, 1 + random_below(60), hits[r]);
            joint_row_start(&row, r != 0 ? hits[r - 1] : NULL, r != 0 ? count[r - 1] : 0);
            for (uint32_t h = 0; h < count[r]; next = hits[r][h++] + 1) {
                charged += joint_encode(&e, &line, next, hits[r][h]);
                joint_row_hit(&row, hits[r][h]);
            }
            charged += joint_encode(&e, &line, next, 333);
        }
        assert_int_equal(range_encoder_finish(&e), MDLA_OK);
        assert_true(8.0 * (double)e.nbytes <= 1.001 * charged + 16.0);
        range_decoder_init(&d, e.payload, e.nbytes);
        for (unsigned r = 0; r < 60; r++) {
            uint32_t next = 0;

            joint_row_start(&row, r != 0 ? hits[r - 1] : NULL, r != 0 ? count[r - 1] : 0);
            for (uint32_t h = 0; h <= count[r]; h++) {
                next = joint_decode(&d, &line, next, &decoded);
                assert_int_equal(next, h < count[r] ? hits[r][h] : 333);
                if (h < count[r])
                    joint_row_hit(&row, next++);
            }
        }
        assert_true(range_decoder_finished(&d));
        assert_true(fabs(decoded - charged) <= 1e-6 * charged);
        range_encoder_free(&e);
    }
    joint_row_free(&row);
    joint_model_free(m);
}

/* Bits of a row's flags with the active features given, by the model's own costs. */
static double flag_bits(const joint_model *m, const uint32_t *order, const uint8_t *on,
                        const uint32_t *previous, uint32_t before)
{
    uint32_t rank[WIDTH_MAX], count = 0;
    joint_row row;
    double bits = 0.0;

    for (uint32_t r = 0; r < m->width; r++)
        if (on[order[r]])
            rank[count++] = r;
    assert_int_equal(joint_row_new(alloc_of(NULL), m, &row), MDLA_OK);
    joint_row_start(&row, previous, before);
    for (uint32_t i = 0; i < count; i++)
        joint_row_hit(&row, rank[i]);
    joint_row_ready(&row, m->width);
    for (uint32_t r = 0; r < m->width; r++)
        bits += ldexp(joint_cost(m, row.logit[r]), -COST_BITS) -
                (on[order[r]] ? (double)row.logit[r] / JOINT_UNIT : 0.0);
    joint_row_free(&row);
    return bits;
}

static void test_joint_prices_are_what_a_switch_does_to_the_row(void **state)
{
    const uint32_t width = 256;
    joint_model *m = random_model(width, 0);
    uint32_t order[WIDTH_MAX], previous[WIDTH_MAX], previous_feature[WIDTH_MAX];
    uint8_t rate[WIDTH_MAX];
    float switching[WIDTH_MAX], least[WIDTH_MAX], price[WIDTH_MAX], probability[WIDTH_MAX];
    int32_t logit[WIDTH_MAX];
    uint8_t on[WIDTH_MAX] = {0};
    uint32_t checked[WIDTH_MAX], active[WIDTH_MAX];
    const search_atoms atoms = {.width = width};
    const search_prices prices = {.lambda = 1.0f};
    const search_plan plan = {.atoms = &atoms, .prices = &prices};
    joint_pairs *pairs;

    (void)state;
    for (uint32_t k = 0; k < width; k++) { /* moderate weights: logits stay within the table */
        order[k] = (k * 77 + 5) % width;
        rate[k] = 100;
        least[k] = 0.0f;
    }
    for (uint64_t i = 0; i < m->within.entry_count; i++)
        m->within.entry[i] =
            joint_entry(joint_target(m->within.entry[i]), joint_weight(m->within.entry[i]) / 8 + 1);
    for (size_t i = 0; i < (size_t)m->within.row_count * width; i++)
        m->within.dense[i] = (int8_t)(m->within.dense[i] / 16);
    for (size_t i = 0; i < (size_t)m->before.row_count * width; i++)
        m->before.dense[i] = (int8_t)(m->before.dense[i] / 32);
    pairs = joint_pairs_new(alloc_of(NULL), m, order, rate);
    assert_non_null(pairs);
    const uint32_t before = random_ranks(width, 12, previous);

    for (uint32_t i = 0; i < before; i++)
        previous_feature[i] = order[previous[i]];
    pursuit p = {.plan = &plan,
                 .count = width,
                 .switching = switching,
                 .least = least,
                 .price = price,
                 .active = active,
                 .pairs = {.pairs = pairs,
                           .logit = logit,
                           .probability = probability,
                           .on = on,
                           .checked = checked}};

    pair_prices_start(&p, previous_feature, before);
    pair_prices_candidates(&p);
    for (unsigned step = 0; step < 60; step++) {
        const uint32_t f = random_below(width);
        const uint8_t was = on[f];
        const double now = flag_bits(m, order, on, previous, before);

        on[f] = !was;
        const double then = flag_bits(m, order, on, previous, before);
        on[f] = was;
        pair_prices_check(&p, f);
        /* Single precision over a few hundred terms; probabilities are of whole 1/32 octaves, costs
         * piecewise linear between 1/8. */
        assert_true(fabs((was ? now - then : then - now) + (double)pairs->follow[f] -
                         (double)switching[f]) < 0.02 + 2e-3 * fabs(then - now));
        if (was) {
            for (size_t a = 0; a < p.active_count; a++)
                if (active[a] == f)
                    active[a] = active[--p.active_count];
            pair_prices_switch(&p, f, false);
            price[f] = switching[f];
        } else {
            active[p.active_count++] = f;
            price[f] = PRICE_NEVER;
            pair_prices_switch(&p, f, true);
        }
    }
    joint_pairs_free(pairs);
    joint_model_free(m);
}

static int set_up(void **state)
{
    (void)state;
    random_seed("test_joint");
    survival_table_init(&survival);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joint_weights_round_trip),
        cmocka_unit_test(test_joint_payloads_that_lie_are_refused),
        cmocka_unit_test(test_joint_logits_are_plain_sums_however_far_the_pass_has_come),
        cmocka_unit_test(test_joint_positions_round_trip_at_their_price),
        cmocka_unit_test(test_joint_prices_are_what_a_switch_does_to_the_row),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
