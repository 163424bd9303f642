/* Bits and squared error of a merge. Let features s of a set add z_s u_s to a row, u_s their atoms
 * at length 1. One feature of atom m that has the strength sum z_s (u_s . m) instead leaves an
 * error of tr(CG) - m' U C U' m over all rows: C are the sums of z_s z_t, G the atoms' cosines. It
 * is least where m is U's combination by the first eigenvector of CG, and is then tr(CG) less the
 * eigenvalue. Nothing else of a row's code is taken to change, so it is an upper bound. */
#include "info_merge.h"

#include "common/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 8, ITERATIONS_MAX = 200 };

/* The encoder's step over the root of the squared error that it takes for a bit. */
#define STEP_ADDITIVE 3.5
#define STEP_JOINT 2.8 /* where the joint model has some weights a feature */
#define JOINT_WEIGHTS 4

static double error_a_bit(const mdla_file_info *file, const mdla_codebook_info *codebook)
{
    const int joint = file->model == MDLA_MODEL_JOINT &&
                      codebook->weights >= JOINT_WEIGHTS * (uint64_t)codebook->width;
    const double root = file->step / (joint ? STEP_JOINT : STEP_ADDITIVE);

    return root * root;
}

/* Fits used atoms' bits by a line over log2 of their energy. */
static double slope_of_atoms(const merge_costs *c)
{
    double x = 0, y = 0, xx = 0, xy = 0, n = 0;

    for (uint32_t p = 0; p < c->used; p++) {
        const double octaves = log2(c->energy[p]), bits = c->atom_bits[c->feature[p]];

        if (!isfinite(octaves))
            continue;
        n++;
        x += octaves;
        y += bits;
        xx += octaves * octaves;
        xy += octaves * bits;
    }
    return n * xx - x * x > 1e-9 * n * xx ? fmax(0, (n * xy - x * y) / (n * xx - x * x)) : 0;
}

static mdla_status take_atoms(merge_costs *c, const mdla_codebook *codebook)
{
    for (uint32_t p = 0; p < c->used; p++) {
        float *atom = c->atom + (size_t)p * c->dims;
        double squares = 0;

        if (mdla_codebook_atom(codebook, c->feature[p], atom) != MDLA_OK)
            return MDLA_ERR_ARGUMENT;
        for (uint32_t d = 0; d < c->dims; d++)
            squares += (double)atom[d] * (double)atom[d];
        c->norm[p] = sqrt(squares);
        for (uint32_t d = 0; d < c->dims && squares > 0; d++)
            atom[d] = (float)((double)atom[d] / c->norm[p]);
    }
    return MDLA_OK;
}

static void take_energies(merge_costs *c)
{
    const held_flags *h = c->held;

    for (size_t i = 0; i < h->count; i++) {
        const uint32_t p = c->place[h->feature[i]];
        const double z = (double)h->strength[i] * c->norm[p];

        c->energy[p] += z * z;
    }
}

static mdla_status allocate(merge_costs *c)
{
    const uint32_t width = c->held->width;

    c->feature = malloc(width * sizeof *c->feature);
    c->place = malloc(width * sizeof *c->place);
    c->atom_bits = malloc(width * sizeof *c->atom_bits);
    c->member = calloc(width, sizeof *c->member);
    if (!c->feature || !c->place || !c->atom_bits || !c->member)
        return MDLA_ERR_MEMORY;
    for (uint32_t f = 0; f < width; f++)
        if (held_uses(c->held, f) > 0) {
            c->place[f] = c->used;
            c->feature[c->used++] = f;
        }
    c->atom = malloc(((size_t)c->used * c->dims + 1) * sizeof *c->atom);
    c->norm = calloc((size_t)c->used + 1, sizeof *c->norm);
    c->energy = calloc((size_t)c->used + 1, sizeof *c->energy);
    c->flag_bits = calloc((size_t)c->used + 1, sizeof *c->flag_bits);
    return c->atom && c->norm && c->energy && c->flag_bits ? MDLA_OK : MDLA_ERR_MEMORY;
}

int merge_costs_start(merge_costs *c, const info_subject *s, const held_flags *h)
{
    const mdla_codebook *codebook = mdla_decoder_codebook(s->decoder);
    mdla_codebook_info info;
    mdla_status status;

    mdla_codebook_query(codebook, &info);
    *c = (merge_costs){.held = h,
                       .dims = info.dims,
                       .prior_bits = info.prior_bits / info.width,
                       .lambda = error_a_bit(&s->file, &info),
                       .scale = h->rows > 0 ? (double)s->file.rows / (double)h->rows : 1};
    if (info.cache)
        return tool_fail("%s: a latent cache has no atoms that could be merged", s->name);
    status = allocate(c);
    if (status == MDLA_OK)
        status = mdla_codebook_atom_costs(codebook, c->atom_bits);
    if (status == MDLA_OK)
        status = take_atoms(c, codebook);
    if (status != MDLA_OK)
        return tool_fail_status(status, NULL);
    take_energies(c);
    for (uint32_t p = 0; p < c->used; p++)
        c->flag_bits[p] = flag_bits((double)held_uses(h, c->feature[p]), (double)h->rows);
    c->bits_a_octave = slope_of_atoms(c);
    return TOOL_DONE;
}

void merge_costs_end(merge_costs *c)
{
    free(c->feature);
    free(c->place);
    free(c->atom);
    free(c->norm);
    free(c->energy);
    free(c->atom_bits);
    free(c->flag_bits);
    free(c->member);
}

