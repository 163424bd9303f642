/* The search against exhaustive search, against itself on other paths and threads, and at its
 * limits. Random problems come from a fixed seed; an argument replaces it. */
#include "search/search_internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LEVELS 4096

static uint64_t seed = 20241113;

typedef struct problem {
    uint32_t width, dims;
    size_t rows;
    float *atoms, *values; /* [width][dims], [rows][dims] */
    float *feature_bits;   /* [width] */
    uint8_t *level_class;  /* [width] */
    float *level_bits;     /* [2][MOST_LEVELS + 1] */
    float *level_offset;   /* [MOST_LEVELS + 1] */
    search_prices prices;
    parallel_pool *pool;
    search_atoms *search;
    code_rows codes;
    float *distortion;
} problem;

static float uniform(uint64_t *state) /* -1 .. 1 */
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(uint32_t)(*state >> 32) / 2147483648.0f;
}

static const mdla_allocator *allocator(void)
{
    return alloc_of(NULL);
}

static void *zeroed(size_t count, size_t size)
{
    void *p = calloc(count, size);

    assert_non_null(p);
    return p;
}

/* Random unit-norm atoms, scaled a little off as an integer codebook's are; rows that are sums of
 * few. */
static problem problem_random(uint32_t width, uint32_t dims, size_t rows, uint32_t max_level,
                              bool orthogonal, uint64_t *state)
{
    problem p = {.width = width, .dims = dims, .rows = rows};

    p.atoms = zeroed((size_t)width * dims, sizeof *p.atoms);
    p.values = zeroed(rows * dims, sizeof *p.values);
    p.feature_bits = zeroed(width, sizeof *p.feature_bits);
    p.level_class = zeroed(width, sizeof *p.level_class);
    p.level_bits = zeroed(2 * ((size_t)max_level + 1), sizeof *p.level_bits);
    p.level_offset = zeroed((size_t)max_level + 1, sizeof *p.level_offset);
    p.distortion = zeroed(rows, sizeof *p.distortion);
    for (uint32_t j = 0; j < width; j++) {
        float *atom = p.atoms + (size_t)j * dims, sum = 0.0f;

        for (uint32_t d = 0; d < dims; d++) {
            atom[d] = orthogonal ? (d == j ? 1.0f : 0.0f) : uniform(state);
            sum += atom[d] * atom[d];
        }
        for (uint32_t d = 0; d < dims; d++)
            atom[d] *= (1.0f + (orthogonal ? 0.0f : 0.05f * uniform(state))) / sqrtf(sum);
        p.feature_bits[j] = 3.0f + 2.0f * uniform(state);
        p.level_class[j] = (uint8_t)(j % 2);
    }
    for (size_t r = 0; r < rows; r++)
        for (uint32_t j = 0; j < width; j++) {
            const float chance = uniform(state), strength = 2.0f * (1.0f + uniform(state));

            for (uint32_t d = 0; d < dims && chance > 0.2f; d++)
                p.values[r * dims + d] += strength * p.atoms[(size_t)j * dims + d];
        }
    for (uint32_t level = 1; level <= max_level; level++) {
        p.level_bits[level] = 0.7f * (float)level;
        p.level_bits[max_level + 1 + level] = 0.4f + (float)level;
        p.level_offset[level] = level == 1 ? 0.1f : -0.05f;
    }
    p.prices = (search_prices){.lambda = 0.08f,
                               .sweeps = 2,
                               .step = 1.0f,
                               .max_level = max_level,
                               .level_offset = p.level_offset,
                               .feature_bits = p.feature_bits,
                               .level_bits = p.level_bits,
                               .level_class = p.level_class};
    p.pool = parallel_open(allocator(), 2);
    assert_non_null(p.pool);
    p.search = search_atoms_new(allocator(), p.pool, p.atoms, width, dims);
    assert_non_null(p.search);
    return p;
}

static void problem_free(problem *p)
{
    search_atoms_free(p->search);
    parallel_close(p->pool);
    code_rows_free(allocator(), &p->codes);
    free(p->atoms);
    free(p->values);
    free(p->feature_bits);
    free(p->level_class);
    free(p->level_bits);
    free(p->level_offset);
    free(p->distortion);
}

