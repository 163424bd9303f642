/* Latent caches: codes of every kind there and back bit for bit, levels of a step, the bins of
 * strengths, damage. */
#include "support.h"

#include "base/alloc.h"
#include "block/block_decoder.h"
#include "block/strengths.h"
#include "codes/codes_in.h"
#include "handles.h"
#include "random.h"

#include <math.h>

#define WIDTH 40
#define ROWS 700
#define ACTIVE_MOST 8

typedef float (*strength_maker)(size_t i);

/* A feature at most once a row; every seventh row is empty, and the last. */
static mdla_codes *make_codes(strength_maker strength, mdla_dtype dtype, uint32_t context)
{
    const mdla_allocator *al = alloc_of(NULL);
    mdla_codes *codes = alloc_zeroed(al, 1, sizeof *codes);

    assert_non_null(codes);
    codes->al = al;
    codes->rows = ROWS;
    codes->width = WIDTH;
    codes->context = context;
    codes->dtype = dtype;
    codes->entries = alloc_array(al, ROWS * ACTIVE_MOST, sizeof *codes->entries);
    codes->features = alloc_array(al, ACTIVE_MOST, sizeof *codes->features);
    codes->strengths = alloc_array(al, ACTIVE_MOST, sizeof *codes->strengths);
    assert_true(codes->entries != NULL && codes->features != NULL && codes->strengths != NULL);
    for (uint64_t r = 0; r < ROWS - 1; r++) {
        uint32_t feature = random_below(4);

        for (size_t i = 0; r % 7 != 6 && i < ACTIVE_MOST && feature < WIDTH; i++) {
            codes->entries[codes->count] = (codes_entry){r, feature, strength(codes->count)};
            codes->count++;
            feature += 1 + random_below(9);
        }
    }
    return codes;
}

static float half_precision(size_t i)
{
    (void)i;
    return (float)(2048 + random_below(1024)) * 0x1p-10f * (float)(1 << random_below(3));
}

static float single_precision(size_t i)
{
    (void)i;
    return (float)(0.5 + 3.0 * random_unit());
}

/* Both signs, and the ends of what a float32 can be. */
static float everything(size_t i)
{
    static const float ends[] = {0x1p-149f,        -0x1p-126f, 3.402823466e38f,
                                 -3.402823466e38f, 65504.0f,   0x1p-24f};

    return i % 50 < 6 ? ends[i % 50] : (float)(random_normal() * exp2((double)random_below(40)));
}

static float always_one(size_t i)
{
    (void)i;
    return 1.0f;
}

/* Few values: each has a bin by itself. */
static float whole_numbers(size_t i)
{
    (void)i;
    return (float)(1 + random_below(12));
}

static mdla_codebook *fit(const mdla_codes *codes, mdla_model model)
{
    const mdla_fit_options options = {.model = model, .expected_rows = 1000000};
    mdla_codebook *book;
    mdla_error err;

    assert_int_equal(mdla_codebook_fit_codes(NULL, codes, &options, &book, &err), MDLA_OK);
    return book;
}

typedef struct file {
    void *bytes;
    size_t nbytes;
} file;

static file encode(const mdla_codes *codes, const mdla_codebook *book, double step, int reference)
{
    const mdla_encode_options options = {
        .target = {.step = step}, .reference = reference, .block_rows = 128};
    mdla_encode_report report;
    mdla_error err;
    mdla_sink sink;
    file f;

    assert_int_equal(mdla_sink_memory(&f.bytes, &f.nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_encode_codes(NULL, book, codes, &options, sink, &report, &err), MDLA_OK);
    assert_int_equal(report.rows, ROWS);
    assert_int_equal(report.file_nbytes, f.nbytes);
    return f;
}

typedef struct check {
    const mdla_codes *codes;
    size_t at; /* the entry that comes next */
    double step;
    uint64_t rows;
} check;

static int compare_features(const void *a, const void *b)
{
    const mdla_coded_feature *x = a, *y = b;

    return (x->feature > y->feature) - (x->feature < y->feature);
}

static int check_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                     const mdla_symbol_bits *bits)
{
    check *c = ctx;
    mdla_coded_feature sorted[WIDTH];

    (void)bits;
    assert_int_equal(row, c->rows);
    c->rows++;
    memcpy(sorted, code, count * sizeof *code);
    qsort(sorted, count, sizeof *sorted, compare_features);
    for (size_t i = 0; i < count; i++, c->at++) {
        const codes_entry *wanted = &c->codes->entries[c->at];
        const float got = (float)sorted[i].strength;

        assert_true(c->at < c->codes->count && wanted->row == row);
        assert_int_equal(sorted[i].feature, wanted->feature);
        if (c->step == 0.0) {
            assert_memory_equal(&got, &wanted->strength, sizeof got);
            assert_int_equal(sorted[i].level, 0);
        } else {
            assert_true(sorted[i].level >= 1);
            assert_true(fabs(got - wanted->strength) <=
                        (sorted[i].level > 1 ? 0.5000001 : 1.0) * c->step);
            assert_true(signbit(got) == signbit(wanted->strength));
        }
    }
    return 0;
}

