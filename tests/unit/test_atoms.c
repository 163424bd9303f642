/* Atoms of a codebook: coding is exact, the quantiser is worth its bits, and bad payloads do no
 * harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "codebook/atoms_decoder.h"
#include "codebook/atoms_encoder.h"
#include "codebook/atoms_moments.h"
#include "test_random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX 40
#define DIMS_MAX 300

typedef struct sample {
    uint32_t dims, width, stride;
    uint32_t order[WIDTH_MAX];
    uint8_t step_index[WIDTH_MAX];
    int16_t q[WIDTH_MAX * DIMS_MAX];
} sample;

/* spread: |q| up to this; every: one entry in so many is not zero. */
static void fill(sample *s, uint64_t seed, uint32_t dims, uint32_t width, uint32_t stride,
                 int spread, int every)
{
    test_random r = {seed};

    s->dims = dims;
    s->width = width;
    s->stride = stride;
    for (uint32_t j = 0; j < width; j++) {
        const uint32_t other = (uint32_t)(test_random_next(&r) % (j + 1));

        s->order[j] = s->order[other];
        s->order[other] = j;
        s->step_index[j] = (uint8_t)(spread > 1000 ? 0 : test_random_next(&r) % 20);
    }
    for (uint32_t i = 0; i < dims * width; i++)
        s->q[i] =
            (int16_t)(test_random_next(&r) % (unsigned)every != 0
                          ? 0
                          : (int)(test_random_next(&r) % (2U * (unsigned)spread + 1)) - spread);
}

static void check_groups(const sample *s, uint32_t groups)
{
    uint8_t step_index[WIDTH_MAX];
    int16_t *q = calloc((size_t)s->dims * s->width, sizeof *q);

    assert_non_null(q);
    for (uint32_t g = 0; g < groups; g++) {
        const uint32_t first = s->width * g / groups;
        const atom_group group = {s->dims, s->stride, s->order + first,
                                  s->width * (g + 1) / groups - first};
        range_encoder e = {0};
        range_decoder d;
        atom_bits bits;

        range_encoder_start(&e, alloc_of(NULL));
        assert_int_equal(atoms_encode(alloc_of(NULL), &e, &group, s->step_index, s->q, &bits),
                         MDLA_OK);
        assert_int_equal(range_encoder_finish(&e), MDLA_OK);
        assert_true(fabs((double)e.nbytes * 8 - bits.steps - bits.entries) <=
                    17 + 1e-3 * (double)e.nbytes);
        range_decoder_init(&d, e.payload, e.nbytes);
        assert_int_equal(atoms_decode(alloc_of(NULL), &d, &group, step_index, q, NULL), MDLA_OK);
        assert_true(range_decoder_finished(&d));
        range_encoder_free(&e);
    }
    assert_memory_equal(step_index, s->step_index, s->width);
    assert_memory_equal(q, s->q, (size_t)s->dims * s->width * sizeof *q);
    free(q);
}

static void test_atoms_random_shapes_round_trip(void **state)
{
    static const uint32_t shapes[][3] = {{1, 1, 0},     {1, 40, 0},   {300, 1, 0}, {300, 1, 20},
                                         {64, 30, 8},   {17, 5, 1},   {17, 5, 2},  {17, 9, 16},
                                         {100, 40, 10}, {300, 40, 0}, {2, 3, 1},   {60, 20, 59},
                                         {300, 7, 299}};
    static const int kinds[][2] = {{1, 1},  {1, 10},  {1, 1000},  {5, 2},
                                   {60, 1}, {700, 3}, {32767, 1}, {32767, 50}};
    sample *s = malloc(sizeof *s);

    (void)state;
    assert_non_null(s);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            fill(s, 100 * i + k, shapes[i][0], shapes[i][1], shapes[i][2], kinds[k][0],
                 kinds[k][1]);
            check_groups(s, 1);
            if (s->width >= 5)
                check_groups(s, 3);
        }
    free(s);
}

