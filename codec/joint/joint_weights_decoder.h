/* Decoding of a codebook's joint model (spec section 7.4). */
#ifndef MDLA_JOINT_WEIGHTS_DECODER_H
#define MDLA_JOINT_WEIGHTS_DECODER_H

#include "joint/joint_model.h"

/* The model of a codebook's CBJM payload. rate_index [width] and order [width] are the codebook's.
 * max_nbytes: the most memory that the lists may take.
 * MDLA_ERR_CORRUPT for a value out of range or
 * a payload that doesn't end where it should; MDLA_ERR_TRUNCATED, MDLA_ERR_LIMIT, MDLA_ERR_MEMORY.
 */
mdla_status joint_model_decode(const mdla_allocator *al, uint32_t width, const uint8_t *rate_index,
                               const uint32_t *order, const uint8_t *payload, size_t nbytes,
                               uint64_t max_nbytes, joint_model **out);

#endif
