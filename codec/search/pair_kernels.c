/* Compiled with -O3 and cloned for several processors (see CMakeLists.txt). */
#include "search/joint_pairs.h"

#include "base/kernel.h"

#include <math.h>

#define LANES 16
#define LOG_RUN                                                                                    \
    32 /* factors a lane before a logarithm is taken: each is below 2^21 at most rarely */

KERNEL_CLONES
void pair_kernel_add(const int8_t *restrict row, int32_t scale, size_t width,
                     int32_t *restrict logit)
{
    for (size_t k = 0; k < width; k++)
        logit[k] += scale * row[k];
}

KERNEL_CLONES
void pair_kernel_probability(const joint_pairs *p, const int32_t *restrict logit, size_t width,
                             float *restrict probability)
{
    const float *table = p->probability;

    for (size_t k = 0; k < width; k++) {
        const int32_t index = JOINT_COST_TOP - logit[k];
        const int32_t low = index > 0 ? index : 0;

        probability[k] = table[low < JOINT_COSTS ? low : JOINT_COSTS - 1];
    }
}

KERNEL_CLONES
void pair_kernel_adjust(const int8_t *restrict row, float amount, size_t width, float *restrict a,
                        float *restrict b)
{
    for (size_t k = 0; k < width; k++) {
        const float change = amount * (float)row[k];

        a[k] -= change;
        b[k] -= change;
    }
}

/* Products of factors near 1, a lane each; a logarithm now and then keeps them in range. */
KERNEL_CLONES
double pair_kernel_absence(const int8_t *row, const float *growth, const float *probability,
                           size_t width)
{
    double bits = 0.0;
    size_t k = 0;

    while (k + LANES <= width) {
        const size_t runs = (width - k) / LANES,
                     end = k + LANES * (runs < LOG_RUN ? runs : LOG_RUN);
        float product[LANES];
        double all = 1.0;

        for (size_t i = 0; i < LANES; i++)
            product[i] = 1.0f;
        for (; k < end; k += LANES)
            for (size_t i = 0; i < LANES; i++)
                product[i] *= 1.0f + probability[k + i] * growth[(uint8_t)row[k + i]];
        for (size_t i = 0; i < LANES; i++)
            all *= product[i];
        bits += log2(all);
    }
    for (; k < width; k++)
        bits += log2f(1.0f + probability[k] * growth[(uint8_t)row[k]]);
    return bits;
}
