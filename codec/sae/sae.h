/* A sparse autoencoder in memory and its forward pass (encoder side; the decoder never needs one).
 *
 * Importers fold what can be folded (scales, factors, norms of atoms) into the weights, so that few
 * formulas are left here; what depends on the row, its normalisation, is done and undone per row.
 */
#ifndef MDLA_SAE_H
#define MDLA_SAE_H

#include "base/parallel.h"
#include "mdla/base.h"

typedef enum sae_activation {
    SAE_RELU,      /* f = max(a, 0) */
    SAE_JUMPRELU,  /* f = max(a, 0) where a > threshold[feature] */
    SAE_TOPK,      /* the k largest a of the row, f = max(a, 0); ties go to the lowest feature */
    SAE_TANH_RELU, /* f = tanh(max(a, 0)) */
    SAE_STEP,      /* f = a where a > threshold[feature]: below zero too where the threshold is */
    SAE_TOPK_ABS,  /* f = a for the k largest |a|; ties as above */
    SAE_GROUPMAX, /* k equal runs of features: max(a, 0) of each run's largest, the lowest of equals
                   */
    SAE_GATED     /* f = max(gain[feature] (a - b_enc) + b_mag[feature], 0) where a > 0 */
} sae_activation;

typedef enum sae_norm {
    SAE_NORM_NONE,
    SAE_NORM_CONSTANT, /* y = x c with c = sqrt(dims) / |x|; c = 0 for a row of zeros */
    SAE_NORM_LAYER     /* y = (x - mean) / (s + 1e-5), s with divisor dims - 1 */
} sae_norm;

/* y = norm(x); a = (y - pre_bias) . w_enc + b_enc; f = activation(a) x scale; r = f . w_dec +
 * b_dec; the reconstruction is r with the row's normalisation undone. Owns its arrays. */
typedef struct sae {
    const mdla_allocator *al;
    uint32_t dims, width;
    sae_activation activation;
    sae_norm norm;
    uint32_t k;         /* SAE_TOPK, SAE_TOPK_ABS and SAE_GROUPMAX */
    int subtract_b_dec; /* pre_bias is b_dec; else it is zero */
    float *w_enc;       /* [width][dims]: a feature's weights are one run */
    float *w_dec;       /* [width][dims]: atoms as stored, any norm */
    float *b_enc;       /* [width] */
    float *b_dec;       /* [dims] */
    float *threshold;   /* [width]; NULL unless SAE_JUMPRELU or SAE_STEP */
    float *gain;        /* [width]; NULL unless SAE_GATED */
    float *b_mag;       /* [width]; likewise */
    float *scale; /* [width] or NULL: all 1. Strengths are what the activation gives times it */
} sae;

/* Zeroed arrays of the given shape. NULL: no memory. */
sae *sae_new(const mdla_allocator *al, uint32_t dims, uint32_t width, sae_activation activation);
void sae_free(sae *s); /* accepts NULL */

/* Whether strengths below zero can occur. */
int sae_is_signed(const sae *s);

/* Codes of a set of rows: row r's features are feature[start[r]] .. feature[start[r + 1] - 1],
 * ascending, and none of their strengths is zero. */
typedef struct sae_codes {
    size_t row_count, capacity; /* capacity of feature and strength */
    size_t *start;              /* [row_count + 1] */
    uint32_t *feature;
    float *strength;   /* in the SAE's own scale */
    double *row_scale; /* [2 x row_count]: reconstruction = r x scale + offset, scale and offset in
                          turn; NULL without normalisation */
} sae_codes;

/* The SAE's own codes of rows [row_count][dims]. Grows codes as needed (they start zeroed; freed by
 * sae_codes_free). scratch memory is rows x width floats in tiles. Bits don't depend on threads. */
mdla_status sae_forward(const sae *s, parallel_pool *pool, const float *rows, size_t row_count,
                        sae_codes *codes);
void sae_codes_free(const mdla_allocator *al, sae_codes *codes);

/* Row r of the codes as the SAE reconstructs it: [dims] into out. */
void sae_decode_row(const sae *s, const sae_codes *codes, size_t r, float *out);

#endif