/* Decodes all, compares, and counts: the classes make up the file. */
static void check_file(const file *f, const mdla_codebook *book, const mdla_codes *codes,
                       double step)
{
    check c = {codes, 0, step, 0};
    mdla_decoder *decoder;
    mdla_file_info info;
    mdla_account account;
    mdla_source source;
    mdla_error err;
    double sum = 0.0;
    float value;
    size_t got;

    mdla_source_memory(f->bytes, f->nbytes, &source);
    assert_int_equal(mdla_decoder_open(NULL, source, "cache", book, &decoder, &err), MDLA_OK);
    mdla_decoder_query(decoder, &info);
    assert_true(info.cache && info.dims == 0 && info.rows == ROWS && info.width == WIDTH);
    assert_int_equal(info.dtype, codes->dtype);
    assert_int_equal(info.context, codes->context);
    assert_int_equal(info.step == 0.0, step == 0.0);
    assert_int_equal(mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, check_row, &c, &err),
                     MDLA_OK);
    assert_int_equal(c.at, codes->count);
    assert_int_equal(mdla_decoder_account(decoder, &account, &err), MDLA_OK);
    for (int b = 0; b < MDLA_BITS_CLASSES; b++)
        sum += account.bits[b];
    assert_true(fabs(sum - 8.0 * (double)f->nbytes) < 1e-3);
    assert_true(account.bits[MDLA_BITS_CODER] < 0.001 * account.charged + 64.0 * 8);
    assert_int_equal(mdla_decoder_read_rows(decoder, &value, 1, &got, &err), MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "take its codes"));
    mdla_decoder_close(decoder);
}

static void test_cache_codes_come_back_bit_for_bit(void **state)
{
    static const struct {
        strength_maker strength;
        mdla_dtype dtype;
        uint32_t context;
    } kinds[] = {{half_precision, MDLA_F16, 0},   {half_precision, MDLA_F16, 50},
                 {single_precision, MDLA_F32, 0}, {everything, MDLA_F32, 16},
                 {always_one, MDLA_F16, 0},       {whole_numbers, MDLA_BF16, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        mdla_codes *codes = make_codes(kinds[i].strength, kinds[i].dtype, kinds[i].context);

        for (int model = MDLA_MODEL_JOINT; model <= MDLA_MODEL_ADDITIVE; model++) {
            mdla_codebook *book = fit(codes, (mdla_model)model);
            file embedded = encode(codes, book, 0.0, 0), named = encode(codes, book, 0.0, 1);

            check_file(&embedded, NULL, codes, 0.0);
            check_file(&named, book, codes, 0.0);
            assert_true(named.nbytes < embedded.nbytes);
            free(embedded.bytes);
            free(named.bytes);
            mdla_codebook_free(book);
        }
        mdla_codes_free(codes);
    }
}

/* One codebook for exact strengths of any precision and for levels of any step. */
static void test_cache_priors_serve_other_strengths_and_steps(void **state)
{
    mdla_codes *train = make_codes(half_precision, MDLA_F16, 0);
    mdla_codes *other = make_codes(everything, MDLA_F32, 0);
    mdla_codes *near = make_codes(single_precision, MDLA_F32, 0);
    mdla_codebook *book = fit(train, MDLA_MODEL_JOINT);
    const double steps[] = {0.001, 0.037, 1.0, 1000.0};
    file exact = encode(other, book, 0.0, 1);
    size_t last = SIZE_MAX;

    (void)state;
    check_file(&exact, book, other, 0.0);
    free(exact.bytes);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        file f = encode(near, book, steps[i], 1);

        check_file(&f, book, near, steps[i]);
        assert_true(f.nbytes < last);
        last = f.nbytes;
        free(f.bytes);
    }
    mdla_codebook_free(book);
    mdla_codes_free(train);
    mdla_codes_free(other);
    mdla_codes_free(near);
}

