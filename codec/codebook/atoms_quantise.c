/* Precision by use: how finely each atom is kept, and errors that make up for one another.
 *
 * With atoms off by e_j (a vector a feature) and M the mean over rows of strength_i x strength_j, a row's squared
 * error grows by sum over i, j of M_ij <e_i, e_j>. Features that fire together can undo part of each other's
 * errors: M = L' D L with L unit lower triangular in coding order turns the sum into
 * sum of D_j |e_j + sum over i < j of L_ji e_i|^2, so that each atom in turn is rounded from its target less
 * what the atoms before it left, and counts with D_j <= M_jj alone (as in GPTQ, arXiv 2210.17323).
 */
#include "codebook/atoms_encoder.h"

#include "base/alloc.h"
#include "base/matmul.h"
#include "codebook/atoms_trellis.h"
#include "codebook/atoms_writer.h"

#include <math.h>
#include <string.h>

#include <stdlib.h>
#define STEPMUL (getenv("SM") ? atof(getenv("SM")) : 0.5)
#define BLOCK 64 /* atoms whose earlier errors are gathered by one product */

/* The step that minimises rows x added squared error / lambda + bits: an entry of step s adds weight x s^2 / 12 a
 * row, and costs -log2 s bits. */
static unsigned best_step_index(double weight, const atom_precision *p)
{
    const double squared = STEPMUL * 6 * p->lambda / (log(2.0) * p->expected_rows * weight);
    const double index = rint(4 * (0.5 * log2(squared) + ATOM_SCALE_BITS));

    return index > 0 ? (index < ATOM_STEP_INDEX_MAX ? (unsigned)index : ATOM_STEP_INDEX_MAX) : 0;
}

static void round_atom(uint32_t dims, const float *atom, unsigned index, int16_t *q)
{
    const double inverse = exp2(ATOM_SCALE_BITS - index / 4.0);
    const double limit = atom_entry_limit(index);

    for (uint32_t d = 0; d < dims; d++)
        q[d] = (int16_t)fmin(fmax(rint((double)atom[d] * inverse), -limit), limit);
}

/* The lower triangle of m [n][n] becomes g with m = g g'. Pivots are kept from vanishing. */
static void factor(size_t n, float *m)
{
    for (size_t j = 0; j < n; j++) {
        float *row = m + j * n;
        float pivot;

        for (size_t i = 0; i < j; i++)
            row[i] = (row[i] - matmul_dot(i, row, m + i * n)) / m[i * n + i];
        pivot = row[j] - matmul_dot(j, row, row);
        row[j] = sqrtf(fmaxf(pivot, 1e-4f * row[j]));
    }
}

/* moments by feature number -> the factor's matrix by falling place in the order, so that an atom's own
 * weight is what the atoms after it can't make up for. */
static void arrange(const atom_source *s, double least, float *m)
{
    const size_t n = s->width;

    for (size_t a = 0; a < n; a++) {
        const size_t i = s->order[n - 1 - a];

        for (size_t b = 0; b < a; b++)
            m[a * n + b] = s->moments[i * n + s->order[n - 1 - b]];
        m[a * n + a] = (float)(fmax(s->energy[i], 0) + least);
    }
}

/* All that a run of the quantiser holds. */
typedef struct quantiser {
    const atom_source *s;
    const atom_precision *p;
    double least;
    atom_model *model;
    atom_trellis *trellis;
    float *g;      /* [width][width] the factor, or NULL */
    float *errors; /* [width][dims] e_j by place in the order */
    float *block;  /* [BLOCK][dims] what the atoms before left to those of a block; then their targets */
    float *links;  /* [BLOCK][width] L_ji */
} quantiser;

static float link(const quantiser *z, size_t place, size_t earlier)
{
    const size_t n = z->s->width, a = n - 1 - place;

    return z->g[(n - 1 - earlier) * n + a] / z->g[a * n + a];
}

/* D_j: the squared error a row that a unit of the atom's own error costs. */
static double weight(const quantiser *z, size_t place)
{
    const size_t n = z->s->width, a = n - 1 - place;
    const double root = z->g != NULL ? (double)z->g[a * n + a] : 0.0;

    return z->g != NULL ? root * root : fmax(z->s->energy[z->s->order[place]], z->least);
}

