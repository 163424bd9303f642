#include "codebook/atoms_encoder.h"

#include "base/matmul.h"

#define RESEMBLANCE_MIN 0.1 /* correlation below which neighbours would tell nothing */

static double correlation(uint32_t dims, uint32_t width, const float *atoms, uint32_t distance)
{
    double product = 0, square = 0;

    for (size_t j = 0; j < width; j++) {
        const float *atom = atoms + j * dims;

        product += (double)matmul_dot(dims - distance, atom, atom + distance);
        square += (double)matmul_dot(dims, atom, atom);
    }
    return square > 0 ? product / square : 0;
}

uint32_t atoms_stride(uint32_t dims, uint32_t width, const float *atoms)
{
    double best = RESEMBLANCE_MIN;
    uint32_t stride = 0;

    for (uint32_t s = 3; s <= dims / 3; s++) {
        const double c = dims % s == 0 ? correlation(dims, width, atoms, s) : 0;

        if (c > best) {
            best = c;
            stride = s;
        }
    }
    return stride;
}
