/* Rate control on functions of known shape, moving and still; promises on few rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "encode/rate_control.h"
#include "small_file.h"

static unsigned trials_for(double target, double slope, double start, bool moving, bool bits)
{
    const mdla_target t = {.fvu = bits ? 0.0 : target, .bits_per_row = bits ? target : 0.0};
    rate_control c;

    rate_control_start(&c, &t, start, moving);
    while (c.trials < 40) {
        const rate_trial trial = {.fvu = pow(c.lambda, slope),
                                  .bits_per_row = 100.0 * pow(c.lambda, -slope)};

        if (rate_control_step(&c, &trial, 0.003)) {
            assert_true(rate_control_kept(&t, &trial));
            break;
        }
    }
    return c.trials;
}

static void test_rate_control_power_laws_are_found_quickly(void **state)
{
    (void)state;
    for (double slope = 0.3; slope < 3.0; slope *= 1.5) {
        for (double start = 1e-4; start < 1e3; start *= 100.0) {
            assert_true(trials_for(0.2, slope, start, false, false) < 16);
            assert_true(trials_for(0.2, slope, start, true, false) < 16);
            assert_true(trials_for(60.0, slope, start, false, true) < 16);
        }
    }
}

static void test_rate_control_promises_hold_on_few_rows(void **state)
{
    small_case c;

    (void)state;
    random_seed(__func__);
    small_case_make(&c, 16, 40, 400);
    for (unsigned i = 0; i < 6; i++) {
        mdla_encode_options options = {0};
        mdla_encode_report report;
        mdla_error err;
        mdla_rows *rows;
        mdla_sink sink;
        void *bytes;
        size_t nbytes;
        const double aim = i < 3 ? 0.1 + 0.1 * i : 10.0 + 4.0 * i;

        options.reference = 1;
        if (i < 3)
            options.target.fvu = aim;
        else
            options.target.bits_per_row = aim;
        assert_int_equal(mdla_rows_from_memory(NULL, c.rows, c.row_count, c.dims, &rows, &err),
                         MDLA_OK);
        assert_int_equal(mdla_sink_memory(&bytes, &nbytes, &sink), MDLA_OK);
        if (mdla_encode(NULL, c.book, NULL, rows, &options, sink, &report, &err) != MDLA_OK)
            fail_msg("%g: %s", aim, err.text);
        mdla_rows_close(rows);
        /* 400 rows come in steps: never above the promise, and not far below. */
        const double reached =
            i < 3 ? report.fvu : 8.0 * (double)report.file_nbytes / (double)report.rows;
        if (reached > aim * 1.0005 || reached < 0.93 * aim)
            fail_msg("aimed at %g, reached %g", aim, reached);
        free(bytes);
    }
    small_case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_control_power_laws_are_found_quickly),
        cmocka_unit_test(test_rate_control_promises_hold_on_few_rows)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
