/* .npz, safetensors and PNG as rows, lists of arrays, shards. */
#include "corpus.h"

static mdla_status read_named(const char *name, int pipe, const char *array, float *values,
                              size_t *rows, uint32_t *dims, mdla_error *err)
{
    bytes b;

    corpus_bytes(name, &b);
    return corpus_read(&b, pipe, array, values, rows, dims, err);
}

static void test_npz_members_are_read_from_files_alone(void **state)
{
    float values[6];
    size_t rows = 0;
    uint32_t dims = 0;
    mdla_error err;

    (void)state;
    assert_int_equal(read_named("stored.npz", 0, NULL, values, &rows, &dims, &err), MDLA_OK);
    assert_true(rows == 2 && dims == 3 && values[4] == 4.0f);
    /* Column-major and deflated; the only matrix of floats of two members. */
    assert_int_equal(read_named("deflated.npz", 0, NULL, values, &rows, &dims, &err), MDLA_OK);
    assert_true(rows == 2 && dims == 3 && values[1] == 2.0f && values[3] == 1.0f);
    assert_int_equal(read_named("deflated.npz", 0, "acts.npy", NULL, &rows, &dims, &err), MDLA_OK);
    assert_int_equal(read_named("deflated.npz", 0, "ids", NULL, &rows, &dims, &err), MDLA_ERR_DATA);
    assert_int_equal(read_named("deflated.npz", 0, "x", NULL, &rows, &dims, &err),
                     MDLA_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "holds no array x, but acts (f32 2 x 3), ids (i64 2)"));
    assert_int_equal(read_named("stored.npz", 1, NULL, NULL, &rows, &dims, &err),
                     MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "pipe"));
}

static void test_npz_wrong_crc_is_found(void **state)
{
    size_t rows = 0;
    uint32_t dims = 0;
    mdla_error err;
    bytes b;

    (void)state;
    corpus_bytes("stored.npz", &b);
    b.data[b.count - 100] ^= 1; /* in the values, before the directory */
    assert_int_equal(corpus_read(&b, 0, NULL, NULL, &rows, &dims, &err), MDLA_ERR_CORRUPT);
}

static void test_safetensors_tensors_are_read_by_name(void **state)
{
    float values[6];
    size_t rows = 0;
    uint32_t dims = 0;
    mdla_error err;
    int pipe;

    (void)state;
    for (pipe = 0; pipe < 2; pipe++) {
        assert_int_equal(read_named("tensors", pipe, NULL, values, &rows, &dims, &err), MDLA_OK);
        assert_true(rows == 2 && dims == 3 && values[5] == 5.0f);
        assert_int_equal(read_named("tensors", pipe, "ids", values, &rows, &dims, &err), MDLA_OK);
        assert_true(rows == 1 && dims == 2);
    }
    assert_int_equal(read_named("coo", 0, NULL, NULL, &rows, &dims, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(read_named("coo", 0, "row", NULL, &rows, &dims, &err), MDLA_ERR_DATA);
}

static void test_safetensors_16_bit_integers_must_be_told(void **state)
{
    const mdla_array_options untold = {.array = "ids"};
    size_t rows = 0;
    uint32_t dims = 0;
    mdla_error err;
    bytes b;

    (void)state;
    corpus_bytes("tensors", &b);
    assert_int_equal(read_array(&b, 0, &untold, NULL, &rows, &dims, &err), MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "bf16 or integers"));
}

static void test_png_is_one_row(void **state)
{
    float values[24];
    size_t rows = 0;
    uint32_t dims = 0;
    mdla_error err;
    int pipe;

    (void)state;
    if (read_named("grey.png", 0, NULL, values, &rows, &dims, &err) == MDLA_ERR_UNSUPPORTED) {
        print_message("skipped: built without libpng\n");
        skip();
    }
    for (pipe = 0; pipe < 2; pipe++) {
        assert_int_equal(read_named("grey.png", pipe, NULL, values, &rows, &dims, &err), MDLA_OK);
        assert_true(rows == 1 && dims == 15 && values[4] == 4.0f && values[5] == 0.0f);
        assert_int_equal(read_named("rgb.png", pipe, NULL, values, &rows, &dims, &err), MDLA_OK);
        assert_true(rows == 1 && dims == 24 && values[11] == 11.0f);
    }
}

static void test_containers_damaged_are_refused_or_harmless(void **state)
{
    static const char *const names[] = {"stored.npz", "deflated.npz", "tensors", "grey.png",
                                        "rgb.png"};
    bytes b;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        corpus_bytes(names[i], &b);
        corpus_damage(&b, NULL);
    }
}

