/* Range decoder: symbols from a payload in memory. Never reads past it, whatever the bytes say. */
#ifndef MDLA_RANGE_DECODER_H
#define MDLA_RANGE_DECODER_H

#include "rangecoder/range_common.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct range_decoder {
    uint64_t code;  /* the payload's value less the low end of the interval */
    uint64_t range; /* >= 2^48 between symbols */
    const uint8_t *payload;
    size_t nbytes, pos; /* pos counts bytes taken, those past the payload (zeros) too */
    bool bad;           /* sticky: the value lay outside every symbol */
} range_decoder;

void range_decoder_init(range_decoder *d, const uint8_t *payload, size_t nbytes);

/* What the symbols between two states of a decoder took, in bits. */
double range_decoder_spent(const range_decoder *before, const range_decoder *after);

/* True where no symbol was impossible and the payload ended where the symbols did. */
bool range_decoder_finished(const range_decoder *d);

static inline void range_decoder_refill(range_decoder *d)
{
    while (d->range >> RANGE_BOTTOM_BITS == 0) {
        const uint64_t high = d->pos < d->nbytes ? d->payload[d->pos] : 0;
        const uint64_t low = d->pos + 1 < d->nbytes ? d->payload[d->pos + 1] : 0;

        d->code = d->code << 16 | high << 8 | low;
        d->range <<= 16;
        d->pos += 2;
    }
}

/* Where the value lies in units of 2^-shift of the range: 0 .. 2^shift - 1. Follow with _take. */
static inline uint64_t range_decoder_peek(const range_decoder *d, unsigned shift)
{
    const uint64_t value = d->code / (d->range >> shift);
    const uint64_t last = ((uint64_t)1 << shift) - 1;

    return value < last ? value : last;
}

/* Takes the symbol of interval [start, start + size) / 2^shift; size > 0. */
static inline void range_decoder_take(range_decoder *d, uint64_t start, uint64_t size,
                                      unsigned shift)
{
    const uint64_t unit = d->range >> shift;

    d->code -= unit * start;
    d->range = unit * size;
    if (d->code >=
        d->range) { /* a payload no encoder wrote: go on, the block is refused at its end */
        d->bad = true;
        d->code = 0;
    }
    range_decoder_refill(d);
}

/* A bit that is 1 with probability p / 2^22, 0 < p < 2^22. */
static inline unsigned range_decoder_bit(range_decoder *d, uint32_t p)
{
    const uint64_t split = (d->range >> RANGE_BIT_BITS) * p;
    unsigned bit = 1;

    if (d->code < split) {
        d->range = split;
    } else {
        d->code -= split;
        d->range -= split;
        bit = 0;
    }
    range_decoder_refill(d);
    return bit;
}

#endif
