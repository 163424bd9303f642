#include "report/page.h"

#include "report/charts.h"
#include "report/html.h"
#include "report/style.h"

#include "common/classes.h"
#include "common/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_number(text_sink *out, double number, int decimals)
{
    if (isfinite(number))
        text_sink_format(out, "<td>%.*f</td>", decimals, number);
    else
        html_put(out, "<td>–</td>");
}

static void put_comparison(text_sink *out, const report_file *files, size_t count,
                           const size_t *curves)
{
    html_put(out,
             "<div class=\"card wide\"><h3>Side by side</h3><div class=\"scroll\"><table><thead>"
             "<tr><th>file</th><th>rows</th><th>FVU</th><th>L0</th><th>bits a row</th>"
             "<th>marginal</th><th>indices</th><th>levels</th><th>codebook</th><th>bytes</th></"
             "tr></thead>"
             "<tbody>");
    for (size_t i = 0; i < count; i++) {
        const report_file *f = &files[i];
        const double rows = f->account.rows ? (double)f->account.rows : 1;

        html_put(out, "<tr><td class=\"name sw ");
        chart_put_class(out, curves[i]);
        html_put(out, "\">");
        html_text(out, html_base_name(f->name));
        html_put(out, "</td><td>");
        html_count(out, f->account.rows);
        html_put(out, "</td>");
        put_number(out, f->info.fvu, 4);
        put_number(out, report_l0(f), 2);
        put_number(out, report_file_bits(f), 2);
        put_number(out, class_marginal_bits(&f->account), 2);
        put_number(out, f->account.bits[MDLA_BITS_INDICES] / rows, 2);
        put_number(out, f->account.bits[MDLA_BITS_LEVELS] / rows, 2);
        text_sink_format(out, "<td>%.1f %%</td><td>", 100 * report_codebook_share(f));
        html_count(out, f->account.file_nbytes);
        html_put(out, "</td></tr>");
    }
    html_put(out, "</tbody></table></div></div>");
}

/* Files with one codebook are one group. */
static size_t group_of(const report_file *files, size_t i)
{
    size_t first = 0;

    while (memcmp(files[first].info.codebook_sha256, files[i].info.codebook_sha256,
                  sizeof files[i].info.codebook_sha256) != 0)
        first++;
    return first;
}

/* A class keeps its colour when others come. */
static int class_style(mdla_bit_class bit_class)
{
    switch (bit_class) {
    case MDLA_BITS_CONTAINER: return 0;
    case MDLA_BITS_ATOMS: return 1;
    case MDLA_BITS_BIAS: return 2;
    case MDLA_BITS_PRIORS: return 3;
    case MDLA_BITS_ROW_HEADERS: return 4;
    case MDLA_BITS_INDICES: return 5;
    case MDLA_BITS_LEVELS: return 6;
    case MDLA_BITS_RESIDUAL: return 7;
    case MDLA_BITS_INDEX: return 8;
    case MDLA_BITS_ANCILLARY: return 9;
    case MDLA_BITS_CODER: return 10;
    case MDLA_BITS_ROW_NORMS:
    case MDLA_BITS_TOKENS: return 11;
    case MDLA_BITS_HOOK: return 12;
    case MDLA_BITS_PASSAGES: return 13;
    case MDLA_BITS_POSTINGS: return 14;
    default: return 15;
    }
}

void report_parts(const report_file *f, chart_part parts[MDLA_BITS_CLASSES])
{
    const double rows = f->account.rows ? (double)f->account.rows : 1;

    for (int c = 0; c < MDLA_BITS_CLASSES; c++)
        parts[c] = (chart_part){mdla_bit_class_name((mdla_bit_class)c), f->account.bits[c] / rows,
                                class_style((mdla_bit_class)c)};
}

/* A bar a file, all by one scale. */
static void put_bars(text_sink *out, const report_file *files, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++)
        most = fmax(most, report_file_bits(&files[i]));
    html_put(out, "<div class=\"card\"><h3>Where the bits are</h3>");
    for (size_t i = 0; i < count; i++) {
        chart_part parts[MDLA_BITS_CLASSES];

        report_parts(&files[i], parts);
        html_put(out, "<div class=\"bar\">");
        html_text(out, html_base_name(files[i].name));
        text_sink_format(out, " <span class=\"soft\">%.2f bits a row</span>",
                         report_file_bits(&files[i]));
        chart_put_parts(out, parts, MDLA_BITS_CLASSES, most, "bits a row");
        html_put(out, "</div>");
    }
    html_put(out,
             "<p class=\"soft\">Blue is the codebook, orange which features are active, yellow "
             "how strongly.</p></div>\n");
}

/* Where a file's name says its FVU, as mdla-sweep's do ("-fvu0.3"): nbytes of it, else 0. */
static size_t find_fvu(const char *name, const char **at)
{
    *at = strstr(name, "fvu");
    return *at ? 3 + strspn(*at + 3, "-_=.0123456789") : 0;
}

