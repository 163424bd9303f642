/* Inside mdla_sae: what the encoder, the codebook fit and the trainer reach into. */
#ifndef MDLA_SAE_HANDLE_H
#define MDLA_SAE_HANDLE_H

#include "codebook/codebook.h"
#include "container/hook.h"
#include "mdla/mdla.h"
#include "sae/sae.h"

/* How it came to be, for mdla_sae_query. */
typedef struct sae_handle_about {
    char kind[64];                  /* "" where it was not imported */
    char notes[512];                /* a sentence a line */
    char hook[HOOK_NBYTES_MAX + 1]; /* "": not known */
} sae_handle_about;

struct mdla_sae {
    sae *model;
    sae_handle_about about;
};

/* A handle that takes over the model, also on failure. NULL: no memory (or model NULL). */
mdla_sae *sae_handle_new(sae *model);

/* How codebooks call what the SAE does to rows. */
row_norm_kind sae_handle_norm(const sae *model);

/* Whether .mdla files can hold the SAE's own code, where that is asked for: it must be positive. */
mdla_status sae_handle_check_codable(const sae *model, mdla_code code, mdla_error *err);

#endif
