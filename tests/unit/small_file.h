/* A small .mdla file in memory, made through the public API from a planted dictionary. */
#ifndef TESTS_SMALL_FILE_H
#define TESTS_SMALL_FILE_H

#include "mdla/mdla.h"
#include "random.h"
#include "base/alloc.h"
#include "saes/sae_handle.h"

#include <stdbool.h>
#include <string.h>

typedef struct small_case {
    uint32_t dims, width;
    size_t row_count;
    float *rows; /* [row_count][dims] */
    mdla_sae *sae;
    mdla_codebook *book;
} small_case;

/* Rows that are sparse sums of random unit atoms and noise; their SAE; a codebook fitted to them at
 * FVU 0.1. */
static inline void small_case_make(small_case *c, uint32_t dims, uint32_t width, size_t row_count)
{
    mdla_config config;
    mdla_error err;
    mdla_rows *stream;
    sae *model;
    mdla_fit_options options = {.target = {.fvu = 0.1}};

    *c = (small_case){.dims = dims, .width = width, .row_count = row_count};
    mdla_config_init(&config);
    config.threads = 1;
    c->rows = calloc(row_count * dims, sizeof *c->rows);
    model = sae_new(alloc_of(NULL), dims, width, SAE_RELU);
    assert_non_null(c->rows);
    assert_non_null(model);
    for (size_t k = 0; k < width; k++) {
        double norm = 0.0;

        for (uint32_t d = 0; d < dims; d++) {
            model->w_dec[k * dims + d] = (float)random_normal();
            norm += (double)model->w_dec[k * dims + d] * model->w_dec[k * dims + d];
        }
        for (uint32_t d = 0; d < dims; d++) {
            model->w_dec[k * dims + d] /= (float)sqrt(norm);
            model->w_enc[k * dims + d] = model->w_dec[k * dims + d];
        }
        model->b_enc[k] = -0.5f;
    }
    for (uint32_t d = 0; d < dims; d++)
        model->b_dec[d] = (float)random_normal();
    model->subtract_b_dec = 1;
    for (size_t r = 0; r < row_count; r++) {
        float *row = c->rows + r * dims;

        memcpy(row, model->b_dec, dims * sizeof *row);
        for (unsigned i = 0; i < 3; i++) {
            const uint32_t k = random_below(1 + random_below(width));
            const double strength = 1.0 + 3.0 * random_unit();

            for (uint32_t d = 0; d < dims; d++)
                row[d] += (float)(strength * model->w_dec[(size_t)k * dims + d]);
        }
        for (uint32_t d = 0; d < dims; d++)
            row[d] += (float)(0.1 * random_normal());
    }
    c->sae = sae_handle_new(model);
    assert_non_null(c->sae);
    assert_int_equal(mdla_rows_from_memory(&config, c->rows, row_count, dims, &stream, &err),
                     MDLA_OK);
    if (mdla_codebook_fit(&config, c->sae, stream, &options, &c->book, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    mdla_rows_close(stream);
}

static inline void small_case_free(small_case *c)
{
    free(c->rows);
    mdla_sae_free(c->sae);
    mdla_codebook_free(c->book);
}

/* Encodes the first count rows at the codebook's step. *bytes is released with free(). */
static inline void small_case_encode_as(const small_case *c, size_t count,
                                        mdla_encode_options options, uint32_t threads, void **bytes,
                                        size_t *nbytes, mdla_encode_report *report)
{
    mdla_config config;
    mdla_error err;
    mdla_rows *stream;
    mdla_sink sink;
    mdla_codebook_info info;

    mdla_config_init(&config);
    config.threads = threads;
    mdla_codebook_query(c->book, &info);
    options.target.step = info.step;
    assert_int_equal(mdla_rows_from_memory(&config, c->rows, count, c->dims, &stream, &err),
                     MDLA_OK);
    assert_int_equal(mdla_sink_memory(bytes, nbytes, &sink), MDLA_OK);
    if (mdla_encode(&config, c->book, NULL, stream, &options, sink, report, &err) != MDLA_OK)
        fail_msg("%s", err.text);
    mdla_rows_close(stream);
}

static inline void small_case_encode(const small_case *c, size_t count, bool reference,
                                     uint32_t block_rows, uint32_t threads, void **bytes,
                                     size_t *nbytes, mdla_encode_report *report)
{
    const mdla_encode_options options = {
        .reference = reference, .block_rows = block_rows, .note = "a test"};

    small_case_encode_as(c, count, options, threads, bytes, nbytes, report);
}

/* A source that can't seek, over memory. */
typedef struct pipe_state {
    const uint8_t *at, *end;
} pipe_state;

static inline mdla_status pipe_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    pipe_state *p = ctx;
    const size_t left = (size_t)(p->end - p->at);

    *got = nbytes < left ? nbytes : left;
    if (*got != 0)
        memcpy(dst, p->at, *got);
    p->at += *got;
    return MDLA_OK;
}

/* Opens bytes (as a pipe where asked) and decodes all rows: a status, and the rows in *out
 * (malloc). */
static inline mdla_status decode_bytes(const void *bytes, size_t nbytes, bool as_pipe,
                                       const mdla_codebook *book, uint32_t threads, float **out,
                                       size_t *row_count, mdla_error *err)
{
    pipe_state pipe = {bytes, (const uint8_t *)bytes + nbytes};
    mdla_source source = {&pipe, pipe_read, NULL, MDLA_UNKNOWN, NULL};
    mdla_config config;
    mdla_decoder *decoder;
    mdla_file_info info;
    mdla_status status;
    size_t capacity = 64, got = 0;

    *out = NULL;
    *row_count = 0;
    mdla_config_init(&config);
    config.threads = threads;
    config.limits.max_memory = 64 << 20;
    config.limits.max_chunk = 1 << 20;
    if (!as_pipe)
        mdla_source_memory(bytes, nbytes, &source);
    status = mdla_decoder_open(&config, source, "small.mdla", book, &decoder, err);
    if (status != MDLA_OK)
        return status;
    mdla_decoder_query(decoder, &info);
    *out = malloc(capacity * info.dims * sizeof **out);
    assert_non_null(*out);
    do {
        if (capacity - *row_count < 32) {
            capacity *= 2;
            *out = realloc(*out, capacity * info.dims * sizeof **out);
            assert_non_null(*out);
        }
        status = mdla_decoder_read_rows(decoder, *out + *row_count * info.dims, 32, &got, err);
        *row_count += got;
    } while (status == MDLA_OK && got == 32);
    mdla_decoder_close(decoder);
    return status;
}

#endif
