/* The sweep's CSV: every measurement, the optimum by number of rows, and the crossings. */
#include "answers.h"
#include "text_file.h"

#include "common/files.h"
#include "common/table.h"
#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

/* Writes the table as FOLDER/member and frees it. NULL: there was no memory for it. */
static int write_table(const sweep *s, table *t, const char *member)
{
    char *path = files_join(s->folder, NULL, member);
    text_file text;
    int result = -1;

    if (!t)
        tool_fail("out of memory");
    else if (path && text_file_open(&text) == 0) {
        result = table_print_csv(t, text.stream);
        if (result == 0)
            result = text_file_write(&text, path);
        else {
            text_file_drop(&text);
            tool_fail("out of memory");
        }
    }
    table_free(t);
    free(path);
    return result;
}

static table *start_table(const char *const *heading, size_t columns)
{
    table *t = table_new(columns);

    for (size_t i = 0; t && i < columns; i++)
        table_text(t, heading[i]);
    return t;
}

static void put_bits(table *t, const measurement *m, double bits, int decimals)
{
    if (m->reached)
        table_number(t, bits, decimals);
    else
        table_text(t, "n/a");
}

static void put_measurement(table *t, const sweep *s, size_t at, size_t f, size_t n)
{
    const explanation *e = &s->options->explanations[at];
    const measurement *m = sweep_at(s, at, f, n);
    const double rows = (double)s->options->rows[n];
    const double codebook = 8 * (double)m->codebook_nbytes;

    table_text(t, e->name);
    table_count(t, m->width);
    if (e->l0)
        table_format(t, "%u", e->l0);
    else
        table_text(t, "");
    if (e->path || e->basis)
        table_text(t, "");
    else
        table_format(t, "%llu", (unsigned long long)e->seed);
    table_number(t, s->options->fvu[f], 6);
    table_count(t, s->options->rows[n]);
    put_bits(t, m, m->fvu, 6);
    put_bits(t, m, m->l0, 3);
    put_bits(t, m, marginal_bits(m), 3);
    put_bits(t, m, m->index_bits, 3);
    put_bits(t, m, m->level_bits, 3);
    put_bits(t, m, m->additive_bits - m->index_bits, 3);
    put_bits(t, m, m->bound, 3);
    put_bits(t, m, m->entropy, 3);
    put_bits(t, m, codebook / rows, 3);
    put_bits(t, m, marginal_bits(m) + codebook / rows, 3);
    put_bits(t, m, (double)m->codebook_nbytes, 0);
    put_bits(t, m, (double)m->file_nbytes, 0);
    put_bits(t, m, (double)m->file_rows, 0);
    if (m->whole_nbytes)
        table_count(t, m->whole_nbytes);
    else
        table_text(t, "");
}

static int write_measurements(const sweep *s)
{
    static const char *const heading[] = {"explanation",
                                          "width",
                                          "trained_l0",
                                          "seed",
                                          "target_fvu",
                                          "rows_sharing",
                                          "fvu",
                                          "l0",
                                          "marginal_bits_per_row",
                                          "index_bits_per_row",
                                          "level_bits_per_row",
                                          "independence_gap_bits_per_row",
                                          "bound_bits_per_row",
                                          "entropy_bits_per_row",
                                          "codebook_bits_per_row",
                                          "total_bits_per_row",
                                          "codebook_nbytes",
                                          "file_nbytes",
                                          "file_rows",
                                          "whole_nbytes"};
    enum { COLUMNS = sizeof heading / sizeof heading[0] };
    const sweep_options *o = s->options;
    table *t = start_table(heading, COLUMNS);

    for (size_t e = 0; t && e < o->explanation_count; e++)
        for (size_t f = 0; f < o->fvu_count; f++)
            for (size_t n = 0; n < o->rows_count; n++)
                put_measurement(t, s, e, f, n);
    return write_table(s, t, "results.csv");
}

static int write_optima(const sweep *s)
{
    static const char *const heading[] = {"target_fvu", "from_rows", "to_rows", "explanation",
                                          "total_bits_per_row_at_from"};
    const sweep_options *o = s->options;
    table *t = start_table(heading, sizeof heading / sizeof heading[0]);
    optimum stretches[SWEEP_OPTIMA_MAX];

    for (size_t f = 0; t && f < o->fvu_count; f++) {
        const int count = answers_optima(s, f, stretches);

        if (count < 0) {
            table_free(t);
            return -1;
        }
        for (int i = 0; i < count; i++) {
            table_number(t, o->fvu[f], 6);
            table_number(t, stretches[i].from, 0);
            table_number(t, stretches[i].to, 0);
            table_text(t, o->explanations[stretches[i].explanation].name);
            table_number(t, answers_total(s, stretches[i].explanation, f, stretches[i].from), 3);
        }
    }
    return write_table(s, t, "optimum.csv");
}

static int write_crossings(const sweep *s)
{
    static const char *const heading[] = {"shorter_above", "shorter_below", "fvu",
                                          "marginal_bits_per_row"};
    const explanation *all = s->options->explanations;
    table *t = start_table(heading, sizeof heading / sizeof heading[0]);
    crossing *crossings = NULL;
    size_t count = 0;

    if (answers_crossings(s, &crossings, &count) != 0) {
        table_free(t);
        return -1;
    }
    for (size_t i = 0; t && i < count; i++) {
        table_text(t, all[crossings[i].above].name);
        table_text(t, all[crossings[i].below].name);
        table_number(t, crossings[i].at.fvu, 4);
        table_number(t, crossings[i].at.bits, 2);
    }
    free(crossings);
    return write_table(s, t, "crossings.csv");
}

int sweep_write_tables(const sweep *s)
{
    if (write_measurements(s) != 0 || write_optima(s) != 0)
        return -1;
    return s->options->fvu_count > 1 ? write_crossings(s) : 0;
}
