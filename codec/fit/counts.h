/* What codes of rows say of a feature: how often it fires and at which levels (encoder side). */
#ifndef MDLA_COUNTS_H
#define MDLA_COUNTS_H

#include "block/code_model.h"
#include "search/search.h"

#define COUNT_LEVELS 64 /* levels counted apart; those above count as the last */

typedef struct code_counts {
    const mdla_allocator *al;
    uint32_t width;
    uint64_t rows, active;
    uint64_t *fired; /* [width] */
    uint32_t *level; /* [width][COUNT_LEVELS], level 1 first */
} code_counts;

code_counts *code_counts_new(const mdla_allocator *al,
                             uint32_t width); /* zeroed; NULL: no memory */
void code_counts_free(code_counts *c);        /* accepts NULL */
void code_counts_clear(code_counts *c);

/* Adds the codes of rows. */
void code_counts_add(code_counts *c, const code_rows *codes);

#endif
