/* What the importers of all kinds share: the folder, the tensors, and a plan of which tensor goes
 * where. Each kind has a file; sae_load.c finds out which it is. */
#ifndef MDLA_SAE_IMPORT_H
#define MDLA_SAE_IMPORT_H

#include "saes/json_fields.h"
#include "saes/sae_handle.h"
#include "saes/weights.h"

typedef struct sae_import {
    const mdla_allocator *al;
    const mdla_limits *limits;
    mdla_folder *folder;
    const char *name;    /* of the folder or file, as the caller gave it */
    const char *variant; /* what stands behind the colon of a kind that was named; NULL */
    bool named;          /* the caller has named the kind: what a path suggests is not asked */
    double act_scale;    /* 0: none given */
    json_t *config;      /* NULL: none */
    char config_name[300];
    weights *tensors;
    sae *model;
    sae_handle_about about;
} sae_import;

/* ---- Members --------------------------------------------------------------------------------- */

/* How messages call a member: NAME/MEMBER. */
void import_member_name(const sae_import *im, const char *member, char *text, size_t text_nbytes);
/* Opens a member if it is there; *found says so. */
mdla_status import_try(sae_import *im, const char *member, mdla_source *out, bool *found,
                       mdla_error *err);
mdla_status import_has(sae_import *im, const char *member, bool *found, mdla_error *err);
/* Reads a JSON member into im->config (in place of what is there); *found may be NULL: it must be
 * there. */
mdla_status import_config(sae_import *im, const char *member, bool *found, mdla_error *err);
fields import_fields(const sae_import *im);

typedef mdla_status (*import_opener)(const mdla_allocator *al, mdla_source source, const char *name,
                                     weights **out, mdla_error *err);
/* Opens a member's tensors as im->tensors. */
mdla_status import_weights(sae_import *im, const char *member, import_opener opener,
                           mdla_error *err);

/* Whether the path says a word, upper or lower case; false where the caller has named the kind. */
bool import_path_says(const sae_import *im, const char *word);
/* A remark for the user; at most a few. */
void import_note(sae_import *im, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Where its rows stand, by the first of these members (the list ends with NULL) that names it. */
void import_hook(sae_import *im, const fields *f, const char *const *keys);

/* ---- The plan -------------------------------------------------------------------------------- */

typedef enum import_part {
    PART_W_ENC,
    PART_W_DEC,
    PART_B_ENC,
    PART_B_DEC,
    PART_THRESHOLD, /* one a feature */
    PART_GAIN,
    PART_B_MAG,
    PART_FACTOR /* for strengths when decoding; kept in import_plan */
} import_part;

typedef struct import_tensor {
    const char *name;
    import_part part;
    bool turned;      /* the matrix is stored the other way round: [dims][width] */
    bool exponential; /* the values are logarithms */
} import_tensor;

enum { IMPORT_TENSORS_MAX = 12 };

typedef struct import_plan {
    uint32_t dims, width; /* 0: as the encoder's shape has it */
    const char *whose;    /* what says so, for messages */
    sae_activation activation;
    sae_norm norm;
    uint32_t k;
    bool subtract_b_dec;
    import_tensor tensors[IMPORT_TENSORS_MAX];
    size_t tensor_count;
    float *factor; /* [width], out; the caller's. NULL where no tensor has that part */
} import_plan;

void import_add(import_plan *plan, import_part part, const char *name, bool turned);
void import_add_exponential(import_plan *plan, import_part part, const char *name);

/* Checks every tensor of the plan, takes memory within the limits, reads them, and refuses tensors
 * that nobody knows. Leaves im->model. */
mdla_status import_model(sae_import *im, import_plan *plan, mdla_error *err);

/* dims and width from the encoder's shape where the plan has none. */
mdla_status import_sizes(const sae_import *im, import_plan *plan, mdla_error *err);

/* One threshold for all features, where it isn't a tensor of one a feature. */
void import_fill_threshold(sae_import *im, double threshold);

/* ---- Folds (import_fold.c) ------------------------------------------------------------------- */

/* The encoder sees x times t, the reconstruction is divided by t. */
mdla_status fold_input_scale(sae_import *im, double t, mdla_error *err);
/* Atoms times factor[feature]. */
mdla_status fold_factor(sae_import *im, const float *factor, mdla_error *err);
/* Atoms divided by their norms, pre-activations times them. keep_strengths: strengths stay as they
 * are for the atoms as stored: only what the activation sees is multiplied. */
mdla_status fold_norms(sae_import *im, bool keep_strengths, mdla_error *err);
/* Everything finite still? */
mdla_status fold_check(const sae_import *im, mdla_error *err);

/* ---- The kinds ------------------------------------------------------------------------------- */

mdla_status saelens_import(sae_import *im, mdla_error *err);
mdla_status gemma_scope_import(sae_import *im, mdla_error *err);
mdla_status gemma_scope_2_import(sae_import *im, mdla_error *err);
mdla_status sparsify_import(sae_import *im, mdla_error *err);
mdla_status dictionary_import(sae_import *im, mdla_error *err);
mdla_status llama_scope_import(sae_import *im, mdla_error *err);
mdla_status openai_import(sae_import *im, mdla_error *err);
/* Any other .pt: by its keys. */
mdla_status other_pt_import(sae_import *im, mdla_error *err);

/* The .pt file of the folder: the one that was chosen, else fallback. */
const char *import_pt_member(const sae_import *im, const char *fallback);
/* A dictionary_learning class by name, for tensors that are open: dictionary_learning.c's, for
 * other_pt.c too. */
mdla_status dictionary_import_class(sae_import *im, const char *class_name, mdla_error *err);

#endif
