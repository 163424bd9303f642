#include "entropy/survival_decoder.h"

#include <math.h>

void survival_take(range_decoder *d, uint64_t start, uint64_t size, double *bits)
{
    range_decoder_take(d, start, size, SURVIVAL_BITS);
    if (bits != NULL)
        *bits += SURVIVAL_BITS - log2((double)size);
}

uint32_t survival_decode(range_decoder *d, const survival_line *line, uint32_t start, double *bits)
{
    while (start < line->count) {
        const uint32_t end = survival_window_end(line, start);
        const uint64_t value = range_decoder_peek(d, SURVIVAL_BITS);
        const uint64_t none = survival_bound(line, start, end, end);
        uint32_t low = start, high = end;

        if (value < none) {
            survival_take(d, 0, none, bits);
            start = end;
            continue;
        }
        if (value >= survival_bound(line, start, end, start)) {
            d->bad = true;
            return line->count;
        }
        while (high - low > 1) { /* bound(low) > value >= bound(high) */
            const uint32_t middle = low + (high - low) / 2;

            if (value < survival_bound(line, start, end, middle))
                low = middle;
            else
                high = middle;
        }
        const uint64_t below = survival_bound(line, start, end, high);
        survival_take(d, below, survival_bound(line, start, end, low) - below, bits);
        return low;
    }
    return line->count;
}
