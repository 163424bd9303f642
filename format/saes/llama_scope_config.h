/* hyperparams.json and config.json of Llama Scope and its successors. */
#ifndef MDLA_LLAMA_SCOPE_CONFIG_H
#define MDLA_LLAMA_SCOPE_CONFIG_H

#include "saes/import.h"

typedef enum llama_norm { LLAMA_DATASET, LLAMA_TOKEN, LLAMA_NONE } llama_norm;
typedef enum llama_act { LLAMA_RELU, LLAMA_TOPK, LLAMA_JUMPRELU } llama_act;

typedef struct llama_config {
    int generation; /* 1, 2 or 3 */
    uint32_t dims, width;
    llama_act act;
    llama_norm norm;
    uint32_t k;
    double threshold;               /* one for all features; generation 1 */
    double average_in, average_out; /* norms of rows, generation 1; 0: none */
    bool by_decoder_norm, pre_bias;
    bool no_decoder_bias;
    const char *hook; /* the configuration's; may be NULL */
} llama_config;

/* Refuses by name what is no SAE of its own input. */
mdla_status llama_config_read(const sae_import *im, int generation, llama_config *out,
                              mdla_error *err);

#endif
