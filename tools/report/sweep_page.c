#include "report/sweep_page.h"

#include "report/charts.h"
#include "report/html.h"
#include "report/page.h"

#include "sweep/curves.h"

#include "common/files.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { GRID = 60 }; /* points of a curve over numbers of rows */

/* ---- answers ---- */

/* What an explanation's codebooks cost at a target, into lines[rows_count]. */
static size_t take_lines(const sweep_results *r, size_t e, size_t target, rate_line *lines)
{
    size_t count = 0;

    for (size_t n = 0; n < r->rows_count; n++) {
        const sweep_result *m = sweep_results_at(r, e, target, n);

        if (isfinite(m->fvu))
            lines[count++] = (rate_line){m->marginal, 8 * m->codebook_nbytes};
    }
    return count;
}

/* Total bits a row if so many share the cheapest of its codebooks; what codes the train rows alone
 * is never shared. NaN where the target isn't reached. */
static double total_bits(const sweep_results *r, size_t e, size_t target, size_t n,
                         rate_line *lines)
{
    const sweep_result *own = sweep_results_at(r, e, target, n);
    const double rows = (double)r->rows[n];

    if (r->explanations[e].on_train)
        return own->marginal + 8 * own->codebook_nbytes / rows;
    return curves_total(lines, take_lines(r, e, target, lines), rows);
}

/* The explanation of fewest total bits; explanation_count where none reaches the target. */
static size_t find_shortest(const sweep_results *r, size_t target, size_t n, rate_line *lines)
{
    size_t shortest = r->explanation_count;
    double least = INFINITY;

    for (size_t e = 0; e < r->explanation_count; e++) {
        const double total = total_bits(r, e, target, n, lines);

        if (total < least) {
            least = total;
            shortest = e;
        }
    }
    return shortest;
}

/* The measurement of fewest marginal bits; NULL where the target isn't reached. */
static const sweep_result *least_marginal(const sweep_results *r, size_t e, size_t target)
{
    const sweep_result *least = NULL;

    for (size_t n = 0; n < r->rows_count; n++) {
        const sweep_result *m = sweep_results_at(r, e, target, n);

        if (isfinite(m->fvu) && (!least || m->marginal < least->marginal))
            least = m;
    }
    return least;
}

/* ---- opening ---- */

/* Which of an explanation's codebooks is cheapest for the most rows. */
static size_t cheapest_codebook(const sweep_results *r, size_t e, size_t target)
{
    const double rows = (double)r->rows[r->rows_count - 1];
    double least = INFINITY;
    size_t cheapest = 0;

    for (size_t n = 0; n < r->rows_count; n++) {
        const sweep_result *m = sweep_results_at(r, e, target, n);

        if (m->marginal + 8 * m->codebook_nbytes / rows < least) {
            least = m->marginal + 8 * m->codebook_nbytes / rows;
            cheapest = n;
        }
    }
    return cheapest;
}

/* FOLDER/files/NAME-fvuF-nN and what comes after, to be freed. */
static char *member_path(const sweep_results *r, size_t e, size_t target, const char *end)
{
    char name[512];

    snprintf(name, sizeof name, "%s-fvu%g-n%" PRIu64 "%s", r->explanations[e].name,
             r->targets[target], r->rows[cheapest_codebook(r, e, target)], end);
    return files_join(r->folder, "files", name);
}

/* The coded rows' file is called by what they are. */
static int find_file(const sweep_results *r, size_t target, sweep_detail *d)
{
    d->path = member_path(r, d->explanation, target, "-train.mdla");
    d->found = d->path && access(d->path, F_OK) == 0;
    if (!d->path || d->found)
        return d->path ? 0 : -1;
    free(d->path);
    d->path = member_path(r, d->explanation, target, "-test.mdla");
    d->found = d->path && access(d->path, F_OK) == 0;
    return d->path ? 0 : -1;
}

