#include "eval_metrics.h"

#include <math.h>
#include <stdlib.h>

static const struct {
    const char *name;
    int count;
} metrics[METRICS] = {
    [METRIC_L0] = {"l0", 0},
    [METRIC_FVU] = {"fvu", 0},
    [METRIC_MSE] = {"mse", 0},
    [METRIC_EXPLAINED_VARIANCE] = {"explained_variance", 0},
    [METRIC_EXPLAINED_VARIANCE_LEGACY] = {"explained_variance_legacy", 0},
    [METRIC_FRAC_VARIANCE_EXPLAINED] = {"frac_variance_explained", 0},
    [METRIC_EXPLAINED_VARIANCE_SAELENS_EVAL] = {"explained_variance_saelens_eval", 0},
    [METRIC_L2_LOSS] = {"l2_loss", 0},
    [METRIC_L2_NORM_ERROR] = {"l2_norm_error", 0},
    [METRIC_L2_NORM_ERROR_RATIO] = {"l2_norm_error_ratio", 0},
    [METRIC_NORMALIZED_MSE] = {"normalized_mse", 0},
    [METRIC_NORMALIZED_L1] = {"normalized_l1", 0},
    [METRIC_COSSIM] = {"cossim", 0},
    [METRIC_L1] = {"l1", 0},
    [METRIC_L2_NORM_IN] = {"l2_norm_in", 0},
    [METRIC_L2_NORM_OUT] = {"l2_norm_out", 0},
    [METRIC_L2_RATIO] = {"l2_ratio", 0},
    [METRIC_RELATIVE_RECONSTRUCTION_BIAS] = {"relative_reconstruction_bias", 0},
    [METRIC_DEAD_FEATURES] = {"dead_features", 1},
    [METRIC_FRAC_ALIVE] = {"frac_alive", 0},
    [METRIC_FREQ_OVER_1_PERCENT] = {"freq_over_1_percent", 0},
    [METRIC_FREQ_OVER_10_PERCENT] = {"freq_over_10_percent", 0},
    [METRIC_NORMALIZED_FREQ_OVER_1_PERCENT] = {"normalized_freq_over_1_percent", 0},
    [METRIC_NORMALIZED_FREQ_OVER_10_PERCENT] = {"normalized_freq_over_10_percent", 0},
    [METRIC_ZERO_ROWS] = {"zero_rows", 1},
};

const char *metric_name(eval_metric metric)
{
    return metrics[metric].name;
}

int metric_is_count(eval_metric metric)
{
    return metrics[metric].count;
}

double density_edge(int bin)
{
    return -10 + 0.5 * bin;
}

/* ---- Sums ------------------------------------------------------------------------------------ */

int metrics_start(eval_metrics *m, uint32_t dims, uint32_t width, int by_passage)
{
    *m = (eval_metrics){.dims = dims, .width = width, .by_passage = by_passage};
    m->mean = calloc(3 * (size_t)dims, sizeof *m->mean);
    m->fired = calloc(4 * (size_t)width, sizeof *m->fired);
    if (!m->mean || !m->fired) {
        metrics_end(m);
        return -1;
    }
    m->error_mean = m->mean + dims;
    m->error_squares = m->error_mean + dims;
    m->positive = m->fired + width;
    m->passages = m->positive + width;
    m->last = m->passages + width;
    return 0;
}

void metrics_end(eval_metrics *m)
{
    free(m->mean);
    free(m->fired);
    m->mean = NULL;
    m->fired = NULL;
}

/* Welford's update: no cancelling where the mean is far from zero. */
void metrics_see(eval_metrics *m, const float *rows, size_t row_count)
{
    for (size_t r = 0; r < row_count; r++, rows += m->dims) {
        const double share = 1.0 / (double)++m->seen;
        double sum = 0;

        for (uint32_t i = 0; i < m->dims; i++) {
            const double before = (double)rows[i] - m->mean[i];

            m->mean[i] += before * share;
            sum += before * ((double)rows[i] - m->mean[i]);
        }
        m->variance += sum;
    }
}

/* What one row adds to the sums over dimensions. */
typedef struct row_sums {
    double error, square, decoded_square, product, deviation;
} row_sums;

static row_sums sum_row(eval_metrics *m, const float *row, const float *decoded)
{
    const double share = 1.0 / (double)m->rows;
    row_sums s = {0};

    for (uint32_t i = 0; i < m->dims; i++) {
        const double x = (double)row[i], y = (double)decoded[i], e = x - y;
        const double before = e - m->error_mean[i];

        m->error_mean[i] += before * share;
        m->error_squares[i] += before * (e - m->error_mean[i]);
        s.error += e * e;
        s.square += x * x;
        s.decoded_square += y * y;
        s.product += x * y;
        s.deviation += (x - m->mean[i]) * (x - m->mean[i]);
    }
    return s;
}

void metrics_add(eval_metrics *m, const float *rows, const float *decoded, size_t row_count)
{
    const double smallest = 1e-4; /* as SAELens and SAEBench: below it a norm counts as 1 */

    for (size_t r = 0; r < row_count; r++, rows += m->dims, decoded += m->dims) {
        row_sums s;
        double in, out;

        m->rows++;
        s = sum_row(m, rows, decoded);
        in = sqrt(s.square);
        out = sqrt(s.decoded_square);
        m->error += s.error;
        m->square += s.square;
        m->decoded_square += s.decoded_square;
        m->product += s.product;
        m->error_norm += sqrt(s.error);
        m->norm_in += in;
        m->norm_out += out;
        m->ratio += out / (in < smallest ? 1 : in);
        if (s.square > 0)
            m->relative_error += s.error / s.square;
        else
            m->zero_rows++;
        if (s.square > 0 && s.decoded_square > 0) {
            m->cosine += s.product / (in * out);
            m->cosine_rows++;
        }
        if (s.deviation > 0) {
            m->legacy += 1 - s.error / s.deviation;
            m->legacy_rows++;
        }
    }
}

