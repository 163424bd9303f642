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
            s->threshold[i] = fabsf(quarter(&seed));
    }
    for (i = 0; i < DIMS; i++)
        s->b_dec[i] = quarter(&seed);
    return s;
}

/* Written from the definition: the k largest by repeated search, the lowest feature first among
 * equals. */
static void naive_row(const sae *s, const float *x, float *f)
{
    float a[WIDTH];
    int taken[WIDTH] = {0};
    uint32_t i, j, best;

    for (j = 0; j < WIDTH; j++) {
        a[j] = s->b_enc[j];
        for (i = 0; i < DIMS; i++)
            a[j] += (x[i] - s->b_dec[i]) * s->w_enc[j * DIMS + i];
        f[j] = 0.0f;
    }
    for (i = 0; s->activation == SAE_TOPK && i < s->k; i++) {
        for (best = 0; taken[best]; best++)
            ;
        for (j = best + 1; j < WIDTH; j++)
            best = !taken[j] && a[j] > a[best] ? j : best;
        taken[best] = 1;
        f[best] = fmaxf(a[best], 0.0f);
    }
    for (j = 0; s->activation != SAE_TOPK && j < WIDTH; j++)
        f[j] = s->threshold == NULL || a[j] > s->threshold[j] ? fmaxf(a[j], 0.0f) : 0.0f;
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
    } kinds[] = {{SAE_RELU, 0}, {SAE_JUMPRELU, 0}, {SAE_TOPK, 1},
                 {SAE_TOPK, 5}, {SAE_TOPK, 30},    {SAE_TOPK, WIDTH}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        sae *const s = random_sae(kinds[i].activation, kinds[i].k);

        check_forward(s, 1);
        check_forward(s, 3);
        s->subtract_b_dec = 0;
        memset(s->b_dec, 0, DIMS * sizeof(float));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sae_forward_agrees_with_the_definition),
        cmocka_unit_test(test_sae_topk_ties_go_to_the_lowest_feature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
