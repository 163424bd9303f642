/* Random numbers of the tests: the same on every machine. splitmix64. */
#ifndef MDLA_TEST_RANDOM_H
#define MDLA_TEST_RANDOM_H

#include <stdint.h>

typedef struct test_random {
    uint64_t seed;
} test_random;

static inline uint64_t test_random_next(test_random *r)
{
    uint64_t z = r->seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#endif
