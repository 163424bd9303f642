/* Priors from counts: firing rates on their grid, level distributions as a few shared classes. */
#ifndef MDLA_PRIORS_FIT_H
#define MDLA_PRIORS_FIT_H

#include "fit/counts.h"

/* The rate index whose probability is nearest (in bits) to p. */
uint8_t rate_index_of(double p);

/* Sets cb's rate_index, class_count, hazard and level_class from counts made at cb->fit.step, and
 * derives the coding order. MDLA_ERR_MEMORY. */
mdla_status priors_fit(codebook *cb, const code_counts *counts);

/* Priors to start from, before anything is known: every feature at mean_active / width, levels
 * falling by half. */
mdla_status priors_start(codebook *cb, double mean_active);

#endif
