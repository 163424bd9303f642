/* One step of the trainer against a plain forward pass and finite differences in double. */
#include "train_support.h"

#include "base/parallel.h"
#include "train/state.h"

#include <math.h>

enum { DIMS = 12, WIDTH = 20, BATCH = 8, L0 = 3 };

static trainer *open_trainer(trainer_arch arch, parallel_pool *pool, const float *rows)
{
    const trainer_params params = {.dims = DIMS,
                                   .width = WIDTH,
                                   .l0 = L0,
                                   .arch = arch,
                                   .batch = BATCH,
                                   .steps = 1000,
                                   .seed = 3,
                                   .rate = 1e-3f};
    trainer *t;

    assert_int_equal(trainer_open(alloc_of(NULL), &params, pool, &t), MDLA_OK);
    assert_int_equal(trainer_begin(t, rows, BATCH), MDLA_OK);
    /* Past the annealing, so that l0 is L0; biases that matter. */
    t->now.step = 500;
    for (size_t f = 0; f < WIDTH; f++) {
        t->fired[f] = 500;
        t->b_enc.w[f] = 0.01f * (float)f - 0.05f;
    }
    for (size_t i = 0; i < DIMS; i++)
        t->b_dec.w[i] = 0.02f * (float)i - 0.1f;
    return t;
}

/* Weights in double, to be moved by a little. */
typedef struct model {
    double enc[WIDTH * DIMS], dec[WIDTH * DIMS], b_enc[WIDTH], b_dec[DIMS];
} model;

static void copy_model(const trainer *t, model *m)
{
    for (size_t i = 0; i < WIDTH * DIMS; i++) {
        m->enc[i] = (double)t->enc.w[i];
        m->dec[i] = (double)t->dec.w[i];
    }
    for (size_t i = 0; i < WIDTH; i++)
        m->b_enc[i] = (double)t->b_enc.w[i];
    for (size_t i = 0; i < DIMS; i++)
        m->b_dec[i] = (double)t->b_dec.w[i];
}

/* The loss with the support as the step chose it: it doesn't move with the weights. */
static double loss_of(const model *m, const trainer *t, double penalty)
{
    double loss = 0.0;

    for (size_t r = 0; r < BATCH; r++) {
        double y[DIMS];

        for (size_t i = 0; i < DIMS; i++)
            y[i] = m->b_dec[i] - (double)t->x[r * DIMS + i];
        for (size_t n = t->codes.row_start[r]; n < t->codes.row_start[r + 1]; n++) {
            const size_t f = t->codes.feature[n];
            double a = m->b_enc[f];

            for (size_t i = 0; i < DIMS; i++)
                a += m->enc[f * DIMS + i] * (double)t->x[r * DIMS + i];
            for (size_t i = 0; i < DIMS; i++)
                y[i] += a * m->dec[f * DIMS + i];
            loss += penalty * a;
        }
        for (size_t i = 0; i < DIMS; i++)
            loss += y[i] * y[i];
    }
    return loss / BATCH;
}

static double slope(model *m, double *weight, const trainer *t, double penalty)
{
    const double h = 1e-5, at = *weight;
    double up, down;

    *weight = at + h;
    up = loss_of(m, t, penalty);
    *weight = at - h;
    down = loss_of(m, t, penalty);
    *weight = at;
    return (up - down) / (2 * h);
}

/* After the first update of zeroed moments m = (1 - beta1) g. The sums are of some hundred float
 * products of size about 1, each rounded to 6e-8: 1e-4 leaves room. */
static void assert_gradient(float moment, double wanted)
{
    const double got = (double)moment / (1.0 - (double)KERNEL_BETA1);

    if (fabs(got - wanted) > 1e-4 * (1.0 + fabs(wanted)))
        fail_msg("gradient %g where %g is right", got, wanted);
}

static void check_gradients(trainer_arch arch)
{
    float *rows = planted_rows(BATCH, DIMS, 9, 2, 50.0f);
    parallel_pool *pool = parallel_open(alloc_of(NULL), 2);
    trainer *t = open_trainer(arch, pool, rows);
    const double penalty = (double)t->now.penalty;
    trainer_report report;
    model m;

    copy_model(t, &m);
    assert_int_equal(trainer_step(t, rows, &report), MDLA_OK);
    if (fabs(report.loss - loss_of(&m, t, penalty)) > 1e-4 * report.loss)
        fail_msg("loss %g where %g is right", report.loss, loss_of(&m, t, penalty));
    for (size_t i = 0; i < DIMS; i++)
        assert_gradient(t->b_dec.m[i], slope(&m, &m.b_dec[i], t, penalty));
    for (size_t f = 0; f < WIDTH; f++) {
        double g[DIMS], along = 0.0;

        assert_gradient(t->b_enc.m[f], slope(&m, &m.b_enc[f], t, penalty));
        for (size_t i = 0; i < DIMS; i++) {
            assert_gradient(t->enc.m[f * DIMS + i], slope(&m, &m.enc[f * DIMS + i], t, penalty));
            g[i] = slope(&m, &m.dec[f * DIMS + i], t, penalty);
            along += g[i] * m.dec[f * DIMS + i];
        }
        for (size_t i = 0; i < DIMS; i++) /* what keeps the length */
            assert_gradient(t->dec.m[f * DIMS + i], g[i] - along * m.dec[f * DIMS + i]);
    }
    trainer_close(t);
    parallel_close(pool);
    free(rows);
}

