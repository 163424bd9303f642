#include "report/sweep_results.h"

#include "report/html.h"

#include "common/files.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char file_name[] = "results.csv";

enum {
    NAME,
    WIDTH,
    TARGET,
    ROWS,
    FVU,
    L0,
    MARGINAL,
    INDICES,
    LEVELS,
    GAP,
    CODEBOOK,
    COLUMNS,
    CELLS_MAX = 64
};

/* Columns are found by their headings. */
static const char *const headings[COLUMNS] = {"explanation",
                                              "width",
                                              "target_fvu",
                                              "rows_sharing",
                                              "fvu",
                                              "l0",
                                              "marginal_bits_per_row",
                                              "index_bits_per_row",
                                              "level_bits_per_row",
                                              "independence_gap_bits_per_row",
                                              "codebook_nbytes"};

/* A line of the file. */
typedef struct measured {
    char *name;
    uint64_t width, rows;
    double target;
    sweep_result result;
} measured;

typedef struct csv_reader {
    const char *path;
    FILE *stream;
    char *line;
    size_t room;
    char *cells[CELLS_MAX];
    size_t cell_count;
    size_t column[COLUMNS];
} csv_reader;

int sweep_results_meant(const char *path)
{
    struct stat st;

    return strcmp(html_base_name(path), file_name) == 0 ||
           (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* One cell, its quotes taken away in place (RFC 4180). Returns what follows it. */
static char *take_cell(char *at, char **cell)
{
    char *to = at;

    *cell = at;
    if (*at != '"') {
        at += strcspn(at, ",");
        to = at;
    } else {
        for (at++; *at && (*at != '"' || at[1] == '"'); at++) {
            at += *at == '"';
            *to++ = *at;
        }
        at += *at == '"';
    }
    if (*at == ',') {
        *to = '\0';
        return at + 1;
    }
    *to = '\0';
    return NULL;
}

/* The next line into cells. Returns 0 at the end. */
static int read_cells(csv_reader *csv)
{
    if (getline(&csv->line, &csv->room, csv->stream) < 0)
        return 0;
    csv->line[strcspn(csv->line, "\r\n")] = '\0';
    csv->cell_count = 0;
    for (char *at = csv->line; at && csv->cell_count < CELLS_MAX;)
        at = take_cell(at, &csv->cells[csv->cell_count++]);
    return 1;
}

static int find_columns(csv_reader *csv)
{
    if (!read_cells(csv))
        csv->cell_count = 0;
    for (size_t c = 0; c < COLUMNS; c++) {
        size_t at = 0;

        while (at < csv->cell_count && strcmp(csv->cells[at], headings[c]) != 0)
            at++;
        if (at == csv->cell_count) {
            tool_fail("%s: has no column %s, so mdla-sweep didn't write it", csv->path,
                      headings[c]);
            return -1;
        }
        csv->column[c] = at;
    }
    return 0;
}

/* "n/a" where a target isn't reached. */
static int take_number(const char *text, double *out)
{
    *out = (double)NAN;
    return strcmp(text, "n/a") == 0 ? 0 : number_parse_double(text, -HUGE_VAL, HUGE_VAL, out);
}

static int take_line(const csv_reader *csv, measured *m)
{
    double *const numbers[COLUMNS] = {[FVU] = &m->result.fvu,
                                      [L0] = &m->result.l0,
                                      [MARGINAL] = &m->result.marginal,
                                      [INDICES] = &m->result.indices,
                                      [LEVELS] = &m->result.levels,
                                      [GAP] = &m->result.gap,
                                      [CODEBOOK] = &m->result.codebook_nbytes};
    const char *cells[COLUMNS];

    for (size_t c = 0; c < COLUMNS; c++) {
        if (csv->column[c] >= csv->cell_count)
            return -1;
        cells[c] = csv->cells[csv->column[c]];
        if (numbers[c] && take_number(cells[c], numbers[c]) != 0)
            return -1;
    }
    if (number_parse_u64(cells[WIDTH], 0, UINT32_MAX, &m->width) != 0 ||
        number_parse_u64(cells[ROWS], 1, UINT64_MAX, &m->rows) != 0 ||
        number_parse_double(cells[TARGET], 0, HUGE_VAL, &m->target) != 0 || !*cells[NAME])
        return -1;
    m->name = strdup(cells[NAME]);
    return m->name ? 0 : -1;
}

static int read_lines(csv_reader *csv, measured **lines, size_t *count)
{
    size_t room = 0;

    while (read_cells(csv)) {
        if (*count == room) {
            measured *more;

            room = room ? 2 * room : 64;
            more = realloc(*lines, room * sizeof *more);
            if (!more) {
                tool_fail("out of memory");
                return -1;
            }
            *lines = more;
        }
        if (take_line(csv, &(*lines)[*count]) != 0) {
            tool_fail("%s: line %zu isn't as mdla-sweep writes it; run mdla-sweep again", csv->path,
                      *count + 2);
            return -1;
        }
        ++*count;
    }
    if (*count > 0)
        return 0;
    tool_fail("%s: holds no measurements", csv->path);
    return -1;
}

static int is_on_train(const char *name)
{
    static const char head[] = "onehot-", tail[] = "-train";
    const size_t length = strlen(name);

    return strncmp(name, head, strlen(head)) == 0 && length > strlen(tail) &&
           strcmp(name + length - strlen(tail), tail) == 0;
}

/* Every explanation has a line for every target and number of rows, in this order. */
static int arrange(const char *path, measured *lines, size_t count, sweep_results *out)
{
    size_t each = 1, per_target = 1;

    while (each < count && strcmp(lines[each].name, lines[0].name) == 0)
        each++;
    while (per_target < each && lines[per_target].target == lines[0].target)
        per_target++;
    out->rows_count = per_target;
    out->target_count = each / per_target;
    out->explanation_count = count / each;
    out->explanations = calloc(out->explanation_count, sizeof *out->explanations);
    out->targets = calloc(out->target_count, sizeof *out->targets);
    out->rows = calloc(out->rows_count, sizeof *out->rows);
    out->results = calloc(count, sizeof *out->results);
    if (!out->explanations || !out->targets || !out->rows || !out->results) {
        tool_fail("out of memory");
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const measured *m = &lines[i];

        if (count % each != 0 || each % per_target != 0 ||
            strcmp(m->name, lines[i - i % each].name) != 0 ||
            m->target != lines[i % each - i % per_target].target ||
            m->rows != lines[i % per_target].rows) {
            tool_fail("%s: line %zu isn't in mdla-sweep's order; run mdla-sweep again", path,
                      i + 2);
            return -1;
        }
        out->results[i] = m->result;
        out->rows[i % per_target] = m->rows;
        out->targets[i % each / per_target] = m->target;
    }
    for (size_t e = 0; e < out->explanation_count; e++) {
        measured *first = &lines[e * each];

        out->explanations[e] =
            (swept_explanation){first->name, (uint32_t)first->width, is_on_train(first->name)};
        first->name = NULL;
    }
    return 0;
}

static int read_stream(csv_reader *csv, sweep_results *out)
{
    measured *lines = NULL;
    size_t count = 0;
    int result = find_columns(csv);

    if (result == 0)
        result = read_lines(csv, &lines, &count);
    if (result == 0)
        result = arrange(csv->path, lines, count, out);
    for (size_t i = 0; i < count; i++)
        free(lines[i].name);
    free(lines);
    free(csv->line);
    return result;
}

int sweep_results_read(const char *path, sweep_results *out)
{
    const char *base = html_base_name(path);
    const int named = strcmp(base, file_name) == 0;
    csv_reader csv;
    int result = -1;
    char *file;

    *out = (sweep_results){0};
    out->folder = !named         ? strdup(path)
                  : base == path ? strdup(".")
                                 : strndup(path, (size_t)(base - path));
    if (!out->folder) {
        tool_fail("out of memory");
        return -1;
    }
    file = files_join(out->folder, NULL, file_name);
    if (!file)
        return -1;
    csv = (csv_reader){.path = file, .stream = fopen(file, "r")};
    if (csv.stream)
        result = read_stream(&csv, out);
    else if (!named && errno == ENOENT)
        tool_fail("%s: a folder without %s, so no sweep's; name .mdla files, or the folder that "
                  "mdla-sweep -o made",
                  path, file_name);
    else
        tool_fail("%s: %s", file, strerror(errno));
    if (csv.stream)
        fclose(csv.stream);
    free(file);
    return result;
}

void sweep_results_free(sweep_results *r)
{
    for (size_t e = 0; r->explanations && e < r->explanation_count; e++)
        free(r->explanations[e].name);
    free(r->folder);
    free(r->explanations);
    free(r->targets);
    free(r->rows);
    free(r->results);
}

const sweep_result *sweep_results_at(const sweep_results *r, size_t explanation, size_t target,
                                     size_t rows)
{
    return &r->results[(explanation * r->target_count + target) * r->rows_count + rows];
}
