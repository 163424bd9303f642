#include "postings/posting_decoder.h"

#include "rangecoder/number_decoder.h"

void posting_decode(range_decoder *d, posting_model *m, uint8_t *classes, uint64_t blocks)
{
    posting_model_feature(m);
    for (uint64_t b = 0; b < blocks; b++) {
        unsigned n = 0, more = 1;

        while (n < POSTING_CLASS_MAX && more != 0) {
            more = adaptive_bit_decode(d, &m->own[n]);
            adaptive_bit_update(&m->usual[n], more);
            n += more;
        }
        classes[b] = (uint8_t)n;
    }
}
