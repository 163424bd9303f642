/* mdla: training a sparse autoencoder on activation rows.
 *
 *   mdla_train_options_init   the defaults
 *   mdla_train                rows in, a mdla_sae out; mdla_sae_save writes it as SAELens loads it
 *
 * A training can be stopped and taken up again: with a checkpoint folder its state is written there
 * now and then, and when the progress callback asks to stop.
 */
#ifndef MDLA_TRAIN_H
#define MDLA_TRAIN_H

#include "mdla/mdla.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mdla_train_arch {
    MDLA_TRAIN_BATCHTOPK =
        0, /**< mean L0 = l0 over each batch; saved as jumprelu with the learned threshold */
    MDLA_TRAIN_TOPK = 1, /**< exactly l0 features a row; saved as topk */
    MDLA_TRAIN_RELU = 2  /**< L1 penalty, steered towards mean L0 = l0; saved as standard */
} mdla_train_arch;

/** How a training stands; numbers but for the counts are running means over some 50 steps. */
typedef struct mdla_train_state {
    uint64_t step, steps; /**< steps done, and of the whole training */
    uint64_t rows;        /**< rows trained on so far, each pass counted */
    double loss;          /**< what is minimised, a row, at mean square 1 a value */
    double fvu;           /**< about the mean of the first rows */
    double l0;
    uint32_t dead; /**< features that haven't fired for long */
} mdla_train_state;

/**
 * Told after every step, from the thread that called mdla_train. Returning nonzero asks the
 * training to stop: it then writes its checkpoint, where it has a folder for it, and ends with
 * MDLA_ERR_INTERRUPTED.
 */
typedef int (*mdla_train_progress)(void *ctx, const mdla_train_state *state);

typedef struct mdla_train_options {
    mdla_train_arch arch;
    uint32_t width;  /**< features; must be set */
    uint32_t l0;     /**< active features a row, 1 .. width; must be set */
    uint32_t passes; /**< over the rows, 1 .. 1,000,000; default 3 */
    uint32_t batch;  /**< rows a step, 1 .. 65,536; default 64 */
    double rate;     /**< Adam's highest learning rate; 0 (default): 0.001, for relu 0.004 */
    double holdout; /**< part of the rows kept from training, 0 .. 0.5; default 0.03, at most 16,384
                       rows */
    uint64_t seed;  /**< default 0 */
    uint64_t
        buffer_nbytes; /**< memory for shuffling; default 512 MiB. Data that fit are read once */
    uint64_t checkpoint_steps; /**< steps between checkpoints; 0 (default): a tenth of the training,
                                  at least 1,000 */
    /** Where checkpoints go, as the member MDLA_TRAIN_CHECKPOINT; NULL: nowhere. The caller's. */
    const mdla_folder *checkpoint;
    int resume; /**< nonzero: go on from the checkpoint, made with the same rows and options */
    mdla_train_progress progress; /**< may be NULL */
    void *progress_ctx;
} mdla_train_options;

#define MDLA_TRAIN_CHECKPOINT "mdla-train.checkpoint"

/** The defaults. */
MDLA_API void mdla_train_options_init(mdla_train_options *options);

/** What came out, measured on the rows that were held out; NaN where there are none. */
typedef struct mdla_train_report {
    uint64_t steps;
    uint64_t train_rows, holdout_rows; /**< distinct ones */
    double fvu, l0;                    /**< of the SAE as it is returned */
    uint32_t dead; /**< features that hadn't fired for long when training ended */
} mdla_train_report;

/**
 * Trains an SAE. Atoms have length 1 and the SAE acts on rows as they are: centring and scaling,
 * learned from the first rows, are folded into its weights.
 *
 * Memory: the model and its optimiser state (24 bytes a weight of width x dims), buffer_nbytes, the
 * rows held out and a batch's candidates; it doesn't grow with the number of rows. Rows are read in
 * order, once a pass. The same rows, options and seed give the same SAE on the same machine for any
 * number of threads, whether interrupted and resumed or not. Runs config->threads threads; the call
 * returns when they are done.
 *
 * @param rows    rewindable, of known number; read from the first row on. The caller's.
 * @param out     out: the SAE, the caller's until mdla_sae_free; NULL on failure.
 * @param report  out; may be NULL. Untouched on failure.
 * @return MDLA_ERR_ARGUMENT    an option out of range, fewer rows than a batch, rows that can't be
 * rewound, or a checkpoint of another training MDLA_ERR_DATA        a NaN or infinity, with row and
 * column, or rows that are all the same MDLA_ERR_LIMIT       dims, width or memory above config's
 * limits MDLA_ERR_CORRUPT, MDLA_ERR_TRUNCATED, MDLA_ERR_FORMAT  the checkpoint is damaged or none
 *         MDLA_ERR_INTERRUPTED the progress callback asked to stop; the checkpoint is written
 *         MDLA_ERR_IO          rows or checkpoint can't be read or written
 *         MDLA_ERR_MEMORY
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_train(const mdla_config *config, mdla_rows *rows,
                                              const mdla_train_options *options, mdla_sae **out,
                                              mdla_train_report *report, mdla_error *err);

#ifdef __cplusplus
}
#endif
#endif
