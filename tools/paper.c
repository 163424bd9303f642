#include "paper.h"

#include <math.h>

double paper_bound(double l0, double strength_bits, double index_bits)
{
    return l0 * (strength_bits + index_bits);
}

double paper_dense(double dims, double strength_bits)
{
    return dims * strength_bits;
}

void paper_gpt2(paper_figure out[PAPER_FIGURES])
{
    const double strength = 7, features = 25000, l0 = 65, dims = 768;
    /* One atom for each context of 128 tokens: 50,257^128 atoms, of which one is active. */
    const double context = 128 * log2(50257);

    out[0] = (paper_figure){"dense", "768 x 7", paper_dense(dims, strength), 5376};
    out[1] = (paper_figure){"SAE", "65 (log2 25,000 + 7)",
                            paper_bound(l0, strength, log2(features)), 1405};
    out[2] =
        (paper_figure){"one-hot", "7 x 128 x log2 50,257, a product", strength * context, 13993};
    out[3] = (paper_figure){"one-hot by the bound, no strength", "1 (0 + 128 log2 50,257)",
                            paper_bound(1, 0, context), (double)NAN};
    out[4] = (paper_figure){"one-hot by the bound", "1 (7 + 128 log2 50,257)",
                            paper_bound(1, strength, context), (double)NAN};
}