static void run(problem *p, search_support support, const code_rows *initial)
{
    assert_int_equal(search_rows(p->search, &p->prices, p->pool, p->values, p->rows, NULL, support,
                                 initial, &p->codes, p->distortion),
                     MDLA_OK);
    assert_int_equal(p->codes.row_count, p->rows);
}

static double squared_error(const problem *p, size_t row, const uint32_t *feature,
                            const int32_t *level, size_t count)
{
    double sum = 0.0;

    for (uint32_t d = 0; d < p->dims; d++) {
        double left = (double)p->values[row * p->dims + d];

        for (size_t i = 0; i < count; i++)
            left -= (double)(((float)level[i] + p->level_offset[level[i]]) * p->prices.step) *
                    (double)p->atoms[(size_t)feature[i] * p->dims + d];
        sum += left * left;
    }
    return sum;
}

static double cost_of(const problem *p, size_t row, const uint32_t *feature, const int32_t *level,
                      size_t count)
{
    double bits = 0.0;

    for (size_t i = 0; i < count; i++)
        bits += (double)p->feature_bits[feature[i]] +
                (double)p->level_bits[p->level_class[feature[i]] * (p->prices.max_level + 1) +
                                      (uint32_t)level[i]];
    return squared_error(p, row, feature, level, count) + (double)p->prices.lambda * bits;
}

static double found_cost(const problem *p, size_t row)
{
    const size_t first = p->codes.start[row];

    return cost_of(p, row, p->codes.feature + first, p->codes.level + first,
                   p->codes.start[row + 1] - first);
}

/* Tries every code of a narrow problem. */
static double exhaustive_cost(const problem *p, size_t row)
{
    uint32_t all[8] = {0}, feature[8] = {0};
    int32_t level[8] = {0};
    double best = INFINITY;

    for (;;) {
        size_t count = 0;
        uint32_t j = 0;

        for (uint32_t f = 0; f < p->width; f++)
            if (all[f] != 0) {
                feature[count] = f;
                level[count++] = (int32_t)all[f];
            }
        best = fmin(best, cost_of(p, row, feature, level, count));
        for (; j < p->width && all[j] == p->prices.max_level; j++)
            all[j] = 0;
        if (j == p->width)
            return best;
        all[j]++;
    }
}

static void assert_same_codes(const code_rows *a, const code_rows *b)
{
    const size_t pairs = a->start[a->row_count];

    assert_int_equal(a->row_count, b->row_count);
    assert_memory_equal(a->start, b->start, (a->row_count + 1) * sizeof *a->start);
    if (pairs != 0) {
        assert_memory_equal(a->feature, b->feature, pairs * sizeof *a->feature);
        assert_memory_equal(a->level, b->level, pairs * sizeof *a->level);
    }
}

static void test_search_orthonormal_atoms_is_the_scalar_quantiser(void **unused)
{
    uint64_t state = seed;
    problem p = problem_random(6, 6, 200, 3, true, &state);

    (void)unused;
    run(&p, SEARCH_FREE, NULL);
    for (size_t r = 0; r < p.rows; r++)
        assert_true(fabs(found_cost(&p, r) - exhaustive_cost(&p, r)) < 1e-4);
    problem_free(&p);
}

/* Strongly correlated atoms and coarse levels, where greedy moves needn't find the best code: the
 * gap seen is 7 %. */
static void test_search_narrow_problems_come_close_to_exhaustive(void **unused)
{
    uint64_t state = seed + 1;
    double found = 0.0, best = 0.0;

    (void)unused;
    for (size_t i = 0; i < 20; i++) {
        problem p = problem_random(6, 5, 20, 3, false, &state);

        run(&p, SEARCH_FREE, NULL);
        for (size_t r = 0; r < p.rows; r++) {
            const double f = found_cost(&p, r), e = exhaustive_cost(&p, r);

            assert_true(f > e - 1e-4);
            found += f;
            best += e;
        }
        problem_free(&p);
    }
    print_message("mean cost over the exhaustive optimum: %.4f\n", found / best);
    assert_true(found < 1.1 * best);
}

