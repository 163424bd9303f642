/* Bases other than SAEs: signed levels and choices there and back, levels against trying them all,
 * codebooks that can't be. */
#include "support.h"

#include "base/alloc.h"
#include "block/block_decoder.h"
#include "block/block_encoder.h"
#include "random.h"
#include "search/scalar.h"
#include "synthesis/synthesis.h"

#include <math.h>
#include <zlib.h>

#define WIDTH 60
#define ROWS 400

static const code_params params = {{20000, -20}, {10, -20, -30, 0}};

static codebook *make_book(codebook_kind kind, uint32_t dims, uint32_t stages)
{
    const codebook_basis basis = {kind, stages};
    codebook *cb = codebook_new(alloc_of(NULL), dims, WIDTH, &basis);

    assert_non_null(cb);
    cb->fit = params;
    cb->bias_exponent = -18;
    cb->class_count = kind == CODEBOOK_CHOICES ? 1 : 3;
    for (uint32_t k = 0; k < cb->class_count; k++)
        memset(cb->hazard[k], (int)(70 + 10 * k), CODEBOOK_HAZARDS);
    for (uint32_t j = 0; j < WIDTH; j++) {
        cb->rate_index[j] = (uint8_t)(60 + random_below(60));
        cb->negative[j] = (uint8_t)(j == 0 ? 0 : j == 1 ? RATE_INDEX_MAX : 40 + random_below(80));
        for (uint32_t s = 0; s < cb->signs; s++)
            cb->level_class[j * cb->signs + s] = (uint8_t)random_below(cb->class_count);
        for (uint32_t d = 0; kind != CODEBOOK_IDENTITY && d < dims; d++)
            cb->atoms[j * dims + d] = (int16_t)((int)random_below(8001) - 4000);
    }
    assert_int_equal(codebook_derive_order(cb), MDLA_OK);
    codebook_derive_peaks(cb);
    return cb;
}

static code_model *make_model(const codebook *cb)
{
    const code_options options = {.codes = codebook_codes(cb)}, sparse = {.codes = CODES_SPARSE};
    code_model *m;

    assert_int_equal(code_model_new(alloc_of(NULL), cb, &params, &sparse, &m), MDLA_ERR_CORRUPT);
    assert_int_equal(code_model_new(alloc_of(NULL), cb, &params, &options, &m), MDLA_OK);
    return m;
}

/* Encodes, decodes, compares; returns the bits charged for levels and for the rest. */
static block_charge round_trip(const code_model *m, const code_rows *codes)
{
    range_encoder e = {0};
    uint8_t header[BLOCK_HEADER_NBYTES], *payload;
    double index[WIDTH], level[WIDTH], decoded = 0.0;
    uint32_t feature[WIDTH];
    int32_t levels[WIDTH];
    row_code code = {.feature = feature, .level = levels};
    row_bits bits = {.index = index, .level = level};
    row_context context;
    block_charge charge;
    block_decoder d;

    assert_int_equal(block_encode(m, codes, 0, ROWS, NULL, NULL, header, &e, &charge), MDLA_OK);
    payload = malloc(sizeof header + e.nbytes);
    assert_non_null(payload);
    memcpy(payload, header, sizeof header);
    memcpy(payload + sizeof header, e.payload, e.nbytes);
    assert_int_equal(row_context_new(alloc_of(NULL), m, &context), MDLA_OK);
    assert_int_equal(block_decoder_start(&d, m, &context, payload, sizeof header + e.nbytes),
                     MDLA_OK);
    for (size_t r = 0; r < ROWS; r++) {
        block_decoder_row(&d, &code, &bits);
        assert_int_equal(code.count, codes->start[r + 1] - codes->start[r]);
        decoded += bits.end;
        for (uint32_t i = 0; i < code.count; i++) {
            size_t at = codes->start[r];

            while (at < codes->start[r + 1] && codes->feature[at] != feature[i])
                at++;
            assert_true(at < codes->start[r + 1]);
            assert_int_equal(levels[i], codes->level[at]);
            decoded += index[i] + level[i];
        }
    }
    assert_true(block_decoder_finished(&d));
    assert_true(fabs(decoded - charge.flags - charge.levels) < 1e-6 * decoded);
    assert_true(8.0 * (double)e.nbytes <= 1.001 * decoded + 16.0);
    if (m->cb->basis.kind == CODEBOOK_CHOICES) { /* choices have no correction of rates */
        payload[2] ^= 1;
        assert_int_equal(block_decoder_start(&d, m, &context, payload, sizeof header + e.nbytes),
                         MDLA_ERR_CORRUPT);
    }
    row_context_free(&context);
    free(payload);
    range_encoder_free(&e);
    return charge;
}

