/* SHA-256 (FIPS 180-4). Ours, so that the decoder needs libc and zlib alone. */
#ifndef MDLA_SHA256_H
#define MDLA_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct sha256 {
    uint32_t state[8];
    uint64_t nbytes;
    uint8_t block[64];
} sha256;

void sha256_init(sha256 *s);
void sha256_update(sha256 *s, const void *bytes, size_t nbytes);
void sha256_finish(sha256 *s, uint8_t digest[32]);

/* Values as their little-endian IEEE 754 bytes, whatever the machine's order. */
void sha256_update_f32(sha256 *s, const float *values, size_t count);

#endif