static void test_search_zero_row_gives_empty_code(void **unused)
{
    uint64_t state = seed + 2;
    problem p = problem_random(100, 20, 3, 15, false, &state);

    (void)unused;
    memset(p.values, 0, p.rows * p.dims * sizeof *p.values);
    run(&p, SEARCH_FREE, NULL);
    assert_int_equal(p.codes.start[p.rows], 0);
    assert_true(p.distortion[0] == 0.0f);
    problem_free(&p);
}

static void test_search_no_rows_gives_no_codes(void **unused)
{
    uint64_t state = seed + 2;
    problem p = problem_random(5, 3, 0, 15, false, &state);

    (void)unused;
    run(&p, SEARCH_FREE, NULL);
    assert_int_equal(p.codes.start[0], 0);
    problem_free(&p);
}

static void test_search_great_lambda_gives_empty_codes(void **unused)
{
    uint64_t state = seed + 3;
    problem p = problem_random(100, 20, 50, 15, false, &state);

    (void)unused;
    p.prices.lambda = 1e6f;
    run(&p, SEARCH_FREE, NULL);
    assert_int_equal(p.codes.start[p.rows], 0);
    problem_free(&p);
}

static void test_search_free_bits_and_small_step_reach_least_squares(void **unused)
{
    uint64_t state = seed + 4;
    problem p = problem_random(12, 12, 50, MOST_LEVELS, false, &state);
    double energy = 0.0, left = 0.0;

    (void)unused;
    p.prices.lambda = 0.0f;
    p.prices.step = 0.01f;
    run(&p, SEARCH_FREE, NULL);
    for (size_t r = 0; r < p.rows; r++) {
        energy += squared_error(&p, r, NULL, NULL, 0);
        left += (double)p.distortion[r];
    }
    assert_true(left < 1e-3 * energy);
    problem_free(&p);
}

static void test_search_levels_stay_within_max_level(void **unused)
{
    uint64_t state = seed + 5;
    problem p = problem_random(30, 20, 50, 3, false, &state);

    (void)unused;
    p.prices.step = 1e-3f;
    p.prices.lambda = 0.0f;
    run(&p, SEARCH_FREE, NULL);
    assert_true(p.codes.start[p.rows] != 0);
    for (size_t i = 0; i < p.codes.start[p.rows]; i++)
        assert_in_range(p.codes.level[i], 1, 3);
    problem_free(&p);
}

static void test_search_distortion_is_what_the_code_leaves(void **unused)
{
    uint64_t state = seed + 6;
    problem p = problem_random(150, 40, 100, 15, false, &state);

    (void)unused;
    run(&p, SEARCH_FREE, NULL);
    for (size_t r = 0; r < p.rows; r++) {
        const size_t first = p.codes.start[r];
        const double error = squared_error(&p, r, p.codes.feature + first, p.codes.level + first,
                                           p.codes.start[r + 1] - first);

        assert_true(fabs(error - (double)p.distortion[r]) <= 1e-5 * (error + 1.0));
    }
    problem_free(&p);
}

static void test_search_fixed_keeps_the_support(void **unused)
{
    uint64_t state = seed + 7;
    problem p = problem_random(150, 40, 100, 15, false, &state);
    code_rows given = {0};

    (void)unused;
    assert_int_equal(code_rows_reserve(allocator(), &given, p.rows, 10 * p.rows), MDLA_OK);
    for (size_t r = 0; r < p.rows; r++) {
        size_t at = given.start[r];

        for (uint32_t f = (uint32_t)(r % 7); f < p.width && r % 5 != 0; f += 20) {
            given.feature[at] = f;
            given.level[at++] = 1;
        }
        given.start[++given.row_count] = at;
    }
    run(&p, SEARCH_FIXED, &given);
    assert_memory_equal(p.codes.start, given.start, (p.rows + 1) * sizeof *given.start);
    assert_memory_equal(p.codes.feature, given.feature,
                        given.start[p.rows] * sizeof *given.feature);
    /* No single level of a row can be changed for the better. */
    for (size_t r = 0; r < p.rows; r++) {
        const double found = found_cost(&p, r);

        for (size_t i = p.codes.start[r]; i < p.codes.start[r + 1]; i++) {
            const int32_t level = p.codes.level[i];

            assert_in_range(level, 1, 15);
            for (int32_t other = 1; other <= 15; other++) {
                p.codes.level[i] = other;
                assert_true(found_cost(&p, r) > found - 1e-3);
            }
            p.codes.level[i] = level;
        }
    }
    code_rows_free(allocator(), &given);
    problem_free(&p);
}

