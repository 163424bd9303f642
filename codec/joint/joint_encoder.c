#include "joint/joint_encoder.h"

#include "entropy/survival_encoder.h"

double joint_encode(range_encoder *e, const joint_line *line, uint32_t start, uint32_t hit)
{
    const uint32_t width = line->row->model->width;
    uint32_t first = start, k = start;
    uint64_t cum = 0;
    double bits = 0.0;

    while (k < width) {
        if (k == first) {
            cum = 0;
            joint_line_skip(line, hit, 0, &k, &cum);
        }
        const uint64_t next = cum + joint_line_cost(line, k);

        if (k != first && next > line->window) {
            bits += survival_put(e, 0, joint_bound(line, cum, k));
            first = k;
            continue;
        }
        if (k == hit) {
            const uint64_t below = joint_bound(line, next, k + 1);

            return bits + survival_put(e, below, joint_bound(line, cum, k) - below);
        }
        cum = next;
        k++;
    }
    return k != first ? bits + survival_put(e, 0, joint_bound(line, cum, k)) : bits;
}
