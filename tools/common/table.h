/* Tables of text: aligned for people or as CSV for programs. */
#ifndef MDLA_TOOL_TABLE_H
#define MDLA_TOOL_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct table table;

/** Cells come row by row; the first row is the heading. NULL: no memory. */
table *table_new(size_t columns);
void table_free(table *t); /* accepts NULL */

/* Each adds the next cell. Memory that runs out is kept in mind and told by the print functions. */
void table_text(table *t, const char *text);
void table_format(table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_count(table *t, uint64_t number); /* digits grouped when printed aligned */
void table_number(table *t, double number,
                  int decimals); /* NaN: "undefined"; CSV has every digit */

/** First column to the left, the others to the right. Returns 0, or -1: no memory. */
int table_print_aligned(const table *t, FILE *stream);
/** A Markdown table; no cell may hold a vertical bar. */
int table_print_markdown(const table *t, FILE *stream);
/** Cells with a comma, quote or line break are quoted (RFC 4180, lines end in "\n"). */
int table_print_csv(const table *t, FILE *stream);

/** One CSV cell, quoted where it must be. */
void csv_put_text(FILE *stream, const char *text);

#endif
