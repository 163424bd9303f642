/* An SAE as the command line names it, and a first look at whether it fits the rows. */
#ifndef MDLA_SAE_OPEN_H
#define MDLA_SAE_OPEN_H

#include "mdla/mdla.h"

typedef struct sae_choice {
    const char *path;
    mdla_sae_options options;
} sae_choice;

/** The text after --act-scale. Returns 0, or the exit code of a mistake. */
int sae_choose_scale(sae_choice *choice, const char *text);

/** Loads it and, with -v, says what was understood. Returns 0, or -1: reported. */
int sae_open(const mdla_config *config, const sae_choice *choice, mdla_sae **out);

/**
 * Runs it over the first 1,000 rows: L0 and FVU with -v, and a warning where FVU is above 1, which
 * is nearly always a wrong pre-bias, scale or transpose. The rows are rewound; where they can't be
 * or don't fit, nothing is done. Returns 0, or -1: reported.
 */
int sae_check(const mdla_config *config, const sae_choice *choice, const mdla_sae *sae,
              mdla_rows *rows);

#endif
