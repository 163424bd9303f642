#include "train/kernels.h"

#include "base/kernel.h"

#include <math.h>

#define LANES 32

KERNEL_CLONES float kernel_dot(size_t n, const float *a, const float *b)
{
    float part[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            part[j] += a[i + j] * b[i + j];
    for (size_t j = 0; i < n; i++, j++)
        part[j] += a[i] * b[i];
    for (size_t half = LANES / 2; half >= 1; half /= 2)
        for (size_t j = 0; j < half; j++)
            part[j] += part[j + half];
    return part[0];
}

KERNEL_CLONES void kernel_axpy(size_t n, float alpha, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += alpha * x[i];
}

KERNEL_CLONES void kernel_axpy2(size_t n, float alpha, const float *restrict x, float beta,
                                const float *restrict z, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += alpha * x[i] + beta * z[i];
}

KERNEL_CLONES void kernel_centre(size_t n, const float *restrict x, const float *restrict mean,
                                 float scale, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] - mean[i]) * scale;
}

KERNEL_CLONES size_t kernel_above(size_t n, const float *restrict x, float bound,
                                  uint32_t *restrict index, float *restrict value)
{
    size_t count = 0, i = 0;

    /* Few pass, so sixteen are first looked at together. */
    for (; i + 16 <= n; i += 16) {
        int any = 0;
        for (size_t j = 0; j < 16; j++)
            any |= x[i + j] > bound;
        if (!any)
            continue;
        for (size_t j = i; j < i + 16; j++) {
            index[count] = (uint32_t)j;
            value[count] = x[j];
            count += x[j] > bound;
        }
    }
    for (; i < n; i++) {
        index[count] = (uint32_t)i;
        value[count] = x[i];
        count += x[i] > bound;
    }
    return count;
}

KERNEL_CLONES void kernel_adam_run(size_t n, const kernel_adam *adam, const float *restrict g,
                                   float *restrict w, float *restrict m, float *restrict v)
{
    const kernel_adam a = *adam;

    for (size_t i = 0; i < n; i++) {
        m[i] = KERNEL_BETA1 * m[i] + (1.0f - KERNEL_BETA1) * g[i];
        v[i] = KERNEL_BETA2 * v[i] + (1.0f - KERNEL_BETA2) * g[i] * g[i];
        w[i] -= a.rate * m[i] / (a.root * sqrtf(v[i]) + KERNEL_EPSILON);
    }
}

KERNEL_CLONES void kernel_project(size_t n, const float *restrict w, float *restrict g)
{
    const float along = kernel_dot(n, g, w);

    for (size_t i = 0; i < n; i++)
        g[i] -= along * w[i];
}

KERNEL_CLONES void kernel_normalise(size_t n, float *w)
{
    const float square = kernel_dot(n, w, w);

    if (square > 0) {
        const float inverse = 1.0f / sqrtf(square);
        for (size_t i = 0; i < n; i++)
            w[i] *= inverse;
    }
}