/* Row by row the moves may end elsewhere, so the sum is compared. */
static void test_search_free_to_choose_does_better_than_a_given_support(void **unused)
{
    uint64_t state = seed + 8;
    problem p = problem_random(150, 40, 100, 15, false, &state);
    code_rows given;
    double fixed = 0.0, chosen = 0.0;

    (void)unused;
    run(&p, SEARCH_FREE, NULL);
    given = p.codes;
    p.codes = (code_rows){0};
    run(&p, SEARCH_FIXED, &given);
    for (size_t r = 0; r < p.rows; r++)
        fixed += found_cost(&p, r);
    run(&p, SEARCH_FREE, &given);
    for (size_t r = 0; r < p.rows; r++)
        chosen += found_cost(&p, r);
    assert_true(chosen < fixed);
    code_rows_free(allocator(), &given);
    problem_free(&p);
}

static void swap_search(problem *p, size_t gram_limit, size_t candidates, uint32_t threads)
{
    search_atoms_free(p->search);
    parallel_close(p->pool);
    p->pool = parallel_open(allocator(), threads);
    assert_non_null(p->pool);
    p->search = search_atoms_limited(allocator(), p->pool, p->atoms, p->width, p->dims, gram_limit,
                                     candidates);
    assert_non_null(p->search);
}

/* With orthogonal atoms only those that correlate with the row at the start can ever be chosen. */
static void test_search_wide_path_equals_dense_path_on_orthogonal_atoms(void **unused)
{
    uint64_t state = seed + 9;
    problem p = problem_random(150, 150, 100, 15, true, &state);
    code_rows dense;

    (void)unused;
    run(&p, SEARCH_FREE, NULL);
    dense = p.codes;
    p.codes = (code_rows){0};
    assert_true(dense.start[p.rows] > 10 * p.rows);
    swap_search(&p, 0, 100, 2);
    run(&p, SEARCH_FREE, NULL);
    assert_same_codes(&p.codes, &dense);
    run(&p, SEARCH_FREE, &dense);
    assert_same_codes(&p.codes, &dense);
    code_rows_free(allocator(), &dense);
    problem_free(&p);
}

/* Wider than a tile of features, so that candidates are cut back more than once. */
static void test_search_wide_path_keeps_the_best_candidates(void **unused)
{
    uint64_t state = seed + 10;
    problem p = problem_random(5000, 32, 70, 15, false, &state);
    double few = 0.0, all = 0.0;

    (void)unused;
    for (size_t r = 0; r < p.rows * p.dims; r++)
        p.values[r] = 10.0f * uniform(&state);
    run(&p, SEARCH_FREE, NULL);
    for (size_t r = 0; r < p.rows; r++)
        all += found_cost(&p, r);
    swap_search(&p, 0, 500, 2);
    run(&p, SEARCH_FREE, NULL);
    for (size_t r = 0; r < p.rows; r++)
        few += found_cost(&p, r);
    print_message("mean cost with 500 candidates over all 5000: %.4f\n", few / all);
    assert_true(few < 1.1 * all);
    problem_free(&p);
}

static void test_search_result_is_the_same_for_1_and_3_threads(void **unused)
{
    static const size_t gram_limits[] = {GRAM_LIMIT, 0};

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        uint64_t state = seed + 11;
        problem p = problem_random(150, 40, 5000, 15, false, &state);
        float *distortion = zeroed(p.rows, sizeof *distortion);
        code_rows one;

        swap_search(&p, gram_limits[i], 64, 1);
        run(&p, SEARCH_FREE, NULL);
        one = p.codes;
        p.codes = (code_rows){0};
        memcpy(distortion, p.distortion, p.rows * sizeof *distortion);
        swap_search(&p, gram_limits[i], 64, 3);
        run(&p, SEARCH_FREE, NULL);
        assert_same_codes(&p.codes, &one);
        assert_memory_equal(p.distortion, distortion, p.rows * sizeof *distortion);
        free(distortion);
        code_rows_free(allocator(), &one);
        problem_free(&p);
    }
}

