/* The fixed parts of a .mdla file: header, statistics, tail (spec section 4). */
#ifndef MDLA_HEADER_H
#define MDLA_HEADER_H

#include "block/code_model.h"
#include "container/bytes.h"
#include "container/chunk.h"
#include "mdla/mdla.h"

#define HEADER_NBYTES 40
#define STATS_FIXED_NBYTES 48
#define REFERENCE_NBYTES 32 /* a codebook's name in its place */
#define TAIL_NBYTES 24
#define POSTINGS_HEADER_NBYTES 8 /* first feature, number of features */

typedef struct file_header {
    uint32_t dims, width, block_rows;
    mdla_dtype dtype;
    bool embedded;
    code_options code;
    code_params params; /* of a cache: the step alone, where it isn't exact */
    uint32_t context;   /* of a cache: rows of a sequence; 0: not said */
} file_header;

/* Step and level offsets, as header and codebook hold them: 12 bytes. */
#define PARAMS_NBYTES 12
uint8_t *params_put(const code_params *p, uint8_t *to);
void params_get(bytes_in *in, code_params *out);

void header_put(const file_header *h, uint8_t out[HEADER_NBYTES]);

/* Checks every field: MDLA_ERR_UNSUPPORTED for a newer version or a reserved value, by name. */
mdla_status header_get(const chunk *c, const mdla_limits *limits, const char *name,
                       file_header *out, mdla_error *err);

/* What was measured while encoding. */
typedef struct file_stats {
    double error_sum;     /* squared error over all rows and dims, of the decoded float32 values */
    double deviation_sum; /* squared deviation from the per-dimension mean */
    uint8_t decoded_sha256[32];
} file_stats;

void stats_put(const file_stats *s, uint8_t out[STATS_FIXED_NBYTES]);
mdla_status stats_get(const chunk *c, const char *name, file_stats *out, mdla_error *err);

typedef struct file_tail {
    uint64_t index_offset, rows, blocks;
} file_tail;

void tail_put(const file_tail *t, uint8_t out[TAIL_NBYTES]);
mdla_status tail_get(const chunk *c, const mdla_limits *limits, const char *name, file_tail *out,
                     mdla_error *err);

#endif