static void test_train_step_batchtopk_gradients_match_finite_differences(void **state)
{
    (void)state;
    check_gradients(TRAINER_BATCHTOPK);
}

static void test_train_step_topk_gradients_match_finite_differences(void **state)
{
    (void)state;
    check_gradients(TRAINER_TOPK);
}

static void test_train_step_relu_gradients_match_finite_differences(void **state)
{
    (void)state;
    check_gradients(TRAINER_RELU);
}

/* A dead feature's gradient is that of |x - reconstruction - auxiliary reconstruction|^2, the
 * residual held fixed. */
static void test_train_step_dead_features_rebuild_the_residual(void **state)
{
    float *rows = planted_rows(BATCH, DIMS, 9, 2, 50.0f);
    parallel_pool *pool = parallel_open(alloc_of(NULL), 1);
    trainer *t = open_trainer(TRAINER_BATCHTOPK, pool, rows);
    const size_t f = 4;
    trainer_report report;
    double before[DIMS], wanted[DIMS] = {0}, seen = 0.0;

    (void)state;
    t->b_enc.w[f] = 0.01f; /* too weak to be among the largest, and positive somewhere */
    for (size_t i = 0; i < DIMS; i++)
        t->enc.w[f * DIMS + i] *= 0.001f;
    t->fired[f] = 0;
    for (size_t i = 0; i < DIMS; i++)
        before[i] = (double)t->dec.w[f * DIMS + i];
    assert_int_equal(trainer_step(t, rows, &report), MDLA_OK);
    assert_int_equal(report.dead, 1);
    for (size_t list = BATCH; list < 2 * (size_t)BATCH; list++)
        for (size_t n = t->codes.row_start[list]; n < t->codes.row_start[list + 1]; n++) {
            const double a = (double)t->codes.strength[n];

            assert_int_equal(t->codes.feature[n], f);
            seen += a;
            for (size_t i = 0; i < DIMS; i++) {
                const double left = (double)t->error[(list - BATCH) * DIMS + i] + a * before[i];
                wanted[i] += 2.0 * a * left / BATCH;
            }
        }
    assert_true(seen > 0.0);
    for (size_t i = 0; i < DIMS; i++) {
        double along = 0.0;

        for (size_t j = 0; j < DIMS; j++)
            along += wanted[j] * before[j];
        assert_gradient(t->dec.m[f * DIMS + i], wanted[i] - along * before[i]);
    }
    assert_int_equal(t->fired[f], 0); /* the auxiliary code doesn't count as firing */
    trainer_close(t);
    parallel_close(pool);
    free(rows);
}

static void test_train_step_l0_is_as_asked(void **state)
{
    float *rows = planted_rows(BATCH, DIMS, 9, 2, 50.0f);
    parallel_pool *pool = parallel_open(alloc_of(NULL), 2);
    trainer *t = open_trainer(TRAINER_BATCHTOPK, pool, rows);
    trainer_report report;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(trainer_step(t, rows, &report), MDLA_OK);
        assert_int_equal(t->codes.row_start[BATCH], BATCH * L0);
        for (size_t f = 0; f < WIDTH; f++) {
            const float *atom = t->dec.w + f * DIMS;
            assert_true(fabsf(kernel_dot(DIMS, atom, atom) - 1.0f) < 1e-5f);
        }
    }
    trainer_close(t);
    parallel_close(pool);
    free(rows);
}

/* Selection and the lists on their own: k-th largest with ties, and the same lists by row and by
 * feature. */
static void test_train_codes_kth_largest_matches_counting(void **state)
{
    train_rng rng;

    (void)state;
    rng_seed(&rng, 11);
    for (int round = 0; round < 200; round++) {
        float values[64], copy[64];
        const size_t n = 1 + rng_below(&rng, 64), k = 1 + rng_below(&rng, n);
        size_t above = 0, equal = 0;
        float got;

        for (size_t i = 0; i < n; i++)
            values[i] = copy[i] = (float)rng_below(&rng, 10);
        got = codes_kth_largest(copy, n, k);
        for (size_t i = 0; i < n; i++) {
            above += values[i] > got;
            equal += values[i] == got;
        }
        assert_true(above < k && k <= above + equal);
    }
}

static void test_train_kernel_above_finds_what_a_loop_finds(void **state)
{
    float x[100] = {0}, value[100];
    uint32_t index[100];
    train_rng rng;

    (void)state;
    rng_seed(&rng, 5);
    for (size_t n = 0; n <= 100; n++) {
        size_t found, next = 0;

        for (size_t i = 0; i < n; i++)
            x[i] = rng_normal(&rng);
        found = kernel_above(n, x, 1.0f, index, value);
        for (size_t i = 0; i < n; i++)
            if (x[i] > 1.0f) {
                assert_true(next < found && index[next] == i && value[next] == x[i]);
                next++;
            }
        assert_int_equal(next, found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_step_batchtopk_gradients_match_finite_differences),
        cmocka_unit_test(test_train_step_topk_gradients_match_finite_differences),
        cmocka_unit_test(test_train_step_relu_gradients_match_finite_differences),
        cmocka_unit_test(test_train_step_dead_features_rebuild_the_residual),
        cmocka_unit_test(test_train_step_l0_is_as_asked),
        cmocka_unit_test(test_train_codes_kth_largest_matches_counting),
        cmocka_unit_test(test_train_kernel_above_finds_what_a_loop_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
