/* What the files of codec/search share. Nothing outside it includes this but its test.
 *
 * Everything inside works with atoms of unit norm: a correlation is divided by its atom's norm, a
 * strength multiplied by it, and the Gram matrix holds cosines. A move's effect on the distortion
 * then needs no norms: adding strength s of a feature with correlation c changes it by s (s - 2 c).
 */
#ifndef MDLA_SEARCH_INTERNAL_H
#define MDLA_SEARCH_INTERNAL_H

#include "search/search.h"

#include "base/alloc.h"
#include "search/joint_pairs.h"

#define SCAN_BLOCK                                                                                 \
    64 /* features to a block of the scan; arrays that are scanned are padded to it */
#define GRAM_LIMIT 8192 /* widest codebook whose Gram matrix is kept: 256 MiB */
#define CANDIDATE_LIMIT                                                                            \
    128 /* features that a round of a row's search looks at without a Gram matrix */
#define SEARCH_BEAM_MAX 16
#define ROW_TILE 128 /* rows that share one matrix product */

static inline size_t scan_padded(size_t count)
{
    return (count + SCAN_BLOCK - 1) / SCAN_BLOCK * SCAN_BLOCK;
}

struct search_atoms {
    const mdla_allocator *al;
    const float *atoms; /* [width][dims], the caller's */
    uint32_t width, dims;
    size_t padded; /* width, padded for the scan */
    size_t candidates;
    float *norm;    /* [padded] */
    float *inverse; /* [padded] 1 / norm; 0 where the atom is zero */
    float *gram;    /* [width][padded] cosines, or NULL */
};

/* search_atoms_new with other limits, so that tests reach both paths at small widths. */
search_atoms *search_atoms_limited(const mdla_allocator *al, parallel_pool *pool,
                                   const float *atoms, uint32_t width, uint32_t dims,
                                   size_t gram_limit, size_t candidates);

/* What all rows of a call share, read only. */
typedef struct search_plan {
    const search_atoms *atoms;
    const search_prices *prices;
    float *points;    /* [max_level + 1] strength of each level, in rows of scale 1 */
    float smallest;   /* the least of them */
    float *switching; /* [padded] lambda x bits that on costs more than off, rows aside */
    float *least;     /* [padded] lambda x bits of the cheapest level; PRICE_NEVER beyond width */
    float *cheapest;  /* [padded] the sum of both: what candidates are chosen by */
    unsigned checks;  /* joint prices looked at exactly for one move, at most */
} search_plan;

#define PRICE_NEVER 1e30f

/* What a row's code so far says of every feature (joint model alone). */
typedef struct pair_state {
    const joint_pairs *pairs; /* NULL: the additive model */
    int32_t *logit;           /* [width] */
    float *probability;       /* [width] of logit */
    uint8_t *on;              /* [width] */
    uint32_t *place;   /* [width] a feature's candidate plus 1, 0 for none; NULL: its own number */
    uint32_t *checked; /* [count] version at which a candidate's switching cost was exact */
    uint32_t version;  /* of the code: changes with every switch */
} pair_state;

/* One row's problem over candidates, and the code found so far. Scratch of one worker, reused. */
typedef struct pursuit {
    const search_plan *plan;
    size_t count;      /* candidates, padded */
    float *corr;       /* [count] with what the code leaves of the row */
    float *switching;  /* [count] lambda x bits that on costs more than off, as far as is known */
    float *least;      /* [count] lambda x bits of the cheapest level; PRICE_NEVER: no candidate */
    float *price;      /* [count] the sum of both, PRICE_NEVER while it is active */
    const float *norm; /* [count] */
    float scale;       /* the row's: strengths are the plan's points times it */
    const uint32_t *feature; /* [count] number in the codebook; NULL: the candidate's own */
    float *gram;             /* [count][gram_stride] */
    size_t gram_stride;
    uint8_t *ready;    /* [count] rows of gram that are filled in; NULL: all */
    float *block_best; /* [count / SCAN_BLOCK] bound of the best addition in each block */
    float *trial_best; /* the same, for the swap under trial */
    float epsilon;     /* a move must gain more */
    double gained; /* by the moves so far: distortion + lambda x bits less what it was, negative */
    size_t active_count;
    uint32_t *active; /* [SEARCH_MAX_ACTIVE] candidates with a level */
    uint32_t *level;
    float *strength;      /* of the level, times the norm */
    float *wanted, *left; /* [SEARCH_MAX_ACTIVE] scratch of the refit */
    pair_state pairs;
} pursuit;

