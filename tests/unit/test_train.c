/* The trainer through the public API: planted dictionaries are found, promises of form are kept, a
 * resumed training ends where an uninterrupted one does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mdla/train.h"
#include "base/alloc.h"
#include "random.h"
#include "saes/sae_handle.h"

#include <string.h>
#include <unistd.h>

#define DIMS 24
#define ATOMS 32
#define ACTIVE 3
#define ROWS 6000

static float *rows;

static int set_up(void **state)
{
    float atoms[ATOMS][DIMS];

    (void)state;
    random_seed("test_train");
    rows = malloc(ROWS * DIMS * sizeof *rows);
    assert_non_null(rows);
    for (unsigned k = 0; k < ATOMS; k++) {
        double norm = 0.0;

        for (unsigned d = 0; d < DIMS; d++) {
            atoms[k][d] = (float)random_normal();
            norm += atoms[k][d] * atoms[k][d];
        }
        for (unsigned d = 0; d < DIMS; d++)
            atoms[k][d] /= (float)sqrt(norm);
    }
    /* Far from zero and of another scale, so that folding is put to the test. */
    for (unsigned r = 0; r < ROWS; r++) {
        for (unsigned d = 0; d < DIMS; d++)
            rows[r * DIMS + d] = 500.0f + 3.0f * (float)d + (float)random_normal();
        for (unsigned i = 0; i < ACTIVE; i++) {
            const unsigned k = random_below(ATOMS);
            const float strength = (float)(100.0 + 100.0 * random_unit());

            for (unsigned d = 0; d < DIMS; d++)
                rows[r * DIMS + d] += strength * atoms[k][d];
        }
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(rows);
    return 0;
}

static mdla_train_options options_for(mdla_train_arch arch)
{
    mdla_train_options o;

    mdla_train_options_init(&o);
    o.arch = arch;
    o.width = 2 * ATOMS;
    o.l0 = ACTIVE;
    o.passes = 20;
    return o;
}

static mdla_sae *train(const mdla_train_options *o, uint32_t threads, mdla_status expected,
                       mdla_train_report *report, mdla_error *err)
{
    mdla_config config;
    mdla_rows *stream;
    mdla_sae *out;
    mdla_status status;

    mdla_config_init(&config);
    config.threads = threads;
    assert_int_equal(mdla_rows_from_memory(&config, rows, ROWS, DIMS, &stream, err), MDLA_OK);
    status = mdla_train(&config, stream, o, &out, report, err);
    if (status != expected)
        fail_msg("status %d: %s", (int)status, err->text);
    mdla_rows_close(stream);
    return out;
}

static void test_train_planted_dictionary_is_explained(void **state)
{
    (void)state;
    for (unsigned arch = 0; arch < 3; arch++) {
        mdla_train_options o = options_for((mdla_train_arch)arch);
        mdla_train_report report;
        mdla_error err;
        mdla_sae *out;
        const sae *s;

        o.l0 = arch == MDLA_TRAIN_RELU ? 4 * ACTIVE
                                       : ACTIVE; /* an L1 penalty shrinks what it makes sparse */
        out = train(&o, 2, MDLA_OK, &report, &err);
        s = out->model;

        printf("arch %u: FVU %.4f, L0 %.3f on %llu rows held out\n", arch, report.fvu, report.l0,
               (unsigned long long)report.holdout_rows);
        assert_true(report.fvu < (arch == MDLA_TRAIN_RELU ? 0.3 : 0.12));
        assert_true(report.l0 <= (arch == MDLA_TRAIN_RELU ? 1.3 : 1.03) * o.l0);
        assert_true(report.l0 > 0.6 * o.l0);
        assert_int_equal(s->activation, arch == MDLA_TRAIN_BATCHTOPK ? SAE_JUMPRELU
                                        : arch == MDLA_TRAIN_TOPK    ? SAE_TOPK
                                                                     : SAE_RELU);
        for (uint32_t k = 0; k < s->width; k++) {
            double norm = 0.0;

            for (uint32_t d = 0; d < DIMS; d++)
                norm += (double)s->w_dec[k * DIMS + d] * s->w_dec[k * DIMS + d];
            assert_true(fabs(norm - 1.0) < 1e-4);
        }
        mdla_sae_free(out);
    }
}

static void assert_same_weights(const mdla_sae *a, const mdla_sae *b)
{
    const size_t values = (size_t)a->model->width * DIMS;

    assert_memory_equal(a->model->w_enc, b->model->w_enc, values * sizeof(float));
    assert_memory_equal(a->model->w_dec, b->model->w_dec, values * sizeof(float));
    assert_memory_equal(a->model->b_enc, b->model->b_enc, a->model->width * sizeof(float));
    assert_memory_equal(a->model->b_dec, b->model->b_dec, DIMS * sizeof(float));
    assert_memory_equal(a->model->threshold, b->model->threshold, a->model->width * sizeof(float));
}

