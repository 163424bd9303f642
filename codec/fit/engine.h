/* The search at a given step and multiplier, with prices from the model that will code what it
 * finds. */
#ifndef MDLA_ENGINE_H
#define MDLA_ENGINE_H

#include "block/code_model.h"
#include "sae/sae.h"
#include "search/choices.h"
#include "search/scalar.h"
#include "search/search.h"

#include <stdbool.h>

#define EFFORT_DEFAULT 5

/* Owns its tables; atoms, codebook, pool and SAE are the caller's. */
typedef struct search_engine {
    const mdla_allocator *al;
    parallel_pool *pool;
    const search_atoms *atoms;   /* of an SAE's features alone */
    const choice_atoms *choices; /* codewords, where rows choose among them */
    const float *directions; /* [width][dims] atoms of signed codes; NULL: feature d is column d */
    const sae *start;        /* the search begins with this SAE's features; NULL: with none */
    bool fixed;              /* and keeps exactly these */
    uint32_t dims;
    code_options code;     /* code.norm follows from the codebook and lambda */
    bool plain_prices;     /* the search looks at rates alone, whatever codes the rows */
    unsigned checks;       /* as search_prices has it */
    unsigned sweeps, beam; /* likewise */
    unsigned paths;        /* sums of choices that survive a stage */
    size_t span;           /* rows of a block: the first of each stands alone */

    code_model *model; /* at the current step */
    search_prices prices;
    joint_pairs *pairs; /* NULL: the additive model */
    float *feature_bits, *level_bits, *level_offset;
    float *sign_bits; /* [width][2]; signed codes alone */

    size_t capacity;       /* rows that the arrays below hold */
    float *centred;        /* [capacity][dims] rows less offset and bias */
    float *coefficients;   /* [capacity][width] of signed codes */
    row_norm *norms;       /* [capacity] of the rows of the last search, where they have them */
    float *scale;          /* [capacity] what norms are worth: 1 without, 0 for a scale of 0 */
    float *unsearched;     /* [capacity] distortion of rows of scale 0 or that can't be coded */
    float *distortion;     /* [capacity] of the last search */
    code_rows codes;       /* of the last search */
    const uint8_t *starts; /* of the last search, the caller's; NULL: none but spans */
    sae_codes sae_codes;
} search_engine;

void search_engine_free(search_engine *e);

/* Multiplier (squared error of a row, at full size, a bit) that goes with a step, and back: one
 * constant for all data, by the prices that the engine looks at. A step counts in units of a row's
 * scale: the codebook's is meant. Choices have no levels: their step is the codebook's whatever
 * lambda, and lambda 0, at which the nearest are chosen, goes with it. */
double search_engine_lambda(const search_engine *e, const codebook *cb, double step);
double search_engine_step(const search_engine *e, const codebook *cb, double lambda);

/* The nearest step on the bitstream's grid with a mantissa of so many bits: more bits place
 * reconstruction points more finely, fewer leave room for higher levels (2^(23 - bits) at least).
 */
#define STEP_BITS_LEAST 11
#define STEP_BITS_MOST 15
quant_step quant_step_of(double value, unsigned bits);

/* Bits of a step's mantissa: what a codebook was fitted with is kept for its files. */
unsigned quant_step_bits(quant_step step);

/* The most bits that leave room for a strength. */
unsigned quant_step_bits_for(double step, double strength);

/* Prepares prices: cb's priors at a step, and its joint model where e->code asks for one. The
 * codebook's atoms aren't looked at. */
mdla_status search_engine_set(search_engine *e, const codebook *cb, const code_params *params,
                              double lambda);

/* Effort 1 .. 9 to what the search takes trouble over. */
void search_engine_effort(search_engine *e, int effort);

/* Searches rows [row_count][dims]: fills codes, distortion and, where rows have them, norms and
 * scale. The distortion is that of the rows as they are given: of one of scale s it weighs s^2 of
 * the normalised row's, against the same lambda a bit. Infinite for a row that can't be coded.
 * Values must be finite. starts [row_count] (kept until the next search): rows that no row before
 * bears on, beside those whose number is a multiple of span; NULL: none. */
mdla_status search_engine_run(search_engine *e, const float *rows, const uint8_t *starts,
                              size_t row_count, size_t span);

#endif
