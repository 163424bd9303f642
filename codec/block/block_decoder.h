/* Rows of a block from its payload (spec section 9.3). */
#ifndef MDLA_BLOCK_DECODER_H
#define MDLA_BLOCK_DECODER_H

#include "block/code_model.h"
#include "rangecoder/range_decoder.h"

typedef struct block_decoder {
    const code_model *model;
    row_context *context;
    range_decoder range;
    passage_model passage;
    row_norm_model norm;
    adaptive_bit negative; /* signs of a cache's strengths */
    uint32_t row_count, scale;
    bool first; /* no row is decoded yet */
} block_decoder;

/* Bits that the model charged, beside each (feature, level) of a row_code; accounting alone. */
typedef struct row_bits {
    double passage; /* whether a passage starts */
    double norm;    /* the row's scale and offset */
    double end;     /* the symbol that ends the row's list of features */
    double *index;  /* [width]; of signed codes 0: all is the level's */
    double *level;  /* [width] */
} row_bits;

/* Reads the block's header: row_count, 1 .. BLOCK_ROWS_MAX. context (of the model, not shared
 * between threads) must outlive. MDLA_ERR_TRUNCATED, MDLA_ERR_CORRUPT. */
mdla_status block_decoder_start(block_decoder *b, const code_model *model, row_context *context,
                                const uint8_t *payload, size_t nbytes);

/* The next row; call row_count times. bits may be NULL. Allocates nothing. A damaged payload gives
 * some other code, in range, and block_decoder_finished says so. */
void block_decoder_row(block_decoder *b, row_code *code, row_bits *bits);

bool block_decoder_finished(const block_decoder *b);

#endif
