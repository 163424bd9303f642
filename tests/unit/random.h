/* Seeded numbers for tests: MDLA_TEST_SEED sets the seed, which each test prints. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t random_state = 1;

static inline void random_seed(const char *test)
{
    const char *given = getenv("MDLA_TEST_SEED");

    random_state = given != NULL ? strtoull(given, NULL, 10) : 20411;
    printf("%s: MDLA_TEST_SEED=%llu\n", test, (unsigned long long)random_state);
}

/* splitmix64 */
static inline uint64_t random_u64(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline uint32_t random_below(uint32_t n)
{
    return (uint32_t)(random_u64() % n);
}

static inline double random_unit(void)
{
    return (double)(random_u64() >> 11) * 0x1p-53;
}

static inline double random_normal(void)
{
    return sqrt(-2.0 * log(1.0 - random_unit())) * cos(6.283185307179586 * random_unit());
}

#endif
