/* Encoding of a codebook's bias and priors. */
#ifndef MDLA_PRIORS_ENCODER_H
#define MDLA_PRIORS_ENCODER_H

#include "codebook/codebook.h"
#include "rangecoder/range_encoder.h"

/* Codes what priors_decode reads into e (started and finished here); the derived order must be
 * there. bias_bits out: what of the payload the bias took, as priors_decode counts it. */
mdla_status priors_encode(const codebook *cb, range_encoder *e, double *bias_bits);

#endif
