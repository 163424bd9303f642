/* Compiled with -O3 and cloned for several processors (see CMakeLists.txt): every clone gives the
 * same bits, since products and sums aren't fused and lanes don't mix. */
#include "fit/joint_kernels.h"

#include "base/kernel.h"

#include <math.h>

/* Where a source's targets begin; JOINT_TARGETS or more: it has none here. */
static inline __attribute__((always_inline)) size_t first_target(const joint_sources *s, size_t i)
{
    return s->rank[i] < s->first || s->first == JOINT_ALL_TARGETS ? 0 : s->rank[i] - s->first + 1;
}

KERNEL_CLONES
void joint_kernel_add(const float *restrict weight, const joint_sources *s, float *restrict logit)
{
    for (size_t k = 0; k < s->count; k++) {
        const float *w = weight + (size_t)s->rank[k] * JOINT_TARGETS;
        const size_t from = first_target(s, k);

        if (from >= JOINT_TARGETS)
            break;
        if (from == 0)
            for (size_t i = 0; i < JOINT_TARGETS; i++)
                logit[i] += w[i];
        else
            for (size_t i = from; i < JOINT_TARGETS; i++)
                logit[i] += w[i];
    }
}

/* e^x by 2^n times a polynomial for 2^f, |f| <= 1/2: relative error below 2e-7, |x| <= 80. */
static inline __attribute__((always_inline)) float exponential(float x)
{
    const float limited = x < -80.0f ? -80.0f : x > 80.0f ? 80.0f : x;
    const float octaves = limited * 1.44269504f;
    const float shifted = octaves + 12582912.0f; /* 1.5 x 2^23: rounds to a whole number */
    const float f = (octaves - (shifted - 12582912.0f)) * 0.693147182f;
    const float p =
        1.0f +
        f * (1.0f +
             f * (0.5f + f * (0.166666672f +
                              f * (0.0416664667f + f * (0.00833333377f + f * 0.00139306567f)))));
    union {
        float value;
        int bits;
    } scale = {.value = shifted}, result = {.value = p};

    result.bits += (int)((unsigned)scale.bits << 23);
    return result.value;
}

KERNEL_CLONES
void joint_kernel_probability(const float *restrict logit, float *restrict p)
{
    for (size_t i = 0; i < JOINT_TARGETS; i++)
        p[i] = 1.0f / (1.0f + exponential(-logit[i]));
}

double joint_kernel_cost(const float *logit)
{
    double sum = 0.0;

    for (size_t i = 0; i < JOINT_TARGETS; i++)
        sum += (double)log1pf(expf(-fabsf(logit[i]))) + fmaxf(logit[i], 0.0f);
    return sum;
}

static inline __attribute__((always_inline)) void learn(float *restrict weight,
                                                        float *restrict pace,
                                                        const float *restrict gradient, size_t from,
                                                        float rate, float decay)
{
    for (size_t i = from; i < JOINT_TARGETS; i++) {
        const float move = (gradient[i] + decay * weight[i]) * pace[i];
        /* d (h^-1/2) = -1/2 h^-3/2 g^2, to first order; a bound keeps the first steps positive. */
        const float fall = 1.0f - 0.5f * move * move;

        weight[i] -= rate * move;
        pace[i] *= fall > 0.5f ? fall : 0.5f;
    }
}

KERNEL_CLONES
void joint_kernel_learn(float *weight, float *pace, const joint_sources *s, const float *gradient,
                        float rate, float prior, const float *decay)
{
    for (size_t k = 0; k < s->count; k++) {
        const size_t at = (size_t)s->rank[k] * JOINT_TARGETS, from = first_target(s, k);

        if (from >= JOINT_TARGETS)
            break;
        if (from == 0)
            learn(weight + at, pace + at, gradient, 0, rate, prior * decay[s->rank[k]]);
        else
            learn(weight + at, pace + at, gradient, from, rate, prior * decay[s->rank[k]]);
    }
}

KERNEL_CLONES
void joint_kernel_fisher(const float *restrict p, const joint_sources *s, float *restrict fisher)
{
    for (size_t k = 0; k < s->count; k++) {
        float *f = fisher + (size_t)s->rank[k] * JOINT_TARGETS;
        const size_t from = first_target(s, k);

        if (from >= JOINT_TARGETS)
            break;
        for (size_t i = from; i < JOINT_TARGETS; i++)
            f[i] += p[i] * (1.0f - p[i]);
    }
}

KERNEL_CLONES
void joint_kernel_add_paying(const float *restrict weight, const float *restrict fisher,
                             float threshold, const joint_sources *s, float *restrict logit)
{
    for (size_t k = 0; k < s->count; k++) {
        const float *w = weight + (size_t)s->rank[k] * JOINT_TARGETS;
        const float *f = fisher + (size_t)s->rank[k] * JOINT_TARGETS;
        const size_t from = first_target(s, k);

        if (from >= JOINT_TARGETS)
            break;
        for (size_t i = from; i < JOINT_TARGETS; i++)
            logit[i] += w[i] * w[i] * f[i] > threshold ? w[i] : 0.0f;
    }
}
