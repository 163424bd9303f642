#include "fit/norms.h"

#include "sae/activation.h"

#include <math.h>

/* A uniform quantiser with an ideal entropy coder is best where a step's share of the squared
 * error, step^2 / 12 in each of so many values, changes by lambda for the bit that halving it
 * costs: step = sqrt(6 lambda / (ln 2 x values)). An error of the scale is one of the row likewise,
 * as a normalised row's values have a mean square of about 1. Measured on transformer rows under
 * layer norm: a scale twice as fine or as coarse takes 0.6 bits a row more, of 117. */
#define STEP_OF_LAMBDA 2.9421
#define LEAST_ENERGY 0.5 /* of lambda: what a row's own part must have to be worth its bits */

static double even_step(const codebook *cb, double lambda)
{
    return STEP_OF_LAMBDA * sqrt(lambda / cb->dims);
}

static double clamped(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

norm_grid norm_grid_for(const codebook *cb, double lambda)
{
    const double step = even_step(cb, lambda);
    norm_grid grid = {.coded = cb->norm != ROW_NORM_NONE};

    if (!grid.coded)
        return grid;
    const double octaves = step / (norm_reference(cb) * log(2.0));

    grid.scale_bits = (uint8_t)clamped(round(-log2(octaves)), 0.0, NORM_SCALE_BITS_MAX);
    if (cb->norm == ROW_NORM_SCALE_OFFSET)
        grid.offset_exponent = (int16_t)clamped(round(log2(step)), ROW_UNIT_LEAST, ROW_UNIT_MOST);
    return grid;
}

chosen_norm norm_choose(const codebook *cb, const norm_grid *grid, double lambda, const float *row)
{
    chosen_norm c = {.fits = true};
    double measured[2];

    row_norm_measure(row, cb->dims, cb->norm == ROW_NORM_SCALE_OFFSET, measured);
    if (cb->norm == ROW_NORM_SCALE_OFFSET) {
        const double offset = round(ldexp(measured[1], -grid->offset_exponent));

        c.fits = fabs(offset) < ROW_OFFSET_LIMIT;
        c.norm.offset = c.fits ? (int32_t)offset : 0;
        c.offset = ldexp(c.norm.offset, grid->offset_exponent);
    }
    c.norm.zero = !(measured[0] * measured[0] * cb->dims > LEAST_ENERGY * lambda);
    if (c.norm.zero)
        return c;
    const double limit = NORM_OCTAVES * ldexp(1.0, grid->scale_bits);
    const double scale = round(ldexp(log2(measured[0]), grid->scale_bits));

    c.fits = c.fits && fabs(scale) <= limit;
    c.norm.scale = (int32_t)clamped(scale, -limit, limit);
    c.scale = ldexp(row_scale_mantissa(cb->survival, c.norm.scale, grid->scale_bits),
                    row_scale_octave(c.norm.scale, grid->scale_bits) - ROW_MANTISSA_BITS);
    return c;
}

double norm_reference(const codebook *cb)
{
    return exp2(ldexp(cb->reference_scale, -REFERENCE_SCALE_BITS));
}

int32_t norm_reference_of(double scale)
{
    return (int32_t)clamped(round(ldexp(log2(scale), REFERENCE_SCALE_BITS)), -REFERENCE_SCALE_MAX,
                            REFERENCE_SCALE_MAX);
}
