/* The trainer's own generator (xoshiro256**, seeded by splitmix64): the same draws on every
 * machine. */
#ifndef MDLA_TRAIN_RNG_H
#define MDLA_TRAIN_RNG_H

#include <stdint.h>

typedef struct train_rng {
    uint64_t s[4];
} train_rng;

static inline uint64_t rng_mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static inline void rng_seed(train_rng *rng, uint64_t seed)
{
    for (uint64_t i = 0; i < 4; i++)
        rng->s[i] = rng_mix(seed + i * UINT64_C(0x9E3779B97F4A7C15));
}

static inline uint64_t rng_rotl(uint64_t x, unsigned k)
{
    return x << k | x >> (64 - k);
}

static inline uint64_t rng_next(train_rng *rng)
{
    uint64_t *s = rng->s;
    const uint64_t result = rng_rotl(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotl(s[3], 45);
    return result;
}

/* 0 .. bound-1, bound >= 1. The bias is below bound / 2^64: nothing that a shuffle could show. */
static inline uint64_t rng_below(train_rng *rng, uint64_t bound)
{
    return rng_next(rng) % bound;
}

/* About normal, mean 0, variance 1: the sum of twelve uniform 16-bit draws, exact in binary. */
static inline float rng_normal(train_rng *rng)
{
    int32_t sum = 0;

    for (int i = 0; i < 3; i++) {
        uint64_t x = rng_next(rng);
        for (int j = 0; j < 4; j++, x >>= 16)
            sum += (int32_t)(x & 0xFFFF);
    }
    return (float)(sum - 6 * 65535) / 65536.0f;
}

#endif
