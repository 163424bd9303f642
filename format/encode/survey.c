#include "encode/survey.h"

#include "arrays/rows.h"
#include "base/alloc.h"
#include "sae/activation.h"

#include <math.h>
#include <string.h>

#define SAMPLE_ROWS 16384
#define SAMPLE_NBYTES ((size_t)64 << 20)
#define SPREAD_LEAST 1e-18 /* root mean square deviation of values */
#define SPREAD_MOST 1e18

size_t rows_per_tile(uint32_t dims)
{
    const size_t rows = ((size_t)4 << 20) / (4 * (size_t)dims) / 64 * 64;

    return rows < 64 ? 64 : rows > 1024 ? 1024 : rows;
}

mdla_status rows_check_finite(const float *values, size_t row_count, uint32_t dims, uint64_t first,
                              mdla_error *err)
{
    for (size_t i = 0; i < row_count * dims; i++) {
        if (!isfinite(values[i]))
            return error_set(err, MDLA_ERR_DATA,
                             "row %llu, column %llu is %s; remove the row or mend the value",
                             (unsigned long long)(first + i / dims), (unsigned long long)(i % dims),
                             isnan(values[i]) ? "NaN" : "infinite");
    }
    return MDLA_OK;
}

mdla_status deviation_sums_new(const mdla_allocator *al, uint32_t dims, deviation_sums *s)
{
    *s = (deviation_sums){.al = al, .dims = dims};
    s->origin = alloc_zeroed(al, dims, sizeof *s->origin);
    s->sum = alloc_zeroed(al, dims, sizeof *s->sum);
    return s->origin != NULL && s->sum != NULL ? MDLA_OK : MDLA_ERR_MEMORY;
}

void deviation_sums_free(deviation_sums *s)
{
    if (s->al == NULL)
        return;
    alloc_free(s->al, s->origin);
    alloc_free(s->al, s->sum);
}

void deviation_sums_add(deviation_sums *s, const float *values, size_t row_count)
{
    for (size_t r = 0; r < row_count; r++, values += s->dims) {
        double squares = 0.0;

        for (uint32_t d = 0; s->rows == 0 && d < s->dims; d++)
            s->origin[d] = values[d];
        for (uint32_t d = 0; d < s->dims; d++) {
            const double x = values[d] - s->origin[d];

            s->sum[d] += x;
            squares += x * x;
        }
        s->squares += squares;
        s->largest = fmax(s->largest, squares);
        s->rows++;
    }
}

double deviation_sums_total(const deviation_sums *s)
{
    double of_mean = 0.0;

    for (uint32_t d = 0; d < s->dims; d++)
        of_mean += s->sum[d] * s->sum[d];
    return s->rows != 0 && s->squares > of_mean / (double)s->rows
               ? s->squares - of_mean / (double)s->rows
               : 0.0;
}

/* Whether row belongs to the sample of `wanted` among `rows`: runs at even distances. */
static bool in_sample(uint64_t row, uint64_t rows, uint64_t wanted)
{
    const uint64_t runs = (rows + SAMPLE_RUN - 1) / SAMPLE_RUN, wanted_runs = wanted / SAMPLE_RUN;
    const uint64_t run = row / SAMPLE_RUN;

    if (wanted >= rows)
        return true;
    /* Run i is taken where i x wanted / runs steps up: as double products, exact below 2^53. */
    return floor((double)(run + 1) * (double)wanted_runs / (double)runs) >
           floor((double)run * (double)wanted_runs / (double)runs);
}

static void keep_row(row_survey *s, const float *row, uint64_t number, bool starts)
{
    s->sample_starts[s->sample_rows] = starts || number % SAMPLE_RUN == 0;
    memcpy(s->sample + s->sample_rows++ * s->dims, row, s->dims * sizeof *row);
}

static void add_scales(row_survey *s, const float *rows, size_t row_count)
{
    double scale[2];

    for (size_t r = 0; r < row_count; r++, rows += s->dims) {
        for (unsigned centred = 0; centred < 2; centred++) {
            row_norm_measure(rows, s->dims, centred != 0, scale);
            s->squared_scale[centred] += scale[0] * scale[0];
        }
    }
}

