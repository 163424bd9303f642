/* Training a sparse autoencoder: batches of rows in, an SAE out. Knows neither files nor streams.
 *
 * Rows are centred and scaled to mean square 1 a value inside; what trainer_export gives acts on
 * raw rows. In there: pre-activations a = x . enc + b_enc, strengths of those kept, reconstruction
 * s . dec + b_dec with atoms of length 1. Loss: squared error a row, for features that never fire
 * the error of rebuilding the residual too (the auxiliary loss of Gao et al. 2024), for
 * TRAINER_RELU a penalty on the strengths' sum.
 */
#ifndef MDLA_TRAIN_TRAINER_H
#define MDLA_TRAIN_TRAINER_H

#include "base/parallel.h"
#include "mdla/base.h"
#include "sae/sae.h"

typedef struct trainer trainer;

typedef enum trainer_arch {
    TRAINER_BATCHTOPK, /* the batch x l0 largest of a batch (Bussmann et al. 2024) */
    TRAINER_TOPK,      /* the l0 largest of a row */
    TRAINER_RELU /* every positive one; the penalty is steered until their mean number is l0 */
} trainer_arch;

typedef struct trainer_params {
    uint32_t dims, width, l0;
    trainer_arch arch;
    uint32_t batch; /* rows a step, 1 .. TRAINER_MAX_BATCH */
    uint64_t steps; /* of the whole training: the learning rate ends at 0 there */
    uint64_t seed;
    float rate; /* Adam's highest learning rate */
} trainer_params;

#define TRAINER_MAX_BATCH 65536u

/* Memory that a training of this shape takes, in bytes; UINT64_MAX where that overflows. */
uint64_t trainer_nbytes(const trainer_params *params, size_t workers);

/* The pool must outlive the trainer. The result is the same for any number of threads in it. */
mdla_status trainer_open(const mdla_allocator *al, const trainer_params *params,
                         parallel_pool *pool, trainer **out);
void trainer_close(trainer *t); /* accepts NULL */

/* Origin, scale and first atoms from rows [row_count][dims]. Not needed before state is loaded.
 * MDLA_ERR_DATA: all rows are the same. */
mdla_status trainer_begin(trainer *t, const float *rows, size_t row_count);

typedef struct trainer_report {
    double loss; /* mean over the batch's rows */
    double fvu;  /* squared error over that of the first rows' mean */
    double l0;
    uint32_t dead;
} trainer_report;

/* One step on rows [batch][dims]. */
mdla_status trainer_step(trainer *t, const float *rows, trainer_report *report);

/* Sets the threshold so that rows [row_count][dims], which should be ones not trained on, keep to
 * l0 features in the mean: a standard error below it. The last partial batch is left out. Does
 * nothing for other kinds than TRAINER_BATCHTOPK, or less than one batch. */
mdla_status trainer_calibrate(trainer *t, const float *rows, size_t row_count);

/* The SAE that acts on raw rows: jumprelu, topk or relu. */
mdla_status trainer_export(const trainer *t, sae **out);

uint64_t trainer_steps_done(const trainer *t);

/* Everything that the next step depends on, as memory to be written and read back. */
typedef struct trainer_part {
    void *bytes;
    size_t nbytes;
} trainer_part;
enum { TRAINER_PARTS = 15 };
void trainer_state(trainer *t, trainer_part parts[TRAINER_PARTS]);

#endif