static int open_detail(const mdla_config *config, const sweep_results *r, size_t target,
                       const image_shape *image, sweep_detail *d)
{
    char *codebook;
    int result;

    if (d->explanation == r->explanation_count)
        return 0;
    if (find_file(r, target, d) != 0)
        return -1;
    if (!d->found)
        return 0;
    codebook = member_path(r, d->explanation, target, ".codebook");
    result = codebook ? files_codebook(config, codebook, &d->codebook) : -1;
    free(codebook);
    return result == 0 ? report_open(config, d->path, d->codebook, image, &d->file) : -1;
}

int sweep_report_open(const mdla_config *config, const char *path, const image_shape *image,
                      sweep_report *out)
{
    sweep_results *r = &out->results;
    rate_line *lines;
    int result;

    *out = (sweep_report){0};
    if (sweep_results_read(path, r) != 0)
        return -1;
    out->details = calloc(r->target_count, sizeof *out->details);
    lines = calloc(r->rows_count, sizeof *lines);
    result = out->details && lines ? 0 : -1;
    if (result != 0)
        tool_fail("out of memory");
    for (size_t t = 0; result == 0 && t < r->target_count; t++) {
        out->details[t].explanation = find_shortest(r, t, r->rows_count - 1, lines);
        result = open_detail(config, r, t, image, &out->details[t]);
    }
    free(lines);
    return result;
}

void sweep_report_close(sweep_report *r)
{
    for (size_t t = 0; r->details && t < r->results.target_count; t++) {
        report_close(&r->details[t].file);
        mdla_codebook_free(r->details[t].codebook);
        free(r->details[t].path);
    }
    free(r->details);
    sweep_results_free(&r->results);
}

/* ---- the page ---- */

/* What a page needs while it is put. */
typedef struct page_work {
    text_sink *out;
    const sweep_results *r;
    rate_line *lines;          /* [explanation_count][rows_count] */
    explanation_lines *shared; /* [explanation_count]: of those that rows can share */
    chart_point *points;       /* [explanation_count] of GRID or the targets */
} page_work;

/* Names the curves of a chart that was put, so that its points are in order. */
static void put_legend(const page_work *w, size_t count)
{
    html_put(w->out, "<div class=\"legend\">");
    for (size_t i = 0; i < count; i++)
        if (i == 0 || w->points[i].group != w->points[i - 1].group)
            chart_put_key(w->out, w->points[i].group, w->r->explanations[w->points[i].group].name);
    html_put(w->out, "</div>");
}

static void put_curves(const page_work *w)
{
    static const chart_plane plane = {.label = "rate and distortion",
                                      .x_axis = "marginal bits a row",
                                      .y_axis = "FVU",
                                      .dots = 1};
    const sweep_results *r = w->r;
    size_t count = 0;

    for (size_t e = 0; e < r->explanation_count; e++)
        for (size_t t = 0; t < r->target_count; t++) {
            const sweep_result *m = least_marginal(r, e, t);

            if (m && !r->explanations[e].on_train)
                w->points[count++] = (chart_point){m->marginal, m->fvu, e, r->explanations[e].name};
        }
    if (count == 0)
        return;
    html_put(w->out, "<div class=\"card\"><h3>Rate and distortion</h3>");
    chart_put_points(w->out, w->points, count, &plane);
    put_legend(w, count);
    html_put(w->out,
             "<p class=\"soft\">Lower and further left is better. Marginal bits are those of "
             "the coded rows' file, which only names its codebook; of the codebooks fitted "
             "for several numbers of rows, the one of fewest.</p></div>\n");
}

