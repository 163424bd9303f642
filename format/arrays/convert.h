/* Values of every mdla_dtype to float32 and back, from and to bytes of either order. */
#ifndef MDLA_CONVERT_H
#define MDLA_CONVERT_H

#include "mdla/mdla.h"

#include <stdbool.h>

/* Floats of other widths are rounded to nearest even, integers likewise where they don't fit 24
 * bits. Bit patterns of NaN keep their sign and as many payload bits as there is room for. A finite
 * double that float32 can't hold becomes an infinity; the first one's index is returned, else
 * count. */
size_t convert_to_f32(mdla_dtype dtype, bool big_endian, const uint8_t *src, size_t count,
                      float *dst);

/* Of integers: the values, those of 64 bits without a sign as their bit patterns. */
void convert_to_i64(mdla_dtype dtype, bool big_endian, const uint8_t *src, size_t count,
                    int64_t *dst);

/* To little-endian bytes. To integers: rounded to nearest even, clamped to the type's range; NaN is
 * 0. */
void convert_from_f32(mdla_dtype dtype, const float *src, size_t count, uint8_t *dst);

float convert_f16_bits(uint16_t bits);
uint16_t convert_to_f16_bits(float value);
uint16_t convert_to_bf16_bits(float value);

#endif
