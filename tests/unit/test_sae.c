#include "support.h"

#include "base/alloc.h"
#include "sae/sae.h"

#include <math.h>

enum { DIMS = 7, WIDTH = 40, ROWS = 150 };

/* Multiples of 1/4 of small size: every product and sum below is exact, in any order. */
static float quarter(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return (float)((int)(*state >> 24) % 17 - 8) * 0.25f;
}

static sae *random_sae(sae_activation activation, uint32_t k)
{
    sae *const s = sae_new(alloc_of(NULL), DIMS, WIDTH, activation);
    uint32_t seed = 1;
    size_t i;

    s->k = k;
    s->subtract_b_dec = 1;
    for (i = 0; i < DIMS * WIDTH; i++)
        s->w_enc[i] = quarter(&seed);
    for (i = 0; i < WIDTH; i++) {
        s->b_enc[i] = quarter(&seed);
        if (s->threshold != NULL)
            s->threshold[i] = activation == SAE_JUMPRELU ? fabsf(quarter(&seed)) : quarter(&seed);
        if (s->gain != NULL) {
            s->gain[i] = fabsf(quarter(&seed));
            s->b_mag[i] = quarter(&seed);
        }
    }
    for (i = 0; i < DIMS; i++)
        s->b_dec[i] = quarter(&seed);
    return s;
}

/* Written from the definition: the k largest by repeated search, the lowest feature first among
 * equals. */
static void naive_largest(const sae *s, const float *a, float *f)
{
    int taken[WIDTH] = {0};
    uint32_t i, j, best;

    for (i = 0; i < s->k; i++) {
        for (best = 0; taken[best]; best++)
            ;
        for (j = best + 1; j < WIDTH; j++)
            if (!taken[j] &&
                (s->activation == SAE_TOPK ? a[j] > a[best] : fabsf(a[j]) > fabsf(a[best])))
                best = j;
        taken[best] = 1;
        f[best] = s->activation == SAE_TOPK ? fmaxf(a[best], 0.0f) : a[best];
    }
}

static void naive_groups(const sae *s, const float *a, float *f)
{
    const uint32_t size = WIDTH / s->k;
    uint32_t i, j;

    for (i = 0; i < WIDTH; i += size) {
        uint32_t best = i;

        for (j = i; j < i + size; j++)
            best = a[j] > a[best] ? j : best;
        f[best] = fmaxf(a[best], 0.0f);
    }
}

static void naive_row(const sae *s, const float *x, float *f)
{
    float a[WIDTH];
    uint32_t i, j;

    for (j = 0; j < WIDTH; j++) {
        a[j] = 0.0f;
        for (i = 0; i < DIMS; i++)
            a[j] += (x[i] - (s->subtract_b_dec ? s->b_dec[i] : 0.0f)) * s->w_enc[j * DIMS + i];
        if (s->activation == SAE_GATED) {
            f[j] = a[j] + s->b_enc[j] > 0.0f ? fmaxf(a[j] * s->gain[j] + s->b_mag[j], 0.0f) : 0.0f;
            continue;
        }
        a[j] += s->b_enc[j];
        f[j] = 0.0f;
        if (s->activation == SAE_STEP)
            f[j] = a[j] > s->threshold[j] ? a[j] : 0.0f;
        else if (s->activation == SAE_TANH_RELU)
            f[j] = tanhf(fmaxf(a[j], 0.0f));
        else if (s->activation == SAE_RELU || a[j] > (s->threshold != NULL ? s->threshold[j] : 0))
            f[j] = fmaxf(a[j], 0.0f);
    }
    if (s->activation == SAE_TOPK || s->activation == SAE_TOPK_ABS || s->activation == SAE_GROUPMAX)
        memset(f, 0, WIDTH * sizeof *f);
    if (s->activation == SAE_TOPK || s->activation == SAE_TOPK_ABS)
        naive_largest(s, a, f);
    if (s->activation == SAE_GROUPMAX)
        naive_groups(s, a, f);
    for (j = 0; s->scale != NULL && j < WIDTH; j++)
        f[j] *= s->scale[j];
}

static void check_forward(sae *s, uint32_t threads)
{
    static float rows[ROWS * DIMS];
    parallel_pool *const pool = parallel_open(s->al, threads);
    sae_codes codes = {0};
    float f[WIDTH];
    uint32_t seed = 2, j;
    size_t row, at;

    for (at = 0; at < ROWS * DIMS; at++)
        rows[at] = quarter(&seed);
    assert_int_equal(sae_forward(s, pool, rows, 3, &codes),
                     MDLA_OK); /* replaced by the next call */
    assert_int_equal(sae_forward(s, pool, rows, ROWS, &codes), MDLA_OK);
    assert_int_equal(codes.row_count, ROWS);
    for (row = 0; row < ROWS; row++) {
        naive_row(s, rows + row * DIMS, f);
        at = codes.start[row];
        for (j = 0; j < WIDTH; j++) {
            if (f[j] == 0.0f)
                continue;
            assert_true(at < codes.start[row + 1]);
            assert_int_equal(codes.feature[at], j);
            assert_true(codes.strength[at++] == f[j]);
        }
        assert_int_equal(at, codes.start[row + 1]);
    }
    assert_int_equal(sae_forward(s, pool, rows, 0, &codes), MDLA_OK);
    assert_int_equal(codes.start[0], 0);
    sae_codes_free(s->al, &codes);
    parallel_close(pool);
}