static void test_search_unusable_initial_codes_are_refused(void **unused)
{
    uint64_t state = seed + 12;
    problem p = problem_random(10, 5, 1, 3, false, &state);
    code_rows given = {0};

    (void)unused;
    assert_int_equal(code_rows_reserve(allocator(), &given, 1, 2), MDLA_OK);
    given.row_count = 1;
    given.start[1] = 2;
    given.feature[0] = 3;
    given.feature[1] = 10; /* one beyond the last */
    assert_int_equal(search_rows(p.search, &p.prices, p.pool, p.values, 1, NULL, SEARCH_FREE,
                                 &given, &p.codes, p.distortion),
                     MDLA_ERR_ARGUMENT);
    given.feature[1] = 3; /* twice */
    assert_int_equal(search_rows(p.search, &p.prices, p.pool, p.values, 1, NULL, SEARCH_FREE,
                                 &given, &p.codes, p.distortion),
                     MDLA_ERR_ARGUMENT);
    assert_int_equal(search_rows(p.search, &p.prices, p.pool, p.values, 1, NULL, SEARCH_FIXED, NULL,
                                 &p.codes, p.distortion),
                     MDLA_ERR_ARGUMENT);
    code_rows_free(allocator(), &given);
    problem_free(&p);
}

struct failing {
    size_t left; /* allocations until one fails */
};

static void *failing_alloc(void *ctx, size_t nbytes)
{
    struct failing *f = ctx;

    return f->left-- == 0 ? NULL : malloc(nbytes);
}

static void failing_release(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

/* One failure at a time, at every place: no leak, no crash, MDLA_ERR_MEMORY. */
static void test_search_every_failing_allocation_is_reported(void **unused)
{
    uint64_t state = seed + 13;
    problem p = problem_random(150, 40, 100, 15, false, &state);

    (void)unused;
    for (size_t gram_limit = 0; gram_limit <= 150; gram_limit += 150) {
        bool done = false;

        for (size_t n = 0; !done; n++) {
            struct failing f = {n};
            const mdla_allocator al = {&f, failing_alloc, failing_release};
            parallel_pool *pool = parallel_open(allocator(), 1);
            search_atoms *search =
                search_atoms_limited(&al, pool, p.atoms, p.width, p.dims, gram_limit, 64);
            code_rows codes = {0};

            if (search != NULL) {
                const mdla_status status =
                    search_rows(search, &p.prices, pool, p.values, p.rows, NULL, SEARCH_FREE, NULL,
                                &codes, p.distortion);

                done = status == MDLA_OK;
                assert_true(done || status == MDLA_ERR_MEMORY);
            }
            code_rows_free(&al, &codes);
            search_atoms_free(search);
            parallel_close(pool);
        }
    }
    problem_free(&p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_orthonormal_atoms_is_the_scalar_quantiser),
        cmocka_unit_test(test_search_narrow_problems_come_close_to_exhaustive),
        cmocka_unit_test(test_search_zero_row_gives_empty_code),
        cmocka_unit_test(test_search_no_rows_gives_no_codes),
        cmocka_unit_test(test_search_great_lambda_gives_empty_codes),
        cmocka_unit_test(test_search_free_bits_and_small_step_reach_least_squares),
        cmocka_unit_test(test_search_levels_stay_within_max_level),
        cmocka_unit_test(test_search_distortion_is_what_the_code_leaves),
        cmocka_unit_test(test_search_fixed_keeps_the_support),
        cmocka_unit_test(test_search_free_to_choose_does_better_than_a_given_support),
        cmocka_unit_test(test_search_wide_path_equals_dense_path_on_orthogonal_atoms),
        cmocka_unit_test(test_search_wide_path_keeps_the_best_candidates),
        cmocka_unit_test(test_search_result_is_the_same_for_1_and_3_threads),
        cmocka_unit_test(test_search_unusable_initial_codes_are_refused),
        cmocka_unit_test(test_search_every_failing_allocation_is_reported),
    };

    if (argc > 1)
        seed = strtoull(argv[1], NULL, 10);
    print_message("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
