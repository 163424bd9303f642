/* Little-endian fields, read within bounds or appended. */
#ifndef MDLA_BYTES_H
#define MDLA_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Reading: failed is sticky, so that many fields need one check. */
typedef struct bytes_in {
    const uint8_t *at, *end;
    bool failed;
} bytes_in;

static inline uint64_t bytes_uint(bytes_in *in, unsigned nbytes)
{
    uint64_t value = 0;

    if ((size_t)(in->end - in->at) < nbytes) {
        in->failed = true;
        return 0;
    }
    for (unsigned i = 0; i < nbytes; i++)
        value |= (uint64_t)in->at[i] << 8 * i;
    in->at += nbytes;
    return value;
}

static inline uint8_t bytes_u8(bytes_in *in)
{
    return (uint8_t)bytes_uint(in, 1);
}

static inline uint16_t bytes_u16(bytes_in *in)
{
    return (uint16_t)bytes_uint(in, 2);
}

static inline uint32_t bytes_u32(bytes_in *in)
{
    return (uint32_t)bytes_uint(in, 4);
}

static inline uint64_t bytes_u64(bytes_in *in)
{
    return bytes_uint(in, 8);
}

static inline int32_t bytes_i32(bytes_in *in)
{
    const int64_t value = bytes_u32(in);

    return (int32_t)(value >= INT64_C(1) << 31 ? value - (INT64_C(1) << 32) : value);
}

static inline double bytes_f64(bytes_in *in)
{
    const uint64_t bits = bytes_u64(in);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* LEB128: seven bits a byte, low first; at most ten bytes, no superfluous zeros. */
static inline uint64_t bytes_varint(bytes_in *in)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t byte = bytes_u8(in);

        if (in->failed || (shift == 63 && byte > 1) || (shift != 0 && byte == 0))
            break;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    in->failed = true;
    return 0;
}

/* Writing into memory that is known to be large enough; returns the new end. */
static inline uint8_t *bytes_put(uint8_t *to, uint64_t value, unsigned nbytes)
{
    for (unsigned i = 0; i < nbytes; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

static inline uint8_t *bytes_put_f64(uint8_t *to, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bytes_put(to, bits, 8);
}

static inline uint8_t *bytes_put_varint(uint8_t *to, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        *to++ = (uint8_t)(value | 128);
    *to++ = (uint8_t)value;
    return to;
}

#define BYTES_VARINT_MAX 10

#endif
