#include "sae/activation.h"

#include <math.h>
#include <string.h>

/* ---- Rows in --------------------------------------------------------------------------------- */

int activation_has_input(const sae *s)
{
    return s->subtract_b_dec || s->norm != SAE_NORM_NONE;
}

void row_norm_measure(const float *x, uint32_t dims, bool centred, double scale[2])
{
    const double divisor = centred && dims > 1 ? dims - 1.0 : dims;
    double sum = 0.0, mean = 0.0;
    uint32_t i;

    for (i = 0; centred && i < dims; i++)
        mean += (double)x[i];
    mean /= dims;
    for (i = 0; i < dims; i++)
        sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    scale[0] = sqrt(sum / divisor);
    scale[1] = mean;
}

/* y = (x - scale[1]) times; the reconstruction is r scale[0] + scale[1]. */
static double find_norm(const sae *s, const float *x, double scale[2])
{
    row_norm_measure(x, s->dims, s->norm == SAE_NORM_LAYER, scale);
    if (s->norm == SAE_NORM_LAYER)
        return 1.0 / (scale[0] + 1e-5);
    return scale[0] > 0.0 ? 1.0 / scale[0] : 0.0;
}

void activation_input(const sae *s, const float *x, float *y, double *scale)
{
    double times;
    uint32_t i;

    if (s->norm == SAE_NORM_NONE) {
        for (i = 0; i < s->dims; i++)
            y[i] = x[i] - s->b_dec[i];
        return;
    }
    times = find_norm(s, x, scale);
    for (i = 0; i < s->dims; i++)
        y[i] = (float)(((double)x[i] - scale[1]) * times -
                       (s->subtract_b_dec ? (double)s->b_dec[i] : 0.0));
}

/* ---- Codes out ------------------------------------------------------------------------------- */

/* Moves the k-th largest of count values (1 <= k <= count) to values[k - 1], none smaller before
 * it. */
static float kth_largest(float *values, size_t count, size_t k)
{
    size_t low = 0, high = count - 1;

    while (low < high) {
        const float pivot = values[low + (high - low) / 2];
        size_t i = low, j = high;

        for (;;) {
            float swap;

            while (values[i] > pivot)
                i++;
            while (values[j] < pivot)
                j--;
            if (i >= j)
                break;
            swap = values[i];
            values[i++] = values[j];
            values[j--] = swap;
        }
        if (k - 1 <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[k - 1];
}

/* Keeps the k largest of count strengths, by magnitude (the positive ones' own order); of equals
 * the first. */
static size_t keep_largest(size_t count, size_t k, uint32_t *feature, float *strength,
                           float *sorted)
{
    size_t kept = 0, equal = k, i;
    float least;

    if (count <= k)
        return count; /* top-k takes the k largest, signed: with fewer positive ones it takes them
                         all */
    if (k == 0)
        return 0;
    for (i = 0; i < count; i++)
        sorted[i] = fabsf(strength[i]);
    least = kth_largest(sorted, count, k);
    for (i = 0; i < count; i++) /* how many of those that equal the least are taken */
        equal -= fabsf(strength[i]) > least;
    for (i = 0; i < count; i++) {
        const float size = fabsf(strength[i]);

        if (size < least || (size == least && equal == 0))
            continue;
        equal -= size == least;
        feature[kept] = feature[i];
        strength[kept++] = strength[i];
    }
    return kept;
}

static size_t largest_of_groups(const sae *s, const float *a, uint32_t *feature, float *strength)
{
    const uint32_t size = s->width / s->k;
    size_t count = 0;
    uint32_t first, j;

    for (first = 0; first < s->width; first += size) {
        uint32_t best = first;

        for (j = first + 1; j < first + size; j++)
            best = a[j] > a[best] || !(a[best] == a[best]) ? j : best;
        if (a[best] > 0.0f) {
            feature[count] = best;
            strength[count++] = a[best];
        }
    }
    return count;
}

/* What an activation that looks at each feature alone makes of a pre-activation; 0: not active. */
static float alone(const sae *s, const float *a, uint32_t j)
{
    switch (s->activation) {
    case SAE_JUMPRELU: return a[j] > 0.0f && a[j] > s->threshold[j] ? a[j] : 0.0f;
    case SAE_STEP: return a[j] > s->threshold[j] ? a[j] : 0.0f;
    case SAE_TANH_RELU: return a[j] > 0.0f ? tanhf(a[j]) : 0.0f;
    case SAE_TOPK_ABS: return a[j] == a[j] ? a[j] : 0.0f;
    case SAE_GATED: {
        const float size = a[j] * s->gain[j] + s->b_mag[j];

        return a[j] + s->b_enc[j] > 0.0f && size > 0.0f ? size : 0.0f;
    }
    default: return a[j] > 0.0f ? a[j] : 0.0f;
    }
}

size_t activation_row(const sae *s, const float *a, uint32_t *feature, float *strength,
                      float *sorted)
{
    size_t count = 0, i;
    uint32_t j;

    if (s->activation == SAE_GROUPMAX) {
        count = largest_of_groups(s, a, feature, strength);
    } else {
        for (j = 0; j < s->width; j++) {
            const float f = alone(s, a, j);

            if (f != 0.0f) {
                feature[count] = j;
                strength[count++] = f;
            }
        }
    }
    if (s->activation == SAE_TOPK || s->activation == SAE_TOPK_ABS)
        count = keep_largest(count, s->k, feature, strength, sorted);
    for (i = 0; s->scale != NULL && i < count; i++)
        strength[i] *= s->scale[feature[i]];
    return count;
}
