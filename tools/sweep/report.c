/* FOLDER/report.md: the sweep's answers in words and tables. */
#include "answers.h"
#include "paper.h"
#include "text_file.h"

#include "common/files.h"
#include "common/numbers.h"
#include "common/table.h"
#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

static void put_heading(table *t, const char *const *heading, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_text(t, heading[i]);
}

static int print_table(FILE *out, table *t)
{
    const int result = t ? table_print_markdown(t, out) : -1;

    table_free(t);
    if (result != 0)
        tool_fail("out of memory");
    return result;
}

static void put_picture(FILE *out, const sweep *s, sweep_picture picture, size_t fvu,
                        const char *what)
{
    char name[64];

    if (sweep_has_picture(s, picture))
        fprintf(out, "\n![%s](%s)\n", what, sweep_picture_name(s, picture, fvu, name));
}

static void put_introduction(FILE *out, const sweep *s)
{
    const sweep_options *o = s->options;
    char train[NUMBER_TEXT_MAX], test[NUMBER_TEXT_MAX];

    fprintf(out,
            "# Which explanation is shortest\n\n"
            "%zu explanation%s of rows of %u values, by mdla-sweep %s. Codebooks are fitted to %s "
            "train rows",
            o->explanation_count, o->explanation_count > 1 ? "s" : "", s->dims, MDLA_VERSION,
            number_grouped(s->train_rows, train));
    if (s->test != s->train)
        fprintf(out, "; bits and loss are those of %s test rows coded with them.",
                number_grouped(s->test_rows, test));
    else
        fprintf(out, "; bits and loss are those of the same rows, since no test rows were given.");
    fprintf(out,
            " Every figure of bits is the size of a file:\n\n"
            "- **marginal**: 8 x bytes of the coded rows' file / its rows; the codebook is only "
            "named in it.\n"
            "- **total for N rows**: marginal + 8 x bytes of the codebook's file / N. Of the "
            "codebooks fitted for the numbers of rows that were asked for, the one that is "
            "cheapest for N; between these numbers one made for N would take less.\n"
            "- **one file**: 8 x bytes of a file of the train rows with its codebook inside / its "
            "rows.\n"
            "- **gap**: indices if every feature were coded as if independent of the others, less "
            "the indices.\n"
            "- **bound**, **entropy**: the MDL-SAE paper's L0 (B + log2 width) and sum h(p) + p "
            "H(level | active) of the same codes.\n"
            "- **n/a**: these atoms don't reach the loss, or the explanation failed, which is then "
            "said.\n");
    for (size_t e = 0; e < o->explanation_count; e++)
        if (o->explanations[e].on_train)
            fprintf(out,
                    "- **%s** has a codeword for every train row; its bits and loss are those of "
                    "the train rows, and it has a total for these alone.\n",
                    o->explanations[e].name);
}

/* ---- One loss ---------------------------------------------------------------------------------
 */

/* The narrowest and the widest of the SAEs that reach the loss. */
static void find_extremes(const sweep *s, size_t fvu, uint32_t *narrow, uint32_t *wide)
{
    *narrow = UINT32_MAX;
    *wide = 0;
    for (size_t e = 0; e < s->options->explanation_count; e++)
        if (!s->options->explanations[e].basis && answers_marginal(s, e, fvu)) {
            const uint32_t width = s->options->explanations[e].width;

            *narrow = width < *narrow ? width : *narrow;
            *wide = width > *wide ? width : *wide;
        }
}

static int put_optimum(FILE *out, const sweep *s, size_t fvu)
{
    static const char *const heading[] = {"rows sharing",       "shortest", "width",
                                          "total bits a row",   "marginal", "codebook, % of total",
                                          "optimum in between?"};
    enum { COLUMNS = sizeof heading / sizeof heading[0] };
    const sweep_options *o = s->options;
    table *t = table_new(COLUMNS);
    uint32_t narrow, wide;

    if (t)
        put_heading(t, heading, COLUMNS);
    find_extremes(s, fvu, &narrow, &wide);
    for (size_t n = 0; t && n < o->rows_count; n++) {
        const double rows = (double)o->rows[n];
        const size_t e = answers_shortest(s, fvu, rows);
        const double total = answers_total(s, e, fvu, rows);
        double marginal = (double)NAN;

        for (size_t i = 0; i < o->rows_count; i++) {
            const measurement *m = sweep_at(s, e, fvu, i);

            if (marginal_bits(m) + 8 * (double)m->codebook_nbytes / rows == total)
                marginal = marginal_bits(m);
        }
        table_count(t, o->rows[n]);
        table_text(t, o->explanations[e].name);
        table_count(t, o->explanations[e].width);
        table_number(t, total, 2);
        table_number(t, marginal, 2);
        table_number(t, 100 * (total - marginal) / total, 1);
        table_text(t, o->explanations[e].basis ? "no SAE"
                      : o->explanations[e].width > narrow && o->explanations[e].width < wide ? "yes"
                      : narrow == wide                     ? "one width only"
                      : o->explanations[e].width == narrow ? "no, the narrowest"
                                                           : "no, the widest");
    }
    return print_table(out, t);
}

