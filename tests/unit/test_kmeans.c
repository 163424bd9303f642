/* k-means and choices: clusters that are there are found, codewords are means, sums of codewords
 * are the best there are. */
#include "support.h"

#include "base/alloc.h"
#include "fit/kmeans.h"
#include "random.h"
#include "search/choices.h"

#include <math.h>

#define DIMS 24
#define ROWS 3000
#define CLUSTERS 40

static float rows[ROWS * DIMS];

static double squared(const float *a, const float *b)
{
    double sum = 0.0;

    for (uint32_t d = 0; d < DIMS; d++)
        sum += ((double)a[d] - (double)b[d]) * ((double)a[d] - (double)b[d]);
    return sum;
}

/* Rows about centres far from each other, the first centre's most frequent. */
static void draw_rows(float *centres, double noise)
{
    for (size_t i = 0; i < CLUSTERS * DIMS; i++)
        centres[i] = (float)(10.0 * random_normal());
    for (size_t r = 0; r < ROWS; r++) {
        const uint32_t c = r < CLUSTERS ? (uint32_t)r : random_below(random_below(CLUSTERS) + 1);

        for (uint32_t d = 0; d < DIMS; d++)
            rows[r * DIMS + d] = centres[c * DIMS + d] + (float)(noise * random_normal());
    }
}

/* What every fit must be; returns the squared error of all rows. */
static double check_fit(const float *words, uint32_t count, const uint32_t *code,
                        const uint64_t *used)
{
    static double mean[DIMS];
    double error = 0.0;
    uint64_t sum = 0;

    for (size_t r = 0; r < ROWS; r++) {
        const double own = squared(rows + r * DIMS, words + (size_t)code[r] * DIMS);

        for (uint32_t k = 0; k < count; k++)
            assert_true(own <= squared(rows + r * DIMS, words + (size_t)k * DIMS) + 1e-2);
        error += own;
    }
    for (uint32_t k = 0; k < count; k++) {
        uint64_t rows_of_it = 0;

        memset(mean, 0, sizeof mean);
        for (size_t r = 0; r < ROWS; r++) {
            rows_of_it += code[r] == k;
            for (uint32_t d = 0; code[r] == k && d < DIMS; d++)
                mean[d] += (double)rows[r * DIMS + d];
        }
        assert_true(rows_of_it == used[k] && (k == 0 || used[k] <= used[k - 1]));
        sum += used[k];
    }
    assert_true(sum == ROWS);
    return error;
}

static void test_clusters_are_found_by_any_number_of_threads(void **state)
{
    enum { WORDS = 3 * CLUSTERS / 2 }; /* as no descent finds every cluster with just as many */
    static float centres[CLUSTERS * DIMS], words[2][WORDS * DIMS];
    static uint32_t code[2][ROWS];
    uint64_t used[2][WORDS];

    (void)state;
    draw_rows(centres, 0.5);
    for (uint32_t i = 0; i < 2; i++) {
        parallel_pool *pool = parallel_open(alloc_of(NULL), 1 + 2 * i);

        assert_int_equal(kmeans_fit(alloc_of(NULL), pool, rows, ROWS, DIMS, WORDS, 7, words[i],
                                    code[i], used[i]),
                         MDLA_OK);
        parallel_close(pool);
    }
    assert_memory_equal(words[0], words[1], sizeof words[0]);
    assert_memory_equal(code[0], code[1], sizeof code[0]);
    /* The noise alone is left: of every row DIMS / 4, less what means take. */
    const double error = check_fit(words[0], WORDS, code[0], used[0]);

    assert_true(error < ROWS * DIMS * 0.25 && error > 0.8 * ROWS * DIMS * 0.25);
    for (uint32_t c = 0; c < CLUSTERS; c++) {
        double least = INFINITY;

        for (uint32_t k = 0; k < WORDS; k++)
            least = fmin(least, squared(centres + (size_t)c * DIMS, words[0] + (size_t)k * DIMS));
        assert_true(least < 12.0); /* of a row alone it is some 6 */
    }
}

static void test_as_many_codewords_as_rows_and_more_than_differ(void **state)
{
    static float words[ROWS * DIMS];
    static uint32_t code[ROWS];
    static uint64_t used[ROWS];
    static float centres[CLUSTERS * DIMS];
    parallel_pool *pool = parallel_open(alloc_of(NULL), 2);

    (void)state;
    draw_rows(centres, 1.0);
    assert_int_equal(kmeans_fit(alloc_of(NULL), pool, rows, ROWS, DIMS, ROWS, 1, words, code, used),
                     MDLA_OK);
    assert_memory_equal(words, rows, sizeof rows);
    draw_rows(centres, 0.0); /* no more different rows than clusters */
    assert_int_equal(kmeans_fit(alloc_of(NULL), pool, rows, ROWS, DIMS, 100, 1, words, code, used),
                     MDLA_OK);
    assert_true(check_fit(words, 100, code, used) < 1e-3 * ROWS);
    assert_true(used[CLUSTERS] == 0);
    assert_int_equal(kmeans_fit(alloc_of(NULL), pool, rows, ROWS, DIMS, 1, 1, words, code, used),
                     MDLA_OK);
    assert_true(used[0] == ROWS);
    parallel_close(pool);
}

