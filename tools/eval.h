/* mdla-eval's measurements: bits and loss of a file, and what the paper's formulas say of the same
 * codes. */
#ifndef MDLA_EVAL_H
#define MDLA_EVAL_H

#include "eval_metrics.h"
#include "eval_moved.h"
#include "eval_worth.h"
#include "eval_saebench.h"
#include "sae_open.h"

#include "mdla/mdla.h"

/** What the paper's formulas give for a set of codes, in bits a row. */
typedef struct eval_estimates {
    uint64_t levels_in_use; /* different levels; B is its log2 */
    double bound;           /* L0 (B + log2 width) */
    double entropy;         /* sum over features of h(p) + p H(level | active) */
    double
        subset; /* log2(width + 1) + log2 C(width, L0 of the row), mean over rows; no strengths */
} eval_estimates;

/** Counts codes row by row for the estimates. Memory grows with the different (feature, level)
 * pairs. */
typedef struct eval_counter eval_counter;

/** NULL: no memory. */
eval_counter *eval_counter_new(uint32_t width);
void eval_counter_free(eval_counter *counter); /* accepts NULL */
/** Returns 0, or -1: no memory. */
int eval_counter_add(eval_counter *counter, const mdla_coded_feature *code, size_t count);
/** NaN in all estimates where there are no rows. Returns 0, or -1: no memory. */
int eval_counter_finish(const eval_counter *counter, eval_estimates *out, saebench_bits *saebench);

typedef struct eval_result {
    const char *name;
    uint64_t rows;
    uint32_t dims, width;
    double metric[METRICS];
    uint64_t density_bins[DENSITY_BINS];
    saebench_bits saebench;
    /* of a coded file alone */
    int coded;
    mdla_account account;
    double marginal_bits, file_bits; /* a row */
    eval_estimates estimates;
    int moved;                                     /* compared with the SAE's own code: */
    double own_l0, shared_of_coded, shared_of_own; /* shares of features that are in both */
} eval_result;

/** The rows that everything is measured against, and how messages call them. */
typedef struct eval_data {
    const char *name;
    mdla_rows *rows;
} eval_data;

/** What else to write, and how. */
typedef struct eval_settings {
    mdla_config config;
    sae_choice sae;
    const mdla_sae *own; /* whose code those of files are compared with; NULL: none */
    const char *codes_out, *decoded_out, *features_out; /* NULL: not asked for */
    int force;
    uint64_t passage_rows; /* 0: not known */
} eval_settings;

/** Measures a .mdla file against its rows. Returns 0, or -1: reported. */
int eval_file(const eval_settings *settings, const eval_data *data, const char *path,
              const mdla_codebook *codebook, eval_result *out);
/** Measures the SAE's own forward pass on the rows. Returns 0, or -1: reported. */
int eval_sae(const eval_settings *settings, const eval_data *data, eval_result *out);

/** What both have in common: rows in tiles, twice. */
enum { EVAL_TILE_ROWS = 1024 };
typedef struct eval_pass {
    const char *name; /* of the file or SAE */
    const eval_data *data;
    uint64_t done;                  /* rows read in this pass */
    float *values;                  /* [EVAL_TILE_ROWS][dims] */
    float *decoded;                 /* likewise */
    uint64_t passage_rows;          /* of every passage; 0: as the data say */
    uint8_t starts[EVAL_TILE_ROWS]; /* with which rows a passage starts */
    eval_metrics metrics;
} eval_pass;

/** Makes room and takes the first pass. Returns 0, or -1: reported. */
int eval_pass_start(eval_pass *pass, const char *name, const eval_data *data, uint32_t width,
                    uint64_t passage_rows);
/** Goes back to the first row. Returns 0, or -1: reported. */
int eval_pass_again(eval_pass *pass);
/** The next rows; sets *got. A NaN or infinity has no place in a sum of squares. */
int eval_pass_rows(eval_pass *pass, size_t *got);
/** Fills the result and gives memory back; result NULL: only gives back. */
void eval_pass_end(eval_pass *pass, eval_result *result);
/** Every feature's density as CSV, and what it is worth (NULL: not of a coded file). Returns 0, or
 * -1: reported. */
int eval_write_features(const eval_settings *settings, const eval_metrics *metrics,
                        const eval_worth *worth);

/* histogram != 0: of feature densities too. Return 0, or -1: no memory. */
int eval_print_sheet(const eval_result *results, size_t count, int histogram); /* a line a figure */
int eval_print_table(const eval_result *results, size_t count);                /* a line a file */
int eval_print_csv(const eval_result *results, size_t count, int histogram);
void eval_print_json(const eval_result *results, size_t count, int histogram);

#endif
