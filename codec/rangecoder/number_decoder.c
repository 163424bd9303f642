#include "rangecoder/number_decoder.h"

unsigned adaptive_bit_decode(range_decoder *d, adaptive_bit *context)
{
    const unsigned bit = range_decoder_bit(d, adaptive_bit_p(context));

    adaptive_bit_update(context, bit);
    return bit;
}

uint8_t byte_decode(range_decoder *d, byte_context *context)
{
    unsigned node = 1;

    while (node < 256)
        node = 2 * node + adaptive_bit_decode(d, &context->node[node]);
    return (uint8_t)node;
}

uint32_t golomb_decode(range_decoder *d, golomb_context *context)
{
    unsigned length = 0; /* bits of value + 1 below its highest */
    uint32_t value = 1;

    while (length < 31 && adaptive_bit_decode(d, &context->length[length]) != 0)
        length++;
    for (unsigned i = 0; i < length; i++) {
        const unsigned bit = i < 2 ? adaptive_bit_decode(d, &context->high[length][i])
                                   : range_decoder_bit(d, NUMBER_EVEN);
        value = value << 1 | bit;
    }
    return value - 1;
}
