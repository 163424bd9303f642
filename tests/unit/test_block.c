/* Blocks and synthesis: codes there and back at their price, sums against plain arithmetic, rows
 * that can't be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "block/block_decoder.h"
#include "block/block_encoder.h"
#include "fit/joint_fit.h"
#include "fit/level_scales.h"
#include "fit/priors_fit.h"
#include "random.h"
#include "synthesis/synthesis.h"

#include <string.h>

#define DIMS 37
#define WIDTH 300
#define ROWS 1000

static codebook *book;
static code_model *model;
static const code_options additive;

static int set_up(void **state)
{
    const code_params params = {{20000, -20}, {10, -20, -30, 0}};

    (void)state;
    random_seed("test_block");
    book = codebook_new(alloc_of(NULL), DIMS, WIDTH, NULL);
    assert_non_null(book);
    book->fit = params;
    book->bias_exponent = -18;
    book->class_count = 3;
    for (uint32_t k = 0; k < 3; k++)
        memset(book->hazard[k], (int)(70 + 10 * k), CODEBOOK_HAZARDS);
    for (uint32_t d = 0; d < DIMS; d++)
        book->bias[d] = (int32_t)random_below(20001) - 10000;
    for (uint32_t j = 0; j < WIDTH; j++) {
        book->rate_index[j] = (uint8_t)(90 + random_below(70));
        book->level_class[j] = (uint8_t)random_below(3);
        for (uint32_t d = 0; d < DIMS; d++)
            book->atoms[j * DIMS + d] = (int16_t)((int)random_below(8001) - 4000);
    }
    assert_int_equal(codebook_derive_order(book), MDLA_OK);
    codebook_derive_peaks(book);
    assert_int_equal(code_model_new(alloc_of(NULL), book, &params, &additive, &model), MDLA_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    code_model_free(model);
    codebook_free(book);
    return 0;
}

/* Codes drawn from the model itself, so that its prices are what they should cost. */
static void draw_codes(code_rows *codes, size_t rows)
{
    size_t at = 0;

    assert_int_equal(code_rows_reserve(alloc_of(NULL), codes, rows, rows * WIDTH), MDLA_OK);
    for (size_t r = 0; r < rows; r++) {
        codes->start[r] = at;
        for (uint32_t j = 0; j < WIDTH; j++) {
            const double rate = 1.0 / (1.0 + exp2((book->rate_index[j] - RATE_INDEX_EVEN) / 8.0));
            const uint8_t hazard = book->hazard[book->level_class[j]][0];
            const double stop = 1.0 / (1.0 + exp2((hazard - RATE_INDEX_EVEN) / 8.0));

            if (random_unit() >= rate)
                continue;
            codes->feature[at] = j;
            codes->level[at] = 1;
            while (random_unit() >= stop && codes->level[at] < (int32_t)model->max_level)
                codes->level[at]++;
            at++;
        }
    }
    codes->start[rows] = at;
    codes->row_count = rows;
}

