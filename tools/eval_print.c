/* mdla-eval's output: a sheet (a line a figure, a column a file), a table (a line a file), CSV,
 * JSON. */
#include "eval.h"

#include "common/classes.h"
#include "common/json.h"
#include "common/table.h"

#include <math.h>
#include <stdio.h>

/* One figure of a result, under its name. */
typedef struct figure {
    const char *label;  /* for people */
    const char *column; /* for programs */
    double (*get)(const eval_result *r);
    int decimals;                       /* -1: a whole number */
    enum { ALWAYS, CODED, MOVED } when; /* CODED: of files alone; MOVED: beside an SAE */
} figure;

static int shows(const figure *f, const eval_result *r)
{
    return f->when == ALWAYS || (f->when == CODED ? r->coded : r->moved);
}

static double get_rows(const eval_result *r)
{
    return (double)r->rows;
}
static double get_dims(const eval_result *r)
{
    return (double)r->dims;
}
static double get_width(const eval_result *r)
{
    return (double)r->width;
}
static double get_l0(const eval_result *r)
{
    return r->metric[METRIC_L0];
}
static double get_fvu(const eval_result *r)
{
    return r->metric[METRIC_FVU];
}
static double get_mse(const eval_result *r)
{
    return r->metric[METRIC_MSE];
}
static double get_nbytes(const eval_result *r)
{
    return (double)r->account.file_nbytes;
}
static double get_marginal(const eval_result *r)
{
    return r->marginal_bits;
}
static double get_file(const eval_result *r)
{
    return r->file_bits;
}
static double get_bound(const eval_result *r)
{
    return r->estimates.bound;
}
static double get_levels(const eval_result *r)
{
    return (double)r->estimates.levels_in_use;
}
static double get_entropy(const eval_result *r)
{
    return r->estimates.entropy;
}
static double get_subset(const eval_result *r)
{
    return r->estimates.subset;
}
static double get_coder(const eval_result *r)
{
    return r->account.charged > 0 ? 100 * r->account.bits[MDLA_BITS_CODER] / r->account.charged
                                  : (double)NAN;
}

static double get_additive(const eval_result *r)
{
    return r->account.rows ? r->account.additive_indices / (double)r->account.rows : (double)NAN;
}
static double get_gap(const eval_result *r)
{
    return get_additive(r) - r->account.bits[MDLA_BITS_INDICES] / (double)r->account.rows;
}
static double get_own_l0(const eval_result *r)
{
    return r->moved ? r->own_l0 : (double)NAN;
}
static double get_shared_of_coded(const eval_result *r)
{
    return r->moved ? 100 * r->shared_of_coded : (double)NAN;
}
static double get_shared_of_own(const eval_result *r)
{
    return r->moved ? 100 * r->shared_of_own : (double)NAN;
}

static const figure measured[] = {
    {"rows", "rows", get_rows, -1, ALWAYS},
    {"dims", "dims", get_dims, -1, ALWAYS},
    {"features", "width", get_width, -1, ALWAYS},
    {"L0", "l0", get_l0, 3, ALWAYS},
    {"FVU", "fvu", get_fvu, 6, ALWAYS},
    {"mse", "mse", get_mse, 6, ALWAYS},
    {"file bytes", "file_nbytes", get_nbytes, -1, CODED},
    {"marginal bits a row", "marginal_bits_per_row", get_marginal, 3, CODED},
    {"bits a row of the whole file", "file_bits_per_row", get_file, 3, CODED},
};

static const figure estimated[] = {
    {"indices if features were independent", "additive_index_bits_per_row", get_additive, 3, CODED},
    {"  less the indices: the independence gap", "independence_gap_bits_per_row", get_gap, 3,
     CODED},
    {"L0 of the SAE's own code", "own_l0", get_own_l0, 3, MOVED},
    {"  features of the file's code that are in it, %", "shared_of_coded_percent",
     get_shared_of_coded, 1, MOVED},
    {"  of it that are in the file's code, %", "shared_of_own_percent", get_shared_of_own, 1,
     MOVED},
    {"paper's bound: L0 (B + log2 width)", "bound_bits_per_row", get_bound, 3, CODED},
    {"  where B = log2 of the levels in use, and these are", "levels_in_use", get_levels, -1,
     CODED},
    {"paper's entropy form: sum h(p) + p H(level | active)", "entropy_bits_per_row", get_entropy, 3,
     CODED},
    {"subset form: log2(width + 1) + log2 C(width, L0)", "subset_bits_per_row", get_subset, 3,
     CODED},
    {"range coder's overhead over the model's bits, %", "coder_overhead_percent", get_coder, 4,
     CODED},
};

