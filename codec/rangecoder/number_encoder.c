#include "rangecoder/number_encoder.h"

#include <math.h>

double adaptive_bit_encode(range_encoder *e, adaptive_bit *context, unsigned bit)
{
    const uint32_t p = adaptive_bit_p(context);

    range_encoder_bit(e, bit, p);
    adaptive_bit_update(context, bit);
    return RANGE_BIT_BITS - log2((double)(bit != 0 ? p : (UINT32_C(1) << RANGE_BIT_BITS) - p));
}

double byte_encode(range_encoder *e, byte_context *context, uint8_t value)
{
    unsigned node = 1;
    double bits = 0.0;

    for (unsigned i = 8; i-- > 0;) {
        const unsigned bit = value >> i & 1u;

        bits += adaptive_bit_encode(e, &context->node[node], bit);
        node = 2 * node + bit;
    }
    return bits;
}

double golomb_encode(range_encoder *e, golomb_context *context, uint32_t value)
{
    const uint32_t shifted = value + 1;
    unsigned length = 0;
    double bits = 0.0;

    while (shifted >> length > 1)
        length++;
    for (unsigned i = 0; i < length; i++)
        bits += adaptive_bit_encode(e, &context->length[i], 1);
    if (length < 31)
        bits += adaptive_bit_encode(e, &context->length[length], 0);
    for (unsigned i = 0; i < length; i++) {
        const unsigned bit = shifted >> (length - 1 - i) & 1u;

        if (i < 2) {
            bits += adaptive_bit_encode(e, &context->high[length][i], bit);
        } else {
            range_encoder_bit(e, bit, NUMBER_EVEN);
            bits += 1.0;
        }
    }
    return bits;
}