double merge_cosine(const merge_costs *c, uint32_t a, uint32_t b)
{
    const float *x = c->atom + (size_t)a * c->dims, *y = c->atom + (size_t)b * c->dims;
    float lanes[LANES] = {0};
    double sum = 0;
    uint32_t d = 0;

    for (; d + LANES <= c->dims; d += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += x[d + (uint32_t)l] * y[d + (uint32_t)l];
    for (; d < c->dims; d++)
        sum += (double)x[d] * (double)y[d];
    for (int l = 0; l < LANES; l++)
        sum += (double)lanes[l];
    return sum;
}

double merge_dropped(const merge_costs *c, uint32_t p)
{
    const uint32_t f = c->feature[p];

    return c->atom_bits[f] + c->prior_bits +
           c->scale * (c->flag_bits[p] + c->held->level_bits[f] - c->energy[p] / c->lambda);
}

/* The parts that follow from the sums: energy of the merged feature, and error. */
static void count_bits(const merge_costs *c, const uint32_t *place, size_t count, double energy,
                       double error, merge *out)
{
    double flags = 0, levels = 0, atoms = 0, merged = 0, uses = 0, energies = 0;

    for (size_t i = 0; i < count; i++) {
        const uint32_t f = c->feature[place[i]];

        flags += c->flag_bits[place[i]];
        levels += c->held->level_bits[f];
        uses += (double)held_uses(c->held, f);
        atoms += c->atom_bits[f];
        energies += c->energy[place[i]];
    }
    /* The merged atom is as the set's are, but for its energy. */
    for (size_t i = 0; i < count && energies > 0; i++) {
        const double own = c->energy[place[i]];

        if (own > 0)
            merged += own / energies *
                      (c->atom_bits[c->feature[place[i]]] + c->bits_a_octave * log2(energy / own));
    }
    out->atom_bits = atoms - merged;
    out->prior_bits = (double)(count - 1) * c->prior_bits;
    out->flag_bits = c->scale * (flags - flag_bits(out->rows, (double)c->held->rows));
    out->level_bits = c->scale * levels * (1 - out->rows / uses);
    out->error_bits = c->scale * fmax(0, error) / c->lambda;
    out->saved =
        out->atom_bits + out->prior_bits + out->flag_bits + out->level_bits - out->error_bits;
}

double merge_saved_apart(const merge_costs *c, uint32_t a, uint32_t b, double cosine)
{
    const uint32_t place[2] = {a, b};
    const double x = c->energy[a], y = c->energy[b];
    const double energy = (x + y + sqrt((x - y) * (x - y) + 4 * x * y * cosine * cosine)) / 2;
    merge m = {.rows = (double)held_uses(c->held, c->feature[a]) +
                       (double)held_uses(c->held, c->feature[b])};

    count_bits(c, place, 2, energy, x + y - energy, &m);
    return m.saved;
}

typedef double square[MERGE_MAX][MERGE_MAX];

/* The sums of z_s z_t, and in how many rows any of them is active. */
static double sum_products(merge_costs *c, const uint32_t *place, size_t count, square products)
{
    const held_flags *h = c->held;
    size_t rows = 0;

    for (size_t i = 0; i < count; i++)
        c->member[c->feature[place[i]]] = (uint8_t)(i + 1);
    for (size_t i = 0; i < count; i++) {
        const uint32_t f = c->feature[place[i]];

        for (size_t at = h->first[f]; at < h->first[f + 1]; at++) {
            size_t found[MERGE_MAX] = {0}, n = 0;
            double z[MERGE_MAX];

            for (size_t k = h->start[h->line[at]]; k < h->start[h->line[at] + 1]; k++) {
                const uint8_t m = c->member[h->feature[k]];

                if (m > 0) {
                    z[n] = (double)h->strength[k] * c->norm[place[m - 1]];
                    found[n++] = (size_t)(m - 1);
                }
            }
            if (found[0] != i)
                continue; /* the line's own turn is its first member's */
            rows++;
            for (size_t a = 0; a < n; a++)
                for (size_t b = 0; b < n; b++)
                    products[found[a]][found[b]] += z[a] * z[b];
        }
    }
    for (size_t i = 0; i < count; i++)
        c->member[c->feature[place[i]]] = 0;
    return (double)rows;
}

static void multiply(const square a, size_t count, const double *x, double *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        for (size_t j = 0; j < count; j++)
            out[i] += a[i][j] * x[j];
    }
}

/* The first eigenvector of CG into weight, such that the atom that it makes has length 1; returns
 * the eigenvalue. cosine: G x weight. */
static double first_eigenvector(const square products, const square cosines, size_t count,
                                double *weight, double *cosine)
{
    double value = 0;

    for (size_t i = 0; i < count; i++)
        weight[i] = products[i][i];
    for (int turn = 0; turn < ITERATIONS_MAX; turn++) {
        const double before = value;
        double length = 0;

        multiply(cosines, count, weight, cosine);
        for (size_t i = 0; i < count; i++)
            length += weight[i] * cosine[i];
        length = sqrt(fmax(length, 0));
        for (size_t i = 0; i < count && length > 0; i++) {
            weight[i] /= length;
            cosine[i] /= length;
        }
        value = 0;
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < count; j++)
                value += cosine[i] * products[i][j] * cosine[j];
        if (value - before <= 1e-12 * value)
            break;
        multiply(products, count, cosine, weight);
    }
    return value;
}

void merge_measure(merge_costs *c, const uint32_t *place, size_t count, merge *out)
{
    square products = {{0}}, cosines = {{0}};
    double trace = 0, energy;

    *out = (merge){.rows = sum_products(c, place, count, products)};
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j <= i; j++) {
            cosines[i][j] = cosines[j][i] = i == j ? 1 : merge_cosine(c, place[i], place[j]);
            trace += (i == j ? 1 : 2) * products[i][j] * cosines[i][j];
        }
    energy = first_eigenvector(products, cosines, count, out->weight, out->cosine);
    count_bits(c, place, count, energy, trace - energy, out);
}
