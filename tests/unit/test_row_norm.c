/* Rows that are normalised one by one: their scales and offsets there and back, sums against wider
 * arithmetic, and whole files, whose errors are those of the rows at full size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "block/block_decoder.h"
#include "block/block_encoder.h"
#include "fit/norms.h"
#include "small_file.h"
#include "synthesis/synthesis.h"

#include <float.h>
#include <math.h>

#define DIMS 24
#define WIDTH 40
#define ROWS 400

/* A codebook of one feature, without rows behind it. */
static codebook *plain_book(row_norm_kind norm, int32_t reference)
{
    codebook *cb = codebook_new(alloc_of(NULL), DIMS, 1, NULL);

    assert_non_null(cb);
    cb->fit = (code_params){{20000, -24}, {0}};
    cb->bias_exponent = -20;
    cb->class_count = 1;
    cb->norm = norm;
    cb->reference_scale = reference;
    cb->rate_index[0] = 80;
    memset(cb->hazard[0], 80, CODEBOOK_HAZARDS);
    for (uint32_t d = 0; d < DIMS; d++) {
        cb->bias[d] = (int32_t)random_below(2001) - 1000;
        cb->atoms[d] = (int16_t)((int)random_below(8001) - 4000);
    }
    assert_int_equal(codebook_derive_order(cb), MDLA_OK);
    codebook_derive_peaks(cb);
    return cb;
}

static code_model *model_of(const codebook *cb, unsigned scale_bits, int offset_exponent)
{
    const code_options options = {.passages = true,
                                  .norm = {true, (uint8_t)scale_bits, (int16_t)offset_exponent}};
    code_model *m;

    assert_int_equal(code_model_new(alloc_of(NULL), cb, &cb->fit, &options, &m), MDLA_OK);
    return m;
}

/* Empty rows with the norms given; returns what these were charged. */
static double check_norms(const code_model *m, const row_norm *norms, const uint8_t *starts)
{
    size_t start[ROWS + 1] = {0};
    uint32_t feature[1];
    int32_t level[1], decoded_level[1];
    const code_rows codes = {.row_count = ROWS, .start = start, .feature = feature, .level = level};
    uint8_t header[BLOCK_HEADER_NBYTES], *payload;
    double index_bits[1], level_bits[1], charged = 0.0;
    row_code code = {.feature = feature, .level = decoded_level};
    row_bits bits = {.index = index_bits, .level = level_bits};
    row_context context;
    range_encoder e = {0};
    block_charge charge;
    block_decoder d;

    assert_int_equal(block_encode(m, &codes, 0, ROWS, starts, norms, header, &e, &charge), MDLA_OK);
    payload = malloc(sizeof header + e.nbytes);
    assert_non_null(payload);
    memcpy(payload, header, sizeof header);
    memcpy(payload + sizeof header, e.payload, e.nbytes);
    assert_int_equal(row_context_new(alloc_of(NULL), m, &context), MDLA_OK);
    assert_int_equal(block_decoder_start(&d, m, &context, payload, sizeof header + e.nbytes),
                     MDLA_OK);
    for (size_t r = 0; r < ROWS; r++) {
        block_decoder_row(&d, &code, &bits);
        assert_int_equal(code.norm.zero, norms[r].zero);
        assert_int_equal(code.norm.scale, norms[r].scale);
        assert_int_equal(code.norm.offset, norms[r].offset);
        assert_true(bits.norm > 0.0);
        charged += bits.norm;
    }
    assert_true(block_decoder_finished(&d));
    assert_true(fabs(charged - charge.norms) < 1e-3 * charged);
    free(payload);
    row_context_free(&context);
    range_encoder_free(&e);
    return charge.norms;
}

