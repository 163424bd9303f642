/* The sections about one file. */
#include "report/charts.h"
#include "report/html.h"
#include "report/page.h"
#include "report/pictures.h"

#include "common/classes.h"
#include "common/numbers.h"

#include <math.h>

#include <stdarg.h>
#include <stdio.h>

enum { TOP_FEATURES = 12, DENSITY_MAX = 40 };

/* ---- the summary ---- */

static void put_lead(text_sink *out, const report_file *f)
{
    html_put(out, "<p class=\"lead\">");
    html_count(out, f->account.rows);
    if (f->info.cache)
        text_sink_format(out, " rows of a latent cache, strengths of %s, of ",
                         mdla_dtype_name(f->info.dtype));
    else
        text_sink_format(out, " rows of %u values (%s), explained by ", f->info.dims,
                         mdla_dtype_name(f->info.dtype));
    html_count(out, f->info.width);
    html_put(out, " features");
    if (f->info.note && f->info.note[0]) {
        html_put(out, ". ");
        html_text(out, f->info.note);
    }
    html_put(out, "</p>\n");
}

__attribute__((format(printf, 3, 4))) static void put_tile(text_sink *out, const char *what,
                                                           const char *format, ...);

static void put_tile(text_sink *out, const char *what, const char *format, ...)
{
    char text[64];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    html_put(out, "<div class=\"tile\"><b>");
    html_text(out, text);
    html_put(out, "</b><span>");
    html_put(out, what);
    html_put(out, "</span></div>");
}

static void put_tiles(text_sink *out, const report_file *f)
{
    const double nbytes = (double)f->account.file_nbytes;
    const double indices = f->account.bits[MDLA_BITS_INDICES];
    const double source =
        (double)f->account.rows * f->info.dims * (double)mdla_dtype_nbytes(f->info.dtype);
    const double active = (double)f->account.active;
    char text[NUMBER_TEXT_MAX];

    html_put(out, "<div class=\"tiles\">");
    put_tile(out, "bits a row, all counted", "%.2f", report_file_bits(f));
    if (f->account.marginal_nbytes != f->account.file_nbytes)
        put_tile(out, "marginal bits a row", "%.2f", class_marginal_bits(&f->account));
    if (isfinite(f->info.fvu))
        put_tile(out, "of the variance unexplained (FVU)", "%.4f", f->info.fvu);
    put_tile(out, "active features a row (L0)", "%.2f", report_l0(f));
    put_tile(out, "bytes", "%s", number_grouped(f->account.file_nbytes, text));
    if (!f->info.cache)
        put_tile(out, "times smaller than the rows", "%.3g", source / nbytes);
    else if (active > 0)
        put_tile(out, "bits a strength, all counted", "%.2f", 8 * nbytes / active);
    if (f->info.embedded)
        put_tile(out, "of the file is the codebook", "%.1f %%", 100 * report_codebook_share(f));
    if (f->info.model == MDLA_MODEL_JOINT && f->account.additive_indices > 0)
        put_tile(out, "saved on indices by knowing which go together", "%.1f %%",
                 100 * (1 - indices / f->account.additive_indices));
    html_put(out, "</div>\n");
}

/* ---- bits by class ---- */

static void put_class(text_sink *out, const report_file *f, int c, const chart_part *part)
{
    const double bits = f->account.bits[c];

    text_sink_format(out, "<tr><td class=\"sw k%d\">%s</td><td>%.3f</td><td>%.2f %%</td>",
                     part->style, part->name, part->value,
                     100 * bits / (8 * (double)f->account.file_nbytes));
    text_sink_format(out, "<td class=\"l opt\">%s</td></tr>", class_meaning((mdla_bit_class)c));
}

static void put_classes(text_sink *out, const report_file *f)
{
    chart_part parts[MDLA_BITS_CLASSES];

    report_parts(f, parts);
    html_put(out, "<div class=\"card wide\"><h3>Where the bits are</h3>");
    chart_put_parts(out, parts, MDLA_BITS_CLASSES, report_file_bits(f), "bits a row");
    html_put(out, "<div class=\"scroll\"><table><thead><tr><th>class</th><th>bits a row</th>"
                  "<th>share</th><th class=\"l opt\"></th></tr></thead><tbody>");
    for (int c = 0; c < MDLA_BITS_CLASSES; c++)
        if (f->account.bits[c] > 0)
            put_class(out, f, c, &parts[c]);
    html_put(out, "</tbody></table></div></div>\n");
}

/* ---- histograms ---- */

/* Densities in half decades below 1: column i begins at 10^(i / 2 - decades). */
typedef struct density_axis {
    size_t decades;
} density_axis;

static void label_density(const void *ctx, size_t i, char text[32])
{
    const density_axis *axis = ctx;
    const double percent = 100 * pow(10, (double)i / 2 - (double)axis->decades);

    if (i % 2 == 0)
        snprintf(text, 32, "%.6g %%", percent);
    else
        text[0] = '\0';
}

