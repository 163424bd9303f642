/* Decoding of a codebook's bias and priors (spec section 7.2). */
#ifndef MDLA_PRIORS_DECODER_H
#define MDLA_PRIORS_DECODER_H

#include "codebook/codebook.h"

/* Fills bias, rate_index, hazard, level_class, reference_scale, a cache's edges, and what
 * codebook_derive_order derives; class_count and norm must be set. bias_bits out: what of the
 * payload the bias took, to the byte of the decoder's position (accounting). MDLA_ERR_CORRUPT for a
 * value out of range or a payload that doesn't end where it should; MDLA_ERR_MEMORY. */
mdla_status priors_decode(codebook *cb, const uint8_t *payload, size_t nbytes, double *bias_bits);

#endif