/* Files of one curve: of one codebook, or of names that differ in their FVU alone. */
static int same_curve(const report_file *a, const report_file *b)
{
    const char *name_a = html_base_name(a->name), *name_b = html_base_name(b->name);
    const char *fvu_a, *fvu_b;
    const size_t skip_a = find_fvu(name_a, &fvu_a), skip_b = find_fvu(name_b, &fvu_b);

    if (memcmp(a->info.codebook_sha256, b->info.codebook_sha256, sizeof a->info.codebook_sha256) ==
        0)
        return 1;
    return skip_a > 0 && skip_b > 0 && a->info.width == b->info.width &&
           fvu_a - name_a == fvu_b - name_b &&
           strncmp(name_a, name_b, (size_t)(fvu_a - name_a)) == 0 &&
           strcmp(fvu_a + skip_a, fvu_b + skip_b) == 0;
}

/* Curves are numbered in the order of their first files, whose places go to firsts[]. Returns how
 * many there are. */
static size_t find_curves(const report_file *files, size_t count, size_t *curves, size_t *firsts)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        size_t curve = 0;

        while (curve < found && !same_curve(&files[firsts[curve]], &files[i]))
            curve++;
        if (curve == found)
            firsts[found++] = i;
        curves[i] = curve;
    }
    return found;
}

/* Which curve has which colour: by the name of its first file. */
static void put_legend(text_sink *out, const report_file *files, size_t count, const size_t *curves,
                       const size_t *firsts, size_t curve_count)
{
    html_put(out, "<div class=\"legend\">");
    for (size_t c = 0; c < curve_count; c++) {
        const char *first = html_base_name(files[firsts[c]].name);
        size_t members = 0;
        char text[600];

        for (size_t i = 0; i < count; i++)
            members += curves[i] == c;
        snprintf(text, sizeof text, members > 1 ? "%s and %zu more" : "%s", first, members - 1);
        chart_put_key(out, c, text);
    }
    html_put(out, "</div>");
}

static void put_rates(text_sink *out, const report_file *files, size_t count, chart_point *points,
                      const size_t *curves, const size_t *firsts, size_t curve_count)
{
    static const chart_plane plane = {.label = "rate and distortion",
                                      .x_axis = "marginal bits a row",
                                      .y_axis = "FVU",
                                      .dots = 1};
    size_t known = 0;

    for (size_t i = 0; i < count; i++)
        if (isfinite(files[i].info.fvu) && files[i].account.rows)
            points[known++] =
                (chart_point){class_marginal_bits(&files[i].account), files[i].info.fvu, curves[i],
                              html_base_name(files[i].name)};
    if (known == 0)
        return;
    html_put(out, "<div class=\"card\"><h3>Rate and distortion</h3>");
    chart_put_points(out, points, known, &plane);
    put_legend(out, files, count, curves, firsts, curve_count);
    html_put(out, "<p class=\"soft\">Lower and further left is better; marginal bits leave the "
                  "codebook out. Files that share a codebook, "
                  "or whose names differ in their FVU alone, are one curve; FVU is what each "
                  "encoder recorded of its own rows.</p></div>");
}

static int put_several(text_sink *out, const report_file *files, size_t count)
{
    chart_point *points = calloc(count, sizeof *points);
    size_t *curves = calloc(2 * count, sizeof *curves);
    int result = -1;

    if (points && curves) {
        const size_t curve_count = find_curves(files, count, curves, curves + count);

        html_put(out,
                 "<p class=\"lead\">Activations explained by sparse features, in as many bits as "
                 "it takes to send them.</p><div class=\"cards\">");
        put_comparison(out, files, count, curves);
        put_bars(out, files, count);
        put_rates(out, files, count, points, curves, curves + count, curve_count);
        html_put(out, "</div>\n");
        result = 0;
    } else
        tool_fail("out of memory");
    free(points);
    free(curves);
    return result;
}

void page_begin(text_sink *out, const char *title)
{
    html_put(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                  "<meta name=\"generator\" content=\"mdla-report " MDLA_VERSION "\"><title>");
    html_text(out, title);
    html_put(out, "</title>\n<style>\n");
    html_put(out, report_style);
    html_put(out, "</style></head>\n<body><main>\n<h1>");
    html_text(out, title);
    html_put(out, "</h1>\n");
}

void page_end(text_sink *out)
{
    html_put(out, "</main></body></html>\n");
}

int page_put(text_sink *out, const report_file *files, size_t count, const char *title)
{
    char compared[64];
    int result = 0;

    snprintf(compared, sizeof compared, "%zu files compared", count);
    page_begin(out, title ? title : count == 1 ? html_base_name(files[0].name) : compared);
    if (count > 1)
        result = put_several(out, files, count);
    for (size_t i = 0; i < count && result == 0; i++) {
        if (count > 1) {
            html_put(out, i == 0 ? "<details open><summary>" : "<details><summary>");
            html_text(out, html_base_name(files[i].name));
            html_put(out, "</summary>\n");
        }
        result = sections_put(out, &files[i], group_of(files, i) == i);
        if (count > 1)
            html_put(out, "</details>\n");
    }
    page_end(out);
    return result;
}
