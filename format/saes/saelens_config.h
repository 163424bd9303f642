/* cfg.json of SAELens, versions 2 to 6: what of it decides the numbers. */
#ifndef MDLA_SAELENS_CONFIG_H
#define MDLA_SAELENS_CONFIG_H

#include "saes/json_fields.h"
#include "sae/sae.h"

typedef struct saelens_config {
    uint32_t dims, width;
    sae_activation activation;
    sae_norm norm;
    uint32_t k;           /* SAE_TOPK alone */
    bool batch_threshold; /* an SAE_JUMPRELU whose one threshold is the tensor topk_threshold */
    bool subtract_b_dec;
    bool rescale_by_norm;      /* pre-activations times the atoms' norms */
    bool apply_scaling_factor; /* a tensor of factors for the strengths applies when decoding */
    bool expects_scaled_rows;  /* expected_average_only_in: rows may have to be scaled */
} saelens_config;

/* What would change the numbers and isn't known is refused by name. */
mdla_status saelens_config_read(const fields *f, const mdla_limits *limits, saelens_config *out,
                                mdla_error *err);

#endif
