/* Each metric against its formula, worked out by hand on three rows of two values. */
#include "support.h"

#include "eval_metrics.h"

#include <math.h>

/* x: (3 4), (0 0), (3 0); mean (2, 4/3). x^: (3 3), (1 0), (3 0). e: (0 1), (-1 0), (0 0). */
static const float rows[] = {3, 4, 0, 0, 3, 0}, decoded[] = {3, 3, 1, 0, 3, 0};
enum { WIDTH = 4 };

static void measure(eval_metrics *m, const int *starts, double out[METRICS])
{
    assert_int_equal(metrics_start(m, 2, WIDTH, starts != NULL), 0);
    metrics_see(m, rows, 1);
    metrics_see(m, rows + 2, 2);
    metrics_add(m, rows, decoded, 2);
    metrics_add(m, rows + 4, decoded + 4, 1);
    metrics_code(m, rows, starts ? starts[0] : 0, (const uint32_t[]){0, 2}, (const double[]){1, -2},
                 2);
    metrics_code(m, rows + 2, starts ? starts[1] : 0, (const uint32_t[]){0}, (const double[]){3},
                 1);
    metrics_code(m, rows + 4, starts ? starts[2] : 0, NULL, NULL, 0);
    metrics_finish(m, out);
}

static void check(const double *got, eval_metric metric, double want)
{
    if (!(fabs(got[metric] - want) < 1e-12))
        fail_msg("%s: %.15g, not %.15g", metric_name(metric), got[metric], want);
}

static void test_metrics_follow_their_formulas(void **state)
{
    /* R = 2; V = 6 + 32/3 = 50/3; S = 34; |x| = 5, 0, 3; |x^| = sqrt 18, 1, 3; |e| = 1, 1, 0. */
    const double r = 2, v = 50.0 / 3, s = 34;
    const double d0 = 1 + 64.0 / 9, d1 = 4 + 16.0 / 9; /* |x - mean|^2 of the first two */
    eval_metrics m;
    double got[METRICS];

    (void)state;
    measure(&m, NULL, got);
    check(got, METRIC_FVU, r / v);
    check(got, METRIC_EXPLAINED_VARIANCE, 1 - r / v);
    check(got, METRIC_EXPLAINED_VARIANCE_LEGACY, ((1 - 1 / d0) + (1 - 1 / d1) + 1) / 3);
    check(got, METRIC_FRAC_VARIANCE_EXPLAINED, 1 - (2.0 / 3 + 2.0 / 3) / v);
    check(got, METRIC_EXPLAINED_VARIANCE_SAELENS_EVAL, 1 - (r / 3) / (s / 3 - (s / 6) * (s / 6)));
    check(got, METRIC_MSE, r / 6);
    check(got, METRIC_L2_LOSS, 2.0 / 3);
    check(got, METRIC_L2_NORM_ERROR, 2.0 / 3);
    check(got, METRIC_L2_NORM_ERROR_RATIO, 2.0 / 8);
    check(got, METRIC_NORMALIZED_MSE, (1.0 / 25 + 0) / 2); /* the row of zeros is left out */
    check(got, METRIC_ZERO_ROWS, 1);
    check(got, METRIC_COSSIM, (21 / (5 * sqrt(18)) + 1) / 2);
    check(got, METRIC_L2_NORM_IN, 8.0 / 3);
    check(got, METRIC_L2_NORM_OUT, (sqrt(18) + 4) / 3);
    check(got, METRIC_L2_RATIO, (sqrt(18) / 5 + 1 + 1) / 3); /* |x| = 0 counts as 1 */
    check(got, METRIC_RELATIVE_RECONSTRUCTION_BIAS, (18.0 + 1 + 9) / (21 + 9));
    check(got, METRIC_L0, 1);
    check(got, METRIC_L1, 2);
    check(got, METRIC_NORMALIZED_L1, (3.0 / 5 + 0) / 2);
    check(got, METRIC_DEAD_FEATURES, 2);
    check(got, METRIC_FRAC_ALIVE, 0.25); /* where f > 0: feature 0 alone */
    check(got, METRIC_FREQ_OVER_1_PERCENT, 0.25);
    check(got, METRIC_NORMALIZED_FREQ_OVER_10_PERCENT, 1);
    assert_true(fabs(metrics_density(&m, 0) - 2.0 / 3) < 1e-15);
    assert_true(metrics_log10_density(&m, 1) == -10);
    assert_true(isnan(metrics_consistency(&m, 0)));
    metrics_end(&m);
}

static void test_metrics_passages_and_histogram(void **state)
{
    uint64_t bins[DENSITY_BINS], sum = 0;
    eval_metrics m;
    double got[METRICS];
    int b;

    (void)state;
    measure(&m, (const int[]){0, 1, 0}, got);
    assert_true(metrics_consistency(&m, 0) == 1); /* two rows of two passages */
    metrics_end(&m);
    measure(&m, (const int[]){1, 0, 1}, got);
    assert_true(metrics_consistency(&m, 0) == 2); /* of one passage */
    assert_true(isnan(metrics_consistency(&m, 1)));
    metrics_histogram(&m, bins);
    for (b = 0; b < DENSITY_BINS; b++)
        sum += bins[b];
    assert_int_equal(sum, WIDTH);
    assert_int_equal(bins[0], 3);
    assert_int_equal(bins[DENSITY_BINS - 1], 1); /* log10 of 2/3 */
    assert_true(density_edge(DENSITY_BINS) == 0);
    metrics_end(&m);
}

static void test_metrics_without_variance_or_rows_are_undefined(void **state)
{
    static const eval_metric undefined[] = {METRIC_FVU, METRIC_EXPLAINED_VARIANCE,
                                            METRIC_EXPLAINED_VARIANCE_LEGACY,
                                            METRIC_FRAC_VARIANCE_EXPLAINED};
    static const float same[] = {2, 1, 2, 1};
    eval_metrics m;
    double got[METRICS];
    size_t i;

    (void)state;
    assert_int_equal(metrics_start(&m, 2, 1, 0), 0);
    metrics_finish(&m, got);
    for (i = 0; i < METRICS; i++)
        assert_true(metric_is_count((eval_metric)i) || isnan(got[i]) || i == METRIC_FRAC_ALIVE ||
                    i == METRIC_FREQ_OVER_1_PERCENT || i == METRIC_FREQ_OVER_10_PERCENT);
    metrics_see(&m, same, 2);
    metrics_add(&m, same, same, 2);
    metrics_finish(&m, got);
    for (i = 0; i < sizeof undefined / sizeof undefined[0]; i++)
        assert_true(isnan(got[undefined[i]]));
    check(got, METRIC_MSE, 0);
    check(got, METRIC_COSSIM, 1);
    metrics_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_follow_their_formulas),
        cmocka_unit_test(test_metrics_passages_and_histogram),
        cmocka_unit_test(test_metrics_without_variance_or_rows_are_undefined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
