#include "postings/posting_encoder.h"

#include "rangecoder/number_encoder.h"

void posting_encode(range_encoder *e, posting_model *m, const uint8_t *classes, uint64_t blocks)
{
    posting_model_feature(m);
    for (uint64_t b = 0; b < blocks; b++) {
        for (unsigned n = 0; n < POSTING_CLASS_MAX; n++) {
            const unsigned more = n < classes[b];

            (void)adaptive_bit_encode(e, &m->own[n], more);
            adaptive_bit_update(&m->usual[n], more);
            if (more == 0)
                break;
        }
    }
}
