/* Encoding of a row's active features under the joint model. */
#ifndef MDLA_JOINT_ENCODER_H
#define MDLA_JOINT_ENCODER_H

#include "joint/joint_model.h"
#include "rangecoder/range_encoder.h"

/* Codes that the next active rank at start or after it is hit; hit = width: none. Returns what the
 * model charges, in bits. */
double joint_encode(range_encoder *e, const joint_line *line, uint32_t start, uint32_t hit);

#endif
