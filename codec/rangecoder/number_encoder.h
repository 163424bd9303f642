/* Encoding of adaptive bits and whole numbers; each returns what it cost, in bits. */
#ifndef MDLA_NUMBER_ENCODER_H
#define MDLA_NUMBER_ENCODER_H

#include "rangecoder/number_common.h"
#include "rangecoder/range_encoder.h"

double adaptive_bit_encode(range_encoder *e, adaptive_bit *context, unsigned bit);
double byte_encode(range_encoder *e, byte_context *context, uint8_t value);
double golomb_encode(range_encoder *e, golomb_context *context, uint32_t value); /* < 2^31 */

#endif
