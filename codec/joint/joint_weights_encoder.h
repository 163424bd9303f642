/* Encoding of a codebook's joint model. */
#ifndef MDLA_JOINT_WEIGHTS_ENCODER_H
#define MDLA_JOINT_WEIGHTS_ENCODER_H

#include "joint/joint_weights_common.h"
#include "rangecoder/range_encoder.h"

/* What joint_model_decode reads: header, then what e holds (started and finished here). */
mdla_status joint_model_encode(const joint_model *m, const uint8_t *rate_index,
                               const uint32_t *order, uint8_t header[JOINT_HEADER_NBYTES],
                               range_encoder *e);

#endif
