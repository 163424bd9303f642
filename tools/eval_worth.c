/* A feature's part of a row is v, what is left of the row e: without the feature the squared error
 * would be |v|^2 + 2 e.v more. Where rows are normalised, that is divided by the square of the
 * row's scale. A bit is worth lambda = step^2 ln 2 / 6 of squared error, at which a uniform
 * quantiser's step is at its best. Rows are taken as many at a time as a block has, so that no
 * block is decoded for nothing. */
#include "eval_worth.h"

#include "common/progress.h"
#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

typedef struct weighing {
    eval_worth *worth;
    const mdla_codebook *codebook;
    uint32_t dims;
    double lambda;
    uint64_t first;        /* row of the tile */
    float *left, *decoded; /* [block_rows][dims] */
    float *atom;           /* [dims] */
} weighing;

static int weigh_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                     const mdla_symbol_bits *bits)
{
    const weighing *w = ctx;
    const float *left = w->left + (row - w->first) * w->dims;

    (void)bits;
    for (size_t i = 0; i < count; i++) {
        const uint32_t f = code[i].feature;
        const double scale = code[i].amount / code[i].strength;
        double energy = 0, along = 0;

        w->worth->bits[f] += code[i].index_bits + code[i].level_bits;
        if (scale == 0 || mdla_codebook_atom(w->codebook, f, w->atom) != MDLA_OK)
            continue;
        for (uint32_t d = 0; d < w->dims; d++) {
            const double part = code[i].amount * (double)w->atom[d];

            energy += part * part;
            along += part * (double)left[d];
        }
        w->worth->saved[f] += energy + 2 * along;
        w->worth->worth[f] += (energy + 2 * along) / (scale * scale * w->lambda);
    }
    return tool_stopped();
}

/* The next rows, what decoding leaves of them, and their codes. */
static mdla_status weigh_tile(weighing *w, mdla_rows *rows, mdla_decoder *decoder, size_t wanted,
                              mdla_error *err)
{
    size_t got = 0, decoded = 0;
    mdla_status status = mdla_rows_read(rows, w->left, wanted, &got, err);

    if (status == MDLA_OK)
        status = mdla_decoder_seek(decoder, w->first, err);
    if (status == MDLA_OK)
        status = mdla_decoder_read_rows(decoder, w->decoded, wanted, &decoded, err);
    if (status != MDLA_OK)
        return status;
    for (size_t i = 0; i < got * w->dims; i++)
        w->left[i] -= w->decoded[i];
    return mdla_decoder_visit_rows(decoder, w->first, wanted, weigh_row, w, err);
}

static mdla_status weigh_all(weighing *w, mdla_rows *rows, mdla_decoder *decoder,
                             const mdla_file_info *info, mdla_error *err)
{
    mdla_status status = mdla_codebook_atom_costs(w->codebook, w->worth->atom_bits);

    if (status == MDLA_OK)
        status = mdla_rows_rewind(rows, err);
    for (; status == MDLA_OK && w->first < info->rows; w->first += info->block_rows) {
        const uint64_t left = info->rows - w->first;

        status = weigh_tile(w, rows, decoder,
                            (size_t)(left < info->block_rows ? left : info->block_rows), err);
        if (status == MDLA_OK && progress_show(NULL, "weigh", w->first, info->rows) != 0)
            status = MDLA_ERR_INTERRUPTED;
    }
    return status;
}

int worth_measure(eval_worth *worth, const char *name, mdla_rows *rows, mdla_decoder *decoder)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_file_info info;
    mdla_status status = MDLA_ERR_MEMORY;
    size_t tile;

    mdla_decoder_query(decoder, &info);
    *worth = (eval_worth){.width = info.width, .rows = info.rows};
    tile = (size_t)info.block_rows * info.dims;
    worth->bits = calloc((size_t)4 * info.width, sizeof *worth->bits);
    float *values = malloc((2 * tile + info.dims) * sizeof *values);
    weighing w = {.worth = worth,
                  .codebook = mdla_decoder_codebook(decoder),
                  .dims = info.dims,
                  .lambda = info.step * info.step * log(2.0) / 6.0,
                  .left = values};

    if (worth->bits && values) {
        worth->saved = worth->bits + info.width;
        worth->worth = worth->saved + info.width;
        worth->atom_bits = worth->worth + info.width;
        w.decoded = values + tile;
        w.atom = w.decoded + tile;
        status = weigh_all(&w, rows, decoder, &info, &err);
    }
    free(values);
    if (status == MDLA_OK)
        return 0;
    tool_fail_about(name, status, &err);
    return -1;
}

void worth_end(eval_worth *worth)
{
    free(worth->bits);
    worth->bits = NULL;
}

double worth_payback_rows(const eval_worth *worth, uint32_t feature)
{
    const double gain = worth->worth[feature] - worth->bits[feature];

    return gain > 0 ? worth->atom_bits[feature] / (gain / (double)worth->rows) : (double)NAN;
}
