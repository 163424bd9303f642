/* Owns a codebook's atoms: moved to suit the codes, taken out where they don't pay, quantised. */
#include "base/alloc.h"
#include "base/matmul.h"
#include "codebook/atoms_encoder.h"
#include "container/codebook_chunks.h"
#include "encode/fit_job.h"

#include <math.h>
#include <string.h>

/* All atoms move at once, each against what the codes leave, divided by the sum of its strength
 * times all strengths of its rows: no step is longer than what the features of a row together can
 * take, so below 2 the error falls. */
#define ADAPT_RATE 1.6f

/* The share of what a use of a feature saves that is lost with the feature: others take over. */
#define PRUNE_LOSS 0.5

static float strength_of(const search_engine *e, uint32_t level)
{
    return (float)(quant_step_value(e->model->params.step) * 256.0 /
                   e->model->params.step.mantissa * e->model->coefficient[level]);
}

void fit_atoms_pull(fit_job *j, const search_engine *e, size_t row_count)
{
    const uint32_t dims = e->dims;
    float *left = j->offset_scratch;

    for (size_t r = 0; r < row_count; r++) {
        const size_t begin = e->codes.start[r], end = e->codes.start[r + 1];

        float together = 0.0f;

        memcpy(left, e->centred + r * dims, dims * sizeof *left);
        for (size_t i = begin; i < end; i++)
            together += strength_of(e, e->codes.level[i]);
        for (size_t i = begin; i < end; i++)
            matmul_axpy(dims, -strength_of(e, e->codes.level[i]),
                        j->atoms + (size_t)e->codes.feature[i] * dims, left);
        for (size_t i = begin; i < end; i++) {
            const float strength = strength_of(e, e->codes.level[i]);

            matmul_axpy(dims, strength, left, j->pull + (size_t)e->codes.feature[i] * dims);
            j->pull_weight[e->codes.feature[i]] += (double)strength * (double)together;
        }
    }
}

static mdla_status search_anew(fit_job *j)
{
    search_atoms_free(j->search);
    j->search = search_atoms_new(j->al, j->engine.pool, j->atoms, j->sae->width, j->sae->dims);
    j->engine.atoms = j->search;
    return j->search != NULL ? MDLA_OK : fit_no_memory(j);
}

mdla_status fit_atoms_adapt(fit_job *j)
{
    const uint32_t dims = j->sae->dims;

    for (uint32_t f = 0; f < j->sae->width; f++) {
        float *atom = j->atoms + (size_t)f * dims;
        const float *pull = j->pull + (size_t)f * dims;
        double norm = 0.0;

        if (!(j->pull_weight[f] > 0.0))
            continue;
        for (uint32_t d = 0; d < dims; d++) {
            atom[d] += ADAPT_RATE * pull[d] / (float)j->pull_weight[f];
            norm += (double)atom[d] * (double)atom[d];
        }
        for (uint32_t d = 0; d < dims && norm > 0.0; d++)
            atom[d] = (float)((double)atom[d] / sqrt(norm));
    }
    return search_anew(j);
}

/* Bits of an atom at the precision that its use deserves: those of a Gaussian of its energy. */
static double bits_of_atom(const fit_job *j, double energy)
{
    const double dims = j->sae->dims;
    const double steps = log(2.0) * fit_expected_rows(j) * energy / (2.0 * j->lambda * dims);

    return 0.5 * dims * log2(1.0 + 8.0 * steps);
}

mdla_status fit_atoms_prune(fit_job *j, const atom_moments *moments)
{
    const double rows = (double)j->counts->rows;

    for (uint32_t f = 0; f < j->sae->width; f++) {
        const double uses = (double)j->counts->fired[f];
        const double price = log2((rows + 1.0) / (uses + 0.5)); /* of switching it on */
        const double gain = moments->energy[f] / j->lambda - uses * price;

        if (PRUNE_LOSS * gain / rows * fit_expected_rows(j) <
            bits_of_atom(j, moments->energy[f] / rows))
            memset(j->atoms + (size_t)f * j->sae->dims, 0, j->sae->dims * sizeof(float));
    }
    return search_anew(j);
}

mdla_status fit_atoms_make(fit_job *j)
{
    codebook *cb = j->cb;
    const atom_source source = {.dims = cb->dims,
                                .width = cb->width,
                                .stride = atoms_stride_fit(cb->dims, cb->width, j->atoms),
                                .order = cb->order,
                                .atoms = j->atoms,
                                .energy = j->moments.energy,
                                .moments = j->moments.product};
    atom_precision precision = {.lambda = j->lambda, .expected_rows = fit_expected_rows(j)};
    double energy = 0.0;

    atom_moments_finish(&j->moments);
    for (uint32_t k = 0; k < cb->width; k++)
        energy += j->moments.energy[k];
    /* A feature that never fired: as if it had half a time, as strongly as others do. */
    precision.least_energy = energy * 0.5 / ((double)j->counts->active + 1.0);
    if (atoms_quantise(j->al, &source, &precision, j->step_index, j->q) != MDLA_OK)
        return fit_no_memory(j);
    for (uint32_t k = 0; k < cb->width; k++) {
        for (size_t i = (size_t)k * cb->dims; i < (size_t)(k + 1) * cb->dims; i++)
            cb->atoms[i] = (int16_t)atom_expand(j->q[i], j->step_index[k]);
    }
    codebook_derive_peaks(cb);
    return codebook_chunks_make(cb, source.stride, j->step_index, j->q) == MDLA_OK
               ? MDLA_OK
               : fit_no_memory(j);
}
