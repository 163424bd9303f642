/* Codes of a block to its payload. */
#ifndef MDLA_BLOCK_ENCODER_H
#define MDLA_BLOCK_ENCODER_H

#include "block/code_model.h"
#include "rangecoder/range_encoder.h"
#include "search/search.h"

/* Codes rows first .. first + count - 1 of codes: 1 <= count <= BLOCK_ROWS_MAX, every level <=
 * max_level. The block's payload is header, then what e holds. charged out: bits that the model
 * charged. MDLA_ERR_MEMORY. */
mdla_status block_encode(const code_model *model, const code_rows *codes, size_t first,
                         size_t count, uint8_t header[BLOCK_HEADER_NBYTES], range_encoder *e,
                         double *charged);

#endif
