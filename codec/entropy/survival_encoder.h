/* Encoding of survival-coded positions, and their prices. */
#ifndef MDLA_SURVIVAL_ENCODER_H
#define MDLA_SURVIVAL_ENCODER_H

#include "entropy/survival_common.h"
#include "rangecoder/range_encoder.h"

/* Codes a symbol of 2^-SURVIVAL_BITS units; returns what it is charged, in bits. */
double survival_put(range_encoder *e, uint64_t start, uint64_t size);

/* Codes that the next hit at start or after it is at hit; hit = line->count: none. start <= hit <=
 * count. Returns what the model charges, in bits. */
double survival_encode(range_encoder *e, const survival_line *line, uint32_t start, uint32_t hit);

#endif