static void test_sae_forward_agrees_with_the_definition(void **state)
{
    static const struct {
        sae_activation activation;
        uint32_t k;
    } kinds[] = {{SAE_RELU, 0},      {SAE_JUMPRELU, 0},     {SAE_TOPK, 1},     {SAE_TOPK, 5},
                 {SAE_TOPK, 30},     {SAE_TOPK, WIDTH},     {SAE_STEP, 0},     {SAE_TANH_RELU, 0},
                 {SAE_TOPK_ABS, 7},  {SAE_TOPK_ABS, WIDTH}, {SAE_GROUPMAX, 8}, {SAE_GROUPMAX, 1},
                 {SAE_GROUPMAX, 40}, {SAE_GATED, 0}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        sae *const s = random_sae(kinds[i].activation, kinds[i].k);

        check_forward(s, 1);
        check_forward(s, 3);
        s->subtract_b_dec = 0;
        check_forward(s, 2);
        s->scale = alloc_array(s->al, WIDTH, sizeof(float));
        for (uint32_t j = 0; j < WIDTH; j++)
            s->scale[j] = 0.5f + (float)j;
        check_forward(s, 2);
        sae_free(s);
    }
}

static void test_sae_topk_ties_go_to_the_lowest_feature(void **state)
{
    sae *const s = sae_new(alloc_of(NULL), 1, 6, SAE_TOPK);
    parallel_pool *const pool = parallel_open(s->al, 1);
    const float row = 1.0f;
    sae_codes codes = {0};
    uint32_t j;

    (void)state;
    s->k = 3;
    for (j = 0; j < 6; j++)
        s->w_enc[j] = j == 4 ? 2.0f : 1.0f;
    assert_int_equal(sae_forward(s, pool, &row, 1, &codes), MDLA_OK);
    assert_int_equal(codes.start[1], 3);
    assert_int_equal(codes.feature[0], 0);
    assert_int_equal(codes.feature[1], 1);
    assert_int_equal(codes.feature[2], 4);
    sae_codes_free(s->al, &codes);
    parallel_close(pool);
    sae_free(s);
}

/* x = 3, 0, 0, 4: constant norm makes it 1.2, 0, 0, 1.6 (c = 2 / 5); layer norm takes 1.75 off and
 * divides by sqrt(12.75 / 3). */
static void test_sae_normalisation_is_undone_per_row(void **state)
{
    static const float rows[2][4] = {{3, 0, 0, 4}, {0, 0, 0, 0}};
    const double deviation = sqrt(12.75 / 3), shown = 1.25 / (deviation + 1e-5);
    parallel_pool *const pool = parallel_open(alloc_of(NULL), 1);
    sae *const s = sae_new(alloc_of(NULL), 4, 1, SAE_RELU);
    sae_codes codes = {0};
    float out[4];

    (void)state;
    s->w_enc[0] = 1.0f;
    s->b_enc[0] = 0.5f;
    s->w_dec[0] = 1.0f;
    s->norm = SAE_NORM_CONSTANT;
    assert_int_equal(sae_forward(s, pool, rows[0], 2, &codes), MDLA_OK);
    assert_true(fabsf(codes.strength[0] - 1.7f) < 1e-6f);
    sae_decode_row(s, &codes, 0, out);
    assert_true(fabsf(out[0] - 1.7f * 2.5f) < 1e-5f && out[1] == 0.0f);
    sae_decode_row(s, &codes, 1, out); /* a row of zeros: c is 0 */
    assert_true(out[0] == 0.0f && codes.strength[1] == 0.5f);
    s->norm = SAE_NORM_LAYER;
    assert_int_equal(sae_forward(s, pool, rows[0], 2, &codes), MDLA_OK);
    assert_true(fabs((double)codes.strength[0] - (shown + 0.5)) < 1e-6);
    sae_decode_row(s, &codes, 0, out);
    assert_true(fabs((double)out[0] - ((shown + 0.5) * deviation + 1.75)) < 1e-5);
    assert_true(fabsf(out[1] - 1.75f) < 1e-6f);
    sae_codes_free(s->al, &codes);
    sae_free(s);
    parallel_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sae_forward_agrees_with_the_definition),
        cmocka_unit_test(test_sae_topk_ties_go_to_the_lowest_feature),
        cmocka_unit_test(test_sae_normalisation_is_undone_per_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
