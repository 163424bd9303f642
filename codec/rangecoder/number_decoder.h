/* Decoding of adaptive bits and whole numbers (spec section 5.4). */
#ifndef MDLA_NUMBER_DECODER_H
#define MDLA_NUMBER_DECODER_H

#include "rangecoder/number_common.h"
#include "rangecoder/range_decoder.h"

unsigned adaptive_bit_decode(range_decoder *d, adaptive_bit *context);
uint8_t byte_decode(range_decoder *d, byte_context *context);
uint32_t golomb_decode(range_decoder *d, golomb_context *context); /* 0 .. 2^32 - 2 */

#endif
