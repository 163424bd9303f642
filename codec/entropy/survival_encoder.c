#include "entropy/survival_encoder.h"

#include <math.h>

double survival_put(range_encoder *e, uint64_t start, uint64_t size)
{
    range_encoder_symbol(e, start, size, SURVIVAL_BITS);
    return SURVIVAL_BITS - log2((double)size);
}

double survival_encode(range_encoder *e, const survival_line *line, uint32_t start, uint32_t hit)
{
    double bits = 0.0;

    while (start < line->count) {
        const uint32_t end = survival_window_end(line, start);

        if (hit < end) {
            const uint64_t below = survival_bound(line, start, end, hit + 1);
            return bits + survival_put(e, below, survival_bound(line, start, end, hit) - below);
        }
        bits += survival_put(e, 0, survival_bound(line, start, end, end));
        start = end;
    }
    return bits;
}