/* Squared error + lambda x bits of the best of all sums, three stages of six. */
static double best_of_all(const float *atoms, const float *bits, float lambda, float step,
                          const float *row)
{
    double least = INFINITY;

    for (uint32_t a = 0; a < 6; a++)
        for (uint32_t b = 6; b < 12; b++)
            for (uint32_t c = 12; c < 18; c++) {
                float sum[DIMS];

                for (uint32_t d = 0; d < DIMS; d++)
                    sum[d] =
                        step * (atoms[a * DIMS + d] + atoms[b * DIMS + d] + atoms[c * DIMS + d]);
                least = fmin(least,
                             squared(row, sum) + (double)(lambda * (bits[a] + bits[b] + bits[c])));
            }
    return least;
}

/* With a beam as wide as there are partial sums nothing is missed; a narrow one loses. */
static void test_sums_of_choices_are_the_best_of_all(void **state)
{
    enum { WIDTH = 18, COUNT = 300 };
    static float atoms[WIDTH * DIMS], bits[WIDTH], left[COUNT];
    parallel_pool *pool = parallel_open(alloc_of(NULL), 3);
    choice_atoms *a;
    code_rows codes = {0};
    double cost[2] = {0.0, 0.0}, least = 0.0;

    (void)state;
    for (size_t i = 0; i < WIDTH * DIMS; i++)
        atoms[i] = (float)random_normal();
    for (size_t i = 0; i < COUNT * DIMS; i++)
        rows[i] = (float)(3.0 * random_normal());
    for (uint32_t k = 0; k < WIDTH; k++)
        bits[k] = (float)(6.0 * random_unit());
    a = choice_atoms_new(alloc_of(NULL), pool, atoms, WIDTH, DIMS, 3);
    assert_non_null(a);
    for (unsigned wide = 0; wide < 2; wide++) {
        const search_prices prices = {
            .lambda = 4.0f, .step = 2.0f, .feature_bits = bits, .beam = wide != 0 ? 32 : 1};

        assert_int_equal(choice_codes(alloc_of(NULL), a, &prices, pool, rows, COUNT, &codes, left),
                         MDLA_OK);
        assert_int_equal(codes.row_count, COUNT);
        for (size_t r = 0; r < COUNT; r++) {
            const uint32_t *f = codes.feature + 3 * r;
            float sum[DIMS];

            assert_int_equal(codes.start[r + 1], 3 * r + 3);
            assert_true(f[0] < 6 && f[1] >= 6 && f[1] < 12 && f[2] >= 12 && f[2] < 18);
            for (uint32_t d = 0; d < DIMS; d++)
                sum[d] = 2.0f *
                         (atoms[f[0] * DIMS + d] + atoms[f[1] * DIMS + d] + atoms[f[2] * DIMS + d]);
            assert_true(fabs(squared(rows + r * DIMS, sum) - (double)left[r]) < 1e-2);
            cost[wide] += (double)left[r] + 4.0 * (double)(bits[f[0]] + bits[f[1]] + bits[f[2]]);
        }
    }
    for (size_t r = 0; r < COUNT; r++)
        least += best_of_all(atoms, bits, 4.0f, 2.0f, rows + r * DIMS);
    assert_true(fabs(cost[1] - least) < 1e-4 * least && cost[0] > 1.001 * least);
    code_rows_free(alloc_of(NULL), &codes);
    choice_atoms_free(a);
    parallel_close(pool);
}

/* The same whether products of codewords are kept or not: 8,192 of them, and a few more that are of
 * no use. */
static void test_many_codewords_are_chosen_from_alike(void **state)
{
    enum { WORDS = 4096, COUNT = 64 };
    static float few[2 * WORDS * DIMS], many[2 * (WORDS + 1) * DIMS], bits[2 * WORDS + 2];
    float left[2][COUNT];
    parallel_pool *pool = parallel_open(alloc_of(NULL), 2);

    (void)state;
    for (size_t i = 0; i < 2 * WORDS * DIMS; i++)
        few[i] = (float)random_normal();
    for (uint32_t s = 0; s < 2; s++) {
        memcpy(many + s * (WORDS + 1) * DIMS, few + s * WORDS * DIMS, WORDS * DIMS * sizeof *few);
        for (uint32_t d = 0; d < DIMS; d++)
            many[(s * (WORDS + 1) + WORDS) * DIMS + d] = 1000.0f;
    }
    for (size_t i = 0; i < COUNT * DIMS; i++)
        rows[i] = (float)(2.0 * random_normal());
    for (unsigned more = 0; more < 2; more++) {
        const search_prices prices = {.step = 1.0f, .feature_bits = bits, .beam = 4};
        choice_atoms *a = choice_atoms_new(alloc_of(NULL), pool, more != 0 ? many : few,
                                           2 * (WORDS + more), DIMS, 2);
        code_rows codes = {0};

        assert_non_null(a);
        assert_int_equal(
            choice_codes(alloc_of(NULL), a, &prices, pool, rows, COUNT, &codes, left[more]),
            MDLA_OK);
        code_rows_free(alloc_of(NULL), &codes);
        choice_atoms_free(a);
    }
    for (size_t r = 0; r < COUNT; r++)
        assert_true(fabsf(left[0][r] - left[1][r]) < 1e-3f * (1.0f + left[0][r]));
    parallel_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clusters_are_found_by_any_number_of_threads),
        cmocka_unit_test(test_as_many_codewords_as_rows_and_more_than_differ),
        cmocka_unit_test(test_sums_of_choices_are_the_best_of_all),
        cmocka_unit_test(test_many_codewords_are_chosen_from_alike),
    };

    random_seed("test_kmeans");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
