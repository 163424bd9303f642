/* The trainer's inner loops over runs of floats. See base/kernel.h for how they get fast. */
#ifndef MDLA_TRAIN_KERNELS_H
#define MDLA_TRAIN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Sum of a[i] b[i] in 32 interleaved partial sums. */
float kernel_dot(size_t n, const float *a, const float *b);

/* y[i] += alpha x[i]. */
void kernel_axpy(size_t n, float alpha, const float *x, float *y);

/* Two at once, which halves the loads of y in a sum over rows. */
void kernel_axpy2(size_t n, float alpha, const float *x, float beta, const float *z, float *y);

/* y[i] = (x[i] - mean[i]) * scale. */
void kernel_centre(size_t n, const float *x, const float *mean, float scale, float *y);

/* Indices i, ascending, with x[i] > bound, offset added. Returns how many; out and value have room
 * for n. */
size_t kernel_above(size_t n, const float *x, float bound, uint32_t *index, float *value);

/* One Adam step of a run, with the bias correction in its two factors. */
#define KERNEL_BETA1 0.9f
#define KERNEL_BETA2 0.999f
#define KERNEL_EPSILON 1e-8f
typedef struct kernel_adam {
    float rate; /* w -= rate m / (root sqrt(v) + epsilon) */
    float root;
} kernel_adam;
void kernel_adam_run(size_t n, const kernel_adam *adam, const float *g, float *w, float *m,
                     float *v);

/* g -= (g . w) w: what of a gradient is left when w keeps its length. */
void kernel_project(size_t n, const float *w, float *g);

/* w to length 1; left alone where it is 0. */
void kernel_normalise(size_t n, float *w);

#endif
