/* The rows that reach the trainer: each once a pass, shuffled, some held out, memory bounded. */
#include "train_support.h"

#include "train/feed.h"

enum { DIMS = 2, ROWS = 3000 };

typedef struct feed_case {
    float values[ROWS * DIMS];
    mdla_rows *rows;
    feed feed;
    unsigned seen[ROWS];
} feed_case;

static void open_case(feed_case *c, uint64_t buffer_rows, double holdout)
{
    for (size_t r = 0; r < ROWS; r++) {
        c->values[r * DIMS] = (float)r;
        c->values[r * DIMS + 1] = -(float)r;
    }
    memset(c->seen, 0, sizeof c->seen);
    assert_int_equal(mdla_rows_from_memory(NULL, c->values, ROWS, DIMS, &c->rows, NULL), MDLA_OK);
    assert_int_equal(
        feed_open(NULL, c->rows, holdout, buffer_rows * DIMS * sizeof(float), 9, &c->feed, NULL),
        MDLA_OK);
    assert_int_equal(feed_begin(&c->feed, NULL), MDLA_OK);
}

static void close_case(feed_case *c)
{
    feed_close(&c->feed);
    mdla_rows_close(c->rows);
}

static size_t take_one(feed_case *c)
{
    float row[DIMS];

    assert_int_equal(feed_take(&c->feed, row, 1, NULL), MDLA_OK);
    assert_true(row[1] == -row[0]);
    return (size_t)row[0];
}

static void check_passes(uint64_t buffer_rows, double holdout)
{
    static feed_case c;
    unsigned long moved = 0;
    size_t held_out = 0;

    open_case(&c, buffer_rows, holdout);
    assert_true(c.feed.buffer.capacity <= (buffer_rows < ROWS ? buffer_rows : ROWS));
    assert_int_equal(c.feed.train_rows + c.feed.holdout_rows, ROWS);
    for (unsigned pass = 1; pass <= 3; pass++)
        for (size_t i = 0; i < c.feed.train_rows; i++) {
            const size_t row = take_one(&c);

            assert_int_equal(c.seen[row], pass - 1);
            c.seen[row] = pass;
            moved += row > i ? row - i : i - row;
        }
    for (size_t r = 0; r < ROWS; r++)
        held_out += c.seen[r] == 0;
    assert_int_equal(held_out, c.feed.holdout_rows);
    assert_int_equal(c.feed.holdout_filled, c.feed.holdout_rows);
    for (size_t i = 0; i < c.feed.holdout_rows; i++)
        assert_int_equal(c.seen[(size_t)c.feed.holdout[i * DIMS]], 0);
    if (buffer_rows > 1) /* far enough from the order that they came in */
        assert_true((double)moved / (3.0 * (double)c.feed.train_rows) >
                    0.2 * (double)c.feed.buffer.capacity);
    close_case(&c);
}

static void test_train_feed_all_rows_fit_each_comes_once_a_pass(void **state)
{
    (void)state;
    check_passes(ROWS, 0.1);
}

static void test_train_feed_small_buffer_each_row_comes_once_a_pass(void **state)
{
    (void)state;
    check_passes(500, 0.1);
}

static void test_train_feed_tiny_buffer_works(void **state)
{
    (void)state;
    check_passes(1, 0.0);
    check_passes(70, 0.3);
}

static void check_resume(uint64_t buffer_rows, size_t taken)
{
    static feed_case a, b;
    feed_place place;

    open_case(&a, buffer_rows, 0.1);
    for (size_t i = 0; i < taken; i++)
        take_one(&a);
    open_case(&b, buffer_rows, 0.1);
    feed_close(&b.feed);
    assert_int_equal(
        feed_open(NULL, b.rows, 0.1, buffer_rows * DIMS * sizeof(float), 9, &b.feed, NULL),
        MDLA_OK);
    place = feed_tell(&a.feed);
    memcpy(b.feed.buffer.number, a.feed.buffer.number,
           a.feed.buffer.capacity * sizeof *a.feed.buffer.number);
    memcpy(b.feed.buffer.order, a.feed.buffer.order,
           a.feed.buffer.capacity * sizeof *a.feed.buffer.order);
    assert_int_equal(feed_resume(&b.feed, &place, NULL), MDLA_OK);
    assert_int_equal(b.feed.holdout_filled, b.feed.holdout_rows);
    for (size_t i = 0; i < 2 * ROWS; i++)
        assert_int_equal(take_one(&a), take_one(&b));
    close_case(&a);
    close_case(&b);
}

static void test_train_feed_resumed_gives_the_same_rows(void **state)
{
    (void)state;
    check_resume(ROWS, 0);
    check_resume(ROWS, 1000);
    check_resume(ROWS, 4000);
    check_resume(300, 10);
    check_resume(300, 2650);
    check_resume(300, 5555);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_feed_all_rows_fit_each_comes_once_a_pass),
        cmocka_unit_test(test_train_feed_small_buffer_each_row_comes_once_a_pass),
        cmocka_unit_test(test_train_feed_tiny_buffer_works),
        cmocka_unit_test(test_train_feed_resumed_gives_the_same_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