static void test_row_norms_round_trip_at_a_price_that_follows_their_spread(void **state)
{
    codebook *cb = plain_book(ROW_NORM_SCALE_OFFSET, 80); /* scales about 2^5 */
    code_model *m = model_of(cb, 4, -3);
    row_norm near[ROWS] = {{0}}, far[ROWS] = {{0}}, extreme[ROWS] = {{0}};
    uint8_t starts[ROWS] = {0};

    (void)state;
    for (size_t r = 0; r < ROWS; r++) {
        starts[r] = r % 50 == 0;
        near[r] = (row_norm){false, 80 + (int32_t)random_below(3), (int32_t)random_below(3) - 1};
        far[r] = (row_norm){false, (int32_t)random_below(300) - 150,
                            (int32_t)random_below(100000) - 50000};
        extreme[r] = (row_norm){random_below(2) != 0, 0,
                                random_below(2) != 0 ? ROW_OFFSET_LIMIT - 1 : 1 - ROW_OFFSET_LIMIT};
        if (!extreme[r].zero)
            extreme[r].scale = random_below(2) != 0 ? NORM_OCTAVES << 4 : -NORM_OCTAVES * 16;
    }
    /* log2(3) each, and what learning costs. */
    assert_true(check_norms(m, near, starts) < ROWS * 3.7 + 200);
    assert_true(check_norms(m, far, starts) > ROWS * (log2(300) + log2(100000) - 1));
    check_norms(m, extreme, starts);

    /* Rows that passages start with are unlike others, and foretold by their own kind. */
    for (size_t r = 0; r < ROWS; r++) {
        starts[r] = r % 4 == 0;
        near[r] = (row_norm){false, starts[r] != 0 ? 200 : 80, starts[r] != 0 ? -700 : 5};
    }
    assert_true(check_norms(m, near, starts) < 0.5 * ROWS);
    code_model_free(m);
    codebook_free(cb);
}

static void test_row_norm_grids_out_of_range_are_refused(void **state)
{
    codebook *with = plain_book(ROW_NORM_SCALE, 0), *without = plain_book(ROW_NORM_NONE, 0);
    codebook *offsets = plain_book(ROW_NORM_SCALE_OFFSET, 0);
    const struct {
        const codebook *cb;
        norm_grid grid;
    } refused[] = {{without, {true, 0, 0}}, {with, {false, 0, 0}},    {with, {true, 3, -1}},
                   {with, {true, 13, 0}},   {offsets, {true, 3, 65}}, {offsets, {true, 3, -127}}};

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const code_options options = {.norm = refused[i].grid};
        code_model *m;

        assert_int_equal(
            code_model_new(alloc_of(NULL), refused[i].cb, &refused[i].cb->fit, &options, &m),
            MDLA_ERR_CORRUPT);
        assert_null(m);
    }
    codebook_free(with);
    codebook_free(without);
    codebook_free(offsets);
}

static void test_row_scale_mantissas_are_powers_of_two(void **state)
{
    static survival_table table;

    (void)state;
    survival_table_init(&table);
    for (int32_t scale = -5000; scale < 5000; scale += 7) {
        const double value = ldexp(row_scale_mantissa(&table, scale, 10),
                                   row_scale_octave(scale, 10) - ROW_MANTISSA_BITS);

        assert_true(fabs(value / exp2(scale / 1024.0) - 1.0) < 1.0 / 32768);
    }
}

/* Sums against long doubles, which hold 64 bits: one rounding to float32. */
static void test_row_norms_are_undone_in_wide_integers(void **state)
{
    int32_t accumulator[DIMS];
    uint32_t feature = 0;
    float out[DIMS];

    (void)state;
    if (LDBL_MANT_DIG < 64)
        skip();
    for (unsigned round = 0; round < 500; round++) {
        codebook *cb = plain_book(round % 3 == 0 ? ROW_NORM_SCALE : ROW_NORM_SCALE_OFFSET, 0);
        const int offset_exponent = cb->norm == ROW_NORM_SCALE ? 0 : (int)random_below(40) - 45;
        code_model *m = model_of(cb, 5, offset_exponent);
        int32_t level = 1 + (int32_t)random_below(m->max_level);
        const row_code code = {
            .count = random_below(2),
            .feature = &feature,
            .level = &level,
            .norm = {random_below(10) == 0, (int32_t)random_below(400) - 200,
                     cb->norm == ROW_NORM_SCALE ? 0 : (int32_t)random_below(4000) - 2000}};
        const long double scale =
            code.norm.zero ? 0.0L
                           : ldexpl(row_scale_mantissa(cb->survival, code.norm.scale, 5),
                                    row_scale_octave(code.norm.scale, 5) - ROW_MANTISSA_BITS);

        assert_true(synthesis_fits(m, &code));
        synthesis_row(m, &code, accumulator, out);
        for (uint32_t d = 0; d < DIMS; d++) {
            const int64_t sum =
                m->bias[d] + (code.count != 0 ? m->coefficient[level] * cb->atoms[d] : 0);
            const long double row = ldexpl((long double)sum, m->params.step.exponent) * scale +
                                    ldexpl(code.norm.offset, offset_exponent);

            assert_true(out[d] == (float)row);
        }
        code_model_free(m);
        codebook_free(cb);
    }
}