/* What the priors know they don't pay for: one value costs nothing, twelve cost log2 12. */
static void test_cache_values_that_recur_have_bins_of_their_own(void **state)
{
    static const strength_maker makers[] = {always_one, whole_numbers, half_precision};
    static const double most[] = {0.02, 3.7, 11.8}; /* 0, log2 12 = 3.58, log2 3072 = 11.58 */

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        mdla_codes *codes = make_codes(makers[i], MDLA_F16, 0);
        mdla_codebook *book = fit(codes, MDLA_MODEL_ADDITIVE);
        file f = encode(codes, book, 0.0, 1);
        mdla_decoder *decoder;
        mdla_account account;
        mdla_source source;
        mdla_error err;

        mdla_source_memory(f.bytes, f.nbytes, &source);
        assert_int_equal(mdla_decoder_open(NULL, source, "cache", book, &decoder, &err), MDLA_OK);
        assert_int_equal(mdla_decoder_account(decoder, &account, &err), MDLA_OK);
        print_message("%.3f bits a strength\n",
                      account.bits[MDLA_BITS_LEVELS] / (double)account.active);
        assert_true(account.bits[MDLA_BITS_LEVELS] < most[i] * (double)account.active);
        mdla_decoder_close(decoder);
        mdla_codebook_free(book);
        mdla_codes_free(codes);
        free(f.bytes);
    }
}

static void test_cache_too_large_for_the_step_and_foreign_codebooks_are_refused(void **state)
{
    mdla_codes *codes = make_codes(everything, MDLA_F32, 0);
    mdla_codebook *book = fit(codes, MDLA_MODEL_ADDITIVE);
    mdla_encode_options options = {.target = {.step = 0.1}};
    float row[4] = {0};
    mdla_rows *rows;
    mdla_sink sink;
    mdla_error err;
    size_t nbytes;
    void *written;

    (void)state;
    assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_encode_codes(NULL, book, codes, &options, sink, NULL, &err),
                     MDLA_ERR_DATA);
    assert_non_null(strstr(err.text, "give a step of"));
    codes->width = WIDTH + 1;
    assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_encode_codes(NULL, book, codes, &options, sink, NULL, &err),
                     MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_rows_from_memory(NULL, row, 1, 4, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_encode(NULL, book, NULL, rows, &options, sink, NULL, &err),
                     MDLA_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "no atoms"));
    mdla_rows_close(rows);
    mdla_codebook_free(book);
    mdla_codes_free(codes);
}

static int count_rows(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                      const mdla_symbol_bits *bits)
{
    (void)bits;
    (void)row;
    for (size_t i = 0; i < count; i++)
        assert_true(code[i].feature < WIDTH && isfinite(code[i].strength) &&
                    code[i].strength != 0.0);
    ++*(uint64_t *)ctx;
    return 0;
}

/* A block's payload damaged with its CRC put right: an error, or other codes in range. */
static void test_cache_damaged_blocks_give_errors_or_codes_in_range(void **state)
{
    mdla_codes *codes = make_codes(everything, MDLA_F32, 16);
    mdla_codebook *book = fit(codes, MDLA_MODEL_JOINT);
    unsigned refused = 0;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        const code_options options = {.joint = book->cb->joint != NULL,
                                      .passages = true,
                                      .cache = true,
                                      .exact = round % 2 == 0,
                                      .has_signs = true};
        const code_params params = {.step = {20000, -14}};
        uint8_t payload[200];
        uint32_t feature[WIDTH];
        int32_t word[WIDTH];
        row_code code = {.feature = feature, .level = word};
        row_context context;
        code_model *model;
        block_decoder d;

        for (size_t i = 0; i < sizeof payload; i++)
            payload[i] = (uint8_t)random_below(256);
        payload[1] = 0;
        assert_int_equal(code_model_new(alloc_of(NULL), book->cb, &params, &options, &model),
                         MDLA_OK);
        assert_int_equal(row_context_new(alloc_of(NULL), model, &context), MDLA_OK);
        assert_int_equal(block_decoder_start(&d, model, &context, payload, sizeof payload),
                         MDLA_OK);
        for (uint32_t r = 0; r < d.row_count && !d.range.bad; r++) {
            block_decoder_row(&d, &code, NULL);
            for (uint32_t i = 0; i < code.count && !d.range.bad; i++) {
                const float value = strength_value(model, (uint32_t)word[i]);

                assert_true(feature[i] < WIDTH && isfinite(value) && value != 0.0f);
            }
        }
        refused += !block_decoder_finished(&d);
        row_context_free(&context);
        code_model_free(model);
    }
    assert_true(refused > 190);
    mdla_codebook_free(book);
    mdla_codes_free(codes);
}

