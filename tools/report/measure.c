/* What a page needs to know of a file: two passes over its codes, the first for the account. */
#include "report/report.h"

#include "common/files.h"
#include "common/progress.h"
#include "common/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double per_row(const report_file *f, double sum)
{
    return f->account.rows ? sum / (double)f->account.rows : 0;
}

double report_file_bits(const report_file *f)
{
    return per_row(f, 8.0 * (double)f->account.file_nbytes);
}

double report_codebook_share(const report_file *f)
{
    const double *bits = f->account.bits;

    return (bits[MDLA_BITS_ATOMS] + bits[MDLA_BITS_BIAS] + bits[MDLA_BITS_PRIORS]) /
           (8.0 * (double)f->account.file_nbytes);
}

double report_l0(const report_file *f)
{
    return per_row(f, (double)f->account.active);
}

/* Keeps the rows of most bits in order, or with sign -1 those of fewest. */
static void keep_row(report_rows *kept, const report_row *row, int sign)
{
    report_row *rows = kept->rows;
    size_t at = kept->count;

    if (at == REPORT_TOP_ROWS && sign * row->bits <= sign * rows[at - 1].bits)
        return;
    if (at == REPORT_TOP_ROWS)
        at--;
    else
        kept->count++;
    for (; at > 0 && sign * rows[at - 1].bits < sign * row->bits; at--)
        rows[at] = rows[at - 1];
    rows[at] = *row;
}

static int add_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                   const mdla_symbol_bits *bits)
{
    report_file *f = ctx;
    const report_row r = {row, count, bits->passage + bits->header + bits->indices + bits->levels};
    const double bin = floor(r.bits / f->bin_bits);

    for (size_t i = 0; i < count; i++) {
        report_feature *feature = &f->features[code[i].feature];

        feature->rows++;
        feature->strength += code[i].strength;
        feature->index_bits += code[i].index_bits;
        feature->level_bits += code[i].level_bits;
    }
    keep_row(&f->dear, &r, 1);
    keep_row(&f->cheap, &r, -1);
    f->row_bins[bin < REPORT_ROW_BINS - 1 ? (size_t)bin : REPORT_ROW_BINS - 1]++;
    return progress_show(NULL, "measure", row + 1, f->account.rows);
}

static int by_bits(const void *a, const void *b)
{
    const report_feature *x = a, *y = b;
    const double bx = report_feature_bits(x), by = report_feature_bits(y);

    if (bx != by)
        return bx < by ? 1 : -1;
    return x->feature < y->feature ? -1 : 1;
}

/* 1, 2 or 5 times a power of ten, about a twelfth of the mean: at least an eighteenth. */
static double bin_width(double mean)
{
    const double aim = mean > 0 ? mean / 12 : 1;
    const double power = pow(10, floor(log10(aim)));

    return power * (aim / power < 1.5 ? 1 : aim / power < 3 ? 2 : aim / power < 7.5 ? 5 : 10);
}

static mdla_status measure_codes(report_file *f, mdla_error *err)
{
    mdla_status status = mdla_decoder_account(f->decoder, &f->account, err);

    if (status != MDLA_OK)
        return status;
    f->bin_bits = bin_width(per_row(f, f->account.charged));
    status = mdla_decoder_visit_rows(f->decoder, 0, MDLA_UNKNOWN, add_row, f, err);
    if (status != MDLA_OK)
        return status;
    for (uint32_t k = 0; k < f->info.width; k++) {
        f->features[k].feature = k;
        f->used += f->features[k].rows > 0;
    }
    qsort(f->features, f->info.width, sizeof *f->features, by_bits);
    return MDLA_OK;
}

/* The codebook knows how long the rows of images are that its atoms look like. */
static image_shape guess_image(const report_file *f)
{
    const uint32_t stride = f->codebook.stride;

    if (f->info.cache || f->info.dtype != MDLA_U8 || stride == 0 || f->info.dims % stride != 0)
        return (image_shape){0, 0, 0};
    return (image_shape){stride, f->info.dims / stride, 1};
}

int report_open(const mdla_config *config, const char *path, const mdla_codebook *codebook,
                const image_shape *image, report_file *out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    memset(out, 0, sizeof *out);
    out->name = files_name(path);
    if (files_decoder(config, path, 1, codebook, &out->decoder) != 0)
        return -1;
    mdla_decoder_query(out->decoder, &out->info);
    mdla_codebook_query(mdla_decoder_codebook(out->decoder), &out->codebook);
    out->image = image->width ? *image : guess_image(out);
    if (image->width && out->info.cache) {
        tool_fail("%s: a latent cache, which has no rows to show as images", out->name);
        return -1;
    }
    if (image->width &&
        (uint64_t)image->width * image->height * image->channels != out->info.dims) {
        tool_fail("%s: its rows have %u values, which aren't an image of %u x %u x %u", out->name,
                  out->info.dims, image->width, image->height, image->channels);
        return -1;
    }
    out->features = calloc(out->info.width, sizeof *out->features);
    if (!out->features) {
        tool_fail("out of memory for %u features", out->info.width);
        return -1;
    }
    status = measure_codes(out, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

void report_close(report_file *f)
{
    mdla_decoder_close(f->decoder);
    free(f->features);
}
