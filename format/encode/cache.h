/* Latent caches, codes without atoms (spec section 9.5): what their fit and their encoder share. */
#ifndef MDLA_CACHE_H
#define MDLA_CACHE_H

#include "codes/codes_in.h"
#include "search/search.h"

#include <stdbool.h>

/* A strength as float32 bits. */
uint32_t cache_bits(float strength);

/* What all strengths have in common: code_options' zeros and has_signs. */
void cache_survey(const mdla_codes *codes, unsigned *zeros, bool *has_signs);

/* Called for each block's rows, codes in order: level [] is to be filled by whoever needs it;
 * strength [pairs] stands beside. */
typedef mdla_status (*cache_block_visitor)(void *ctx, uint64_t first_row, code_rows *rows,
                                           const codes_entry *entries);

/* Goes through the rows in blocks. */
mdla_status cache_blocks(const mdla_codes *codes, uint32_t block_rows, code_rows *rows,
                         cache_block_visitor visitor, void *ctx);

/* Whether a row begins a sequence; rows of one follow each other. */
static inline bool cache_starts(const mdla_codes *codes, uint64_t row)
{
    return codes->context != 0 && row % codes->context == 0;
}

#endif
