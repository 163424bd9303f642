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

#include <math.h>
#include <string.h>

#define BLOCK 64 /* atoms whose earlier errors are gathered by one product */

/* The step that minimises rows x added squared error / lambda + bits: an entry of step s adds weight x s^2 / 12 a
 * row, and costs -log2 s bits. */
static unsigned best_step_index(double weight, const atom_precision *p)
{
    const double squared = 6 * p->lambda / (log(2.0) * p->expected_rows * weight);
    const double index = rint(4 * (0.5 * log2(squared) + ATOM_SCALE_BITS));

    return index > 0 ? (index < ATOM_STEP_INDEX_MAX ? (unsigned)index : ATOM_STEP_INDEX_MAX) : 0;
}

/* Rounds one atom; error: what is left of the target. */
static void round_atom(uint32_t dims, const float *target, unsigned index, int16_t *q, float *error)
{
    const double step = exp2(index / 4.0 - ATOM_SCALE_BITS);
    const double limit = atom_entry_limit(index);

    for (uint32_t d = 0; d < dims; d++) {
        const double entry = fmin(fmax(rint((double)target[d] / step), -limit), limit);

        q[d] = (int16_t)entry;
        error[d] = (float)((double)atom_expand(q[d], index) / (1 << ATOM_SCALE_BITS) - (double)target[d]);
    }
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

static void quantise_with_feedback(const atom_source *s, const atom_precision *p, const float *g, float *errors,
                                   float *block, float *links, uint8_t *step_index, int16_t *q)
{
    const size_t n = s->width, dims = s->dims;

    /* errors [n][dims]: e_j of the atoms done, by place in the order. */
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t count = n - first < BLOCK ? n - first : BLOCK;

        /* links [count][first]: L_ji of this block's atoms and the earlier ones. */
        for (size_t k = 0; k < count; k++) {
            const size_t a = n - 1 - (first + k);

            for (size_t i = 0; i < first; i++)
                links[k * first + i] = g[(n - 1 - i) * n + a] / g[a * n + a];
        }
        if (first != 0)
            matmul_nn(count, dims, first, links, errors, block);
        else
            memset(block, 0, count * dims * sizeof *block);
        for (size_t k = 0; k < count; k++) {
            const size_t place = first + k, a = n - 1 - place, j = s->order[place];
            const double weight = (double)g[a * n + a] * (double)g[a * n + a];
            const float *atom = s->atoms + j * dims;
            float *gathered = block + k * dims, *error = errors + place * dims;

            for (size_t i = 0; i < k; i++)
                matmul_axpy(dims, g[(a + k - i) * n + a] / g[a * n + a], errors + (first + i) * dims, gathered);
            for (size_t d = 0; d < dims; d++)
                gathered[d] = atom[d] - gathered[d];
            step_index[j] = (uint8_t)best_step_index(weight, p);
            round_atom(s->dims, gathered, step_index[j], q + j * dims, error);
            for (size_t d = 0; d < dims; d++)
                error[d] += gathered[d] - atom[d];
        }
    }
}

mdla_status atoms_quantise(const mdla_allocator *al, const atom_source *s, const atom_precision *p,
                           uint8_t *step_index, int16_t *q)
{
    const size_t n = s->width, dims = s->dims;
    const double least = fmax(p->least_energy, 1e-30);
    float *g = s->moments != NULL ? alloc_array(al, n * n, sizeof *g) : NULL;
    float *errors = alloc_array(al, (s->moments != NULL ? n : 1) * dims, sizeof *errors);
    float *block = alloc_array(al, BLOCK * dims, sizeof *block);
    float *links = alloc_array(al, BLOCK * n, sizeof *links);
    mdla_status status = MDLA_OK;

    if ((s->moments != NULL && g == NULL) || errors == NULL || block == NULL || links == NULL) {
        status = MDLA_ERR_MEMORY;
    } else if (s->moments != NULL) {
        arrange(s, least, g);
        factor(n, g);
        quantise_with_feedback(s, p, g, errors, block, links, step_index, q);
    } else {
        for (size_t j = 0; j < n; j++) {
            step_index[j] = (uint8_t)best_step_index(fmax(s->energy[j], least), p);
            round_atom(s->dims, s->atoms + j * dims, step_index[j], q + j * dims, errors);
        }
    }
    alloc_free(al, links);
    alloc_free(al, block);
    alloc_free(al, errors);
    alloc_free(al, g);
    return status;
}
