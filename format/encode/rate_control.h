/* Finds the step (and with it lambda) at which a target is met. */
#ifndef MDLA_RATE_CONTROL_H
#define MDLA_RATE_CONTROL_H

#include "mdla/mdla.h"

#include <stdbool.h>

#define CHOICE_LAMBDA 0.0015 /* of a row's deviation: where choices begin */

/* What one trial at a lambda came to. */
typedef struct rate_trial {
    double fvu;
    double bits_per_row;
} rate_trial;

/* A search for lambda in the logarithm, by secants; kept honest by a bracket where what a lambda
 * comes to stays what it was, as it does not while prices still move. */
typedef struct rate_control {
    mdla_target target; /* fvu or bits_per_row; aimed at the middle of [0.99, 1.00] of it */
    bool moving;        /* prices move from trial to trial: no bracket */
    double lambda;      /* the next to try */
    double low,
        low_miss; /* largest lambda known to be too small, ln(reached / aim) there; low 0: none */
    double high, high_miss; /* smallest known to be too large; high 0: none */
    double last, last_miss; /* the trial before; last 0: none */
    double slope;           /* of the miss over ln lambda */
    double slope_least;     /* that is believed */
    unsigned trials;
    unsigned one_sided; /* trials without a bracket */
} rate_control;

void rate_control_start(rate_control *c, const mdla_target *target, double lambda, bool moving);

/* The same for choices among codewords: lambda hardly matters until it is large. */
void rate_control_start_choices(rate_control *c, const mdla_target *target, double deviation);

/* Takes in what lambda came to; true where it is within tolerance (a fraction, such as 0.004) of
 * the aim. Otherwise lambda is the next to try. */
bool rate_control_step(rate_control *c, const rate_trial *trial, double tolerance);

/* True where the trial keeps the promise: within [0.99, 1.00] of the target. */
bool rate_control_kept(const mdla_target *target, const rate_trial *trial);

/* True where the trial is within a share of the target, on either side. */
bool rate_control_near(const mdla_target *target, const rate_trial *trial, double share);

/* True where FVU or rate is at most the target: few rows come in coarse steps, and not all can be
 * hit. */
bool rate_control_kept_or_better(const mdla_target *target, const rate_trial *trial);

/* Forgets the bracket: the function has changed (other rows). */
void rate_control_restart(rate_control *c);

#endif