static void put_densities(text_sink *out, const report_file *f)
{
    const double rows = f->account.rows ? (double)f->account.rows : 1;
    density_axis axis = {(size_t)ceil(log10(rows < 10 ? 10 : rows))};
    uint64_t heights[DENSITY_MAX] = {0};

    for (uint32_t k = 0; k < f->info.width; k++) {
        const uint64_t active = f->features[k].rows;
        double at;

        if (active == 0)
            continue;
        at = floor(2 * (log10((double)active / rows) + (double)axis.decades) + 1e-9);
        heights[at < 0 ? 0 : at < (double)(2 * axis.decades) ? (size_t)at : 2 * axis.decades - 1]++;
    }
    html_put(out, "<div class=\"card\"><h3>How often features are active</h3>");
    chart_put_columns(out, &(chart_columns){"features", heights, 2 * axis.decades, label_density,
                                            &axis, "share of the rows where a feature is active"});
    html_put(out, "<p class=\"soft\">");
    html_count(out, f->info.width - f->used);
    html_put(out, " of ");
    html_count(out, f->info.width);
    html_put(out, " features are active in no row.</p></div>\n");
}

typedef struct bits_axis {
    double width;
    size_t count, every;
} bits_axis;

static void label_bits(const void *ctx, size_t i, char text[32])
{
    const bits_axis *axis = ctx;

    text[0] = '\0';
    if (i % axis->every == 0)
        snprintf(text, 32, "%g", (double)i * axis->width);
}

static void put_row_bits(text_sink *out, const report_file *f)
{
    static const size_t everies[] = {1, 2, 4, 5, 10, 20};
    bits_axis axis = {f->bin_bits, REPORT_ROW_BINS, 1};
    size_t every = 0;

    while (axis.count > 1 && f->row_bins[axis.count - 1] == 0)
        axis.count--;
    while (every < sizeof everies / sizeof everies[0] - 1 && axis.count > 7 * everies[every])
        every++;
    axis.every = everies[every];
    html_put(out, "<div class=\"card\"><h3>What rows cost</h3>");
    chart_put_columns(
        out, &(chart_columns){"rows", f->row_bins, axis.count, label_bits, &axis, "bits of a row"});
    text_sink_format(
        out,
        "<p class=\"soft\">In the mean %.2f bits for headers, indices and levels%s.</p>"
        "</div>\n",
        f->account.rows ? f->account.charged / (double)f->account.rows : 0,
        f->row_bins[REPORT_ROW_BINS - 1] ? "; the last column holds all above" : "");
}

/* ---- what is expensive ---- */

static int show_pictures(const report_file *f)
{
    return f->image.width > 0 && pictures_available();
}

static void put_half(text_sink *out, const report_file *f)
{
    double all = 0, sum = 0;
    uint32_t half = 0;

    for (uint32_t i = 0; i < f->used; i++)
        all += report_feature_bits(&f->features[i]);
    while (half < f->used && sum < all / 2)
        sum += report_feature_bits(&f->features[half++]);
    html_put(out, "<p class=\"soft\">");
    html_count(out, half);
    html_put(out, half == 1 ? " feature takes" : " features take");
    html_put(out, " half of the bits of all.</p>");
}

/* f->features[first .. first + count - 1] */
static int put_features(text_sink *out, const report_file *f, uint32_t first, uint32_t count)
{
    const double rows = f->account.rows ? (double)f->account.rows : 1;
    int result = 0;

    html_put(out, "<div class=\"scroll\"><table><thead><tr><th>feature</th>");
    html_put(out, show_pictures(f) ? "<th>atom</th>" : "");
    html_put(out, "<th>of rows</th><th class=\"opt\">strength</th><th>bits a use</th><th>bits</th>"
                  "<th class=\"opt\">share</th></tr></thead><tbody>");
    for (uint32_t i = first; i < first + count && result == 0; i++) {
        const report_feature *k = &f->features[i];
        const double n = (double)k->rows, bits = report_feature_bits(k);

        text_sink_format(out, "<tr><td>%u</td>", k->feature);
        if (show_pictures(f)) {
            html_put(out, "<td>");
            result = picture_atom(out, f, k->feature);
            html_put(out, "</td>");
        }
        text_sink_format(out,
                         "<td>%.2f %%</td><td class=\"opt\">%.4g</td><td>%.2f</td><td>%.0f</td>"
                         "<td>%.2f %%</td></tr>",
                         100 * n / rows, k->strength / n, bits / n, bits,
                         100 * bits / (8 * (double)f->account.file_nbytes));
    }
    html_put(out, "</tbody></table></div></div>\n");
    return result;
}

static int put_dear_features(text_sink *out, const report_file *f)
{
    html_put(out, "<div class=\"card\"><h3>The most expensive features</h3>");
    put_half(out, f);
    return put_features(out, f, 0, f->used < TOP_FEATURES ? f->used : TOP_FEATURES);
}