void metrics_code(eval_metrics *m, const float *row, int starts, const uint32_t *feature,
                  const double *strength, size_t count)
{
    double square = 0, sum = 0;

    m->passage += m->by_passage && (starts || m->coded == 0);
    for (uint32_t i = 0; i < m->dims; i++)
        square += (double)row[i] * (double)row[i];
    for (size_t i = 0; i < count; i++) {
        const uint32_t f = feature[i];

        sum += fabs(strength[i]);
        m->active += strength[i] != 0;
        m->fired[f] += strength[i] != 0;
        m->positive[f] += strength[i] > 0;
        m->passages[f] += m->passage != m->last[f];
        m->last[f] = m->passage;
    }
    m->l1 += sum;
    if (square > 0) {
        m->relative_l1 += sum / sqrt(square);
        m->relative_rows++;
    }
    m->coded++;
}

/* ---- Formulas -------------------------------------------------------------------------------- */

/* NaN where there is nothing to divide by. */
static double over(double sum, double count)
{
    return count > 0 ? sum / count : (double)NAN;
}

static void finish_rows(const eval_metrics *m, double out[METRICS])
{
    const double n = (double)m->rows, mean_square = over(m->square, n * m->dims);
    const double lost = m->variance > 0 ? m->error / m->variance : (double)NAN;
    const double spread = over(m->square, n) - mean_square * mean_square;
    double centred = 0;

    for (uint32_t i = 0; i < m->dims; i++)
        centred += m->error_squares[i];
    out[METRIC_FVU] = lost;
    out[METRIC_EXPLAINED_VARIANCE] = 1 - lost;
    out[METRIC_EXPLAINED_VARIANCE_LEGACY] = over(m->legacy, (double)m->legacy_rows);
    out[METRIC_FRAC_VARIANCE_EXPLAINED] =
        m->rows > 1 && m->variance > 0 ? 1 - centred / m->variance : (double)NAN;
    out[METRIC_EXPLAINED_VARIANCE_SAELENS_EVAL] =
        spread != 0 ? 1 - over(m->error, n) / spread : (double)NAN;
    out[METRIC_MSE] = over(m->error, n * m->dims);
    out[METRIC_L2_LOSS] = over(m->error_norm, n);
    out[METRIC_L2_NORM_ERROR] = over(m->error_norm, n);
    out[METRIC_L2_NORM_ERROR_RATIO] = over(m->error_norm, m->norm_in);
    out[METRIC_NORMALIZED_MSE] = over(m->relative_error, n - (double)m->zero_rows);
    out[METRIC_COSSIM] = over(m->cosine, (double)m->cosine_rows);
    out[METRIC_L2_NORM_IN] = over(m->norm_in, n);
    out[METRIC_L2_NORM_OUT] = over(m->norm_out, n);
    out[METRIC_L2_RATIO] = over(m->ratio, n);
    out[METRIC_RELATIVE_RECONSTRUCTION_BIAS] =
        m->product != 0 ? m->decoded_square / m->product : (double)NAN;
    out[METRIC_ZERO_ROWS] = (double)m->zero_rows;
}

static void finish_codes(const eval_metrics *m, double out[METRICS])
{
    const double n = (double)m->coded;
    double total = 0, over_1 = 0, over_10 = 0, count_1 = 0, count_10 = 0, alive = 0, dead = 0;

    for (uint32_t f = 0; f < m->width; f++) {
        const double density = metrics_density(m, f);

        dead += m->fired[f] == 0;
        alive += m->positive[f] > 0;
        total += density;
        if (density > 0.01) {
            count_1++;
            over_1 += density;
        }
        if (density > 0.1) {
            count_10++;
            over_10 += density;
        }
    }
    out[METRIC_L0] = over((double)m->active, n);
    out[METRIC_L1] = over(m->l1, n);
    out[METRIC_NORMALIZED_L1] = over(m->relative_l1, (double)m->relative_rows);
    out[METRIC_DEAD_FEATURES] = dead;
    out[METRIC_FRAC_ALIVE] = over(alive, m->width);
    out[METRIC_FREQ_OVER_1_PERCENT] = over(count_1, m->width);
    out[METRIC_FREQ_OVER_10_PERCENT] = over(count_10, m->width);
    out[METRIC_NORMALIZED_FREQ_OVER_1_PERCENT] = over(over_1, total);
    out[METRIC_NORMALIZED_FREQ_OVER_10_PERCENT] = over(over_10, total);
}

void metrics_finish(const eval_metrics *m, double out[METRICS])
{
    finish_rows(m, out);
    finish_codes(m, out);
}

double metrics_density(const eval_metrics *m, uint32_t feature)
{
    return over((double)m->positive[feature], (double)m->coded);
}

double metrics_log10_density(const eval_metrics *m, uint32_t feature)
{
    return log10(metrics_density(m, feature) + 1e-10);
}

double metrics_consistency(const eval_metrics *m, uint32_t feature)
{
    return m->by_passage ? over((double)m->fired[feature], (double)m->passages[feature])
                         : (double)NAN;
}

void metrics_histogram(const eval_metrics *m, uint64_t bins[DENSITY_BINS])
{
    for (int b = 0; b < DENSITY_BINS; b++)
        bins[b] = 0;
    for (uint32_t f = 0; f < m->width && m->coded; f++) {
        const int bin = (int)floor((metrics_log10_density(m, f) + 10) * 2);

        bins[bin < 0 ? 0 : bin >= DENSITY_BINS ? DENSITY_BINS - 1 : bin]++;
    }
}
