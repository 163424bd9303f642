#include "joint/joint_decoder.h"

#include "entropy/survival_decoder.h"

uint32_t joint_decode(range_decoder *d, const joint_line *line, uint32_t start, double *bits)
{
    const uint32_t width = line->row->model->width;
    uint32_t first = start, k = start; /* of the window, and where the pass has come to */
    uint64_t cum = 0, above = 0;       /* cost and bound at k */
    uint64_t value = 0;

    while (k < width) {
        if (k == first) {
            cum = 0;
            value = range_decoder_peek(d, SURVIVAL_BITS);
            if (value >= joint_bound(line, 0, k)) {
                d->bad = true;
                return width;
            }
            joint_line_skip(line, width, value, &k, &cum);
            above = joint_bound(line, cum, k);
        }
        const uint64_t next = cum + joint_line_cost(line, k);

        if (k != first && next > line->window) { /* none up to here: a symbol, and go on */
            survival_take(d, 0, above, bits);
            first = k;
            continue;
        }
        const uint64_t below = joint_bound(line, next, k + 1);

        if (value >= below) {
            survival_take(d, below, above - below, bits);
            return k;
        }
        cum = next;
        above = below;
        k++;
    }
    if (k != first)
        survival_take(d, 0, above, bits);
    return width;
}