/* ---- Prices under the joint model (pair_prices.c); without one they do nothing ---- */

/* Logits before anything of the row is known; previous: features of the row before. */
void pair_prices_start(pursuit *p, const uint32_t *previous, size_t previous_count);

/* Takes in the candidates: their switching costs, estimated. After the problem is set up. */
void pair_prices_candidates(pursuit *p);

/* A candidate was switched on or off: what that does to the logits and prices of others. */
void pair_prices_switch(pursuit *p, size_t index, bool on);

/* True where the candidate's switching cost is exact for the code as it is; else makes it so. */
bool pair_prices_check(pursuit *p, size_t index);

/* The row is done: forgets its code. */
void pair_prices_end(pursuit *p);

/* Starts from the empty code: corr, price, norm, feature and gram are set. */
void pursuit_begin(pursuit *p);

/* Adds up to SEARCH_MAX_ACTIVE features, given as candidates, their strengths refitted and rounded.
 * Once, after pursuit_begin. */
void pursuit_start_from(pursuit *p, const uint32_t *chosen, size_t count);

/* Goes on with a code whose effect is already off the correlations. Once, after pursuit_begin. */
void pursuit_resume(pursuit *p, const uint32_t *chosen, const int32_t *level, size_t count);

/* Adds the feature that is the nth best to begin with, 0 the best; false where there are fewer.
 * After pursuit_begin. */
bool pursuit_add_nth(pursuit *p, unsigned nth);

/* Makes moves until none helps. SEARCH_FIXED: level steps alone. */
void pursuit_run(pursuit *p, search_support support);

/* Fills a row of a local Gram matrix: the problem's owner knows the atoms. */
void local_fill_gram(pursuit *p, size_t candidate);

/* corr -= amount x gram, and for each block of SCAN_BLOCK features the best gain that an addition
 * could bring: the greatest of s (2 corr - s) - price over s >= norm x smallest. */
void scan_update(size_t count, float amount, const float *gram, float *corr, const float *norm,
                 float smallest, const float *price, float *block_best);

/* The same bounds, corr left as it is. */
void scan_trial(size_t count, float amount, const float *gram, const float *corr, const float *norm,
                float smallest, const float *price, float *block_best);

/* A feature, its correlation with the row and the bound of what adding it gains. */
typedef struct candidate {
    float gain, corr;
    uint32_t feature;
} candidate;

/* The best candidates of a stream of features that come in ascending order. */
typedef struct candidate_list {
    size_t count, limit;
    float threshold;  /* a gain must exceed it to get in */
    candidate *items; /* [2 x limit]: cut back to limit when full */
} candidate_list;

void candidate_list_clear(candidate_list *list);
void candidate_list_add(candidate_list *list, candidate item);
/* Leaves the limit best, by ascending feature. */
void candidate_list_finish(candidate_list *list);

/* Everything one thread works with. The pursuit's arrays belong to it, but for the shared norms and
 * Gram matrix of the dense path. */
typedef struct searcher {
    const mdla_allocator *al;
    pursuit p;
    float *products;         /* [ROW_TILE][width, or FEATURE_TILE where local] */
    float *scaled;           /* [FEATURE_TILE], local alone */
    candidate *items;        /* [ROW_TILE][2 x candidates], local alone */
    candidate_list *lists;   /* [ROW_TILE], local alone */
    uint32_t *local_feature; /* [local_limit] p.feature of a local problem */
    float *local_norm;       /* [local_limit] */
    float *local_gram;       /* [local_capacity] */
    size_t local_capacity;
    uint32_t *start;             /* [SEARCH_MAX_ACTIVE] candidates to start from */
    uint32_t *kept, *kept_level; /* [SEARCH_MAX_ACTIVE] the best code of a beam */
    size_t kept_count;
    float *residuals; /* [ROW_TILE][dims] what the tile's codes leave of its rows */
    code_rows tile;   /* the tile's codes; of a first round, local alone */
} searcher;

#define FEATURE_TILE 2048 /* features to a matrix product where no Gram matrix is kept */

/* The best candidates of a tile's rows, left in s->lists. scale [row_count], or NULL: 1. */
void local_choose(searcher *s, const float *rows, const float *scale, size_t row_count);

/* Makes s->p the problem of one row over the candidates of list (NULL: none) and a support;
 * s->start then holds the support. MDLA_ERR_MEMORY is the one failure. */
mdla_status local_problem(searcher *s, const float *row, const candidate_list *list,
                          const uint32_t *support, size_t support_count);

#endif