static void test_atoms_extreme_values_round_trip(void **state)
{
    sample *s = malloc(sizeof *s);

    (void)state;
    assert_non_null(s);
    for (int k = 0; k < 4; k++) {
        fill(s, 1, 50, 6, k & 1 ? 7 : 0, 1, 1);
        for (uint32_t i = 0; i < s->dims * s->width; i++)
            s->q[i] = k < 2 ? (i & 1 ? 32767 : -32767) : (int16_t)(i % 49 == 0 ? 32767 : 0);
        for (uint32_t j = 0; j < s->width; j++)
            s->step_index[j] = 0;
        check_groups(s, 1);
    }
    fill(s, 2, 9, 30, 3, 1,
         1); /* steps as far apart as can be; entries that still expand to int16 */
    for (uint32_t j = 0; j < s->width; j++)
        s->step_index[j] = (uint8_t)(j & 1 ? ATOM_STEP_INDEX_MAX : 0);
    check_groups(s, 1);
    free(s);
}

static void test_atoms_out_of_range_is_refused(void **state)
{
    sample *s = malloc(sizeof *s);
    range_encoder e = {0};

    (void)state;
    assert_non_null(s);
    fill(s, 1, 8, 2, 0, 1, 1);
    range_encoder_start(&e, alloc_of(NULL));
    {
        const atom_group group = {8, 0, s->order, 2};

        s->step_index[0] = ATOM_STEP_INDEX_MAX + 1;
        assert_int_equal(atoms_encode(alloc_of(NULL), &e, &group, s->step_index, s->q, NULL),
                         MDLA_ERR_ARGUMENT);
        s->step_index[0] = ATOM_STEP_INDEX_MAX;
        s->q[3] = 2; /* 2.0: more than int16 in units of 2^-14 holds */
        assert_int_equal(atoms_encode(alloc_of(NULL), &e, &group, s->step_index, s->q, NULL),
                         MDLA_ERR_ARGUMENT);
    }
    range_encoder_free(&e);
    free(s);
}

static void test_atoms_corrupt_payload_does_no_harm(void **state)
{
    sample *s = malloc(sizeof *s);
    int16_t *q = malloc(sizeof s->q);
    uint8_t step_index[WIDTH_MAX];
    int noticed = 0;

    (void)state;
    assert_non_null(s);
    assert_non_null(q);
    for (uint64_t seed = 0; seed < 400; seed++) {
        test_random r = {seed};
        range_encoder e = {0};
        range_decoder d;

        fill(s, seed, 40, 10, seed & 1 ? 8 : 0, seed % 5 == 0 ? 32767 : 9, 2);
        {
            const atom_group group = {40, s->stride, s->order, 10};

            range_encoder_start(&e, alloc_of(NULL));
            assert_int_equal(atoms_encode(alloc_of(NULL), &e, &group, s->step_index, s->q, NULL),
                             MDLA_OK);
            assert_int_equal(range_encoder_finish(&e), MDLA_OK);
            if (seed % 4 == 0) {
                for (size_t i = 0; i < e.nbytes; i++)
                    e.payload[i] = (uint8_t)test_random_next(&r);
            } else if (seed % 4 == 1) {
                e.nbytes = test_random_next(&r) % e.nbytes;
            } else {
                e.payload[test_random_next(&r) % e.nbytes] ^=
                    (uint8_t)(1 << test_random_next(&r) % 8);
            }
            range_decoder_init(&d, e.payload, e.nbytes);
            if (atoms_decode(alloc_of(NULL), &d, &group, step_index, q, NULL) != MDLA_OK ||
                !range_decoder_finished(&d)) {
                noticed++;
            } else {
                for (uint32_t i = 0; i < 400; i++) {
                    const int64_t entry = atom_expand(q[i], step_index[i / 40]);

                    assert_true(entry >= -ATOM_ENTRY_MAX && entry <= ATOM_ENTRY_MAX);
                }
            }
        }
        range_encoder_free(&e);
    }
    assert_true(noticed > 300); /* most; the container's CRC is for the rest */
    free(q);
    free(s);
}

static void *fail_later(void *ctx, size_t nbytes)
{
    return (*(int *)ctx)-- > 0 ? malloc(nbytes) : NULL;
}