/* SAEBench's description_length by number of bins, and beside each the form that was meant. */
enum { SAEBENCH_FIGURES = 2 * SAEBENCH_SIZES };

static double get_saebench(const eval_result *r, int i)
{
    return i % 2 ? r->saebench.active[i / 2] : r->saebench.published[i / 2];
}

static const char *saebench_column(int i, char text[64])
{
    snprintf(text, 64,
             i % 2 ? "binned_entropy_%u_bins_bits_per_row" : "saebench_description_length_%u_bins",
             saebench_bins(i / 2));
    return text;
}

/* Those above stand under their own labels. */
enum { METRICS_FIRST = METRIC_MSE + 1 };

enum {
    MEASURED = sizeof measured / sizeof measured[0],
    ESTIMATED = sizeof estimated / sizeof estimated[0]
};

static void put_value(table *t, const figure *f, const eval_result *r)
{
    const double value = f->get(r);

    if (!shows(f, r))
        table_text(t, "");
    else if (f->decimals < 0)
        table_count(t, (uint64_t)value);
    else
        table_number(t, value, f->decimals);
}

static void put_lines(table *t, const figure *figures, size_t figure_count,
                      const eval_result *results, size_t count)
{
    for (size_t i = 0; i < figure_count; i++) {
        if (!shows(&figures[i], &results[0]))
            continue;
        table_text(t, figures[i].label);
        for (size_t r = 0; r < count; r++)
            put_value(t, &figures[i], &results[r]);
    }
}

static void put_classes(table *t, const eval_result *results, size_t count)
{
    for (int c = 0; c < MDLA_BITS_CLASSES && results[0].coded; c++) {
        int used = 0;

        for (size_t r = 0; r < count; r++)
            used |= results[r].account.bits[c] != 0;
        if (!used)
            continue;
        table_format(t, "  %s", mdla_bit_class_name((mdla_bit_class)c));
        for (size_t r = 0; r < count; r++)
            table_number(t, results[r].account.bits[c] / (double)results[r].account.rows, 3);
    }
}

static void put_metric(table *t, eval_metric metric, const eval_result *r)
{
    if (metric_is_count(metric))
        table_count(t, (uint64_t)r->metric[metric]);
    else
        table_number(t, r->metric[metric], 6);
}

/* "features of density below 1e-9.5", and so on up. */
static void put_histogram(table *t, const eval_result *results, size_t count)
{
    for (int b = 0; b < DENSITY_BINS; b++) {
        table_format(
            t, b == 0 ? "features of log10 density below %.1f (never on: -10)" : "  below %.1f",
            density_edge(b + 1));
        for (size_t r = 0; r < count; r++)
            table_count(t, results[r].density_bins[b]);
    }
}

static void put_saebench_lines(table *t, const eval_result *results, size_t count)
{
    for (int i = 0; i < SAEBENCH_FIGURES; i++) {
        table_format(t,
                     i % 2 ? "  with the entropy of active strengths, as meant"
                           : "SAEBench's description_length, %u bins",
                     saebench_bins(i / 2));
        for (size_t r = 0; r < count; r++)
            table_number(t, get_saebench(&results[r], i), 3);
    }
}

static int print_and_free(table *t)
{
    const int result = table_print_aligned(t, stdout);

    table_free(t);
    return result;
}

int eval_print_sheet(const eval_result *results, size_t count, int histogram)
{
    table *t = table_new(count + 1);

    if (!t)
        return -1;
    table_text(t, "");
    for (size_t r = 0; r < count; r++)
        table_text(t, results[r].name);
    put_lines(t, measured, MEASURED, results, count);
    put_classes(t, results, count);
    put_lines(t, estimated, ESTIMATED, results, count);
    put_saebench_lines(t, results, count);
    for (int m = METRICS_FIRST; m < METRICS; m++) {
        table_text(t, metric_name((eval_metric)m));
        for (size_t r = 0; r < count; r++)
            put_metric(t, (eval_metric)m, &results[r]);
    }
    if (histogram)
        put_histogram(t, results, count);
    return print_and_free(t);
}

int eval_print_table(const eval_result *results, size_t count)
{
    static const char *const heading[] = {"file",          "rows",          "L0",
                                          "FVU",           "marginal bits", "file bits",
                                          "paper's bound", "entropy form",  "subset form"};
    static double (*const get[])(const eval_result *) = {
        get_l0, get_fvu, get_marginal, get_file, get_bound, get_entropy, get_subset};
    enum { COLUMNS = sizeof heading / sizeof heading[0], FIGURES = sizeof get / sizeof get[0] };
    table *t = table_new(COLUMNS);

    if (!t)
        return -1;
    for (size_t i = 0; i < COLUMNS; i++)
        table_text(t, heading[i]);
    for (size_t r = 0; r < count; r++) {
        table_text(t, results[r].name);
        table_count(t, results[r].rows);
        for (size_t i = 0; i < FIGURES; i++) {
            if (i >= 2 && !results[r].coded)
                table_text(t, "");
            else
                table_number(t, get[i](&results[r]), get[i] == get_fvu ? 6 : 2);
        }
    }
    return print_and_free(t);
}