/* The errors of the atoms before the block, as they bear on its atoms. */
static void gather(quantiser *z, size_t first, size_t count)
{
    memset(z->block, 0, count * z->s->dims * sizeof *z->block);
    if (z->g == NULL || first == 0)
        return;
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < first; i++)
            z->links[k * first + i] = link(z, first + k, i);
    matmul_nn(count, z->s->dims, first, z->links, z->errors, z->block);
}

/* Plain rounding of all atoms, to learn the linear weights from. */
static void fit_weights(quantiser *z, uint8_t *step_index, int16_t *q)
{
    const size_t dims = z->s->dims;
    const atom_group all = {z->s->dims, z->s->stride, z->s->order, z->s->width};

    for (size_t place = 0; place < z->s->width; place++) {
        const size_t j = z->s->order[place];

        step_index[j] = (uint8_t)best_step_index(weight(z, place), z->p);
        round_atom(z->s->dims, z->s->atoms + j * dims, step_index[j], q + j * dims);
    }
    atom_weights_fit(&all, q, &z->model->weights);
}

static void choose_entries(quantiser *z, const uint8_t *step_index, int16_t *q)
{
    const size_t n = z->s->width, dims = z->s->dims;
    atom_writer meter = {NULL, 0.0};

    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t count = n - first < BLOCK ? n - first : BLOCK;

        gather(z, first, count);
        for (size_t k = 0; k < count; k++) {
            const size_t place = first + k, j = z->s->order[place];
            const double step = exp2(step_index[j] / 4.0 - ATOM_SCALE_BITS);
            const float *atom = z->s->atoms + j * dims;
            float *target = z->block + k * dims, *error = z->errors + place * dims;

            for (size_t i = first; z->g != NULL && i < place; i++)
                matmul_axpy(dims, link(z, place, i), z->errors + i * dims, target);
            for (size_t d = 0; d < dims; d++)
                target[d] = atom[d] - target[d];
            atom_write_step(&meter, z->model, step_index[j]);
            atom_trellis_round(z->trellis, z->model, target,
                               z->p->expected_rows * weight(z, place) * step * step / z->p->lambda, q + j * dims);
            atom_write_entries(&meter, z->model, q + j * dims);
            for (size_t d = 0; d < dims; d++)
                error[d] = (float)atom_expand(q[j * dims + d], step_index[j]) / (1 << ATOM_SCALE_BITS) - atom[d];
        }
    }
}

mdla_status atoms_quantise(const mdla_allocator *al, const atom_source *s, const atom_precision *p,
                           uint8_t *step_index, int16_t *q)
{
    const size_t n = s->width, dims = s->dims;
    quantiser z = {.s = s, .p = p, .least = fmax(p->least_energy, 1e-30)};
    mdla_status status = MDLA_ERR_MEMORY;

    z.model = atom_model_new(al, s->dims, s->stride);
    z.trellis = atom_trellis_new(al, s->dims, s->stride);
    z.g = s->moments != NULL ? alloc_array(al, n * n, sizeof *z.g) : NULL;
    z.errors = alloc_array(al, n * dims, sizeof *z.errors);
    z.block = alloc_array(al, BLOCK * dims, sizeof *z.block);
    z.links = alloc_array(al, BLOCK * n, sizeof *z.links);
    if (z.model != NULL && z.trellis != NULL && (s->moments == NULL || z.g != NULL) && z.errors != NULL &&
        z.block != NULL && z.links != NULL) {
        if (z.g != NULL) {
            arrange(s, z.least, z.g);
            factor(n, z.g);
        }
        fit_weights(&z, step_index, q);
        z.model->trellis = 1;
        choose_entries(&z, step_index, q);
        status = MDLA_OK;
    }
    alloc_free(al, z.links);
    alloc_free(al, z.block);
    alloc_free(al, z.errors);
    alloc_free(al, z.g);
    atom_trellis_free(al, z.trellis);
    atom_model_free(al, z.model);
    return status;
}