/* Rows as the model has it: rates, signs, first hazards; expected: the levels' bits. */
static void draw_signed(const codebook *cb, const code_model *m, code_rows *codes, double *expected)
{
    size_t at = 0;

    *expected = 0.0;
    assert_int_equal(code_rows_reserve(alloc_of(NULL), codes, ROWS, ROWS * WIDTH), MDLA_OK);
    for (size_t r = 0; r < ROWS; r++) {
        codes->start[r] = at;
        for (uint32_t j = 0; j < WIDTH; j++) {
            const double below = 1.0 / (1.0 + exp2((cb->negative[j] - RATE_INDEX_EVEN) / 8.0));
            const bool negative = random_unit() < below;
            const uint8_t hazard = cb->hazard[cb->level_class[2 * j + negative]][0];
            const double stop = 1.0 / (1.0 + exp2((hazard - RATE_INDEX_EVEN) / 8.0));
            int32_t level = 1;

            if (random_unit() >= 1.0 / (1.0 + exp2((cb->rate_index[j] - RATE_INDEX_EVEN) / 8.0)))
                continue;
            while (random_unit() >= stop && level < (int32_t)m->max_level)
                level++;
            *expected -=
                log2(negative ? below : 1.0 - below) + log2(stop) + (level - 1) * log2(1.0 - stop);
            codes->feature[at] = j;
            codes->level[at++] = negative ? -level : level;
        }
    }
    codes->start[ROWS] = at;
    codes->row_count = ROWS;
}

static void test_signed_levels_round_trip_at_the_price_of_their_distribution(void **state)
{
    codebook *cb = make_book(CODEBOOK_SIGNED, 37, 1);
    code_model *m = make_model(cb);
    code_rows codes = {0};
    double expected;

    (void)state;
    draw_signed(cb, m, &codes, &expected);
    const block_charge charge = round_trip(m, &codes);

    assert_true(fabs(charge.levels - expected) < 0.003 * expected);
    /* The other signs cost more. */
    for (size_t i = 0; i < codes.start[ROWS]; i++)
        codes.level[i] = -codes.level[i];
    assert_true(round_trip(m, &codes).levels > charge.levels);
    code_rows_free(alloc_of(NULL), &codes);
    code_model_free(m);
    codebook_free(cb);
}

static void test_choices_round_trip_at_the_price_of_their_rates(void **state)
{
    const uint32_t stages = 4, codewords = WIDTH / stages;
    codebook *cb = make_book(CODEBOOK_CHOICES, 37, stages);
    code_model *m = make_model(cb);
    code_rows codes = {0};
    double expected = 0.0;

    (void)state;
    assert_int_equal(code_rows_reserve(alloc_of(NULL), &codes, ROWS, ROWS * stages), MDLA_OK);
    for (size_t r = 0; r < ROWS; r++) {
        codes.start[r] = r * stages;
        for (uint32_t s = 0; s < stages; s++) {
            const uint32_t k = (uint32_t)(r * 7 + random_below(codewords)) % codewords;

            for (uint32_t i = 0; i <= k && i + 1 < codewords; i++) {
                const double odds =
                    exp2((RATE_INDEX_EVEN - cb->rate_index[s * codewords + i]) / 8.0);

                expected += i < k ? log2(1.0 + odds) : log2(1.0 + 1.0 / odds);
            }
            codes.feature[r * stages + s] = s * codewords + k;
            codes.level[r * stages + s] = 1;
        }
    }
    codes.start[ROWS] = ROWS * stages;
    codes.row_count = ROWS;
    const block_charge charge = round_trip(m, &codes);

    assert_true(charge.levels == 0.0 && fabs(charge.flags - expected) < 0.001 * expected);
    code_rows_free(alloc_of(NULL), &codes);
    code_model_free(m);
    codebook_free(cb);
}

static void test_columns_are_added_without_atoms(void **state)
{
    codebook *cb = make_book(CODEBOOK_IDENTITY, WIDTH, 1);
    code_model *m = make_model(cb);
    uint32_t feature[WIDTH];
    int32_t level[WIDTH];
    row_code code = {.count = WIDTH, .feature = feature, .level = level};
    int32_t accumulator[WIDTH];
    float out[WIDTH];

    (void)state;
    for (uint32_t j = 0; j < WIDTH; j++) {
        feature[j] = WIDTH - 1 - j;
        level[j] = (j % 2 != 0 ? -(int)m->max_level : (int)m->max_level);
    }
    /* Each column has its own 32 bits: together they may be more. */
    assert_true(synthesis_fits(m, &code));
    synthesis_row(m, &code, accumulator, out);
    for (uint32_t j = 0; j < WIDTH; j++) {
        const int64_t part = (int64_t)m->coefficient[m->max_level] << ATOM_SCALE_BITS;
        const int64_t sum = m->bias[feature[j]] + (j % 2 != 0 ? -part : part);

        assert_true(out[feature[j]] == ldexpf((float)sum, params.step.exponent));
    }
    code_model_free(m);
    codebook_free(cb);
}

