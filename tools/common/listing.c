#include "common/listing.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { LEAST_WIDTH = 10 };

static int width_of(const listing_column *c)
{
    const int length = (int)strlen(c->name);

    return length > LEAST_WIDTH ? length : LEAST_WIDTH;
}

static void put_heading(const listing *l, size_t column)
{
    const char *name = l->columns[column].name;

    if (l->form == LISTING_CSV) {
        printf("%s", name);
        return;
    }
    printf("%*s", width_of(&l->columns[column]) - (int)strlen(name), "");
    for (; *name; name++)
        putchar(*name == '_' ? ' ' : *name);
}

static void put_separator(const listing *l, size_t column)
{
    if (column + 1 == l->count)
        putchar('\n');
    else
        fputs(l->form == LISTING_CSV ? "," : "  ", stdout);
}

void listing_begin(listing *l, listing_form form, const listing_column *columns, size_t count)
{
    *l = (listing){.columns = columns, .count = count, .form = form, .json = {.stream = stdout}};
    if (form == LISTING_JSON) {
        json_begin_array(&l->json, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        put_heading(l, i);
        put_separator(l, i);
    }
}

/* The column whose turn it is. */
static const listing_column *begin_cell(listing *l)
{
    if (l->form == LISTING_JSON && l->at == 0)
        json_begin_object(&l->json, NULL);
    return &l->columns[l->at];
}

static void end_cell(listing *l)
{
    if (l->form != LISTING_JSON)
        put_separator(l, l->at);
    else if (l->at + 1 == l->count)
        json_end_object(&l->json);
    l->at = (l->at + 1) % l->count;
}

void listing_count(listing *l, uint64_t number)
{
    const listing_column *c = begin_cell(l);

    if (l->form == LISTING_JSON)
        json_count(&l->json, c->name, number);
    else
        printf("%*" PRIu64, l->form == LISTING_TEXT ? width_of(c) : 0, number);
    end_cell(l);
}

void listing_number(listing *l, double number)
{
    const listing_column *c = begin_cell(l);
    char text[32];

    if (l->form == LISTING_JSON)
        json_number(&l->json, c->name, number);
    else if (l->form == LISTING_CSV)
        fputs(isfinite(number) ? json_shortest(number, text) : "", stdout);
    else if (!isfinite(number))
        printf("%*s", width_of(c), "n/a");
    else if (c->decimals == LISTING_DIGITS)
        printf("%*.6g", width_of(c), number);
    else
        printf("%*.*f", width_of(c), c->decimals, number);
    end_cell(l);
}

void listing_end(listing *l)
{
    if (l->form == LISTING_JSON)
        json_end_array(&l->json);
}