/* How the optimum moves with the number of rows. */
static void put_optimum(const page_work *w)
{
    optimum stretches[SWEEP_OPTIMA_MAX];
    const size_t count = curves_optima(w->shared, w->r->explanation_count, SWEEP_ROWS_LOW,
                                       SWEEP_ROWS_HIGH, stretches, SWEEP_OPTIMA_MAX);
    char rows[NUMBER_TEXT_MAX];

    html_put(w->out, "<p>Shortest: ");
    for (size_t i = 0; i < count; i++) {
        html_put(w->out, i > 0 ? "; <b>" : "<b>");
        html_text(w->out, w->r->explanations[stretches[i].explanation].name);
        if (i + 1 < count)
            text_sink_format(w->out, "</b> up to %s rows", number_in_words(stretches[i].to, rows));
        else
            html_put(w->out, i == 0 ? "</b> for any number of rows" : "</b> beyond");
    }
    html_put(w->out, "</p>");
}

static void put_totals(const page_work *w, size_t target)
{
    static const chart_plane plane = {.label = "total bits by number of rows",
                                      .x_axis = "rows that share the codebook",
                                      .y_axis = "total bits a row",
                                      .log = 1};
    const sweep_results *r = w->r;
    size_t count = 0;

    for (size_t e = 0; e < r->explanation_count; e++) {
        rate_line *lines = w->lines + e * r->rows_count;

        w->shared[e] = (explanation_lines){
            lines, r->explanations[e].on_train ? 0 : take_lines(r, e, target, lines)};
        for (size_t i = 0; w->shared[e].count > 0 && i <= GRID; i++) {
            const double rows =
                SWEEP_ROWS_LOW * pow(SWEEP_ROWS_HIGH / SWEEP_ROWS_LOW, (double)i / GRID);

            w->points[count++] =
                (chart_point){rows, curves_total(lines, w->shared[e].count, rows), e, NULL};
        }
    }
    text_sink_format(w->out, "<div class=\"card\"><h3>Total bits at FVU %g</h3>",
                     r->targets[target]);
    if (count > 0) {
        chart_put_points(w->out, w->points, count, &plane);
        put_legend(w, count);
        put_optimum(w);
    } else {
        html_put(w->out, "<p class=\"soft\">No explanation reaches it.</p>");
    }
    html_put(w->out, "</div>\n");
}

static void put_cell(text_sink *out, double number, int decimals, int stressed)
{
    if (isfinite(number))
        text_sink_format(out, stressed ? "<td><b>%.*f</b></td>" : "<td>%.*f</td>", decimals,
                         number);
    else
        html_put(out, "<td>–</td>");
}

static void put_bytes(text_sink *out, double nbytes)
{
    if (isfinite(nbytes)) {
        html_put(out, "<td>");
        html_count(out, (uint64_t)nbytes);
        html_put(out, "</td>");
    } else {
        html_put(out, "<td>–</td>");
    }
}

static void put_explanation(const page_work *w, size_t target, size_t e)
{
    static const sweep_result nothing = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    const sweep_results *r = w->r;
    const sweep_result *m = least_marginal(r, e, target);

    m = m ? m : &nothing;
    html_put(w->out, "<tr><td class=\"name sw ");
    chart_put_class(w->out, e);
    html_put(w->out, "\">");
    html_text(w->out, r->explanations[e].name);
    html_put(w->out, "</td><td>");
    html_count(w->out, r->explanations[e].width);
    html_put(w->out, "</td>");
    put_cell(w->out, m->fvu, 4, 0);
    put_cell(w->out, m->l0, 2, 0);
    put_cell(w->out, m->marginal, 2, 0);
    put_cell(w->out, m->indices, 2, 0);
    put_cell(w->out, m->levels, 2, 0);
    put_cell(w->out, m->gap, 2, 0);
    put_bytes(w->out, m->codebook_nbytes);
    for (size_t n = 0; n < r->rows_count; n++)
        put_cell(w->out, total_bits(r, e, target, n, w->lines), 2,
                 find_shortest(r, target, n, w->lines) == e);
    html_put(w->out, "</tr>");
}

