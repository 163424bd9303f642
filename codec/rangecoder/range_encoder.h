/* Range encoder: symbols into a growing payload. */
#ifndef MDLA_RANGE_ENCODER_H
#define MDLA_RANGE_ENCODER_H

#include "base/alloc.h"
#include "rangecoder/range_common.h"

#include <stdbool.h>

typedef struct range_encoder {
    uint64_t low, range;
    const mdla_allocator *al;
    uint8_t *payload;
    size_t nbytes, capacity;
    bool failed; /* sticky: no memory */
} range_encoder;

/* Starts a payload; a payload of an earlier use is kept as capacity. Zero the struct before first
 * use. */
void range_encoder_start(range_encoder *e, const mdla_allocator *al);

/* Interval [start, start + size) / 2^shift: 0 < size, start + size <= 2^shift, shift <= 40. */
void range_encoder_symbol(range_encoder *e, uint64_t start, uint64_t size, unsigned shift);

/* A bit that is 1 with probability p / 2^22, 0 < p < 2^22. */
void range_encoder_bit(range_encoder *e, unsigned bit, uint32_t p);

/* Writes the fewest bytes that end the payload. MDLA_ERR_MEMORY where any write failed. */
mdla_status range_encoder_finish(range_encoder *e);

void range_encoder_free(range_encoder *e);

#endif
