/* Do atoms look like images, and how long are their rows? */
#include "codebook/atoms_encoder.h"

#define STRIDE_MIN 4 /* nearer entries are contexts anyway */
#define STRIDE_MAX 1024
#define ATOMS_LOOKED_AT 512
#define CORRELATION_MIN 0.1

uint32_t atoms_stride_fit(uint32_t dims, uint32_t width, const float *atoms)
{
    const uint32_t every = width > ATOMS_LOOKED_AT ? width / ATOMS_LOOKED_AT : 1;
    const uint32_t last = dims / 2 < STRIDE_MAX ? dims / 2 : STRIDE_MAX;
    double energy = 0.0, best = 0.0;
    uint32_t stride = 0;

    for (uint32_t lag = 0; lag <= last; lag = lag == 0 ? STRIDE_MIN : lag + 1) {
        double sum = 0.0;

        for (uint32_t k = 0; k < width; k += every) {
            const float *atom = atoms + (size_t)k * dims;
            float product = 0.0f;

            for (uint32_t d = lag; d < dims; d++)
                product += atom[d] * atom[d - lag];
            sum += product;
        }
        if (lag == 0) {
            energy = sum;
        } else if (sum > best) {
            best = sum;
            stride = lag;
        }
    }
    return best > CORRELATION_MIN * energy ? stride : 0;
}
