/* Published description lengths from their inputs: the paper's figures, SAEBench's formula. */
#include "support.h"

#include "eval_saebench.h"
#include "paper.h"

#include <math.h>

static void test_the_papers_figures_follow_from_their_inputs(void **state)
{
    static const double printed[PAPER_FIGURES] = {5376, 1405, 13993, 1999, 2006};
    paper_figure figures[PAPER_FIGURES];

    (void)state;
    paper_gpt2(figures);
    for (int i = 0; i < PAPER_FIGURES; i++) {
        assert_true(round(figures[i].bits) == printed[i]);
        assert_true(isnan(figures[i].published) || round(figures[i].bits) == figures[i].published);
    }
}

static void check(double got, double want)
{
    if (!(fabs(got - want) < 1e-12))
        fail_msg("%.15g, not %.15g", got, want);
}

/* Eight rows. Feature 0: 10, 20, 130 and 200; feature 1: 40 and -5; feature 2 never. */
static void add_strengths(saebench *s)
{
    saebench_add(s, 0, 10, 1);
    saebench_add(s, 0, 20, 1);
    saebench_add(s, 0, 130, 1);
    saebench_add(s, 0, 200, 1);
    saebench_add(s, 1, 40, 1);
    saebench_add(s, 1, -5, 1);
}

static void test_saebench_counts_zeros_and_the_form_meant_doesnt(void **state)
{
    saebench_bits bits;
    saebench s;

    (void)state;
    assert_int_equal(saebench_start(&s, 3), 0);
    add_strengths(&s);
    assert_true(saebench_again(&s)); /* 200 is above 100 */
    add_strengths(&s);
    assert_false(saebench_again(&s));
    saebench_finish(&s, 8, &bits);
    saebench_end(&s);
    /* 8 bins of 25: feature 0 has 2, 1 and 1 beside 4 zeros in the first. Feature 1: p = 1/8; of
     * the 7 rows that aren't below zero one in another bin than the six zeros. */
    check(bits.published[0], 1 + 0.5 * (0.75 * log2(8.0 / 6) + 0.25 * 3) +
                                 (3 + 7 * log2(8.0 / 7)) / 8 +
                                 (log2(7) / 7 + 6 * log2(7.0 / 6) / 7) / 8);
    check(bits.active[0], 1 + 0.5 * 1.5 + (3 + 7 * log2(8.0 / 7)) / 8);
    /* 64 bins of 3.125 tell 10 from 20. */
    check(bits.active[3], 1 + 0.5 * 2 + (3 + 7 * log2(8.0 / 7)) / 8);
}

static void test_saebench_without_rows_is_undefined(void **state)
{
    saebench_bits bits;
    saebench s;

    (void)state;
    assert_int_equal(saebench_start(&s, 2), 0);
    saebench_finish(&s, 0, &bits);
    saebench_end(&s);
    assert_true(isnan(bits.published[0]) && isnan(bits.active[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_papers_figures_follow_from_their_inputs),
        cmocka_unit_test(test_saebench_counts_zeros_and_the_form_meant_doesnt),
        cmocka_unit_test(test_saebench_without_rows_is_undefined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
