#include "fit/offsets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float dot(const float *a, const float *b, uint32_t dims)
{
    float sum = 0.0f;

    for (uint32_t d = 0; d < dims; d++)
        sum += a[d] * b[d];
    return sum;
}

void offset_sums_add(offset_sums *s, const code_model *m, const float *atoms, const float *rows,
                     const float *scale, const code_rows *codes, float *scratch)
{
    const uint32_t dims = m->cb->dims;
    float *left = scratch + (size_t)LEVEL_OFFSETS * dims; /* what whole levels leave of the row */

    for (size_t r = 0; r < codes->row_count; r++) {
        const float step = scale[r] * (float)quant_step_value(m->params.step);
        bool used[LEVEL_OFFSETS] = {false};

        memset(scratch, 0, (size_t)LEVEL_OFFSETS * dims * sizeof *scratch);
        memcpy(left, rows + r * dims, dims * sizeof *left);
        for (size_t i = codes->start[r]; i < codes->start[r + 1]; i++) {
            const float *atom = atoms + (size_t)codes->feature[i] * dims;
            const int32_t level = codes->level[i];
            const int32_t group = level < LEVEL_OFFSETS ? level - 1 : LEVEL_OFFSETS - 1;
            float *sum = scratch + (size_t)group * dims;

            used[group] = true;
            for (uint32_t d = 0; d < dims; d++) {
                sum[d] += step * atom[d];
                left[d] -= step * (float)level * atom[d];
            }
        }
        for (unsigned a = 0; a < LEVEL_OFFSETS; a++) {
            for (unsigned b = 0; used[a] && b <= a; b++)
                s->product[a][b] +=
                    used[b] ? dot(scratch + a * dims, scratch + b * dims, dims) : 0.0f;
            s->target[a] += used[a] ? dot(scratch + a * dims, left, dims) : 0.0f;
        }
    }
}

void offset_sums_add_scalars(offset_sums *s, const code_model *m, const float *coefficients,
                             const code_rows *codes)
{
    const double step = quant_step_value(m->params.step);

    for (size_t r = 0; r < codes->row_count; r++) {
        const float *row = coefficients + r * m->cb->width;

        for (size_t i = codes->start[r]; i < codes->start[r + 1]; i++) {
            const int32_t level = abs(codes->level[i]);
            const int32_t group = level < LEVEL_OFFSETS ? level - 1 : LEVEL_OFFSETS - 1;

            s->product[group][group] += step * step;
            s->target[group] += step * (fabs((double)row[codes->feature[i]]) - step * level);
        }
    }
}

void offset_sums_solve(const offset_sums *s, int8_t offset[LEVEL_OFFSETS])
{
    /* Cholesky with a little weight on no offset at all, so that unseen levels keep theirs at zero.
     */
    double l[LEVEL_OFFSETS][LEVEL_OFFSETS] = {{0.0}}, x[LEVEL_OFFSETS];
    double largest = 0.0;

    for (unsigned a = 0; a < LEVEL_OFFSETS; a++)
        largest = fmax(largest, s->product[a][a]);
    if (!(largest > 0.0))
        return;
    for (unsigned a = 0; a < LEVEL_OFFSETS; a++) {
        for (unsigned b = 0; b <= a; b++) {
            double sum = s->product[a][b] + (a == b ? 1e-4 * largest : 0.0);

            for (unsigned k = 0; k < b; k++)
                sum -= l[a][k] * l[b][k];
            l[a][b] = a == b ? sqrt(fmax(sum, 1e-12 * largest)) : sum / l[b][b];
        }
    }
    for (unsigned a = 0; a < LEVEL_OFFSETS; a++) {
        x[a] = s->target[a];
        for (unsigned k = 0; k < a; k++)
            x[a] -= l[a][k] * x[k];
        x[a] /= l[a][a];
    }
    for (unsigned a = LEVEL_OFFSETS; a-- > 0;) {
        for (unsigned k = a + 1; k < LEVEL_OFFSETS; k++)
            x[a] -= l[k][a] * x[k];
        x[a] /= l[a][a];
        offset[a] = (int8_t)fmin(fmax(round(128.0 * x[a]), LEVEL_OFFSET_LEAST), 127.0);
    }
}
