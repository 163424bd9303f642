/* What codes of rows say of a feature: how often it fires and at which levels (encoder side). */
#ifndef MDLA_COUNTS_H
#define MDLA_COUNTS_H

#include "block/code_model.h"
#include "search/search.h"

#define COUNT_LEVELS 64 /* levels counted apart; those above count as the last */

typedef struct code_counts {
    const mdla_allocator *al;
    uint32_t width, signs; /* signs: 2 where levels below zero count apart, else 1 */
    uint64_t rows, active;
    uint64_t *fired; /* [width][signs] */
    uint32_t *level; /* [width][signs][COUNT_LEVELS], magnitude 1 first */
} code_counts;

/* Zeroed. NULL: no memory. */
code_counts *code_counts_new(const mdla_allocator *al, uint32_t width, uint32_t signs);
void code_counts_free(code_counts *c); /* accepts NULL */
void code_counts_clear(code_counts *c);

/* Adds the codes of rows. */
void code_counts_add(code_counts *c, const code_rows *codes);

#endif