/* Encodes codes, decodes them, compares all and what was charged. Returns the charged bits. */
static double check_round_trip(const code_model *m, const code_rows *codes, const uint8_t *starts,
                               const row_norm *norms)
{
    range_encoder e = {0};
    uint8_t header[BLOCK_HEADER_NBYTES], *payload;
    double decoded = 0.0, index[WIDTH], level[WIDTH];
    uint32_t feature[WIDTH];
    int32_t levels[WIDTH];
    row_code code = {.feature = feature, .level = levels};
    row_bits bits = {.index = index, .level = level};
    row_context context;
    block_charge charge;
    block_decoder d;

    assert_int_equal(block_encode(m, codes, 0, ROWS, starts, norms, header, &e, &charge), MDLA_OK);
    const double charged = charge.flags + charge.norms + charge.levels;
    assert_true(8.0 * (double)e.nbytes <= 1.001 * charged + 16.0);
    payload = malloc(sizeof header + e.nbytes);
    assert_non_null(payload);
    memcpy(payload, header, sizeof header);
    memcpy(payload + sizeof header, e.payload, e.nbytes);
    assert_int_equal(row_context_new(alloc_of(NULL), m, &context), MDLA_OK);
    assert_int_equal(block_decoder_start(&d, m, &context, payload, sizeof header + e.nbytes),
                     MDLA_OK);
    assert_int_equal(d.row_count, ROWS);
    for (size_t r = 0; r < ROWS; r++) {
        bool seen[WIDTH] = {false};

        block_decoder_row(&d, &code, &bits);
        assert_int_equal(code.starts_passage, starts != NULL && starts[r] != 0);
        assert_int_equal(code.count, codes->start[r + 1] - codes->start[r]);
        decoded += bits.passage + bits.norm + bits.end;
        if (norms != NULL) {
            assert_int_equal(code.norm.zero, norms[r].zero);
            assert_int_equal(code.norm.scale, norms[r].scale);
            assert_int_equal(code.norm.offset, norms[r].offset);
        }
        for (uint32_t i = 0; i < code.count; i++) {
            size_t at = codes->start[r];

            while (at < codes->start[r + 1] && codes->feature[at] != code.feature[i])
                at++;
            assert_true(at < codes->start[r + 1] && !seen[code.feature[i]]);
            assert_int_equal(code.level[i], codes->level[at]);
            seen[code.feature[i]] = true;
            decoded += index[i] + level[i];
        }
    }
    assert_true(block_decoder_finished(&d));
    assert_true(fabs(decoded - charged) < 1e-6 * charged);
    row_context_free(&context);
    free(payload);
    range_encoder_free(&e);
    return charged;
}

static void test_block_codes_round_trip_within_a_thousandth_of_their_price(void **state)
{
    code_rows codes = {0};

    (void)state;
    draw_codes(&codes, ROWS);
    check_round_trip(model, &codes, NULL, NULL);
    code_rows_free(alloc_of(NULL), &codes);
}

/* Features 2 k and 2 k + 1 as one, and every row as the one before but for passages' starts: what
 * the joint model is for. Features that were likely are strong. */
static void draw_joint_codes(code_rows *codes, uint8_t *starts)
{
    size_t at = 0;

    assert_int_equal(code_rows_reserve(alloc_of(NULL), codes, ROWS, ROWS * WIDTH), MDLA_OK);
    for (size_t r = 0; r < ROWS; r++) {
        starts[r] = random_below(8) == 0;
        codes->start[r] = at;
        for (uint32_t j = 0; j + 1 < WIDTH; j += 2) {
            bool on = random_below(20) == 0, likely = false;

            for (size_t i = r != 0 && !starts[r] ? codes->start[r - 1] : at; i < codes->start[r];
                 i++)
                likely = likely || (codes->feature[i] == j && random_below(4) != 0);
            on = on || likely;
            for (uint32_t k = j; on && k < j + 2; k++) {
                codes->feature[at] = k;
                codes->level[at++] = (likely ? 3 : 1) + (int32_t)random_below(3);
            }
        }
    }
    codes->start[ROWS] = at;
    codes->row_count = ROWS;
}

static void test_block_joint_codes_round_trip_and_cost_far_less(void **state)
{
    const code_options joint = {.joint = true, .passages = true}, plain = {.passages = true};
    code_rows codes = {0};
    uint8_t starts[ROWS];
    parallel_pool *pool = parallel_open(alloc_of(NULL), 2);
    code_model *with, *without;

    (void)state;
    assert_non_null(pool);
    draw_joint_codes(&codes, starts);
    const joint_rows rows = {&codes, starts};
    joint_fit_options options = {.expected_rows = 1e9, .before = true, .passes = 12};

    assert_int_equal(joint_fit(book, pool, &rows, &options), MDLA_OK);
    assert_non_null(book->joint);
    assert_int_equal(code_model_new(alloc_of(NULL), book, &book->fit, &joint, &with), MDLA_OK);
    assert_int_equal(code_model_new(alloc_of(NULL), book, &book->fit, &plain, &without), MDLA_OK);
    const double bits = check_round_trip(with, &codes, starts, NULL);

    assert_true(bits < 0.7 * check_round_trip(without, &codes, starts, NULL));
    assert_int_equal(level_scales_fit(book, &rows), MDLA_OK);
    assert_true(check_round_trip(with, &codes, starts, NULL) < 0.98 * bits);
    code_model_free(with);
    code_model_free(without);
    joint_model_free(book->joint);
    book->joint = NULL;
    assert_int_equal(code_model_new(alloc_of(NULL), book, &book->fit, &joint, &with),
                     MDLA_ERR_CORRUPT);
    parallel_close(pool);
    code_rows_free(alloc_of(NULL), &codes);
}