static void put_table(const page_work *w, size_t target)
{
    const sweep_results *r = w->r;
    char number[NUMBER_TEXT_MAX];

    text_sink_format(w->out, "<div class=\"card wide\"><h3>Explanations at FVU %g</h3>",
                     r->targets[target]);
    html_put(w->out, "<div class=\"scroll\"><table><thead><tr><th>explanation</th><th>width</th>"
                     "<th>FVU</th><th>L0</th><th>marginal</th><th>indices</th><th>levels</th>"
                     "<th>gap</th><th>codebook, bytes</th>");
    for (size_t n = 0; n < r->rows_count; n++)
        text_sink_format(w->out, "<th>total, %s rows</th>",
                         number_in_words((double)r->rows[n], number));
    html_put(w->out, "</tr></thead><tbody>");
    for (size_t e = 0; e < r->explanation_count; e++)
        put_explanation(w, target, e);
    html_put(w->out, "</tbody></table></div>");
    if (target + 1 == r->target_count)
        html_put(w->out,
                 "<p class=\"soft\">Bits a row. All but the totals are of the codebook of "
                 "fewest marginal bits; the gap is what indices would take more if features "
                 "were coded as if independent. – : the loss isn't reached, or the codebook "
                 "is of the train rows, whose number is another; such a one has no "
                 "curve.</p>");
    html_put(w->out, "</div>\n");
}

/* The sections of the shortest explanation's file. */
static int put_detail(const page_work *w, size_t target, const sweep_detail *d)
{
    const uint64_t rows = w->r->rows[w->r->rows_count - 1];
    char number[NUMBER_TEXT_MAX];
    int result = 0;

    if (d->explanation == w->r->explanation_count)
        return 0;
    html_put(w->out, target == 0 ? "<details open><summary>" : "<details><summary>");
    text_sink_format(w->out, "FVU %g: ", w->r->targets[target]);
    html_text(w->out, w->r->explanations[d->explanation].name);
    text_sink_format(w->out, ", the shortest for %s rows</summary>\n",
                     number_in_words((double)rows, number));
    if (d->found) {
        result = sections_put(w->out, &d->file, 1);
    } else {
        html_put(w->out, "<p class=\"soft\">Its file files/");
        html_text(w->out, html_base_name(d->path));
        html_put(w->out, " is no longer in the sweep's folder.</p>");
    }
    html_put(w->out, "</details>\n");
    return result;
}

static int put_all(const page_work *w, const sweep_report *report)
{
    const sweep_results *r = w->r;
    int result = 0;

    html_put(w->out, "<p class=\"lead\">Which of ");
    html_count(w->out, r->explanation_count);
    html_put(w->out,
             " explanations takes the fewest bits at equal loss, and for how many rows that "
             "share its codebook. All bits are sizes of files.</p>\n<div class=\"cards\">");
    put_curves(w);
    for (size_t t = 0; t < r->target_count; t++)
        put_totals(w, t);
    for (size_t t = 0; t < r->target_count; t++)
        put_table(w, t);
    html_put(w->out, "</div>\n");
    for (size_t t = 0; t < r->target_count && result == 0; t++)
        result = put_detail(w, t, &report->details[t]);
    return result;
}

int sweep_page_put(text_sink *out, const sweep_report *report, const char *title)
{
    const sweep_results *r = &report->results;
    const size_t each = r->target_count > GRID ? r->target_count : GRID + 1;
    page_work w = {out, r, calloc(r->explanation_count * r->rows_count, sizeof *w.lines),
                   calloc(r->explanation_count, sizeof *w.shared),
                   calloc(r->explanation_count * each, sizeof *w.points)};
    char made[64];
    int result = -1;

    snprintf(made, sizeof made, "%zu explanations compared", r->explanation_count);
    if (w.lines && w.shared && w.points) {
        page_begin(out, title ? title : made);
        result = put_all(&w, report);
        page_end(out);
    } else {
        tool_fail("out of memory");
    }
    free(w.lines);
    free(w.shared);
    free(w.points);
    return result;
}
