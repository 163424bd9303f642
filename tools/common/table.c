/* Tables are kept whole, each cell as people and as programs read it, because columns are as wide
 * as their widest cell. For long listings print CSV directly (csv_put_text). */
#include "common/table.h"

#include "common/json.h"
#include "common/numbers.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct cell {
    char *shown; /* for people */
    char *exact; /* for programs; NULL: as shown */
} cell;

struct table {
    size_t columns, count, capacity;
    cell *cells;
    int out_of_memory;
};

table *table_new(size_t columns)
{
    table *t = calloc(1, sizeof *t);

    if (t)
        t->columns = columns;
    return t;
}

void table_free(table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++) {
        free(t->cells[i].shown);
        free(t->cells[i].exact);
    }
    free(t->cells);
    free(t);
}

static void add(table *t, const char *shown, const char *exact)
{
    cell *c;

    if (t->count == t->capacity) {
        const size_t capacity = t->capacity ? 2 * t->capacity : 64;
        cell *grown = realloc(t->cells, capacity * sizeof *grown);

        if (!grown) {
            t->out_of_memory = 1;
            return;
        }
        t->cells = grown;
        t->capacity = capacity;
    }
    c = &t->cells[t->count];
    c->shown = strdup(shown);
    c->exact = exact ? strdup(exact) : NULL;
    if (!c->shown || (exact && !c->exact))
        t->out_of_memory = 1;
    t->count++;
}

void table_text(table *t, const char *text)
{
    add(t, text, NULL);
}

void table_format(table *t, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add(t, text, NULL);
}

void table_count(table *t, uint64_t number)
{
    char shown[NUMBER_TEXT_MAX], exact[NUMBER_TEXT_MAX];

    snprintf(exact, sizeof exact, "%llu", (unsigned long long)number);
    add(t, number_grouped(number, shown), exact);
}

void table_number(table *t, double number, int decimals)
{
    char shown[64], exact[32];

    if (!isfinite(number)) {
        add(t, "undefined", "");
        return;
    }
    snprintf(shown, sizeof shown, "%.*f", decimals, number);
    add(t, shown, json_shortest(number, exact));
}

int table_print_aligned(const table *t, FILE *stream)
{
    size_t *widths;

    if (t->out_of_memory || !(widths = calloc(t->columns, sizeof *widths)))
        return -1;
    for (size_t i = 0; i < t->count; i++) {
        const size_t length = strlen(t->cells[i].shown);

        if (length > widths[i % t->columns])
            widths[i % t->columns] = length;
    }
    for (size_t i = 0; i < t->count; i++) {
        const size_t column = i % t->columns;
        const int width = (int)widths[column];

        fprintf(stream, column == 0 ? "%-*s" : "  %*s", width, t->cells[i].shown);
        if (column + 1 == t->columns)
            fputc('\n', stream);
    }
    free(widths);
    return 0;
}

int table_print_markdown(const table *t, FILE *stream)
{
    if (t->out_of_memory)
        return -1;
    for (size_t i = 0; i < t->count; i++) {
        fprintf(stream, "| %s %s", t->cells[i].shown, (i + 1) % t->columns == 0 ? "|\n" : "");
        if (i + 1 == t->columns)
            for (size_t c = 0; c < t->columns; c++)
                fprintf(stream, "|%s%s", c == 0 ? "---" : "---:", c + 1 == t->columns ? "|\n" : "");
    }
    return 0;
}

int table_print_csv(const table *t, FILE *stream)
{
    if (t->out_of_memory)
        return -1;
    for (size_t i = 0; i < t->count; i++) {
        const cell *c = &t->cells[i];

        csv_put_text(stream, c->exact ? c->exact : c->shown);
        fputc((i + 1) % t->columns == 0 ? '\n' : ',', stream);
    }
    return 0;
}

void csv_put_text(FILE *stream, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}
