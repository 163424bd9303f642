/* Fits a joint model to codes (encoder side).
 *
 * Given the codes, each feature's logit is a logistic regression of its own, so the fit runs over
 * blocks of targets on as many threads as there are: within a block plain online Adagrad, a row at
 * a time, all sources dense, each weight drawn to zero as far as its source is rare. Then weights
 * that don't pay are dropped, the rest refitted and rounded.
 *
 * A weight pays by what it saves, not by its size: with F the sum of p (1 - p) over the rows where
 * its source is active, dropping w costs w^2 F / 2 nats over these rows (Fisher information). Most
 * of what there is to save lies in many weak weights, so the threshold is low where many rows share
 * the model; held-out rows decide how low, block by block.
 */
#ifndef MDLA_JOINT_FIT_H
#define MDLA_JOINT_FIT_H

#include "base/parallel.h"
#include "codebook/codebook.h"
#include "search/search.h"

/* Codes to fit to. Rows in order; a row follows the one before it unless starts says otherwise. */
typedef struct joint_rows {
    const code_rows *codes;
    const uint8_t *starts; /* [rows]: nonzero where no row before counts */
} joint_rows;

typedef struct joint_fit_options {
    double expected_rows; /* that will share the weights: what they may cost */
    bool before;          /* look at the row before, too */
    bool rough;           /* for prices alone: what is left after pruning isn't refitted */
    unsigned passes;      /* over the rows, before pruning */
    float prior;          /* inverse variance of weights, nats^-2; 0: chosen, and left here */
} joint_fit_options;

/* Makes cb->joint from codes at cb's order and rates; what stood there is released. Leaves NULL
 * where no weight pays. Same result for any number of threads. MDLA_ERR_MEMORY. */
mdla_status joint_fit(codebook *cb, parallel_pool *pool, const joint_rows *rows,
                      joint_fit_options *options);

#endif