static mdla_status survey_rows(row_survey *s, deviation_sums *sums, float *tile, uint8_t *starts,
                               size_t tile_rows, mdla_rows *rows, mdla_error *err)
{
    const uint64_t total = mdla_rows_count(rows);
    const size_t most = SAMPLE_NBYTES / (4 * (size_t)s->dims);
    const uint64_t cap = most < 1024 ? 1024 : most > SAMPLE_ROWS ? SAMPLE_ROWS : most;
    const uint64_t wanted = total < cap ? total : cap;
    size_t got;

    s->sample = alloc_array(s->al, (size_t)wanted * s->dims, sizeof *s->sample);
    s->sample_starts = alloc_zeroed(s->al, (size_t)wanted, 1);
    if (s->sample == NULL || s->sample_starts == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "no memory for a sample of %llu rows",
                         (unsigned long long)wanted);
    do {
        MDLA_TRY(mdla_rows_read_passages(rows, tile, starts, tile_rows, &got, err));
        MDLA_TRY(rows_check_finite(tile, got, s->dims, s->rows, err));
        deviation_sums_add(sums, tile, got);
        add_scales(s, tile, got);
        for (size_t r = 0; r < got; r++) {
            if (s->sample_rows < wanted && in_sample(s->rows + r, total, wanted))
                keep_row(s, tile + r * s->dims, s->rows + r, starts[r] != 0);
        }
        s->rows += got;
    } while (got == tile_rows);
    return MDLA_OK;
}

static void finish(row_survey *s, const deviation_sums *sums)
{
    for (uint32_t d = 0; d < s->dims; d++)
        s->mean[d] = sums->origin[d] + sums->sum[d] / (double)s->rows;
    s->deviation_sum = deviation_sums_total(sums);
    s->largest_distance = sqrt(sums->largest);
    for (unsigned i = 0; i < 2; i++)
        s->squared_scale[i] /= (double)s->rows;
    for (size_t r = 0; r < s->sample_rows; r++) {
        for (uint32_t d = 0; d < s->dims; d++) {
            const double x = s->sample[r * s->dims + d] - s->mean[d];
            s->sample_deviation += x * x;
        }
    }
}

/* Whoever fits and searches takes squares in single precision. */
static mdla_status check_spread(const row_survey *s, mdla_error *err)
{
    const double spread = sqrt(s->deviation_sum / ((double)s->rows * s->dims));

    return !(spread > 0.0) || (spread >= SPREAD_LEAST && spread <= SPREAD_MOST)
               ? MDLA_OK
               : error_set(err, MDLA_ERR_DATA,
                           "values that vary by %.3g are too %s for squares in single precision; "
                           "scale the rows",
                           spread, spread > 1.0 ? "large" : "small");
}

mdla_status row_survey_take(const mdla_config *config, mdla_rows *rows, row_survey *out,
                            mdla_error *err)
{
    const mdla_allocator *al = alloc_of(config);
    const uint32_t dims = mdla_rows_dims(rows);
    const size_t tile_rows = rows_per_tile(dims);
    deviation_sums sums;
    mdla_status status;

    *out = (row_survey){.al = al, .dims = dims};
    if (!mdla_rows_can_rewind(rows) || mdla_rows_count(rows) == MDLA_UNKNOWN)
        return error_set(
            err, MDLA_ERR_ARGUMENT,
            "the rows come from a pipe and are needed more than once: save them to a file, or give "
            "a codebook and a step");
    if (mdla_rows_count(rows) == 0)
        return error_set(err, MDLA_ERR_DATA,
                         "the data set is empty: there is nothing to fit or to aim at");
    float *tile = alloc_array(al, tile_rows * dims, sizeof *tile);
    uint8_t *starts = alloc_array(al, tile_rows, 1);

    out->mean = alloc_zeroed(al, dims, sizeof *out->mean);
    status = deviation_sums_new(al, dims, &sums);
    if (status != MDLA_OK || tile == NULL || starts == NULL || out->mean == NULL)
        status = error_set(err, MDLA_ERR_MEMORY, "no memory to survey rows of %u values", dims);
    if (status == MDLA_OK)
        status = survey_rows(out, &sums, tile, starts, tile_rows, rows, err);
    if (status == MDLA_OK)
        finish(out, &sums);
    if (status == MDLA_OK)
        status = check_spread(out, err);
    if (status == MDLA_OK)
        status = mdla_rows_rewind(rows, err);
    deviation_sums_free(&sums);
    alloc_free(al, tile);
    alloc_free(al, starts);
    if (status != MDLA_OK)
        row_survey_free(out);
    return status;
}

void row_survey_free(row_survey *s)
{
    if (s->al == NULL)
        return;
    alloc_free(s->al, s->mean);
    alloc_free(s->al, s->sample);
    alloc_free(s->al, s->sample_starts);
    s->mean = NULL;
    s->sample = NULL;
    s->sample_starts = NULL;
}