static void test_train_threads_do_not_change_weights_and_seeds_do(void **state)
{
    mdla_train_options o = options_for(MDLA_TRAIN_BATCHTOPK);
    mdla_error err;
    mdla_sae *one, *three, *other;

    (void)state;
    o.passes = 2;
    one = train(&o, 1, MDLA_OK, NULL, &err);
    three = train(&o, 3, MDLA_OK, NULL, &err);
    assert_same_weights(one, three);
    o.seed = 1;
    other = train(&o, 1, MDLA_OK, NULL, &err);
    assert_memory_not_equal(one->model->w_dec, other->model->w_dec, DIMS * sizeof(float));
    mdla_sae_free(one);
    mdla_sae_free(three);
    mdla_sae_free(other);
}

static int stop_at(void *ctx, const mdla_train_state *state)
{
    return state->step == *(const uint64_t *)ctx;
}

static void test_train_resumed_ends_where_uninterrupted_does(void **state)
{
    char path[] = "test-train-XXXXXX", member[64];
    uint64_t stop = 101;
    mdla_train_options o = options_for(MDLA_TRAIN_BATCHTOPK);
    mdla_folder folder;
    mdla_error err;
    mdla_sae *whole, *resumed;

    (void)state;
    o.passes = 2;
    o.buffer_nbytes = 1 << 16; /* less than the rows take: the shuffle buffer's state matters */
    whole = train(&o, 2, MDLA_OK, NULL, &err);
    assert_non_null(mkdtemp(path));
    assert_int_equal(mdla_folder_path(path, 1, &folder, &err), MDLA_OK);
    o.checkpoint = &folder;
    o.progress = stop_at;
    o.progress_ctx = &stop;
    assert_null(train(&o, 2, MDLA_ERR_INTERRUPTED, NULL, &err));
    o.progress = NULL;
    o.resume = 1;
    resumed = train(&o, 2, MDLA_OK, NULL, &err);
    assert_same_weights(whole, resumed);
    /* A checkpoint of another training is refused. */
    o.l0 = ACTIVE + 1;
    assert_null(train(&o, 2, MDLA_ERR_ARGUMENT, NULL, &err));
    snprintf(member, sizeof member, "%s/%s", path, MDLA_TRAIN_CHECKPOINT);
    /* A damaged one too. */
    o.l0 = ACTIVE;
    assert_int_equal(truncate(member, 1000), 0);
    {
        mdla_config config;
        mdla_rows *stream;
        mdla_sae *out;

        mdla_config_init(&config);
        assert_int_equal(mdla_rows_from_memory(&config, rows, ROWS, DIMS, &stream, &err), MDLA_OK);
        assert_int_not_equal(mdla_train(&config, stream, &o, &out, NULL, &err), MDLA_OK);
        assert_null(out);
        mdla_rows_close(stream);
    }
    unlink(member);
    rmdir(path);
    if (folder.close != NULL)
        folder.close(folder.ctx);
    mdla_sae_free(whole);
    mdla_sae_free(resumed);
}

static void test_train_bad_values_are_named(void **state)
{
    const mdla_train_options o = options_for(MDLA_TRAIN_BATCHTOPK);
    const float kept = rows[4321 * DIMS + 7];
    mdla_error err;

    (void)state;
    rows[4321 * DIMS + 7] = NAN;
    assert_null(train(&o, 1, MDLA_ERR_DATA, NULL, &err));
    assert_non_null(strstr(err.text, "4321"));
    assert_non_null(strstr(err.text, "7"));
    rows[4321 * DIMS + 7] = kept;
}

static void test_train_options_out_of_range_are_refused(void **state)
{
    mdla_train_options o = options_for(MDLA_TRAIN_BATCHTOPK);
    mdla_error err;

    (void)state;
    o.l0 = o.width + 1;
    assert_null(train(&o, 1, MDLA_ERR_ARGUMENT, NULL, &err));
    o = options_for(MDLA_TRAIN_BATCHTOPK);
    o.width = 0;
    assert_null(train(&o, 1, MDLA_ERR_ARGUMENT, NULL, &err));
    o = options_for(MDLA_TRAIN_BATCHTOPK);
    o.batch = ROWS + 1;
    assert_null(train(&o, 1, MDLA_ERR_ARGUMENT, NULL, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_planted_dictionary_is_explained),
        cmocka_unit_test(test_train_threads_do_not_change_weights_and_seeds_do),
        cmocka_unit_test(test_train_resumed_ends_where_uninterrupted_does),
        cmocka_unit_test(test_train_bad_values_are_named),
        cmocka_unit_test(test_train_options_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
