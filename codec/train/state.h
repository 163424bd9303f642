/* What the trainer's files share: the state of a training. The front door is trainer.h. */
#ifndef MDLA_TRAIN_STATE_H
#define MDLA_TRAIN_STATE_H

#include "train/codes.h"
#include "train/kernels.h"
#include "train/rng.h"
#include "train/trainer.h"

#include <stdbool.h>

/* A parameter array with its two Adam moments. */
typedef struct train_weights {
    float *w, *m, *v;
    size_t count;
} train_weights;

/* The small part of what a checkpoint holds. No padding, so that its bytes are defined. */
typedef struct train_scalars {
    uint64_t step; /* steps done */
    train_rng rng;
    float scale;     /* model rows are (row - mean) / scale */
    float threshold; /* smoothed smallest strength kept in a batch */
    float bound;     /* pre-activations below it aren't listed */
    float penalty;   /* TRAINER_RELU: weight of the strengths' sum in the loss */
} train_scalars;

struct trainer {
    const mdla_allocator *al;
    trainer_params p;
    parallel_pool *pool;

    train_weights enc, dec; /* [width][dims]; decoder runs have length 1 */
    train_weights b_enc;    /* [width] */
    train_weights b_dec;    /* [dims] */
    float *mean;            /* [dims] */
    uint64_t *fired;        /* [width]: the step in which the feature last fired */
    train_scalars now;

    /* Of one step. */
    float *x;          /* [batch][dims]: model rows */
    float *error;      /* [2 batch][dims]: reconstruction - x, then the auxiliary code's */
    double *row_loss;  /* [batch] */
    double *row_error; /* [batch]: squared error */
    float *pre;        /* [workers][TILE_ROWS][TILE_FEATURES]: pre-activations of one tile */
    float *gradient;   /* [workers][2][dims] */
    uint8_t *dead;     /* [width] flags */
    code_lists codes;
};

/* Mean features a row at this step: falls to l0 over the first part of the training. */
float train_l0_now(const trainer *t);

/* Finds and lists the codes of t->x. */
mdla_status train_find_codes(trainer *t);

/* Lists the candidates of t->x above t->now.bound, tile by tile, in t->codes. */
void train_find_candidates(trainer *t);

#endif
