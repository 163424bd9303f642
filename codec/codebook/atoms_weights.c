/* The linear weights of a group: least squares over its entries, then rounded to the grid that is sent. */
#include "codebook/atoms_encoder.h"

#include <math.h>

typedef struct normal_equations {
    double gram[ATOM_TERMS][ATOM_TERMS], target[ATOM_TERMS];
} normal_equations;

static void add_sample(normal_equations *n, const double *term, double target)
{
    for (int i = 0; i < ATOM_TERMS; i++) {
        for (int j = 0; j < ATOM_TERMS; j++)
            n->gram[i][j] += term[i] * term[j];
        n->target[i] += term[i] * target;
    }
}

/* Coordinate descent within [low, high]; the last pass moves on the grid. */
static void solve(const normal_equations *n, double low, double high, int8_t *weights)
{
    const double unit = 1 << ATOM_WEIGHT_BITS;
    double w[ATOM_TERMS] = {0};

    for (int pass = 0; pass < 200; pass++) {
        for (int i = 0; i < ATOM_TERMS; i++) {
            double rest = n->target[i];

            if (!(n->gram[i][i] > 0))
                continue;
            for (int j = 0; j < ATOM_TERMS; j++)
                rest -= j != i ? n->gram[i][j] * w[j] : 0.0;
            w[i] = fmin(fmax(rest / n->gram[i][i], low / unit), high / unit);
            if (pass == 199)
                w[i] = rint(w[i] * unit) / unit;
        }
    }
    for (int i = 0; i < ATOM_TERMS; i++)
        weights[i] = (int8_t)lrint(w[i] * unit);
}

void atom_weights_fit(const atom_group *group, const int16_t *q, atom_weights *weights)
{
    normal_equations value = {0}, size = {0};

    for (size_t i = 0; i < group->count; i++) {
        const int16_t *row = q + (size_t)group->order[i] * group->dims;

        for (uint32_t d = 0; d < group->dims; d++) {
            int32_t near[ATOM_NEIGHBOURS];
            double term[ATOM_TERMS];

            atom_neighbours(row, d, group->stride, near);
            for (int k = 0; k < ATOM_NEIGHBOURS; k++)
                term[k] = near[k];
            term[ATOM_NEIGHBOURS] = 0;
            add_sample(&value, term, row[d]);
            for (int k = 0; k < ATOM_NEIGHBOURS; k++)
                term[k] = fabs(term[k]);
            term[ATOM_NEIGHBOURS] = 1;
            add_sample(&size, term, fabs((double)row[d]));
        }
    }
    solve(&value, -128, 127, weights->value);
    solve(&size, 0, 127, weights->size);
}
