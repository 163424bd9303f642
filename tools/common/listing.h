/* A listing: lines of numbers printed as they come, for people, as CSV or as JSON. Tables that are
 * short enough to be kept whole are table.h's. */
#ifndef MDLA_TOOL_LISTING_H
#define MDLA_TOOL_LISTING_H

#include "common/json.h"

#include <stddef.h>

/** How results are printed. */
typedef enum listing_form { LISTING_TEXT = 0, LISTING_CSV, LISTING_JSON } listing_form;

/** What a column holds, or how many decimals of it people see. */
enum { LISTING_COUNT = -1, LISTING_DIGITS = -2 /* six significant digits */ };

typedef struct listing_column {
    const char *name; /* text has spaces for its underscores */
    int decimals;
} listing_column;

typedef struct listing {
    const listing_column *columns;
    size_t count, at; /* at: the column whose turn it is */
    listing_form form;
    json_writer json;
} listing;

/** Prints the heading. columns must outlive the listing. */
void listing_begin(listing *l, listing_form form, const listing_column *columns, size_t count);
/** The next cell: a whole number, or any (not finite: "n/a" in text, empty in CSV, null in JSON).
 */
void listing_count(listing *l, uint64_t number);
void listing_number(listing *l, double number);
void listing_end(listing *l);

#endif