/* Those that aren't among the most expensive. */
static int put_cheap_features(text_sink *out, const report_file *f)
{
    const uint32_t left = f->used > TOP_FEATURES ? f->used - TOP_FEATURES : 0;
    const uint32_t count = left < TOP_FEATURES ? left : TOP_FEATURES;

    if (count == 0)
        return 0;
    html_put(out, "<div class=\"card\"><h3>The least expensive features</h3>"
                  "<p class=\"soft\">Of those that are active in some row.</p>");
    return put_features(out, f, f->used - count, count);
}

static int put_rows(text_sink *out, const report_file *f, const report_rows *list)
{
    const double mean = f->account.rows ? f->account.charged / (double)f->account.rows : 1;
    int result = 0;

    html_put(out,
             list == &f->dear
                 ? "<div class=\"card\"><h3>The most expensive rows</h3><p class=\"soft\">Counted "
                   "from 0; a row's bill: <code>mdla-info FILE --row N</code></p>"
                 : "<div class=\"card\"><h3>The least expensive rows</h3><p class=\"soft\">The "
                   "cheapest first.</p>");
    html_put(out, "<div class=\"scroll\"><table><thead><tr><th>row</th>");
    html_put(out, show_pictures(f) ? "<th>decoded</th>" : "");
    html_put(
        out,
        "<th>features</th><th>bits</th><th class=\"opt\">of the mean</th></tr></thead><tbody>");
    for (size_t i = 0; i < list->count && result == 0; i++) {
        const report_row *r = &list->rows[i];

        text_sink_format(out, "<tr><td>%llu</td>", (unsigned long long)r->row);
        if (show_pictures(f)) {
            html_put(out, "<td>");
            result = picture_row(out, f, r->row);
            html_put(out, "</td>");
        }
        text_sink_format(out, "<td>%zu</td><td>%.2f</td><td class=\"opt\">%.2f×</td></tr>",
                         r->features, r->bits, mean > 0 ? r->bits / mean : 0);
    }
    html_put(out, "</tbody></table></div></div>\n");
    return result;
}

static int put_atlas(text_sink *out, const report_file *f)
{
    int result;

    if (!show_pictures(f) || f->used == 0)
        return 0;
    text_sink_format(out,
                     "<div class=\"card wide\"><h3>Atlas</h3><p class=\"soft\">The atoms of "
                     "the %u most expensive features, in their order%s.</p>",
                     picture_atlas_count(f),
                     f->image.channels == 1 ? "; orange adds, blue takes away" : "");
    result = picture_atlas(out, f);
    html_put(out, "</div>\n");
    return result;
}

/* ---- the file itself ---- */

static void put_facts(text_sink *out, const report_file *f)
{
    char sha256[SHA256_TEXT_MAX];

    html_put(out, "<div class=\"card wide\"><h3>The file</h3><dl><dt>name</dt><dd>");
    html_text(out, html_base_name(f->name)); /* pages travel: folders are nobody's business */
    text_sink_format(out, "</dd><dt>format</dt><dd>mdla %u.%u, blocks of at most %u rows%s</dd>",
                     f->info.version_major, f->info.version_minor, f->info.block_rows,
                     f->info.passages ? ", starts of passages coded" : "");
    text_sink_format(out, "<dt>model</dt><dd>%s</dd><dt>step</dt><dd>",
                     f->info.model == MDLA_MODEL_JOINT ? "joint: features given each other"
                                                       : "additive: every feature by itself");
    if (f->info.cache && f->info.step == 0)
        html_put(out, "none: strengths are exact</dd>");
    else
        text_sink_format(out, "%g</dd>", f->info.step);
    text_sink_format(out, "<dt>codebook</dt><dd>%s, %llu bytes, %llu joint weights<br>",
                     f->info.embedded ? "embedded" : "named",
                     (unsigned long long)f->codebook.nbytes,
                     (unsigned long long)f->codebook.weights);
    text_sink_format(out, "<code>%s</code></dd>", number_sha256(f->info.codebook_sha256, sha256));
    if (f->info.has_decoded_sha256)
        text_sink_format(out, "<dt>decoded</dt><dd><code>%s</code></dd>",
                         number_sha256(f->info.decoded_sha256, sha256));
    html_put(out, "</dl></div>\n");
}

int sections_put(text_sink *out, const report_file *f, int with_atlas)
{
    int result = 0;

    put_lead(out, f);
    put_tiles(out, f);
    html_put(out, "<div class=\"cards\">\n");
    put_classes(out, f);
    if (f->account.rows) {
        put_densities(out, f);
        put_row_bits(out, f);
        result = put_dear_features(out, f);
        if (result == 0)
            result = put_rows(out, f, &f->dear);
        if (result == 0)
            result = put_cheap_features(out, f);
        if (result == 0 && f->account.rows >= 2 * REPORT_TOP_ROWS)
            result = put_rows(out, f, &f->cheap);
        if (result == 0 && with_atlas)
            result = put_atlas(out, f);
    }
    put_facts(out, f);
    html_put(out, "</div>\n");
    return result;
}
