/* Scales that a file keeps beside its weights, multiplied into them. Sums and products are taken in
 * double and rounded once. */
#include "base/alloc.h"
#include "io_error.h"
#include "saes/import.h"

#include <math.h>

/* Products of finite weights may be too large for float32. */
static bool feature_is_finite(const sae *s, size_t feature)
{
    bool finite = isfinite(s->b_enc[feature]);
    size_t d;

    for (d = 0; d < s->dims; d++)
        finite = finite && isfinite(s->w_dec[feature * s->dims + d]) &&
                 isfinite(s->w_enc[feature * s->dims + d]);
    return finite;
}

static mdla_status check_feature(const sae_import *im, size_t feature, mdla_error *err)
{
    if (feature_is_finite(im->model, feature))
        return MDLA_OK;
    return error_set(err, MDLA_ERR_DATA,
                     "%s: feature %zu: its weights are too large for float32 when scaled",
                     im->tensors->name, feature);
}

mdla_status fold_check(const sae_import *im, mdla_error *err)
{
    const sae *const s = im->model;
    size_t i;

    for (i = 0; i < s->width; i++)
        MDLA_TRY(check_feature(im, i, err));
    for (i = 0; i < s->dims; i++)
        if (!isfinite(s->b_dec[i]))
            return error_set(err, MDLA_ERR_DATA,
                             "%s: value %zu of the bias is too large for float32 when scaled",
                             im->tensors->name, i);
    return MDLA_OK;
}

/* values[i] = values[i] x factor */
static void multiply(float *values, size_t count, double factor)
{
    size_t i;

    for (i = 0; i < count; i++)
        values[i] = (float)((double)values[i] * factor);
}

mdla_status fold_input_scale(sae_import *im, double t, mdla_error *err)
{
    sae *const s = im->model;
    const size_t values = (size_t)s->width * s->dims;

    if (!isfinite(t) || !(t > 0.0))
        return error_set(err, MDLA_ERR_DATA,
                         "%s: the scale of activations is %g; it must be above 0", im->name, t);
    if (t == 1.0)
        return MDLA_OK;
    if (s->norm != SAE_NORM_NONE)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "%s: the SAE normalises every row itself; leave out the scale of "
                         "activations",
                         im->name);
    multiply(s->w_enc, values, t);
    multiply(s->w_dec, values, 1.0 / t);
    multiply(s->b_dec, s->dims, 1.0 / t);
    return fold_check(im, err);
}

mdla_status fold_factor(sae_import *im, const float *factor, mdla_error *err)
{
    sae *const s = im->model;
    size_t j;

    for (j = 0; j < s->width; j++) {
        if (factor[j] != 1.0f)
            multiply(s->w_dec + j * s->dims, s->dims, (double)factor[j]);
        MDLA_TRY(check_feature(im, j, err));
    }
    return MDLA_OK;
}

mdla_status fold_norms(sae_import *im, bool keep_strengths, mdla_error *err)
{
    sae *const s = im->model;
    size_t j, d;

    if (keep_strengths) {
        s->scale = alloc_array(im->al, s->width, sizeof *s->scale);
        if (s->scale == NULL)
            return error_memory(err, im->name);
    }
    for (j = 0; j < s->width; j++) {
        float *const atom = s->w_dec + j * s->dims;
        double sum = 0.0, norm;

        for (d = 0; d < s->dims; d++)
            sum += (double)atom[d] * (double)atom[d];
        norm = sqrt(sum);
        if (norm == 0.0)
            return error_set(
                err, MDLA_ERR_DATA,
                "%s: the atom of feature %zu is zero, and strengths are to be divided by its norm",
                im->tensors->name, j);
        if (keep_strengths)
            s->scale[j] = (float)(1.0 / norm);
        else
            multiply(atom, s->dims, 1.0 / norm);
        multiply(s->w_enc + j * s->dims, s->dims, norm);
        s->b_enc[j] = (float)((double)s->b_enc[j] * norm);
        MDLA_TRY(check_feature(im, j, err));
    }
    return MDLA_OK;
}
