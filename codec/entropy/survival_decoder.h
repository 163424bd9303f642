/* Decoding of survival-coded positions (spec section 6.3). */
#ifndef MDLA_SURVIVAL_DECODER_H
#define MDLA_SURVIVAL_DECODER_H

#include "entropy/survival_common.h"
#include "rangecoder/range_decoder.h"

/* Takes a symbol of 2^-SURVIVAL_BITS units; bits (may be NULL) grows by what it was charged. */
void survival_take(range_decoder *d, uint64_t start, uint64_t size, double *bits);

/* The next hit at start or after it, start <= line->count; line->count for none. An impossible
 * payload sets d->bad. bits (may be NULL) grows by what the model charged: accounting alone,
 * nothing depends on it. */
uint32_t survival_decode(range_decoder *d, const survival_line *line, uint32_t start, double *bits);

#endif
