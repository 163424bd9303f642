/* Choices: of each stage one codeword, the sum of which comes near the row (encoder side). A beam:
 * of each row the partial sums of the least squared error + lambda x bits survive a stage. */
#ifndef MDLA_CHOICES_H
#define MDLA_CHOICES_H

#include "search/search.h"

#define CHOICE_PATHS_MAX 32 /* sums that survive a stage */

/* What the search needs to know of codewords. Made once, shared by threads. */
typedef struct choice_atoms choice_atoms;

/* atoms: float [width][dims], stage s those from s * width / stages on; not copied, must outlive.
 * Up to 8,192 of several stages their products are kept. NULL: no memory. */
choice_atoms *choice_atoms_new(const mdla_allocator *al, parallel_pool *pool, const float *atoms,
                               uint32_t width, uint32_t dims, uint32_t stages);
void choice_atoms_free(choice_atoms *a); /* accepts NULL */

/* Codes rows [row_count][dims] (bias taken off). Of the prices lambda, step (what an atom counts),
 * feature_bits ([width] of choosing each in its stage) and beam (sums that survive) count.
 *
 * codes       out: replaced, its memory reused.
 * distortion  out: [row_count] squared error of each row with float arithmetic.
 * Same result for any number of threads. MDLA_ERR_MEMORY. */
mdla_status choice_codes(const mdla_allocator *al, const choice_atoms *a,
                         const search_prices *prices, parallel_pool *pool, const float *rows,
                         size_t row_count, code_rows *codes, float *distortion);

#endif
