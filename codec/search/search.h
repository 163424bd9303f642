/* The encoder's search: rows to codes under prices in bits (encoder side, floats allowed).
 *
 * Minimises, row by row, distortion + lambda x bits over the set of active features and their
 * levels: matching pursuit from the empty code or from a given one, with additions, removals and
 * level steps, each judged by what it does to the sum. It knows prices alone, not the model they
 * come from.
 */
#ifndef MDLA_SEARCH_H
#define MDLA_SEARCH_H

#include "base/parallel.h"
#include "search/joint_pairs.h"
#include "mdla/base.h"

#include <stdbool.h>

/* Codes of consecutive rows: row r has feature[start[r]] .. feature[start[r + 1] - 1], ascending,
 * with level[] >= 1 beside them. Starts zeroed, grows as needed, released by code_rows_free. */
typedef struct code_rows {
    size_t row_count, row_capacity;
    size_t capacity; /* of feature and level */
    size_t *start;   /* [row_count + 1] */
    uint32_t *feature;
    int32_t *level; /* of signed codes any but zero */
} code_rows;

/* Room for rows and, over all rows, pairs; what is there stays. Doubles, so that appending stays
 * linear. On failure codes is as valid as before. */
mdla_status code_rows_reserve(const mdla_allocator *al, code_rows *codes, size_t rows,
                              size_t pairs);
void code_rows_free(const mdla_allocator *al, code_rows *codes);

/* What a search needs to know of a codebook. Made once, shared by threads. The arrays of
 * search_prices stay the caller's and may change between calls. */
typedef struct search_atoms search_atoms;

/* atoms: float [width][dims], what one unit of strength adds to a row (about unit norm, as the
 * decoder will add it; not copied, must outlive). Up to 8,192 features the Gram matrix is kept
 * (made in parallel); beyond, each row is searched in two rounds over its best candidates, their
 * products taken as needed. NULL: no memory. */
search_atoms *search_atoms_new(const mdla_allocator *al, parallel_pool *pool, const float *atoms,
                               uint32_t width, uint32_t dims);
void search_atoms_free(search_atoms *a); /* accepts NULL */

typedef struct search_prices {
    float lambda;       /* distortion (squared error of a row, summed over dims) per bit */
    float step;         /* strength = (level + offset[level]) x step */
    uint32_t max_level; /* levels 1 .. max_level */
    const float
        *level_offset; /* [max_level + 1] reconstruction points less the level; [0] unused */
    const float
        *feature_bits; /* [width] what switching a feature on costs, less what off costs; finite */
    const float *level_bits; /* [classes][max_level + 1]; [0] unused */
    size_t level_stride; /* from one class of logits to the next, each with level_bits of its own;
                            0: there is one */
    const uint8_t *level_class; /* [width] */
    const joint_pairs *pairs;   /* what features say of each other; NULL: nothing. Where the support
                                   is given it doesn't count */
    unsigned
        checks; /* joint prices to look at exactly for one move, at most: more find better ones */
    unsigned sweeps; /* rounds of swaps of one feature for another, at most */
    unsigned beam;   /* descents a row from as many first features, the best of which is kept; up to
                        8,192 features and from the empty code alone. 0: 1 */
} search_prices;

/* What rows are to each other: a row's prices depend on the row before, its strengths on its scale.
 */
typedef struct search_sequence {
    const uint8_t
        *starts; /* [row_count] nonzero where no row before counts; NULL: none but spans */
    size_t span; /* a row whose number is a multiple of it starts too; spans are what threads take.
                    0: rows are independent */
    const float *scale; /* [row_count] above 0: what a row's strengths are multiplied by, so that
                           rows that are coded in units of their own scale are searched, and their
                           distortion weighed, at full size; NULL: 1 */
} search_sequence;

typedef enum search_support {
    SEARCH_FREE, /* the search chooses the features */
    SEARCH_FIXED /* given features keep a level >= 1, no others: strengths are refitted on the
                    support */
} search_support;

/* Features that a row can have; where an initial code has more, MDLA_ERR_LIMIT. */
#define SEARCH_MAX_ACTIVE 4096

/* Searches rows [row_count][dims] (bias already taken off).
 *
 * sequence    may be NULL: rows are independent.
 * initial     features to start from (their levels are ignored: strengths are refitted), or NULL to
 * start from the empty code. Must be given for SEARCH_FIXED. codes       out: replaced, its memory
 * reused; not the same object as initial. distortion  out: [row_count] squared error of each row
 * with float arithmetic. Same result for any number of threads. Scratch memory is bounded by tiles,
 * not by row_count. Values must be finite. On failure codes holds some of the rows.
 * MDLA_ERR_ARGUMENT: initial missing or of another row count, step or max_level zero, or a feature
 * out of range. */
mdla_status search_rows(const search_atoms *atoms, const search_prices *prices, parallel_pool *pool,
                        const float *rows, size_t row_count, const search_sequence *sequence,
                        search_support support, const code_rows *initial, code_rows *codes,
                        float *distortion);

#endif