static void test_row_norms_beyond_64_bits_do_not_fit(void **state)
{
    codebook *cb = plain_book(ROW_NORM_SCALE_OFFSET, 0), *scales = plain_book(ROW_NORM_SCALE, 0);
    code_model *m = model_of(cb, 0, -20), *free = model_of(scales, 0, 0);
    const row_code fine = {.norm = {false, 0, 1000}}, loud = {.norm = {false, 70, 0}},
                   far = {.norm = {false, 0, 1 << 29}}, quiet = {.norm = {false, -50, 5}},
                   silent = {.norm = {false, -50, 0}}, tiny = {.norm = {false, -100, 0}},
                   huge = {.norm = {false, 110, 0}}, zero = {.norm = {true, 0, 1 << 29}};

    (void)state;
    assert_true(synthesis_fits(m, &fine));
    assert_true(synthesis_fits(m, &far)); /* 2^29 x 2^19 */
    assert_true(synthesis_fits(m, &zero));
    assert_false(synthesis_fits(m, &loud));   /* sums of 2^10 and more, x 2^16 x 2^51 */
    assert_false(synthesis_fits(m, &quiet));  /* an offset 69 bits above the sum */
    assert_false(synthesis_fits(m, &silent)); /* which no offset can have */
    assert_true(synthesis_fits(free, &loud));
    assert_true(synthesis_fits(free, &silent));
    assert_false(synthesis_fits(free, &tiny)); /* a unit of 2^-139 */
    assert_false(synthesis_fits(free, &huge)); /* of 2^71 */
    code_model_free(m);
    code_model_free(free);
    codebook_free(cb);
    codebook_free(scales);
}

static void test_row_norm_is_the_nearest_on_its_grid(void **state)
{
    codebook *cb = plain_book(ROW_NORM_SCALE_OFFSET, 0);
    float row[DIMS], flat[DIMS];

    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        const double lambda = exp2(-20.0 * random_unit());
        const norm_grid grid = norm_grid_for(cb, lambda);
        const double step = sqrt(6.0 * lambda / (log(2.0) * DIMS));
        double mean = 0.0, square = 0.0;

        assert_true(fabs(log2(step) - grid.offset_exponent) < 0.501);
        assert_true(fabs(log2(step / log(2.0)) + grid.scale_bits) < 0.501 || grid.scale_bits == 0);
        for (uint32_t d = 0; d < DIMS; d++) {
            row[d] = (float)(3.0 + 2.0 * random_normal());
            flat[d] = 0.7f;
            mean += row[d] / (double)DIMS;
        }
        for (uint32_t d = 0; d < DIMS; d++)
            square += (row[d] - mean) * (row[d] - mean) / (DIMS - 1.0);

        const chosen_norm c = norm_choose(cb, &grid, lambda, row);
        const chosen_norm constant = norm_choose(cb, &grid, lambda, flat);

        assert_true(c.fits && !c.norm.zero && constant.fits && constant.norm.zero);
        assert_true(fabs(c.offset - mean) < 0.501 * ldexp(1.0, grid.offset_exponent));
        assert_true(fabs(log2(c.scale) - 0.5 * log2(square)) < 0.51 * ldexp(1.0, -grid.scale_bits));
        assert_true(fabs(constant.offset - 0.7) < 0.501 * ldexp(1.0, grid.offset_exponent));
    }
    codebook_free(cb);
}

/* ---- Whole files ----------------------------------------------------------------------------- */

typedef struct norm_case {
    float rows[ROWS][DIMS];
    double scale[ROWS];
    mdla_sae *sae;
    mdla_codebook *book;
} norm_case;

/* Sparse sums of atoms, each row at a scale of its own, from 1/8 to 8, and for layer norm about an
 * offset of its own; atoms without a mean, so that layer norm leaves the sums sparse. */
