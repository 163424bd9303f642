/* mdla_train: stops at awkward places, what it refuses, and its memory. */
#include "train_support.h"

#include "mdla/train.h"
#include "saes/sae_handle.h"

#include <math.h>

enum { DIMS = 24, ATOMS = 40, ACTIVE = 3, ROWS = 6000 };

/* A checkpoint in memory. */
typedef struct memory_place {
    void *bytes;
    size_t nbytes;
} memory_place;

static mdla_status place_open(void *ctx, const char *member, mdla_source *out, mdla_error *err)
{
    memory_place *p = ctx;

    (void)err;
    assert_string_equal(member, MDLA_TRAIN_CHECKPOINT);
    if (p->bytes == NULL)
        return MDLA_ERR_IO;
    mdla_source_memory(p->bytes, p->nbytes, out);
    return MDLA_OK;
}

static mdla_status place_create(void *ctx, const char *member, mdla_sink *out, mdla_error *err)
{
    memory_place *p = ctx;

    (void)member;
    (void)err;
    free(p->bytes);
    p->bytes = NULL;
    return mdla_sink_memory(&p->bytes, &p->nbytes, out);
}

static mdla_train_options small_options(void)
{
    mdla_train_options o;

    mdla_train_options_init(&o);
    o.width = 64;
    o.l0 = ACTIVE;
    o.passes = 40;
    o.batch = 32;
    o.rate = 4e-3;
    o.holdout = 0.1;
    o.seed = 1;
    return o;
}

static mdla_status train(const float *values, size_t row_count, const mdla_train_options *o,
                         uint32_t threads, mdla_sae **out, mdla_train_report *report,
                         mdla_error *err)
{
    mdla_config config;
    mdla_rows *rows;
    mdla_status status;

    mdla_config_init(&config);
    config.threads = threads;
    assert_int_equal(mdla_rows_from_memory(NULL, values, row_count, DIMS, &rows, NULL), MDLA_OK);
    status = mdla_train(&config, rows, o, out, report, err);
    mdla_rows_close(rows);
    return status;
}

static int same_floats(const float *a, const float *b, size_t count)
{
    return memcmp(a, b, count * sizeof *a) == 0;
}

static void assert_same_sae(const mdla_sae *a, const mdla_sae *b)
{
    const sae *x = a->model, *y = b->model;
    const size_t weights = (size_t)x->width * x->dims;

    assert_true(same_floats(x->w_enc, y->w_enc, weights));
    assert_true(same_floats(x->w_dec, y->w_dec, weights));
    assert_true(same_floats(x->b_enc, y->b_enc, x->width));
    assert_true(same_floats(x->b_dec, y->b_dec, x->dims));
    assert_true(x->threshold == NULL || same_floats(x->threshold, y->threshold, x->width));
}

/* ---- Repeatability ----------------------------------------------------------------------------
 */

static int stop_at(void *ctx, const mdla_train_state *s)
{
    return s->step == *(const uint64_t *)ctx;
}