static void release(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

#define Q_WIDTH 48
#define Q_DIMS 64

typedef struct trial {
    float atoms[Q_WIDTH * Q_DIMS], moments[Q_WIDTH * Q_WIDTH];
    double energy[Q_WIDTH];
    uint32_t order[Q_WIDTH];
    int16_t q[Q_WIDTH * Q_DIMS];
    uint8_t step_index[Q_WIDTH];
} trial;

/* Random unit atoms; strengths of neighbours in number are related. */
static atom_source make_trial(trial *t)
{
    test_random r = {5};

    for (int j = 0; j < Q_WIDTH; j++) {
        double norm = 0;

        for (int d = 0; d < Q_DIMS; d++) {
            double sum = -6;

            for (int k = 0; k < 12; k++)
                sum += (double)(test_random_next(&r) >> 11) * 0x1p-53;
            t->atoms[j * Q_DIMS + d] = (float)sum;
            norm += sum * sum;
        }
        for (int d = 0; d < Q_DIMS; d++)
            t->atoms[j * Q_DIMS + d] /= (float)sqrt(norm);
        t->order[j] = (uint32_t)(j * 5 % Q_WIDTH);
        t->energy[j] = 1.0 + j % 7;
    }
    for (int i = 0; i < Q_WIDTH; i++)
        for (int j = 0; j < Q_WIDTH; j++)
            t->moments[i * Q_WIDTH + j] =
                (float)(sqrt(t->energy[i] * t->energy[j]) * pow(0.8, i < j ? j - i : i - j));
    return (atom_source){Q_DIMS, Q_WIDTH, 0, t->order, t->atoms, t->energy, t->moments};
}

/* Squared error a row, and the bits. */
static double added_error(const trial *t, double *bits)
{
    const atom_group all = {Q_DIMS, 0, t->order, Q_WIDTH};
    range_encoder e = {0};
    atom_bits spent;
    double sum = 0;

    range_encoder_start(&e, alloc_of(NULL));
    assert_int_equal(atoms_encode(alloc_of(NULL), &e, &all, t->step_index, t->q, &spent), MDLA_OK);
    range_encoder_free(&e);
    *bits = spent.steps + spent.entries;
    for (int d = 0; d < Q_DIMS; d++) {
        double error[Q_WIDTH];

        for (int j = 0; j < Q_WIDTH; j++)
            error[j] = (double)atom_expand(t->q[j * Q_DIMS + d], t->step_index[j]) / 16384 -
                       (double)t->atoms[j * Q_DIMS + d];
        for (int i = 0; i < Q_WIDTH; i++)
            for (int j = 0; j < Q_WIDTH; j++)
                sum += (double)t->moments[i * Q_WIDTH + j] * error[i] * error[j];
    }
    return sum;
}

static void test_quantise_more_rows_buy_precision(void **state)
{
    trial *t = malloc(sizeof *t);
    atom_source s;
    double last_error = INFINITY, last_bits = 0;

    (void)state;
    assert_non_null(t);
    s = make_trial(t);
    for (double rows = 100; rows < 2e6; rows *= 8) {
        const atom_precision p = {0.1, rows, 1e-6};
        double bits, error;

        assert_int_equal(atoms_quantise(alloc_of(NULL), &s, &p, t->step_index, t->q), MDLA_OK);
        error = added_error(t, &bits);
        assert_true(error < last_error && bits > last_bits);
        last_error = error;
        last_bits = bits;
    }
    /* At the optimum of -log2 step against step^2 an entry adds lambda / (2 ln 2 rows); few atoms
     * to learn from cost a little more. */
    assert_true(last_error < 1.5 * Q_WIDTH * Q_DIMS * 0.1 / (2 * log(2.0) * 409600));
    free(t);
}

static void test_quantise_moments_spend_less(void **state)
{
    trial *t = malloc(sizeof *t);
    const atom_precision p = {0.1, 3e4, 1e-6};
    atom_source s;
    double with, without, bits_with, bits_without;

    (void)state;
    assert_non_null(t);
    s = make_trial(t);
    assert_int_equal(atoms_quantise(alloc_of(NULL), &s, &p, t->step_index, t->q), MDLA_OK);
    with = added_error(t, &bits_with);
    s.moments = NULL;
    assert_int_equal(atoms_quantise(alloc_of(NULL), &s, &p, t->step_index, t->q), MDLA_OK);
    without = added_error(t, &bits_without);
    assert_true(p.expected_rows * with / p.lambda + bits_with <
                p.expected_rows * without / p.lambda + bits_without);
    free(t);
}

static void test_quantise_silent_feature_is_kept_coarsely(void **state)
{
    trial *t = malloc(sizeof *t);
    const atom_precision p = {0.1, 1e4, 1e-3};
    atom_source s;
    int kept = 0;

    (void)state;
    assert_non_null(t);
    s = make_trial(t);
    t->energy[3] = 0;
    for (int i = 0; i < Q_WIDTH; i++)
        t->moments[3 * Q_WIDTH + i] = t->moments[i * Q_WIDTH + 3] = 0;
    assert_int_equal(atoms_quantise(alloc_of(NULL), &s, &p, t->step_index, t->q), MDLA_OK);
    assert_true(t->step_index[3] > t->step_index[0]);
    for (int d = 0; d < Q_DIMS; d++)
        kept += t->q[3 * Q_DIMS + d] != 0;
    assert_true(kept > 0);
    free(t);
}

static void test_atoms_without_memory_says_so(void **state)
{
    trial *t = malloc(sizeof *t);
    const atom_precision p = {0.1, 1e4, 1e-3};
    atom_source s;
    mdla_status status = MDLA_ERR_MEMORY;
    int left, tries;

    (void)state;
    assert_non_null(t);
    s = make_trial(t);
    for (tries = 0; tries < 100 && status == MDLA_ERR_MEMORY; tries++) {
        const mdla_allocator scarce = {&left, fail_later, release};

        left = tries;
        status = atoms_quantise(&scarce, &s, &p, t->step_index, t->q);
    }
    assert_int_equal(status, MDLA_OK);
    assert_true(tries > 5);
    free(t);
}

static void test_moments_are_means_over_rows(void **state)
{
    size_t start[] = {0, 2, 2, 5};
    uint32_t feature[] = {0, 2, 0, 1, 2};
    float strength[] = {1, 2, 3, 4, 5};
    const uint32_t unordered[] = {2, 0, 1};
    const float backwards[] = {5, 3, 4};
    const float norm[] = {1, 2, 0.5F};
    const sae_codes codes = {3, 5, start, feature, strength, NULL};
    atom_moments m;

    (void)state;
    assert_int_equal(atom_moments_start(&m, alloc_of(NULL), 3, norm, 1), MDLA_OK);
    atom_moments_add(&m, &codes);
    atom_moments_add_row(&m, feature, strength, 2);
    atom_moments_add_row(&m, feature, strength, 0);
    atom_moments_add_row(&m, unordered, backwards, 3);
    atom_moments_finish(&m);
    assert_true(fabs(m.energy[0] - 10 / 3.0) < 1e-6);
    assert_true(fabs(m.energy[1] - 64 / 3.0) < 1e-6);
    assert_true(fabs(m.energy[2] - 7.25 / 3) < 1e-6);
    assert_true(fabsf(m.product[1 * 3 + 0] - 24 / 3.0F) < 1e-5F);
    assert_true(fabsf(m.product[2 * 3 + 0] - 8.5F / 3) < 1e-5F);
    assert_true(fabsf(m.product[2 * 3 + 1] - 20 / 3.0F) < 1e-5F);
    atom_moments_free(&m);
}

static void test_stride_of_images_is_found(void **state)
{
    static float images[20 * 144];
    test_random r = {9};

    (void)state;
    for (int j = 0; j < 20; j++) {
        const double x0 = (double)(test_random_next(&r) % 12),
                     y0 = (double)(test_random_next(&r) % 12);

        for (int d = 0; d < 144; d++) {
            const double x = d % 12 - x0, y = d / 12 - y0;

            images[j * 144 + d] = (float)exp(-(x * x + y * y) / 4);
        }
    }
    assert_int_equal(atoms_stride_fit(144, 20, images), 12);
    for (int i = 0; i < 20 * 144; i++)
        images[i] = (float)(test_random_next(&r) % 2001) - 1000;
    assert_int_equal(atoms_stride_fit(144, 20, images), 0);
    assert_int_equal(atoms_stride_fit(1, 20, images), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_atoms_random_shapes_round_trip),
        cmocka_unit_test(test_atoms_extreme_values_round_trip),
        cmocka_unit_test(test_atoms_out_of_range_is_refused),
        cmocka_unit_test(test_atoms_corrupt_payload_does_no_harm),
        cmocka_unit_test(test_quantise_more_rows_buy_precision),
        cmocka_unit_test(test_quantise_moments_spend_less),
        cmocka_unit_test(test_quantise_silent_feature_is_kept_coarsely),
        cmocka_unit_test(test_atoms_without_memory_says_so),
        cmocka_unit_test(test_moments_are_means_over_rows),
        cmocka_unit_test(test_stride_of_images_is_found),
    };

    return cmocka_run_group_tests_name("atoms", tests, NULL, NULL);
}
