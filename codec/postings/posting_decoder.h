/* One feature's posting list from a range coder's payload. */
#ifndef MDLA_POSTING_DECODER_H
#define MDLA_POSTING_DECODER_H

#include "postings/posting_common.h"
#include "rangecoder/range_decoder.h"

/* The next feature's classes, [blocks]. The payload's end is the caller's to check. */
void posting_decode(range_decoder *d, posting_model *m, uint8_t *classes, uint64_t blocks);

#endif
