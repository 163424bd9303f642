/* Codes of a block to its payload. */
#ifndef MDLA_BLOCK_ENCODER_H
#define MDLA_BLOCK_ENCODER_H

#include "block/code_model.h"
#include "rangecoder/range_encoder.h"
#include "search/search.h"

/* What the model charged for a block, in bits. */
typedef struct block_charge {
    double flags;  /* which features, ends of rows and starts of passages */
    double norms;  /* scales and offsets of rows */
    double levels; /* of what is active */
} block_charge;

/* Codes rows first .. first + count - 1 of codes: 1 <= count <= BLOCK_ROWS_MAX, every level <=
 * max_level; of a cache, words (strengths.h). starts [count]: rows with which a passage begins;
 * NULL: none. norms [count]: of these rows, within their limits; looked at where the model has
 * them. The block's payload is header, then what e holds. MDLA_ERR_MEMORY. */
mdla_status block_encode(const code_model *model, const code_rows *codes, size_t first,
                         size_t count, const uint8_t *starts, const row_norm *norms,
                         uint8_t header[BLOCK_HEADER_NBYTES], range_encoder *e,
                         block_charge *charge);

#endif
