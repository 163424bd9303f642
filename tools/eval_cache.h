/* mdla-eval --codes-in: packed latent caches against the cache that they were made from. */
#ifndef MDLA_EVAL_CACHE_H
#define MDLA_EVAL_CACHE_H

#include "mdla/mdla.h"

/** Prints what each file costs by class, and how its codes differ from the cache's. Returns an exit
 * code. */
int eval_cache(const mdla_config *config, const char *cache, char **files, size_t count,
               const mdla_codebook *codebook, int as_json);

#endif