/* Prices and rows for scalar_codes. */
typedef struct scalar_problem {
    float offset[16], level_bits[3][16], feature_bits[WIDTH], sign_bits[WIDTH][2];
    uint8_t level_class[2 * WIDTH];
    search_prices prices;
} scalar_problem;

static void make_problem(scalar_problem *p)
{
    for (uint32_t l = 1; l < 16; l++) {
        p->offset[l] = (float)(0.2 * random_unit() - 0.1);
        for (uint32_t k = 0; k < 3; k++)
            p->level_bits[k][l] = (float)(1 + k) * (float)l * 0.5f;
    }
    for (uint32_t j = 0; j < WIDTH; j++) {
        p->feature_bits[j] = (float)(8.0 * random_unit() - 3.0);
        p->sign_bits[j][0] = p->sign_bits[j][1] = (float)(0.5 + random_unit());
    }
    for (uint32_t i = 0; i < 2 * WIDTH; i++)
        p->level_class[i] = (uint8_t)random_below(3);
    p->prices = (search_prices){.lambda = 0.15f,
                                .step = 1.0f,
                                .max_level = 15,
                                .level_offset = p->offset,
                                .feature_bits = p->feature_bits,
                                .level_bits = p->level_bits[0],
                                .level_class = p->level_class};
}

static double cost_of_level(const scalar_problem *p, uint32_t j, double x, int32_t level)
{
    const bool negative = level < 0;
    const uint32_t l = (uint32_t)abs(level);
    const double point = level != 0 ? (double)l + (double)p->offset[l] : 0.0;
    const double error = x - (negative ? -point : point);

    return level == 0 ? error * error
                      : error * error +
                            0.15 * (double)(p->feature_bits[j] + p->sign_bits[j][negative] +
                                            p->level_bits[p->level_class[2 * j + negative]][l]);
}

/* Rows coded along rotated columns cost what the best of all levels does, and leave what is said.
 */
static void test_scalar_levels_are_the_best_of_all(void **state)
{
    static float atoms[WIDTH * WIDTH], rows[ROWS * WIDTH], coefficients[ROWS * WIDTH], left[ROWS];
    parallel_pool *pool = parallel_open(alloc_of(NULL), 2);
    scalar_problem p;

    (void)state;
    make_problem(&p);
    for (uint32_t k = 0; k < WIDTH; k++) /* a reflection: I - 2 v v' */
        for (uint32_t d = 0; d < WIDTH; d++)
            atoms[k * WIDTH + d] = (k == d ? 1.0f : 0.0f) - 2.0f / WIDTH;
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        rows[i] = (float)(2.0 * random_normal());
    for (unsigned rotated = 0; rotated < 2; rotated++) {
        const scalar_basis basis = {rotated != 0 ? atoms : NULL, WIDTH, WIDTH, p.sign_bits[0]};
        code_rows codes = {0};

        assert_int_equal(scalar_codes(alloc_of(NULL), &basis, &p.prices, pool, rows, ROWS,
                                      coefficients, &codes, left),
                         MDLA_OK);
        for (size_t r = 0; r < ROWS; r++) {
            size_t at = codes.start[r];
            double error = 0.0;

            for (uint32_t j = 0; j < WIDTH; j++) {
                const double x = (double)coefficients[r * WIDTH + j];
                const bool active = at < codes.start[r + 1] && codes.feature[at] == j;
                const int32_t level = active ? codes.level[at++] : 0;
                const double found = cost_of_level(&p, j, x, level);
                double product = 0.0, least = found;

                for (uint32_t d = 0; d < WIDTH; d++)
                    product +=
                        (double)rows[r * WIDTH + d] * (rotated != 0 ? (double)atoms[j * WIDTH + d]
                                                       : d == j     ? 1.0
                                                                    : 0.0);
                assert_true(fabs(x - product) < 1e-4);
                for (int32_t other = -15; other <= 15; other++)
                    least = fmin(least, cost_of_level(&p, j, x, other));
                assert_true(found <= least + 1e-4);
                error +=
                    cost_of_level(&p, j, x, level) -
                    (level != 0 ? 0.15 * (double)(p.feature_bits[j] + p.sign_bits[j][level < 0] +
                                                  p.level_bits[p.level_class[2 * j + (level < 0)]]
                                                              [abs(level)])
                                : 0.0);
            }
            assert_int_equal(at, codes.start[r + 1]);
            assert_true(fabs(error - (double)left[r]) < 1e-3 * (error + 1.0));
        }
        code_rows_free(alloc_of(NULL), &codes);
    }
    parallel_close(pool);
}