/* How the optimum moves with the number of rows. */
static int put_stretches(FILE *out, const sweep *s, size_t fvu)
{
    optimum stretches[SWEEP_OPTIMA_MAX];
    const int count = answers_optima(s, fvu, stretches);
    char rows[NUMBER_TEXT_MAX];

    if (count < 0)
        return -1;
    fprintf(out, "\nHow the optimum moves with the number of rows that share the codebook:\n\n");
    for (int i = 0; i < count; i++) {
        const char *name = s->options->explanations[stretches[i].explanation].name;

        if (i + 1 < count)
            fprintf(out, "- up to %s rows: %s\n", number_in_words(stretches[i].to, rows), name);
        else
            fprintf(out, "- %s: %s\n", i == 0 ? "for any number" : "beyond", name);
    }
    return 0;
}

static void put_reached(table *t, const sweep *s, size_t at, size_t fvu)
{
    const sweep_options *o = s->options;
    const measurement *m = answers_marginal(s, at, fvu);
    uint64_t whole = 0;

    table_number(t, m->fvu, 4);
    table_number(t, m->l0, 2);
    table_number(t, marginal_bits(m), 2);
    table_number(t, m->index_bits, 2);
    table_number(t, m->level_bits, 2);
    table_number(t, m->additive_bits - m->index_bits, 2);
    table_number(t, m->bound, 1);
    table_number(t, m->entropy, 1);
    table_number(t, 8e-6 * (double)m->codebook_nbytes, 3);
    for (size_t n = 0; n < o->rows_count; n++) {
        const double total = answers_total(s, at, fvu, (double)o->rows[n]);

        if (isnan(total))
            table_text(t, "n/a");
        else
            table_number(t, total, 2);
        if (sweep_at(s, at, fvu, n)->whole_nbytes)
            whole = sweep_at(s, at, fvu, n)->whole_nbytes;
    }
    if (whole)
        table_number(t, 8 * (double)whole / (double)s->train_rows, 2);
    else
        table_text(t, "n/a");
}

static int put_explanations(FILE *out, const sweep *s, size_t fvu)
{
    static const char *const heading[] = {"explanation", "FVU",           "L0",  "marginal",
                                          "indices",     "levels",        "gap", "bound",
                                          "entropy",     "codebook, Mbit"};
    enum { FIXED = sizeof heading / sizeof heading[0] };
    const sweep_options *o = s->options;
    table *t = table_new(FIXED + o->rows_count + 1);
    char number[NUMBER_TEXT_MAX];

    if (t) {
        put_heading(t, heading, FIXED);
        for (size_t n = 0; n < o->rows_count; n++)
            table_format(t, "total, %s rows", number_grouped(o->rows[n], number));
        table_text(t, "one file");
    }
    for (size_t e = 0; t && e < o->explanation_count; e++) {
        table_text(t, o->explanations[e].name);
        if (answers_marginal(s, e, fvu))
            put_reached(t, s, e, fvu);
        else
            for (size_t i = 1; i < FIXED + o->rows_count + 1; i++)
                table_text(t, "n/a");
    }
    fprintf(out, "\nBits a row; all but the totals belong to the codebook of fewest marginal "
                 "bits.\n\n");
    return print_table(out, t);
}

static void put_failures(FILE *out, const sweep *s, size_t fvu)
{
    for (size_t e = 0; e < s->options->explanation_count; e++)
        for (size_t n = 0; n < s->options->rows_count; n++)
            if (sweep_at(s, e, fvu, n)->why[0])
                fprintf(out, "\n%s failed: %s\n", s->options->explanations[e].name,
                        sweep_at(s, e, fvu, n)->why);
}

