/* The arithmetic of a sweep's answers, where the right ones are known. */
#include "support.h"

#include "sweep/curves.h"

#include <math.h>

static int near(double got, double want)
{
    return fabs(got - want) <= 1e-9 * fabs(want);
}

static void test_curves_total_takes_the_cheapest_codebook(void **state)
{
    const rate_line lines[] = {{60, 1e6}, {50, 5e6}};

    (void)state;
    assert_true(near(curves_total(lines, 2, 1e5), 70));
    assert_true(near(curves_total(lines, 2, 1e6), 55));
    assert_true(near(curves_total(lines, 2, INFINITY), 50));
    assert_true(isnan(curves_total(lines, 0, 1e6)));
}

static void test_curves_optima_change_where_lines_meet(void **state)
{
    /* 60 + 1e6 / N = 50 + 5e6 / N at N = 400,000; the third is never shortest, the fourth is
     * from 50 + 5e6 / N = 49 + 25e6 / N on: N = 2e7. */
    const rate_line narrow = {60, 1e6}, middle = {50, 5e6}, worse = {61, 2e6}, wide = {49, 25e6};
    const explanation_lines all[] = {{&narrow, 1}, {&middle, 1}, {&worse, 1}, {&wide, 1}};
    optimum found[8];

    (void)state;
    assert_int_equal(curves_optima(all, 4, 1e3, 1e12, found, 8), 3);
    assert_int_equal(found[0].explanation, 0);
    assert_int_equal(found[1].explanation, 1);
    assert_int_equal(found[2].explanation, 3);
    assert_true(near(found[0].to, 4e5) && near(found[1].from, 4e5));
    assert_true(near(found[1].to, 2e7) && found[2].to == 1e12);
    assert_int_equal(curves_optima(all, 4, 1e3, 1e12, found, 2), 2);
    assert_int_equal(curves_optima(all, 0, 1e3, 1e12, found, 8), 0);
}

static void test_curves_are_straight_over_log_fvu_and_end(void **state)
{
    const rd_point points[] = {{0.4, 10}, {0.1, 30}};

    (void)state;
    assert_true(near(curves_bits(points, 2, 0.2), 20));
    assert_true(curves_bits(points, 2, 0.1) == 30);
    assert_true(isnan(curves_bits(points, 2, 0.41)) && isnan(curves_bits(points, 2, 0.09)));
}

static void test_curves_cross_between_points(void **state)
{
    /* a is shorter at high FVU; both are 20 at 0.2, between points that don't coincide. */
    const rd_point a[] = {{0.4, 10}, {0.1, 30}}, b[] = {{0.5, 15}, {0.32, 18}, {0.125, 22}};
    const rd_point same[] = {{0.4, 10}, {0.1, 30}}, above[] = {{0.4, 11}, {0.1, 31}};
    const rd_point twice[] = {{0.4, 9}, {0.2, 21}, {0.1, 29}};
    rd_point found[4];

    (void)state;
    assert_int_equal(curves_crossings(a, 2, b, 3, found, 4), 1);
    assert_true(near(found[0].bits, curves_bits(b, 3, found[0].fvu)));
    assert_true(near(found[0].fvu, 0.2)); /* 0.2 is half way between 0.32 and 0.125 too */
    assert_int_equal(curves_crossings(a, 2, same, 2, found, 4), 0);
    assert_int_equal(curves_crossings(a, 2, above, 2, found, 4), 0);
    assert_int_equal(curves_crossings(a, 2, twice, 3, found, 4), 2);
    assert_true(near(found[0].fvu, sqrt(0.08)) && near(found[1].fvu, sqrt(0.02)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curves_total_takes_the_cheapest_codebook),
        cmocka_unit_test(test_curves_optima_change_where_lines_meet),
        cmocka_unit_test(test_curves_are_straight_over_log_fvu_and_end),
        cmocka_unit_test(test_curves_cross_between_points),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