static void make_case(norm_case *c, sae_norm norm)
{
    const mdla_fit_options options = {.target = {.fvu = 0.1}};
    sae *model = sae_new(alloc_of(NULL), DIMS, WIDTH, SAE_RELU);
    mdla_rows *stream;
    mdla_error err;

    assert_non_null(model);
    model->norm = norm;
    for (size_t k = 0; k < WIDTH; k++) {
        double mean = 0.0;

        for (uint32_t d = 0; d < DIMS; d++) {
            model->w_dec[k * DIMS + d] = (float)random_normal();
            mean += model->w_dec[k * DIMS + d] / (double)DIMS;
        }
        for (uint32_t d = 0; d < DIMS; d++)
            model->w_enc[k * DIMS + d] = model->w_dec[k * DIMS + d] -= (float)mean;
    }
    for (size_t r = 0; r < ROWS; r++) {
        const double offset = norm == SAE_NORM_LAYER ? 5.0 * random_normal() : 0.0;

        memset(c->rows[r], 0, sizeof c->rows[r]);
        for (unsigned i = 0; i < 4; i++) {
            const size_t k = random_below(1 + random_below(WIDTH));
            const double strength = 1.0 + 2.0 * random_unit();

            for (uint32_t d = 0; d < DIMS; d++)
                c->rows[r][d] += (float)(strength * model->w_dec[k * DIMS + d]);
        }
        c->scale[r] = exp2(6.0 * random_unit() - 3.0);
        for (uint32_t d = 0; d < DIMS; d++)
            c->rows[r][d] = (float)(c->scale[r] * (c->rows[r][d] + 0.1 * random_normal()) + offset);
    }
    c->sae = sae_handle_new(model);
    assert_non_null(c->sae);
    assert_int_equal(mdla_rows_from_memory(NULL, c->rows[0], ROWS, DIMS, &stream, &err), MDLA_OK);
    if (mdla_codebook_fit(NULL, c->sae, stream, &options, &c->book, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    mdla_rows_close(stream);
}

static void free_case(norm_case *c)
{
    mdla_sae_free(c->sae);
    mdla_codebook_free(c->book);
}

static mdla_status encode_case(const norm_case *c, const mdla_codebook *book, const mdla_sae *given,
                               const mdla_encode_options *options, void **bytes, size_t *nbytes,
                               mdla_encode_report *report, mdla_error *err)
{
    mdla_rows *stream;
    mdla_sink sink;
    mdla_status status;

    assert_int_equal(mdla_rows_from_memory(NULL, c->rows[0], ROWS, DIMS, &stream, err), MDLA_OK);
    assert_int_equal(mdla_sink_memory(bytes, nbytes, &sink), MDLA_OK);
    status = mdla_encode(NULL, book, given, stream, options, sink, report, err);
    mdla_rows_close(stream);
    return status;
}

/* Share of the rows' deviation from their mean that decoded leaves. */
static double fvu_of(const norm_case *c, const float *decoded)
{
    double error = 0.0, deviation = 0.0;

    for (uint32_t d = 0; d < DIMS; d++) {
        double mean = 0.0;

        for (size_t r = 0; r < ROWS; r++)
            mean += c->rows[r][d] / (double)ROWS;
        for (size_t r = 0; r < ROWS; r++) {
            const double miss = (double)c->rows[r][d] - decoded[r * DIMS + d];

            error += miss * miss;
            deviation += (c->rows[r][d] - mean) * (c->rows[r][d] - mean);
        }
    }
    return error / deviation;
}

typedef struct active_sums {
    const norm_case *c;
    double norm_bits, loud, quiet; /* features of rows above and below the usual scale */
} active_sums;

static int sum_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                   const mdla_symbol_bits *bits)
{
    active_sums *s = ctx;

    (void)code;
    s->norm_bits += bits->norm;
    *(s->c->scale[row] > 2.0 ? &s->loud : &s->quiet) += (double)count;
    return 0;
}

static void test_files_of_normalised_rows_keep_the_promise_about_the_rows_themselves(void **state)
{
    static const sae_norm norms[] = {SAE_NORM_CONSTANT, SAE_NORM_LAYER};
    static norm_case c;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        mdla_encode_options options = {.target = {.fvu = 0.12}, .block_rows = 150};
        mdla_encode_report report;
        mdla_account account;
        mdla_source source;
        mdla_decoder *decoder;
        mdla_error err;
        active_sums sums = {.c = &c};
        size_t nbytes, row_count, loud = 0;
        float *decoded;
        double sum = 0.0;
        void *bytes;

        make_case(&c, norms[i / 2]);
        options.code = i % 2 != 0 ? MDLA_CODE_SAE : MDLA_CODE_FREE;
        if (i % 2 != 0) /* its own code is what it is: no FVU to choose */
            options.target = (mdla_target){.step = 0.2};
        if (encode_case(&c, c.book, c.sae, &options, &bytes, &nbytes, &report, &err) != MDLA_OK)
            fail_msg("%s", err.text);
        if (decode_bytes(bytes, nbytes, false, NULL, 2, &decoded, &row_count, &err) != MDLA_OK)
            fail_msg("%s", err.text);
        assert_int_equal(row_count, ROWS);
        assert_true(fabs(fvu_of(&c, decoded) - report.fvu) < 1e-9);
        assert_true(i % 2 != 0 ? report.fvu < 0.2 : report.fvu <= 0.12 && report.fvu > 0.11);

        mdla_source_memory(bytes, nbytes, &source);
        assert_int_equal(mdla_decoder_open(NULL, source, "norm", NULL, &decoder, &err), MDLA_OK);
        assert_int_equal(mdla_decoder_account(decoder, &account, &err), MDLA_OK);
        assert_int_equal(mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, sum_row, &sums, &err),
                         MDLA_OK);
        for (unsigned k = 0; k < MDLA_BITS_CLASSES; k++)
            sum += account.bits[k];
        assert_true(fabs(sum - 8.0 * (double)nbytes) < 1e-6);
        assert_true(fabs(sums.norm_bits - account.bits[MDLA_BITS_ROW_NORMS]) < 1e-6);
        assert_true(account.bits[MDLA_BITS_ROW_NORMS] > ROWS);
        for (size_t r = 0; r < ROWS; r++)
            loud += c.scale[r] > 2.0;
        /* A loud row's error weighs more, so it gets more features. */
        if (options.code == MDLA_CODE_FREE)
            assert_true(sums.loud / (double)loud > 1.3 * sums.quiet / (double)(ROWS - loud));
        mdla_decoder_close(decoder);
        free(decoded);
        free(bytes);
        free_case(&c);
    }
}