static int remember(void *ctx, const mdla_array_entry *entry)
{
    char *const text = ctx;

    strcat(strcat(strcat(strcat(text, entry->name), " "), entry->dtype), ";");
    return 0;
}

static void test_array_list_shows_names_and_types(void **state)
{
    static const char *const want[][2] = {
        {"deflated.npz", "acts f32;ids i64;"},
        {"tensors", "acts F32;ids U16;"},
        {"arrow", "text ?;acts list<list<f32>>;fixed fixed_list<i32>;"}};
    char text[200];
    mdla_error err;
    size_t i;
    bytes b;

    (void)state;
    for (i = 0; i < 3; i++) {
        text[0] = '\0';
        corpus_bytes(want[i][0], &b);
        assert_int_equal(mdla_array_list(NULL, source_of(&b, 0), "a", remember, text, &err),
                         MDLA_OK);
        assert_string_equal(text, want[i][1]);
    }
    corpus_bytes("grey.png", &b);
    assert_int_equal(mdla_array_list(NULL, source_of(&b, 0), "a", remember, text, &err),
                     MDLA_ERR_FORMAT);
}

/* ---- Shards ------------------------------------------------------------------------------------
 */

static int opened, closed;
static void (*real_close)(void *);

static void counting_close(void *ctx)
{
    closed++;
    real_close(ctx);
}

/* Members "0", "1" ...: NAME + 1 raw rows of 2 values, all equal to the name. */
static mdla_status open_member(void *ctx, const char *member, mdla_source *out, mdla_error *err)
{
    static float values[64][128];
    const int i = atoi(member);
    int k;

    (void)ctx;
    (void)err;
    for (k = 0; k < 2 * (i + 1); k++)
        values[i][k] = (float)i;
    mdla_source_memory(values[i], (size_t)(i + 1) * 2 * sizeof(float), out);
    real_close = out->close;
    out->close = counting_close;
    opened++;
    return MDLA_OK;
}

static void test_shards_are_open_only_while_they_are_read(void **state)
{
    const mdla_folder folder = {.open = open_member};
    const mdla_array_options raw = {.raw_dims = 2};
    mdla_shard shards[40];
    char names[40][12];
    mdla_rows *rows;
    mdla_error err;
    float row[2];
    uint64_t at = 0;
    size_t got;
    int i, k;

    (void)state;
    for (i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        shards[i] = (mdla_shard){names[i], NULL};
    }
    assert_int_equal(mdla_rows_open_shards(NULL, folder, shards, 40, &raw, &rows, &err), MDLA_OK);
    assert_int_equal(opened, 40);
    assert_int_equal(closed, 40);
    assert_int_equal(mdla_rows_count(rows), 820);
    for (i = 0; i < 40; i++) {
        for (k = 0; k <= i; k++, at++) {
            assert_int_equal(mdla_rows_read(rows, row, 1, &got, &err), MDLA_OK);
            assert_true(got == 1 && row[1] == (float)i);
        }
        assert_true(opened - closed <= 8);
    }
    assert_int_equal(mdla_rows_seek(rows, 819, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read(rows, row, 1, &got, &err), MDLA_OK);
    assert_true(got == 1 && row[0] == 39.0f);
    assert_int_equal(mdla_rows_seek(rows, 2, &err), MDLA_OK);
    assert_int_equal(mdla_rows_read(rows, row, 1, &got, &err), MDLA_OK);
    assert_true(got == 1 && row[0] == 1.0f);
    mdla_rows_close(rows);
    assert_int_equal(opened, closed);
    assert_int_equal(mdla_rows_open_shards(NULL, folder, shards, 0, &raw, &rows, &err),
                     MDLA_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npz_members_are_read_from_files_alone),
        cmocka_unit_test(test_npz_wrong_crc_is_found),
        cmocka_unit_test(test_safetensors_tensors_are_read_by_name),
        cmocka_unit_test(test_safetensors_16_bit_integers_must_be_told),
        cmocka_unit_test(test_png_is_one_row),
        cmocka_unit_test(test_containers_damaged_are_refused_or_harmless),
        cmocka_unit_test(test_array_list_shows_names_and_types),
        cmocka_unit_test(test_shards_are_open_only_while_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
