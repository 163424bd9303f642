/* Inside mdla_sae: what the encoder, the codebook fit and the trainer reach into. */
#ifndef MDLA_SAE_HANDLE_H
#define MDLA_SAE_HANDLE_H

#include "mdla/mdla.h"
#include "sae/sae.h"

struct mdla_sae {
    sae *model;
};

/* A handle that takes over the model, also on failure. NULL: no memory (or model NULL). */
mdla_sae *sae_handle_new(sae *model);

#endif