/* Cut anywhere and flipped anywhere, a file is refused: every byte is under a CRC, or is the magic.
 */
static void test_cache_files_cut_or_flipped_are_refused(void **state)
{
    mdla_codes *codes = make_codes(half_precision, MDLA_F16, 0);
    mdla_codebook *book = fit(codes, MDLA_MODEL_JOINT);
    file f = encode(codes, book, 0.0, 0);

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        const size_t at = random_below((uint32_t)f.nbytes);
        const bool cut = round % 3 == 0;
        uint8_t *byte = (uint8_t *)f.bytes + at;
        mdla_decoder *decoder = NULL;
        mdla_source source;
        mdla_status status;
        mdla_error err;
        uint64_t rows = 0;

        *byte ^= cut ? 0 : 1u << random_below(8);
        mdla_source_memory(f.bytes, cut ? at : f.nbytes, &source);
        const uint8_t flipped = *byte;
        status = mdla_decoder_open(NULL, source, "cache", NULL, &decoder, &err);
        if (status == MDLA_OK)
            status = mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, count_rows, &rows, &err);
        assert_int_not_equal(status, MDLA_OK);
        mdla_decoder_close(decoder);
        assert_int_equal(*byte, flipped);
        free(f.bytes);
        f = encode(codes, book, 0.0, 0);
    }
    free(f.bytes);
    mdla_codebook_free(book);
    mdla_codes_free(codes);
}

static void test_strengths_bins_and_levels_follow_the_specification(void **state)
{
    mdla_codes *codes = make_codes(single_precision, MDLA_F32, 0);
    mdla_codebook *book = fit(codes, MDLA_MODEL_ADDITIVE);
    const codebook *cb = book->cb;
    const code_options options = {.cache = true};
    const code_params params = {.step = {3 * 256, -17}}; /* 3/8 */
    code_model *model;
    uint64_t before = 0;

    (void)state;
    assert_int_equal(code_model_new(alloc_of(NULL), cb, &params, &options, &model), MDLA_OK);
    for (uint32_t level = 1; level <= 4095; level++) {
        const float middle = 0.1875f * (float)(2 * level + 1);
        const uint64_t place = strength_position(model, level);
        uint32_t bits, b = (uint32_t)(place >> 16);

        memcpy(&bits, &middle, sizeof bits);
        assert_int_equal(b, strength_bin(cb, bits));
        assert_int_equal(place & 65535,
                         ((uint64_t)(bits - cb->edge[b]) << 16) / (cb->edge[b + 1] - cb->edge[b]));
        assert_true(place >= before);
        before = place;
        assert_true(strength_value(model, level | STRENGTH_SIGN) == -0.375f * (float)level);
    }
    model->options.zeros = 13; /* edges are of float32: most aren't multiples */
    for (uint32_t b = 0; b < cb->hazard_count; b++) {
        uint32_t first, count = strength_places(model, b, &first);

        assert_int_equal(strength_bin(cb, cb->edge[b]), b);
        assert_int_equal(strength_bin(cb, cb->edge[b + 1] - 1), b);
        for (uint32_t i = 0; i < count && i < 3; i++)
            assert_int_equal(strength_bin(cb, (first + i) << 13), b);
        assert_true(count == 0 || strength_bin(cb, (first + count - 1) << 13) == b);
    }
    code_model_free(model);
    mdla_codebook_free(book);
    mdla_codes_free(codes);
}

static int set_up(void **state)
{
    (void)state;
    random_seed("test_cache");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache_codes_come_back_bit_for_bit),
        cmocka_unit_test(test_cache_priors_serve_other_strengths_and_steps),
        cmocka_unit_test(test_cache_values_that_recur_have_bins_of_their_own),
        cmocka_unit_test(test_cache_too_large_for_the_step_and_foreign_codebooks_are_refused),
        cmocka_unit_test(test_cache_damaged_blocks_give_errors_or_codes_in_range),
        cmocka_unit_test(test_cache_files_cut_or_flipped_are_refused),
        cmocka_unit_test(test_strengths_bins_and_levels_follow_the_specification),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
