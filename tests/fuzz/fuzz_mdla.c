/* .mdla files and codebooks, as a file and as a pipe. The CRCs of what the fuzzer makes are put
 * right first, so that it reaches what stands behind them. */
#include "mdla/mdla.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct pipe_state {
    const uint8_t *at, *end;
} pipe_state;

static mdla_status pipe_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    pipe_state *p = ctx;
    const size_t left = (size_t)(p->end - p->at);

    *got = nbytes < left ? nbytes : left;
    if (*got != 0)
        memcpy(dst, p->at, *got);
    p->at += *got;
    return MDLA_OK;
}

static void mend_crcs(uint8_t *bytes, size_t nbytes)
{
    for (size_t at = 8; nbytes - at >= 12;) {
        const size_t length = (size_t)bytes[at + 4] | (size_t)bytes[at + 5] << 8 |
                              (size_t)bytes[at + 6] << 16 | (size_t)bytes[at + 7] << 24;

        if (length > nbytes - at - 12)
            return;
        const uLong crc = crc32_z(0, bytes + at, length + 8);
        for (unsigned i = 0; i < 4; i++)
            bytes[at + 8 + length + i] = (uint8_t)(crc >> 8 * i);
        at += length + 12;
    }
}

static int look(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                const mdla_symbol_bits *bits)
{
    (void)ctx;
    (void)code;
    (void)bits;
    return row > 1000 || count > 100000;
}

static int look_at_feature(void *ctx, const mdla_feature_row *at)
{
    (void)ctx;
    return at->row > 1000;
}

static mdla_status drop(void *ctx, const void *src, size_t nbytes)
{
    (void)ctx;
    (void)src;
    (void)nbytes;
    return MDLA_OK;
}

static mdla_status close_drop(void *ctx, int keep)
{
    (void)ctx;
    (void)keep;
    return MDLA_OK;
}

static void read_beside(mdla_decoder *decoder, uint64_t rows)
{
    const mdla_sink sink = {NULL, drop, close_drop};
    int64_t ids[100];
    mdla_error err;

    (void)!mdla_decoder_read_tokens(decoder, rows / 2, rows < 100 ? (size_t)(rows - rows / 2) : 3,
                                    ids, &err);
    (void)!mdla_decoder_write_tokens(decoder, 0, rows, sink, &err);
    (void)!mdla_decoder_read_passages(decoder, rows / 2, rows < 100 ? (size_t)(rows - rows / 2) : 3,
                                      ids, &err);
    (void)!mdla_decoder_write_passages(decoder, 0, rows, sink, &err);
}

static void decode(const mdla_config *config, mdla_source source)
{
    mdla_decoder *decoder;
    mdla_file_info info;
    mdla_feature_row top[4];
    mdla_error err;
    float *rows;
    size_t got = 1;

    if (mdla_decoder_open(config, source, "fuzz", NULL, &decoder, &err) != MDLA_OK)
        return;
    mdla_decoder_query(decoder, &info);
    rows = malloc((size_t)info.dims * 16 * sizeof *rows);
    for (unsigned i = 0; rows != NULL && got != 0 && i < 64; i++) {
        if (mdla_decoder_read_rows(decoder, rows, 16, &got, &err) != MDLA_OK)
            break;
    }
    if (info.tokens || info.passage_numbers)
        read_beside(decoder, info.rows);
    (void)!mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, look, NULL, &err);
    (void)!mdla_decoder_check_postings(decoder, &err);
    (void)!mdla_decoder_visit_feature(decoder, info.width / 2, look_at_feature, NULL, &err);
    (void)!mdla_decoder_top_rows(decoder, info.width - 1, top, sizeof top / sizeof top[0], &got,
                                 &err);
    (void)!mdla_decoder_seek(decoder, info.rows == MDLA_UNKNOWN ? 3 : info.rows / 2, &err);
    free(rows);
    mdla_decoder_close(decoder);
}

/* A decoder that may lack its codebook: whatever is asked of it is answered or refused. */
static void look_at_outline(const mdla_config *config, mdla_source source)
{
    mdla_decoder *decoder;
    mdla_file_info info;
    mdla_account account;
    mdla_feature_flags *flags;
    mdla_feature_row top;
    mdla_error err;
    float *row;
    size_t got;

    if (mdla_decoder_open_outline(config, source, "fuzz", &decoder, &err) != MDLA_OK)
        return;
    mdla_decoder_query(decoder, &info);
    (void)!mdla_decoder_account_outline(decoder, &account, &err);
    row = malloc(((size_t)info.dims + 1) * sizeof *row);
    flags = malloc(info.width * sizeof *flags);
    if (mdla_decoder_codebook(decoder) == NULL && row != NULL && flags != NULL) {
        read_beside(decoder, info.rows == MDLA_UNKNOWN ? 0 : info.rows);
        if (info.rows != 0 && mdla_decoder_read_rows(decoder, row, 1, &got, &err) == MDLA_OK)
            abort();
        (void)!mdla_decoder_seek(decoder, 1, &err);
        if (mdla_decoder_account(decoder, &account, &err) == MDLA_OK ||
            mdla_decoder_feature_flags(decoder, flags, &err) == MDLA_OK ||
            mdla_decoder_check_postings(decoder, &err) == MDLA_OK ||
            mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, look, NULL, &err) == MDLA_OK ||
            mdla_decoder_visit_feature(decoder, 0, look_at_feature, NULL, &err) == MDLA_OK ||
            mdla_decoder_top_rows(decoder, 0, &top, 1, &got, &err) == MDLA_OK)
            abort();
    }
    free(flags);
    free(row);
    mdla_decoder_close(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    uint8_t *bytes = malloc(nbytes + 1);
    pipe_state pipe = {bytes, bytes + nbytes};
    mdla_config config;
    mdla_source source;
    mdla_codebook *book;
    mdla_error err;

    if (bytes == NULL)
        return 0;
    if (nbytes != 0)
        memcpy(bytes, data, nbytes);
    if (nbytes >= 20)
        mend_crcs(bytes, nbytes);
    mdla_config_init(&config);
    config.threads = 1;
    config.limits.max_memory = 4 << 20;
    config.limits.max_width = 4096;
    config.limits.max_dims = 4096;
    mdla_source_memory(bytes, nbytes, &source);
    decode(&config, source);
    decode(&config, (mdla_source){&pipe, pipe_read, NULL, MDLA_UNKNOWN, NULL});
    mdla_source_memory(bytes, nbytes, &source);
    look_at_outline(&config, source);
    mdla_source_memory(bytes, nbytes, &source);
    if (mdla_codebook_read(&config, source, "fuzz", &book, &err) == MDLA_OK)
        mdla_codebook_free(book);
    free(bytes);
    return 0;
}