/* Reads a codebook whose CBBS, and classes in CBHD, are changed. */
static mdla_status read_changed(const uint8_t *book, size_t nbytes, unsigned kind,
                                unsigned reserved, unsigned stages, unsigned flags)
{
    uint8_t copy[8192];
    mdla_codebook *read = NULL;
    mdla_source source;
    mdla_error err;
    mdla_status status;

    assert_true(nbytes <= sizeof copy);
    memcpy(copy, book, nbytes);
    copy[8 + 8 + 32] = (uint8_t)flags; /* magic, frame, offset in CBHD */
    copy[64] = (uint8_t)kind;          /* behind CBHD's 48 bytes and CBBS's type and length */
    copy[65] = (uint8_t)reserved;
    copy[68] = (uint8_t)stages;
    for (unsigned chunk = 0; chunk < 2; chunk++) {
        uint8_t *at = copy + (chunk == 0 ? 8 : 56);
        const size_t length = chunk == 0 ? 36 : 8;
        const uLong crc = crc32_z(0, at, length + 8);

        for (unsigned i = 0; i < 4; i++)
            at[8 + length + i] = (uint8_t)(crc >> 8 * i);
    }
    mdla_source_memory(copy, nbytes, &source);
    status = mdla_codebook_read(NULL, source, "changed", &read, &err);
    mdla_codebook_free(read);
    return status;
}

static void test_codebooks_that_cant_be_are_refused(void **state)
{
    float values[200 * 6];
    const mdla_fit_options options = {.target = {.fvu = 0.1}};
    mdla_codebook_info info;
    mdla_codebook *book;
    mdla_rows *rows;
    mdla_sink sink;
    mdla_error err;
    void *file;
    size_t nbytes;

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        values[i] = (float)random_normal();
    assert_int_equal(mdla_rows_from_memory(NULL, values, 200, 6, &rows, &err), MDLA_OK);
    assert_int_equal(mdla_codebook_fit_basis(NULL, MDLA_BASIS_ONEHOT, rows, &options, &book, &err),
                     MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_codebook_fit_basis(NULL, MDLA_BASIS_SAE, rows, &options, &book, &err),
                     MDLA_ERR_ARGUMENT);
    assert_int_equal(mdla_codebook_fit_basis(NULL, MDLA_BASIS_DENSE, rows, &options, &book, &err),
                     MDLA_OK);
    mdla_codebook_query(book, &info);
    assert_int_equal(info.basis, MDLA_BASIS_DENSE);
    assert_true(info.atom_bits == 0.0 && info.nbytes < 200);
    assert_int_equal(mdla_sink_memory(&file, &nbytes, &sink), MDLA_OK);
    assert_int_equal(mdla_codebook_write(book, sink, &err), MDLA_OK);
    assert_int_equal(read_changed(file, nbytes, 1, 0, 1, 4), MDLA_OK);
    assert_int_equal(read_changed(file, nbytes, 0, 0, 1, 4), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(read_changed(file, nbytes, 4, 0, 1, 4), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(read_changed(file, nbytes, 1, 1, 1, 4), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(read_changed(file, nbytes, 1, 0, 1, 5), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(read_changed(file, nbytes, 1, 0, 1, 0), MDLA_ERR_CORRUPT);
    assert_int_equal(read_changed(file, nbytes, 1, 0, 2, 4), MDLA_ERR_CORRUPT);
    assert_int_equal(read_changed(file, nbytes, 2, 0, 1, 4), MDLA_ERR_TRUNCATED);
    assert_int_equal(read_changed(file, nbytes, 3, 0, 0, 4), MDLA_ERR_CORRUPT);
    assert_int_equal(read_changed(file, nbytes, 3, 0, 4, 4), MDLA_ERR_CORRUPT);
    free(file);
    mdla_codebook_free(book);
    mdla_rows_close(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_levels_round_trip_at_the_price_of_their_distribution),
        cmocka_unit_test(test_choices_round_trip_at_the_price_of_their_rates),
        cmocka_unit_test(test_columns_are_added_without_atoms),
        cmocka_unit_test(test_scalar_levels_are_the_best_of_all),
        cmocka_unit_test(test_codebooks_that_cant_be_are_refused),
    };

    random_seed("test_basis");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
