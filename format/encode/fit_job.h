/* What the files of a codebook's fit share:
 * fit.c         the job from beginning to end, prices and lambda on a sample
 * fit_basis.c   codebooks without an SAE
 * fit_codewords.c  codewords by k-means, in stages
 * fit_choices.c    their prices and lambda on a sample
 * fit_rounds.c  passes over the rows, each under prices from the one before
 * fit_atoms.c   atoms adapted to codes, pruned, quantised
 */
#ifndef MDLA_FIT_JOB_H
#define MDLA_FIT_JOB_H

#include "encode/passes.h"

typedef struct fit_share {
    double blocks;
    size_t rows_most; /* that the kept blocks have */
} fit_share;

typedef struct fit_job {
    const mdla_allocator *al;
    const mdla_fit_options *options;
    mdla_error *err;
    const sae *sae;              /* of a basis: its atoms, where it has any, and its bias alone */
    const codebook_basis *basis; /* NULL: an SAE's features */
    mdla_rows *rows;
    codebook *cb;
    float *atoms;          /* [width][dims] unit norm; 0: a feature that is pruned. NULL: columns */
    search_atoms *search;  /* NULL: no search, a basis */
    choice_atoms *choices; /* NULL: not codewords */
    uint64_t *word_rows;   /* [width] of codewords: rows of the training that are nearest */
    uint64_t trained_rows;
    search_engine engine;
    row_survey survey;
    code_counts *counts;
    atom_moments moments;
    offset_sums offsets;
    float *offset_scratch; /* [LEVEL_OFFSETS + 1][dims] */
    uint8_t *step_index;   /* [width] */
    int16_t *q;            /* [width][dims] */
    double lambda;
    double atom_lambda;   /* of the atoms' precision; 0: lambda */
    float prior;          /* of the joint model's weights, once one was chosen */
    fit_share share;      /* of the rows, whose codes the joint model is fitted to */
    code_rows kept;       /* these codes */
    uint8_t *kept_starts; /* [share.rows_most] */
    float *pull;          /* [width][dims] sum of strength x what the codes leave; or NULL */
    double *pull_weight;  /* [width] sum of strength x all strengths of the row; likewise */
} fit_job;

/* A job with al, options, err and rows set is opened, run once sae is set too, and closed with the
 * status so far, whatever it is: its codebook is then the caller's. The survey is taken by the run
 * where the job has none yet. */
mdla_status fit_open(fit_job *j, const mdla_config *config);
mdla_status fit_run(fit_job *j, const mdla_config *config);
mdla_status fit_close(fit_job *j, mdla_status status, mdla_codebook **out);

mdla_status fit_no_memory(fit_job *j);

/* Shows all rows to take, from the first, a tile at a time; rewinds. */
mdla_status fit_over_rows(fit_job *j, const char *what,
                          void (*take)(void *ctx, parallel_pool *pool, const float *rows,
                                       size_t row_count),
                          void *ctx);

/* Codewords for the surveyed rows, as the options say or the target needs: basis and features get
 * their width, stages and atoms, at full size. */
mdla_status fit_codewords(fit_job *j, mdla_basis kind, codebook_basis *basis, sae *features);

/* Prices of codewords and lambda on the sample. MDLA_ERR_TARGET: the nearest don't reach the FVU.
 */
mdla_status fit_choices(fit_job *j);

/* The share of blocks, evenly spread, whose codes are kept for the joint model: of about a million
 * rows at most, and of so many that their active features fit into some 256 MiB. rows, active,
 * block_rows: of the data set, of a row on average, of a block. */
fit_share fit_share_of(uint64_t rows, double active, uint32_t block_rows);
bool fit_share_keeps(const fit_share *s, uint64_t block);

/* Passes of the last fit over so many rows: more where they are few. */
unsigned fit_joint_passes(size_t rows);

/* Rows that will share the codebook. */
double fit_expected_rows(const fit_job *j);

/* Prices at j->lambda and the codebook as it is. */
mdla_status fit_set_lambda(fit_job *j);

/* Priors from the counts of the last pass: they refer to its step. */
mdla_status fit_priors(fit_job *j);

/* Passes over the rows, each under the prices that the codes before gave; the joint model, atoms
 * that adapt and prunes go along as the options say. Leaves j->counts, j->moments and the
 * codebook's priors of the last pass, which is over all rows. */
mdla_status fit_rounds(fit_job *j);

/* Adds rows of a pass to j->pull. */
void fit_atoms_pull(fit_job *j, const search_engine *e, size_t row_count);

/* Moves atoms to where the codes of the last pass leave less. */
mdla_status fit_atoms_adapt(fit_job *j, const atom_moments *moments);

/* Takes out the features that don't pay for their atoms, judged by the last pass, whose moments it
 * finishes. */
mdla_status fit_atoms_prune(fit_job *j, atom_moments *moments);

/* Squared error a row that integers at the precision of now add to codewords, by their counts. */
mdla_status fit_atoms_error(fit_job *j, double *error);

/* Atoms in integers, and the codebook's canonical bytes. */
mdla_status fit_atoms_make(fit_job *j);

#endif