static void put_columns(table *t, const figure *figures, size_t figure_count, const eval_result *r)
{
    for (size_t i = 0; i < figure_count; i++)
        if (r)
            put_value(t, &figures[i], r);
        else
            table_text(t, figures[i].column);
}

static void put_metric_columns(table *t, const eval_result *r, int histogram)
{
    char column[64];

    for (int i = 0; i < SAEBENCH_FIGURES; i++)
        if (r)
            table_number(t, get_saebench(r, i), 3);
        else
            table_text(t, saebench_column(i, column));
    for (int m = METRICS_FIRST; m < METRICS; m++)
        if (r)
            put_metric(t, (eval_metric)m, r);
        else
            table_text(t, metric_name((eval_metric)m));
    for (int b = 0; histogram && b < DENSITY_BINS; b++)
        if (r)
            table_count(t, r->density_bins[b]);
        else
            table_format(t, "log10_density_below_%.1f", density_edge(b + 1));
}

int eval_print_csv(const eval_result *results, size_t count, int histogram)
{
    table *t = table_new(1 + MEASURED + MDLA_BITS_CLASSES + ESTIMATED + SAEBENCH_FIGURES + METRICS -
                         METRICS_FIRST + (histogram ? DENSITY_BINS : 0));
    char key[CLASS_KEY_MAX];
    int result;

    if (!t)
        return -1;
    for (size_t line = 0; line <= count; line++) {
        const eval_result *r = line == 0 ? NULL : &results[line - 1];

        table_text(t, r ? r->name : "file");
        put_columns(t, measured, MEASURED, r);
        for (int c = 0; c < MDLA_BITS_CLASSES; c++) {
            if (!r)
                table_format(t, "bits_%s", class_key((mdla_bit_class)c, key));
            else if (r->coded)
                table_number(t, r->account.bits[c], 3);
            else
                table_text(t, "");
        }
        put_columns(t, estimated, ESTIMATED, r);
        put_metric_columns(t, r, histogram);
    }
    result = table_print_csv(t, stdout);
    table_free(t);
    return result;
}

static void put_members(json_writer *json, const figure *figures, size_t figure_count,
                        const eval_result *r)
{
    for (size_t i = 0; i < figure_count; i++) {
        if (!shows(&figures[i], r))
            continue;
        if (figures[i].decimals < 0)
            json_count(json, figures[i].column, (uint64_t)figures[i].get(r));
        else
            json_number(json, figures[i].column, figures[i].get(r));
    }
}

static void put_metric_members(json_writer *json, const eval_result *r, int histogram)
{
    char column[64];

    for (int i = 0; i < SAEBENCH_FIGURES; i++)
        json_number(json, saebench_column(i, column), get_saebench(r, i));
    for (int m = METRICS_FIRST; m < METRICS; m++)
        if (metric_is_count((eval_metric)m))
            json_count(json, metric_name((eval_metric)m), (uint64_t)r->metric[m]);
        else
            json_number(json, metric_name((eval_metric)m), r->metric[m]);
    if (!histogram)
        return;
    json_begin_object(json, "log10_feature_density_histogram");
    json_begin_array(json, "edges");
    for (int b = 0; b <= DENSITY_BINS; b++)
        json_number(json, NULL, density_edge(b));
    json_end_array(json);
    json_begin_array(json, "features");
    for (int b = 0; b < DENSITY_BINS; b++)
        json_count(json, NULL, r->density_bins[b]);
    json_end_array(json);
    json_end_object(json);
}

void eval_print_json(const eval_result *results, size_t count, int histogram)
{
    json_writer json = {.stream = stdout};

    json_begin_array(&json, NULL);
    for (size_t i = 0; i < count; i++) {
        const eval_result *r = &results[i];

        json_begin_object(&json, NULL);
        json_text(&json, "file", r->name);
        put_members(&json, measured, MEASURED, r);
        if (r->coded)
            class_put_json(&json, &r->account);
        put_members(&json, estimated, ESTIMATED, r);
        put_metric_members(&json, r, histogram);
        json_end_object(&json);
    }
    json_end_array(&json);
}
