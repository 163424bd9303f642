/* Latent caches that the command line names, and their comparison with what a .mdla file holds. */
#ifndef MDLA_TOOL_CACHE_FILES_H
#define MDLA_TOOL_CACHE_FILES_H

#include "mdla/mdla.h"

/** A cache: a file, or the folder of a delphi cache's module. Reports what goes wrong; returns 0 or
 * -1. */
int cache_files_read(const mdla_config *config, const char *path, const mdla_codes_shape *shape,
                     mdla_codes **out);

/** How a file's codes differ from a cache's. */
typedef struct cache_difference {
    uint64_t rows, active;
    uint64_t misplaced;   /**< (row, feature) that only one of them has */
    uint64_t changed;     /**< strengths that aren't the same float32 */
    double largest;       /**< difference of strengths */
    double error, energy; /**< sums of squares: of differences, of the cache's strengths */
} cache_difference;

/** Decodes all codes. Reports what goes wrong; returns 0 or -1. */
int cache_files_compare(const char *name, mdla_decoder *decoder, mdla_codes *codes,
                        cache_difference *out);

#endif
