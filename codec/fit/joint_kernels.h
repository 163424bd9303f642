/* The inner loops of the joint model's fit, over the targets of a block and the sources of a row.
 *
 * Weights are [width][JOINT_TARGETS], by source rank. A source bears on the targets behind it
 * alone: with first, the rank of the block's first target, source s begins at s - first + 1; first
 * 0 and sources counted as before it are what the row before is: all targets.
 */
#ifndef MDLA_JOINT_KERNELS_H
#define MDLA_JOINT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define JOINT_TARGETS 64 /* of a block: a run of weights is four cache lines */

/* A row's sources of one kind. */
typedef struct joint_sources {
    const uint32_t *rank; /* ascending */
    size_t count;
    uint32_t first; /* of the block's targets; JOINT_ALL_TARGETS: every source bears on all */
} joint_sources;

#define JOINT_ALL_TARGETS UINT32_MAX

/* logit += the sources' weights. */
void joint_kernel_add(const float *weight, const joint_sources *sources, float *logit);

/* p[i] = 1 / (1 + e^-logit[i]), all of a block. */
void joint_kernel_probability(const float *logit, float *p);

/* Sum of ln(1 + e^logit[i]). */
double joint_kernel_cost(const float *logit);

/* One step of each source's weights against gradient[i] + prior x decay[source] x weight: weight -=
 * rate x pace x that, and the pace (1 / root of the sum of squared gradients, Adagrad) falls as
 * they come. A pace of 0 stays: the weight is fixed. */
void joint_kernel_learn(float *weight, float *pace, const joint_sources *sources,
                        const float *gradient, float rate, float prior, const float *decay);

/* fisher += p (1 - p) for the sources. */
void joint_kernel_fisher(const float *p, const joint_sources *sources, float *fisher);

/* logit += the sources' weights for which weight^2 x fisher > threshold. */
void joint_kernel_add_paying(const float *weight, const float *fisher, float threshold,
                             const joint_sources *sources, float *logit);

#endif
