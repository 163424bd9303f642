/* Decoding of a row's active features under the joint model (spec section 9.4). */
#ifndef MDLA_JOINT_DECODER_H
#define MDLA_JOINT_DECODER_H

#include "joint/joint_model.h"
#include "rangecoder/range_decoder.h"

/* The next active rank at start or after it; the width for none. An impossible payload sets d->bad.
 * bits (may be NULL) grows by what the model charged: accounting alone. */
uint32_t joint_decode(range_decoder *d, const joint_line *line, uint32_t start, double *bits);

#endif
