/* Independence measured: codes whose structure is known, through rows of flags with identity atoms,
 * fitted on some rows and coded on others. The gap must be the flags' total correlation. */
#include "support.h"

#include "random.h"
#include "base/alloc.h"
#include "saes/sae_handle.h"

#include <math.h>

enum { ROWS = 200000, WIDTH = 64 };

/* ---- Structures: flags of a row, and their total correlation ----------------------------------
 */

typedef struct structure {
    const char *name;
    void (*draw)(float flags[WIDTH]); /* zeroed before */
    double (*correlation)(void);      /* sum of the flags' entropies less that of the row, bits */
} structure;

static double entropy_of(double p)
{
    return p > 0 && p < 1 ? -p * log2(p) - (1 - p) * log2(1 - p) : 0;
}

static int chance(double p)
{
    return random_unit() < p;
}

/* Rates of 2 to 12 %. */
static double rate(int feature)
{
    return 0.02 + 0.1 * feature / WIDTH;
}

static void draw_independent(float flags[WIDTH])
{
    for (int f = 0; f < WIDTH; f++)
        flags[f] = (float)chance(rate(f));
}

static double no_correlation(void)
{
    return 0;
}

/* The second of each pair is the first. */
static void draw_duplicated(float flags[WIDTH])
{
    for (int f = 0; f < WIDTH; f += 2)
        flags[f] = flags[f + 1] = (float)chance(rate(f));
}

static double duplicated_correlation(void)
{
    double sum = 0;

    for (int f = 0; f < WIDTH; f += 2)
        sum += entropy_of(rate(f));
    return sum;
}

enum { GROUP = 4 };

/* Of four features one at most, each in 15 % of rows. */
static void draw_exclusive(float flags[WIDTH])
{
    for (int f = 0; f < WIDTH; f += GROUP) {
        const int one = (int)(random_unit() / 0.15);

        if (one < GROUP)
            flags[f + one] = 1;
    }
}

static double exclusive_correlation(void)
{
    const double none = 1 - GROUP * 0.15;
    const double group = -none * log2(none) - GROUP * 0.15 * log2(0.15);

    return WIDTH / GROUP * (GROUP * entropy_of(0.15) - group);
}

/* A parent in 20 % of rows, and in 40 % of these each of its three children, which never come
 * without it. */
static void draw_hierarchy(float flags[WIDTH])
{
    for (int f = 0; f < WIDTH; f += GROUP) {
        flags[f] = (float)chance(0.2);
        for (int child = 1; child < GROUP; child++)
            flags[f + child] = (float)(flags[f] > 0 && chance(0.4));
    }
}

static double hierarchy_correlation(void)
{
    return WIDTH / GROUP * (GROUP - 1) * (entropy_of(0.2 * 0.4) - 0.2 * entropy_of(0.4));
}

static const structure structures[] = {
    {"independent", draw_independent, no_correlation},
    {"duplicated", draw_duplicated, duplicated_correlation},
    {"exclusive", draw_exclusive, exclusive_correlation},
    {"parent and children", draw_hierarchy, hierarchy_correlation},
};

/* ---- Through codebook and file ----------------------------------------------------------------
 */

static mdla_sae *identity_sae(void)
{
    sae *s = sae_new(alloc_of(NULL), WIDTH, WIDTH, SAE_RELU);
    mdla_sae *handle;

    assert_non_null(s);
    for (size_t f = 0; f < WIDTH; f++)
        s->w_enc[f * WIDTH + f] = s->w_dec[f * WIDTH + f] = 1;
    handle = sae_handle_new(s);
    assert_non_null(handle);
    return handle;
}

static void check_ok(mdla_status status, const mdla_error *err)
{
    if (status != MDLA_OK)
        fail_msg("%s", err->text);
}

/* float32 [ROWS][WIDTH] of a structure; the next call gives others. */
static mdla_rows *draw_rows(const structure *s, float *values)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_rows *rows;

    memset(values, 0, (size_t)ROWS * WIDTH * sizeof *values);
    for (size_t r = 0; r < ROWS; r++)
        s->draw(values + r * WIDTH);
    check_ok(mdla_rows_from_memory(NULL, values, ROWS, WIDTH, &rows, &err), &err);
    return rows;
}

/* A codebook from rows of the structure; each row's code is its flags. */
static mdla_codebook *fit(const structure *s, const mdla_sae *flags_sae, float *values)
{
    const mdla_fit_options options = {.target = {.step = 1}, .code = MDLA_CODE_SAE};
    mdla_error err = {MDLA_OK, ""};
    mdla_rows *rows = draw_rows(s, values);
    mdla_codebook *book;

    check_ok(mdla_codebook_fit(NULL, flags_sae, rows, &options, &book, &err), &err);
    mdla_rows_close(rows);
    return book;
}

/* Other rows of the structure as a file in memory. */
static void encode(const structure *s, const mdla_sae *flags_sae, const mdla_codebook *book,
                   float *values, void **file, size_t *nbytes)
{
    const mdla_encode_options options = {
        .target = {.step = 1}, .code = MDLA_CODE_SAE, .reference = 1};
    mdla_error err = {MDLA_OK, ""};
    mdla_rows *rows = draw_rows(s, values);
    mdla_sink sink;

    check_ok(mdla_sink_memory(file, nbytes, &sink), &err);
    check_ok(mdla_encode(NULL, book, flags_sae, rows, &options, sink, NULL, &err), &err);
    mdla_rows_close(rows);
}

static void check_gap(const structure *s, mdla_decoder *decoder)
{
    mdla_feature_flags flags[WIDTH];
    mdla_error err = {MDLA_OK, ""};
    mdla_account all;
    double coded = 0, additive = 0, gap;
    const double want = s->correlation();

    check_ok(mdla_decoder_account(decoder, &all, &err), &err);
    check_ok(mdla_decoder_feature_flags(decoder, flags, &err), &err);
    for (int f = 0; f < WIDTH; f++) {
        coded += flags[f].coded;
        additive += flags[f].additive;
    }
    gap = (all.additive_indices - all.bits[MDLA_BITS_INDICES]) / ROWS;
    printf("%s: gap %.4f bits a row, total correlation %.4f; indices %.3f\n", s->name, gap, want,
           all.bits[MDLA_BITS_INDICES] / ROWS);
    assert_true(fabs(gap - want) <= 0.05 * want + 0.02);
    /* By feature it adds up to the whole. */
    assert_true(fabs(additive - all.additive_indices) <= 1e-6 * additive);
    assert_true(fabs(coded - all.bits[MDLA_BITS_INDICES]) <= 0.002 * coded);
}

static void test_the_gap_is_the_flags_total_correlation(void **state)
{
    float *values = malloc((size_t)ROWS * WIDTH * sizeof *values);
    mdla_sae *flags_sae = identity_sae();

    (void)state;
    random_seed("test_independence");
    assert_non_null(values);
    for (size_t i = 0; i < sizeof structures / sizeof structures[0]; i++) {
        mdla_codebook *book = fit(&structures[i], flags_sae, values);
        mdla_error err = {MDLA_OK, ""};
        mdla_decoder *decoder;
        mdla_source source;
        void *file;
        size_t nbytes;

        encode(&structures[i], flags_sae, book, values, &file, &nbytes);
        mdla_source_memory(file, nbytes, &source);
        check_ok(mdla_decoder_open(NULL, source, "flags", book, &decoder, &err), &err);
        check_gap(&structures[i], decoder);
        mdla_decoder_close(decoder);
        mdla_codebook_free(book);
        free(file);
    }
    mdla_sae_free(flags_sae);
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_gap_is_the_flags_total_correlation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
