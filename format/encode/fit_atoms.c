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
#define FINENESS 4.0 /* expected error over lambda an entry at which half of a move is made */

/* The share of what a use of a feature saves that is lost with the feature: others take over. */
#define PRUNE_LOSS 0.5

/* Of a level in row r, at full size. */
static float strength_of(const search_engine *e, size_t r, int32_t level)
{
    return e->scale[r] *
           (float)(quant_step_value(e->model->params.step) * 256.0 /
                   e->model->params.step.mantissa * code_model_coefficient(e->model, level));
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
            together += strength_of(e, r, e->codes.level[i]);
        for (size_t i = begin; i < end; i++)
            matmul_axpy(dims, -strength_of(e, r, e->codes.level[i]),
                        j->atoms + (size_t)e->codes.feature[i] * dims, left);
        for (size_t i = begin; i < end; i++) {
            const float strength = strength_of(e, r, e->codes.level[i]);

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

/* How much of a move is made: little where the atom will be kept so coarsely that the move is lost
 * but not what it costs. */
static float move_share(const fit_job *j, double energy)
{
    const double fineness = fit_expected_rows(j) * energy / (j->lambda * j->sae->dims);

    return (float)(fineness * fineness / (fineness * fineness + FINENESS * FINENESS));
}

mdla_status fit_atoms_adapt(fit_job *j, const atom_moments *moments)
{
    const uint32_t dims = j->sae->dims;
    const double rows = (double)j->counts->rows;

    for (uint32_t f = 0; f < j->sae->width; f++) {
        float *atom = j->atoms + (size_t)f * dims;
        const float *pull = j->pull + (size_t)f * dims;
        double norm = 0.0;

        if (!(j->pull_weight[f] > 0.0))
            continue;
        const float rate =
            ADAPT_RATE * move_share(j, moments->energy[f] / rows) / (float)j->pull_weight[f];

        for (uint32_t d = 0; d < dims; d++) {
            atom[d] += rate * pull[d];
            norm += (double)atom[d] * (double)atom[d];
        }
        for (uint32_t d = 0; d < dims && norm > 0.0; d++)
            atom[d] = (float)((double)atom[d] / sqrt(norm));
    }
    return search_anew(j);
}

/* Atoms in integers, the count of them that order names: fills their step_index and q. energy: mean
 * of each one's squared strength; product: as atom_source has it. */
static mdla_status quantise(fit_job *j, const double *energy, const float *product,
                            const uint32_t *order, uint32_t count, atom_source *source)
{
    atom_precision precision = {.lambda = j->atom_lambda > 0.0 ? j->atom_lambda : j->lambda,
                                .expected_rows = fit_expected_rows(j)};
    double sum = 0.0;

    *source = (atom_source){.dims = j->cb->dims,
                            .width = count,
                            .stride = atoms_stride_fit(j->cb->dims, j->cb->width, j->atoms),
                            .order = order,
                            .atoms = j->atoms,
                            .energy = energy,
                            .moments = product};
    for (uint32_t k = 0; k < j->cb->width; k++)
        sum += energy[k];
    /* A feature that never fired: as if it had half a time, as strongly as others do. */
    precision.least_energy = sum * 0.5 / ((double)j->counts->active + 1.0);
    return atoms_quantise(j->al, source, &precision, j->step_index, j->q) == MDLA_OK
               ? MDLA_OK
               : fit_no_memory(j);
}

/* All of them, by finished moments; with products where those are known. */
static mdla_status quantise_all(fit_job *j, const atom_moments *moments, atom_source *source)
{
    return quantise(j, moments->energy, moments->product, j->cb->order, j->cb->width, source);
}

#define ERROR_VALUES ((size_t)1 << 22) /* of codewords that are tried, about */

mdla_status fit_atoms_error(fit_job *j, double *error)
{
    const uint32_t dims = j->cb->dims, width = j->cb->width;
    const size_t every = ((size_t)width * dims + ERROR_VALUES - 1) / ERROR_VALUES;
    const double unit = quant_step_value(j->cb->fit.step);
    const double scale = unit * unit / (double)j->counts->rows;
    double *energy = alloc_array(j->al, width, sizeof *energy), uses = 0.0;
    uint32_t *order = alloc_array(j->al, width, sizeof *order), count = 0;
    atom_source source;
    mdla_status status = MDLA_ERR_MEMORY;

    *error = 0.0;
    for (uint32_t k = 0; energy != NULL && order != NULL && k < width; k++) {
        energy[k] = scale * (double)j->counts->fired[k];
        if (k % every == 0)
            order[count++] = k;
    }
    if (energy != NULL && order != NULL)
        status = quantise(j, energy, NULL, order, count, &source);
    for (uint32_t i = 0; status == MDLA_OK && i < count; i++) {
        const uint32_t k = order[i];
        double squares = 0.0;

        for (size_t at = (size_t)k * dims; at < (size_t)(k + 1) * dims; at++) {
            const double off =
                ldexp((double)atom_expand(j->q[at], j->step_index[k]), -ATOM_SCALE_BITS) -
                (double)j->atoms[at];

            squares += off * off;
        }
        *error += energy[k] * squares;
        uses += (double)j->counts->fired[k];
    }
    *error *= uses > 0.0 ? (double)j->counts->active / uses : 1.0;
    alloc_free(j->al, energy);
    alloc_free(j->al, order);
    return status == MDLA_OK ? MDLA_OK : fit_no_memory(j);
}

/* What all atoms take when they are coded. */
static mdla_status coded_bits(fit_job *j, const atom_moments *moments, double *bits)
{
    range_encoder e = {0};
    atom_source source;
    mdla_status status;

    MDLA_TRY(quantise_all(j, moments, &source));
    const atom_group all = {source.dims, source.stride, source.order, source.width};

    range_encoder_start(&e, j->al);
    status = atoms_encode(j->al, &e, &all, j->step_index, j->q, NULL);
    if (status == MDLA_OK)
        status = range_encoder_finish(&e);
    *bits = 8.0 * (double)e.nbytes;
    range_encoder_free(&e);
    return status == MDLA_OK ? MDLA_OK : fit_no_memory(j);
}

/* Bits of an atom at the precision that its use deserves, up to a factor: those of a Gaussian. */
static double gaussian_bits(const fit_job *j, double energy)
{
    const double dims = j->sae->dims;

    return dims * log2(1.0 + fit_expected_rows(j) * energy / (j->lambda * dims));
}

mdla_status fit_atoms_prune(fit_job *j, atom_moments *moments)
{
    const double rows = (double)j->counts->rows;
    double coded, gaussian = 0.0;

    atom_moments_finish(moments);
    MDLA_TRY(coded_bits(j, moments, &coded));
    for (uint32_t f = 0; f < j->sae->width; f++)
        gaussian += gaussian_bits(j, moments->energy[f]);
    for (uint32_t f = 0; f < j->sae->width; f++) {
        const double uses = (double)j->counts->fired[f] / rows;
        const double price = log2((rows + 1.0) / (uses * rows + 0.5)); /* of switching it on */
        const double gain = moments->energy[f] / j->lambda - uses * price;
        const double bits = gaussian_bits(j, moments->energy[f]) * coded / gaussian;

        if (PRUNE_LOSS * gain * fit_expected_rows(j) < bits)
            memset(j->atoms + (size_t)f * j->sae->dims, 0, j->sae->dims * sizeof(float));
    }
    return search_anew(j);
}

mdla_status fit_atoms_make(fit_job *j)
{
    codebook *cb = j->cb;
    atom_source source = {.stride = 0};

    atom_moments_finish(&j->moments);
    if (j->atoms != NULL)
        MDLA_TRY(quantise_all(j, &j->moments, &source));
    for (uint32_t k = 0; k < cb->width && j->atoms != NULL; k++) {
        for (size_t i = (size_t)k * cb->dims; i < (size_t)(k + 1) * cb->dims; i++)
            cb->atoms[i] = (int16_t)atom_expand(j->q[i], j->step_index[k]);
    }
    codebook_derive_peaks(cb);
    return codebook_chunks_make(cb, source.stride, j->step_index, j->q) == MDLA_OK
               ? MDLA_OK
               : fit_no_memory(j);
}