static void check_resume(uint64_t buffer_nbytes, uint64_t stop, uint32_t threads)
{
    float *values = planted_rows(ROWS, DIMS, ATOMS, ACTIVE, 1.0f);
    memory_place place = {NULL, 0};
    const mdla_folder folder = {&place, place_open, place_create, NULL, NULL, NULL};
    mdla_train_options o = small_options();
    mdla_error err = {MDLA_OK, ""};
    mdla_sae *whole, *resumed;

    o.passes = 3;
    o.buffer_nbytes = buffer_nbytes;
    assert_int_equal(train(values, ROWS, &o, 1, &whole, NULL, &err), MDLA_OK);
    o.checkpoint = &folder;
    o.progress = stop_at;
    o.progress_ctx = &stop;
    assert_int_equal(train(values, ROWS, &o, threads, &resumed, NULL, &err), MDLA_ERR_INTERRUPTED);
    assert_null(resumed);
    o.progress = NULL;
    o.resume = 1;
    if (train(values, ROWS, &o, threads, &resumed, NULL, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    assert_same_sae(whole, resumed);
    mdla_sae_free(whole);
    mdla_sae_free(resumed);
    free(place.bytes);
    free(values);
}

static void test_train_resumed_anywhere_equals_uninterrupted_bit_for_bit(void **state)
{
    (void)state;
    check_resume((uint64_t)1 << 30, 100, 1);
    check_resume((uint64_t)1 << 30, 333, 2);
    check_resume(700 * DIMS * sizeof(float), 100, 2);
    check_resume(700 * DIMS * sizeof(float), 400, 3);
}

/* ---- Refusals ---------------------------------------------------------------------------------
 */

static void test_train_constant_rows_are_refused(void **state)
{
    float *values = calloc(ROWS * DIMS, sizeof *values);
    mdla_train_options o = small_options();
    mdla_error err = {MDLA_OK, ""};
    mdla_sae *trained;

    (void)state;
    assert_int_equal(train(values, ROWS, &o, 1, &trained, NULL, &err), MDLA_ERR_DATA);
    assert_null(trained);
    free(values);
}

static void test_train_unusable_options_are_refused(void **state)
{
    float *values = planted_rows(100, DIMS, ATOMS, ACTIVE, 1.0f);
    mdla_error err = {MDLA_OK, ""};
    mdla_sae *trained;

    (void)state;
    for (int i = 0; i < 7; i++) {
        mdla_train_options o = small_options();

        o.width = i == 0 ? 0 : o.width;
        o.l0 = i == 1 ? 65 : o.l0;
        o.batch = i == 2 ? 0 : i == 3 ? 101 : o.batch;
        o.rate = i == 4 ? (double)NAN : o.rate;
        o.holdout = i == 5 ? 0.6 : o.holdout;
        o.resume = i == 6;
        assert_int_equal(train(values, 100, &o, 1, &trained, NULL, &err), MDLA_ERR_ARGUMENT);
        assert_null(trained);
    }
    free(values);
}

static void test_train_memory_above_the_limit_is_refused(void **state)
{
    float *values = planted_rows(100, DIMS, ATOMS, ACTIVE, 1.0f);
    mdla_train_options o = small_options();
    mdla_config config;
    mdla_rows *rows;
    mdla_sae *trained;

    (void)state;
    mdla_config_init(&config);
    config.limits.max_memory = 100000;
    assert_int_equal(mdla_rows_from_memory(NULL, values, 100, DIMS, &rows, NULL), MDLA_OK);
    assert_int_equal(mdla_train(&config, rows, &o, &trained, NULL, NULL), MDLA_ERR_LIMIT);
    mdla_rows_close(rows);
    free(values);
}

static void test_train_foreign_or_damaged_checkpoint_is_refused(void **state)
{
    float *values = planted_rows(ROWS, DIMS, ATOMS, ACTIVE, 1.0f);
    memory_place place = {NULL, 0};
    const mdla_folder folder = {&place, place_open, place_create, NULL, NULL, NULL};
    mdla_train_options o = small_options();
    const uint64_t stop = 20;
    mdla_error err = {MDLA_OK, ""};
    mdla_sae *trained;

    (void)state;
    o.passes = 1;
    o.checkpoint = &folder;
    o.progress = stop_at;
    o.progress_ctx = (void *)(uintptr_t)&stop;
    assert_int_equal(train(values, ROWS, &o, 1, &trained, NULL, &err), MDLA_ERR_INTERRUPTED);
    o.progress = NULL;
    o.resume = 1;
    o.seed = 77;
    assert_int_equal(train(values, ROWS, &o, 1, &trained, NULL, &err), MDLA_ERR_ARGUMENT);
    o.seed = small_options().seed;
    ((uint8_t *)place.bytes)[place.nbytes / 2] ^= 1;
    assert_int_equal(train(values, ROWS, &o, 1, &trained, NULL, &err), MDLA_ERR_CORRUPT);
    ((uint8_t *)place.bytes)[place.nbytes / 2] ^= 1;
    place.nbytes -= 5;
    assert_int_equal(train(values, ROWS, &o, 1, &trained, NULL, &err), MDLA_ERR_TRUNCATED);
    ((uint8_t *)place.bytes)[0] ^= 1;
    assert_int_equal(train(values, ROWS, &o, 1, &trained, NULL, &err), MDLA_ERR_FORMAT);
    free(place.bytes);
    free(values);
}

/* ---- Memory -----------------------------------------------------------------------------------
 */

/* Counts the bytes that are out; single-threaded trainings alone. */
typedef struct meter {
    size_t now, most;
} meter;

static void *meter_alloc(void *ctx, size_t nbytes)
{
    meter *m = ctx;
    size_t *p = malloc(nbytes + 16);

    if (p == NULL)
        return NULL;
    *p = nbytes;
    m->now += nbytes;
    m->most = m->now > m->most ? m->now : m->most;
    return (char *)p + 16;
}

static void meter_release(void *ctx, void *ptr)
{
    meter *m = ctx;

    if (ptr == NULL)
        return;
    m->now -= *(size_t *)(void *)((char *)ptr - 16);
    free((char *)ptr - 16);
}

static size_t memory_of(const float *values, size_t row_count)
{
    meter m = {0, 0};
    const mdla_allocator al = {&m, meter_alloc, meter_release};
    mdla_train_options o = small_options();
    mdla_config config;
    mdla_rows *rows;
    mdla_sae *trained;

    mdla_config_init(&config);
    config.allocator = &al;
    config.threads = 1;
    o.passes = 1;
    o.holdout = 0.0;
    o.buffer_nbytes = 1000 * DIMS * sizeof(float);
    assert_int_equal(mdla_rows_from_memory(NULL, values, row_count, DIMS, &rows, NULL), MDLA_OK);
    assert_int_equal(mdla_train(&config, rows, &o, &trained, NULL, NULL), MDLA_OK);
    mdla_sae_free(trained);
    mdla_rows_close(rows);
    assert_int_equal(m.now, 0);
    return m.most;
}

static void test_train_memory_does_not_grow_with_rows(void **state)
{
    float *values = planted_rows(ROWS, DIMS, ATOMS, ACTIVE, 1.0f);
    const size_t few = memory_of(values, 1000), many = memory_of(values, ROWS);

    (void)state;
    assert_true(many <= few + few / 20); /* lists grow with what the batches happen to hold */
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_resumed_anywhere_equals_uninterrupted_bit_for_bit),
        cmocka_unit_test(test_train_constant_rows_are_refused),
        cmocka_unit_test(test_train_unusable_options_are_refused),
        cmocka_unit_test(test_train_memory_above_the_limit_is_refused),
        cmocka_unit_test(test_train_foreign_or_damaged_checkpoint_is_refused),
        cmocka_unit_test(test_train_memory_does_not_grow_with_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
