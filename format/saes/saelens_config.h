/* cfg.json of SAELens, versions 2 to 6: what of it decides the numbers. */
#ifndef MDLA_SAELENS_CONFIG_H
#define MDLA_SAELENS_CONFIG_H

#include "input.h"
#include "sae/sae.h"

#include <stdbool.h>

typedef struct saelens_config {
    uint32_t dims, width;
    sae_activation activation;
    uint32_t k; /* SAE_TOPK alone */
    bool subtract_b_dec;
    bool rescale_by_norm;      /* pre-activations times the atoms' norms; SAE_TOPK alone */
    bool apply_scaling_factor; /* a tensor of factors for the strengths applies when decoding */
} saelens_config;

/* Parses the input to its end. What would change the numbers and isn't known is refused by name. */
mdla_status saelens_config_read(input *in, const mdla_limits *limits, saelens_config *out,
                                mdla_error *err);

#endif