static void test_block_headers_out_of_range_are_refused(void **state)
{
    const uint8_t scale_zero[BLOCK_HEADER_NBYTES] = {9, 0, 0, 0};
    block_decoder d;

    (void)state;
    assert_int_equal(block_decoder_start(&d, model, NULL, scale_zero, 3), MDLA_ERR_TRUNCATED);
    assert_int_equal(block_decoder_start(&d, model, NULL, scale_zero, 4), MDLA_ERR_CORRUPT);
}

static void test_model_coefficients_follow_the_specification(void **state)
{
    (void)state;
    for (uint32_t l = 1; l <= model->max_level; l++) {
        const int offset = model->params.level_offset[l < 4 ? l - 1 : 3];

        assert_int_equal(model->coefficient[l],
                         floor(20000.0 * (128.0 * l + offset) / 32768.0 + 0.5));
        assert_true(model->coefficient[l] <= 32767);
    }
    assert_true(20000.0 * 128.0 * (model->max_level + 1) / 32768.0 + 0.5 >= 32768.0);
}

static void test_model_steps_and_biases_out_of_range_are_refused(void **state)
{
    const code_params zero = {{0, 0}, {0}}, fine = {{256, -121}, {0}},
                      below = {{20000, -20}, {-97, 0, 0, 0}};
    const code_params far = {{20000, -60}, {0}}; /* the bias would need more than 30 bits */
    code_model *m;

    (void)state;
    assert_int_equal(code_model_new(alloc_of(NULL), book, &zero, &additive, &m), MDLA_ERR_CORRUPT);
    assert_int_equal(code_model_new(alloc_of(NULL), book, &fine, &additive, &m), MDLA_ERR_CORRUPT);
    assert_int_equal(code_model_new(alloc_of(NULL), book, &below, &additive, &m), MDLA_ERR_CORRUPT);
    assert_int_equal(code_model_new(alloc_of(NULL), book, &far, &additive, &m), MDLA_ERR_CORRUPT);
    assert_null(m);
}

static void test_synthesis_equals_plain_sums(void **state)
{
    int32_t accumulator[DIMS];
    float out[DIMS];

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        uint32_t feature[40];
        int32_t level[40];
        row_code code = {.count = random_below(41), .feature = feature, .level = level};

        for (uint32_t i = 0; i < code.count; i++) {
            feature[i] = random_below(WIDTH);
            level[i] = 1 + (int32_t)random_below(20);
        }
        assert_true(synthesis_fits(model, &code));
        synthesis_row(model, &code, accumulator, out);
        for (uint32_t d = 0; d < DIMS; d++) {
            int64_t sum = model->bias[d];

            for (uint32_t i = 0; i < code.count; i++)
                sum += (int64_t)model->coefficient[level[i]] * book->atoms[feature[i] * DIMS + d];
            assert_true(out[d] == ldexpf((float)sum, -20));
        }
    }
}

static void test_synthesis_sums_beyond_32_bits_do_not_fit(void **state)
{
    uint32_t feature[40] = {0};
    int32_t level[40];
    row_code code = {.count = 40, .feature = feature, .level = level};

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        level[i] = (int32_t)model->max_level;
    assert_false(synthesis_fits(model, &code));
    code.count = 2;
    assert_true(synthesis_fits(model, &code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_codes_round_trip_within_a_thousandth_of_their_price),
        cmocka_unit_test(test_block_joint_codes_round_trip_and_cost_far_less),
        cmocka_unit_test(test_block_headers_out_of_range_are_refused),
        cmocka_unit_test(test_model_coefficients_follow_the_specification),
        cmocka_unit_test(test_model_steps_and_biases_out_of_range_are_refused),
        cmocka_unit_test(test_synthesis_equals_plain_sums),
        cmocka_unit_test(test_synthesis_sums_beyond_32_bits_do_not_fit),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
