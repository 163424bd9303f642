/* A sparse autoencoder in memory and its forward pass (encoder side; the decoder never needs one).
 */
#ifndef MDLA_SAE_H
#define MDLA_SAE_H

#include "base/parallel.h"
#include "mdla/base.h"

typedef enum sae_activation {
    SAE_RELU,     /* f = max(a, 0) */
    SAE_JUMPRELU, /* f = max(a, 0) where a > threshold[feature] */
    SAE_TOPK      /* the k largest a of the row, f = max(a, 0); ties go to the lowest feature */
} sae_activation;

/* a = (x - pre_bias) . w_enc + b_enc; f = activation(a); reconstruction = f . w_dec + b_dec.
 * Owns its arrays. */
typedef struct sae {
    const mdla_allocator *al;
    uint32_t dims, width;
    sae_activation activation;
    uint32_t k;         /* SAE_TOPK alone */
    int subtract_b_dec; /* pre_bias is b_dec; else it is zero */
    float *w_enc;       /* [width][dims]: a feature's weights are one run */
    float *w_dec;       /* [width][dims]: atoms as stored, any norm */
    float *b_enc;       /* [width] */
    float *b_dec;       /* [dims] */
    float *threshold;   /* [width]; NULL unless SAE_JUMPRELU */
} sae;

/* Zeroed arrays of the given shape. NULL: no memory. */
sae *sae_new(const mdla_allocator *al, uint32_t dims, uint32_t width, sae_activation activation);
void sae_free(sae *s); /* accepts NULL */

/* Codes of a set of rows: row r's features are feature[start[r]] .. feature[start[r + 1] - 1],
 * ascending. */
typedef struct sae_codes {
    size_t row_count, capacity; /* capacity of feature and strength */
    size_t *start;              /* [row_count + 1] */
    uint32_t *feature;
    float *strength; /* in the SAE's own scale */
} sae_codes;

/* The SAE's own codes of rows [row_count][dims]. Grows codes as needed (they start zeroed; freed by
 * sae_codes_free). scratch memory is rows x width floats in tiles. Bits don't depend on threads. */
mdla_status sae_forward(const sae *s, parallel_pool *pool, const float *rows, size_t row_count,
                        sae_codes *codes);
void sae_codes_free(const mdla_allocator *al, sae_codes *codes);

#endif
