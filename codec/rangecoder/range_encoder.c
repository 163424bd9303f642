#include "rangecoder/range_encoder.h"

static void put_byte(range_encoder *e, uint8_t byte)
{
    if (e->nbytes == e->capacity) {
        const size_t capacity = e->capacity != 0 ? 2 * e->capacity : 4096;
        uint8_t *grown = e->failed ? NULL : alloc_grown(e->al, e->payload, e->nbytes, capacity, 1);

        if (grown == NULL) {
            e->failed = true;
            return;
        }
        e->payload = grown;
        e->capacity = capacity;
    }
    e->payload[e->nbytes++] = byte;
}

/* A carry out of low: the bytes written are a number, one is added to it. It can't run off the
 * front: the interval lies within [0, 1). */
static void carry(range_encoder *e)
{
    size_t i = e->nbytes;

    while (i > 0 && ++e->payload[--i] == 0) {
    }
}

static void renormalise(range_encoder *e)
{
    while (e->range >> RANGE_BOTTOM_BITS == 0) {
        put_byte(e, (uint8_t)(e->low >> 56));
        put_byte(e, (uint8_t)(e->low >> 48));
        e->low <<= 16;
        e->range <<= 16;
    }
}

void range_encoder_start(range_encoder *e, const mdla_allocator *al)
{
    e->al = al;
    e->low = 0;
    e->range = UINT64_MAX;
    e->nbytes = 0;
    e->failed = false;
}

void range_encoder_symbol(range_encoder *e, uint64_t start, uint64_t size, unsigned shift)
{
    const uint64_t unit = e->range >> shift;
    const uint64_t before = e->low;

    e->low += unit * start;
    e->range = unit * size;
    if (e->low < before)
        carry(e);
    renormalise(e);
}

void range_encoder_bit(range_encoder *e, unsigned bit, uint32_t p)
{
    const uint64_t split = (e->range >> RANGE_BIT_BITS) * p;
    const uint64_t before = e->low;

    if (bit != 0) {
        e->range = split;
    } else {
        e->low += split;
        e->range -= split;
        if (e->low < before)
            carry(e);
    }
    renormalise(e);
}

mdla_status range_encoder_finish(range_encoder *e)
{
    /* The value with the most trailing zero bytes in [low, low + range): zeros need not be written.
     */
    unsigned kept = RANGE_STATE_NBYTES;
    uint64_t value = e->low;

    for (unsigned bytes = 0; bytes < RANGE_STATE_NBYTES; bytes++) {
        const uint64_t mask = bytes == 0 ? UINT64_MAX : UINT64_MAX >> 8 * bytes;
        const uint64_t rounded_up = (e->low + mask) & ~mask;

        /* Unsigned difference: right also where rounding carries out of 64 bits. */
        if (rounded_up - e->low < e->range) {
            value = rounded_up;
            kept = bytes;
            break;
        }
    }
    if (value < e->low)
        carry(e);
    for (unsigned i = 0; i < kept; i++)
        put_byte(e, (uint8_t)(value >> (56 - 8 * i)));
    return e->failed ? MDLA_ERR_MEMORY : MDLA_OK;
}

void range_encoder_free(range_encoder *e)
{
    if (e->al != NULL)
        alloc_free(e->al, e->payload);
    e->payload = NULL;
    e->capacity = e->nbytes = 0;
}
