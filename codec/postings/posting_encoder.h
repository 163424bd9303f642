/* One feature's posting list into a range coder's payload. */
#ifndef MDLA_POSTING_ENCODER_H
#define MDLA_POSTING_ENCODER_H

#include "postings/posting_common.h"
#include "rangecoder/range_encoder.h"

/* The next feature's classes, [blocks], 0 .. POSTING_CLASS_MAX. */
void posting_encode(range_encoder *e, posting_model *m, const uint8_t *classes, uint64_t blocks);

#endif
