/* From a row's pre-activations to its code, and from a row to what the encoder sees of it. */
#ifndef MDLA_SAE_ACTIVATION_H
#define MDLA_SAE_ACTIVATION_H

#include "sae/sae.h"

#include <stdbool.h>

/* The features that the activation lets through, ascending, and their strengths, none of them zero.
 * a: [width] pre-activations (of
 * SAE_GATED without b_enc); feature, strength: [width] each, out; sorted: scratch [width]. Returns
 * how many. NaN is not greater than anything: never active. */
size_t activation_row(const sae *s, const float *a, uint32_t *feature, float *strength,
                      float *sorted);

/* What a row is normalised by: its standard deviation (divisor dims - 1) and mean where it is
 * centred, else the root of its mean square and 0. */
void row_norm_measure(const float *x, uint32_t dims, bool centred, double scale[2]);

/* y [dims] = norm(x) - pre_bias. scale [2], out: what undoes the normalisation; unused without. */
void activation_input(const sae *s, const float *x, float *y, double *scale);

/* Whether activation_input changes a row at all. */
int activation_has_input(const sae *s);

#endif
