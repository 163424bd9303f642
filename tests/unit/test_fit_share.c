/* Which blocks' codes a fit keeps for the joint model: what bounds its memory, whatever the rows.
 */
#include "encode/fit_job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Rows of the blocks that are kept; the first and last of them are left in *first and *last. */
static uint64_t kept_rows(const fit_share *s, uint64_t rows, uint32_t block_rows, uint64_t *first,
                          uint64_t *last)
{
    uint64_t kept = 0;

    *first = UINT64_MAX;
    *last = 0;
    for (uint64_t block = 0; block * block_rows < rows; block++) {
        const uint64_t left = rows - block * block_rows;

        if (!fit_share_keeps(s, block))
            continue;
        kept += left < block_rows ? left : block_rows;
        *first = *first == UINT64_MAX ? block : *first;
        *last = block;
    }
    return kept;
}

static void test_fit_share_keeps_all_of_few_rows(void **state)
{
    const fit_share s = fit_share_of(300000, 30.0, 1024);
    uint64_t first, last;

    (void)state;
    assert_int_equal(kept_rows(&s, 300000, 1024, &first, &last), 300000);
    assert_int_equal(s.rows_most, 300000);
}

static void test_fit_share_is_bounded_by_rows_and_by_active_features(void **state)
{
    static const struct {
        uint64_t rows;
        double active;
        uint32_t block_rows;
    } cases[] = {{2000000, 5.0, 1024}, {2000000, 100.0, 1024}, {30000000, 32.0, 1024},
                 {1000000, 300.0, 1},  {3000000, 0.0, 65536},  {1048577, 32.0, 777}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint64_t rows = cases[i].rows, block_rows = cases[i].block_rows;
        const fit_share s = fit_share_of(rows, cases[i].active, cases[i].block_rows);
        uint64_t first, last;
        const uint64_t kept = kept_rows(&s, rows, cases[i].block_rows, &first, &last);
        const uint64_t most =
            cases[i].active > 32.0 ? (uint64_t)((1 << 25) / cases[i].active) : 1 << 20;

        assert_true(kept <= s.rows_most);
        assert_true(kept <= most + 2 * block_rows);
        assert_true(kept + 2 * block_rows >= most);
        assert_true(first * block_rows < rows / 10 + block_rows);
        assert_true((last + 2) * block_rows + rows / 10 > rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit_share_keeps_all_of_few_rows),
        cmocka_unit_test(test_fit_share_is_bounded_by_rows_and_by_active_features),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
