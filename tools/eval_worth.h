/* What each feature is worth: bits paid for it, squared error that it saves, and after how many
 * rows its atom has paid for itself. */
#ifndef MDLA_EVAL_WORTH_H
#define MDLA_EVAL_WORTH_H

#include "mdla/mdla.h"

typedef struct eval_worth {
    uint32_t width;
    uint64_t rows;
    double *bits;  /* [width] indices and levels charged to the feature */
    double *saved; /* [width] sum over its rows of the squared error they'd have more without it */
    double *worth; /* [width] the same in bits */
    double *atom_bits; /* [width] of the codebook */
} eval_worth;

/** Measures a file against its rows, which are rewound. Returns 0, or -1: reported. To be ended in
 * any case. */
int worth_measure(eval_worth *worth, const char *name, mdla_rows *rows, mdla_decoder *decoder);
void worth_end(eval_worth *worth);

/** Rows after which the feature's atom is paid for; NaN: never. */
double worth_payback_rows(const eval_worth *worth, uint32_t feature);

#endif
