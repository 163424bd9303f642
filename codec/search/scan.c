/* The search's inner loops: correlations brought up to date and the best addition looked for, in one
 * pass over the candidates. Bound by memory, so the pass is the unit of cost of the search.
 *
 * Compiled with -O3 (see CMakeLists.txt). Multiplication and addition aren't fused, and a maximum
 * doesn't depend on its order, so every clone gives the same bits.
 */
#include "search/search_internal.h"

#include <float.h>
#include <stdlib.h> /* __GLIBC__ */

/* Clones are chosen by the dynamic loader, which is glibc's alone; sanitised resolvers would run before
 * the sanitiser does. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__) &&       \
    defined(MDLA_SIMD) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SCAN_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SCAN_CLONES
#endif

#define LANES 16

static inline __attribute__((always_inline)) void
scan_block(bool store, float amount, const float *restrict gram, float *restrict corr,
           const float *restrict norm, float smallest, const float *restrict price, float *block_best)
{
    float best[LANES];

    for (size_t i = 0; i < LANES; i++)
        best[i] = -FLT_MAX;
    for (size_t u = 0; u < SCAN_BLOCK; u += LANES)
        for (size_t i = 0; i < LANES; i++) {
            const float c = corr[u + i] - amount * gram[u + i];
            const float least = norm[u + i] * smallest;
            const float s = c > least ? c : least;
            const float gain = s * ((c + c) - s) - price[u + i];

            if (store)
                corr[u + i] = c;
            best[i] = gain > best[i] ? gain : best[i];
        }
    for (size_t half = LANES / 2; half != 0; half /= 2)
        for (size_t i = 0; i < half; i++)
            best[i] = best[i + half] > best[i] ? best[i + half] : best[i];
    *block_best = best[0];
}

SCAN_CLONES
void scan_update(size_t count, float amount, const float *gram, float *corr, const float *norm,
                 float smallest, const float *price, float *block_best)
{
    for (size_t b = 0; b < count / SCAN_BLOCK; b++) {
        const size_t at = b * SCAN_BLOCK;

        scan_block(true, amount, gram + at, corr + at, norm + at, smallest, price + at, block_best + b);
    }
}

SCAN_CLONES
void scan_trial(size_t count, float amount, const float *gram, const float *corr, const float *norm,
                float smallest, const float *price, float *block_best)
{
    for (size_t b = 0; b < count / SCAN_BLOCK; b++) {
        const size_t at = b * SCAN_BLOCK;

        /* Not stored to: the cast only lets both scans share their body. */
        scan_block(false, amount, gram + at, (float *)(uintptr_t)(corr + at), norm + at, smallest,
                   price + at, block_best + b);
    }
}