static int put_loss(FILE *out, const sweep *s, size_t fvu)
{
    fprintf(out, "\n## At FVU %g\n\n", s->options->fvu[fvu]);
    if (answers_shortest(s, fvu, 1) == s->options->explanation_count) {
        fprintf(out, "No explanation reaches it.\n");
        put_failures(out, s, fvu);
        return 0;
    }
    if (put_optimum(out, s, fvu) != 0 || put_stretches(out, s, fvu) != 0 ||
        put_explanations(out, s, fvu) != 0 || ordering_put(out, s, fvu) != 0)
        return -1;
    put_failures(out, s, fvu);
    put_picture(out, s, PICTURE_ROWS, fvu, "total bits a row by number of rows");
    put_picture(out, s, PICTURE_WIDTHS, fvu, "bits a row by width");
    return 0;
}

/* ---- All losses -------------------------------------------------------------------------------
 */

static int put_winners(FILE *out, const sweep *s)
{
    static const char *const heading[] = {"FVU", "shortest in marginal bits", "bits a row"};
    const sweep_options *o = s->options;
    table *t = table_new(3);

    if (t)
        put_heading(t, heading, 3);
    for (size_t f = 0; t && f < o->fvu_count; f++) {
        const size_t e = answers_shortest(s, f, INFINITY);

        table_format(t, "%g", o->fvu[f]);
        table_text(t, e < o->explanation_count ? o->explanations[e].name : "n/a");
        table_number(t, answers_total(s, e < o->explanation_count ? e : 0, f, INFINITY), 2);
    }
    return print_table(out, t);
}

static int put_crossings(FILE *out, const sweep *s)
{
    static const char *const heading[] = {"shorter at larger FVU", "shorter at smaller FVU",
                                          "cross at FVU", "bits a row"};
    enum { COLUMNS = sizeof heading / sizeof heading[0] };
    const explanation *all = s->options->explanations;
    crossing *crossings = NULL;
    size_t count = 0;
    table *t;

    if (answers_crossings(s, &crossings, &count) != 0)
        return -1;
    if (count == 0) {
        free(crossings);
        fprintf(out, "\nNo two curves cross between the measured points.\n");
        return 0;
    }
    fprintf(out, "\nCurves that cross, by interpolation of bits over log FVU between measured "
                 "points:\n\n");
    t = table_new(COLUMNS);
    if (t)
        put_heading(t, heading, COLUMNS);
    for (size_t i = 0; t && i < count; i++) {
        table_text(t, all[crossings[i].above].name);
        table_text(t, all[crossings[i].below].name);
        table_number(t, crossings[i].at.fvu, 4);
        table_number(t, crossings[i].at.bits, 2);
    }
    free(crossings);
    return print_table(out, t);
}

static int put_curves(FILE *out, const sweep *s)
{
    if (s->options->fvu_count < 2)
        return 0;
    fprintf(out, "\n## Rate and distortion\n\n");
    if (put_winners(out, s) != 0 || put_crossings(out, s) != 0)
        return -1;
    put_picture(out, s, PICTURE_CURVES, 0, "rate-distortion curves");
    return 0;
}

static int put_paper(FILE *out)
{
    static const char *const heading[] = {"code", "inputs", "bits a row", "published"};
    paper_figure figures[PAPER_FIGURES];
    table *t = table_new(4);

    fprintf(out, "\n## The paper's arithmetic\n\n"
                 "Its figures for GPT-2 small (arXiv 2410.11179) from their inputs. The published "
                 "one-hot figure is a product; the paper's own bound adds.\n\n");
    paper_gpt2(figures);
    if (t)
        put_heading(t, heading, 4);
    for (size_t i = 0; t && i < PAPER_FIGURES; i++) {
        table_text(t, figures[i].code);
        table_text(t, figures[i].inputs);
        table_number(t, figures[i].bits, 1);
        if (isnan(figures[i].published))
            table_text(t, "");
        else
            table_count(t, (uint64_t)figures[i].published);
    }
    return print_table(out, t);
}

int sweep_write_report(const sweep *s)
{
    char *path = files_join(s->folder, NULL, "report.md");
    text_file text;
    int result = -1;

    if (path && text_file_open(&text) == 0) {
        put_introduction(text.stream, s);
        result = 0;
        for (size_t f = 0; result == 0 && f < s->options->fvu_count; f++)
            result = put_loss(text.stream, s, f);
        if (result == 0)
            result = put_curves(text.stream, s);
        if (result == 0)
            result = put_paper(text.stream);
        if (result == 0)
            result = text_file_write(&text, path);
        else
            text_file_drop(&text);
    }
    free(path);
    return result;
}