static void test_rows_of_scale_zero_come_back_as_their_offset(void **state)
{
    static norm_case c;
    const mdla_encode_options options = {.target = {.step = 0.2}};
    size_t nbytes, row_count;
    mdla_error err;
    float *decoded;
    void *bytes;

    (void)state;
    make_case(&c, SAE_NORM_LAYER);
    for (uint32_t d = 0; d < DIMS; d++) {
        c.rows[3][d] = 0.0f;
        c.rows[7][d] = 2.0f;
    }
    if (encode_case(&c, c.book, NULL, &options, &bytes, &nbytes, NULL, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    assert_int_equal(decode_bytes(bytes, nbytes, false, NULL, 1, &decoded, &row_count, &err),
                     MDLA_OK);
    for (uint32_t d = 0; d < DIMS; d++) {
        assert_true(decoded[3 * DIMS + d] == 0.0f);
        assert_true(decoded[7 * DIMS + d] == decoded[7 * DIMS] &&
                    fabsf(decoded[7 * DIMS + d] - 2.0f) < 0.5f);
    }
    free(decoded);
    free(bytes);
    free_case(&c);
}

static void test_an_sae_of_another_normalisation_is_refused(void **state)
{
    static norm_case c, other;
    const mdla_encode_options options = {.target = {.step = 0.2}};
    mdla_error err;
    size_t nbytes;
    void *bytes;

    (void)state;
    make_case(&c, SAE_NORM_LAYER);
    make_case(&other, SAE_NORM_CONSTANT);
    assert_int_equal(encode_case(&c, c.book, other.sae, &options, &bytes, &nbytes, NULL, &err),
                     MDLA_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "normalise"));
    free_case(&c);
    free_case(&other);
}

static int set_up(void **state)
{
    (void)state;
    random_seed("test_row_norm");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_norms_round_trip_at_a_price_that_follows_their_spread),
        cmocka_unit_test(test_row_norm_grids_out_of_range_are_refused),
        cmocka_unit_test(test_row_scale_mantissas_are_powers_of_two),
        cmocka_unit_test(test_row_norms_are_undone_in_wide_integers),
        cmocka_unit_test(test_row_norms_beyond_64_bits_do_not_fit),
        cmocka_unit_test(test_row_norm_is_the_nearest_on_its_grid),
        cmocka_unit_test(test_files_of_normalised_rows_keep_the_promise_about_the_rows_themselves),
        cmocka_unit_test(test_rows_of_scale_zero_come_back_as_their_offset),
        cmocka_unit_test(test_an_sae_of_another_normalisation_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
