/* Inside mdla_codes: entries, and the arrays that they are read from. */
#ifndef MDLA_CODES_IN_H
#define MDLA_CODES_IN_H

#include "codes/delphi_note.h"
#include "container/hook.h"
#include "input.h"
#include "mdla/mdla.h"

typedef struct codes_entry {
    uint64_t row;
    uint32_t feature;
    float strength;
} codes_entry;

/* The first strength that float32 couldn't hold. */
typedef struct codes_rounded {
    bool any;
    size_t index; /* of the entry, until they are put in order */
    uint64_t row;
    uint32_t feature;
    double value;
} codes_rounded;

/* Memory grows with entries, never with the rows that a header claims. */
struct mdla_codes {
    const mdla_allocator *al;
    mdla_limits limits;
    uint64_t rows;
    uint32_t width;
    uint32_t context;        /* rows of a sequence; 0: not known */
    mdla_dtype dtype;        /* of the strengths as they are kept */
    mdla_dtype source_dtype; /* as they came */
    codes_rounded rounded;
    char hook[HOOK_NBYTES_MAX + 1]; /* "": not known */
    char note[DELPHI_NOTE_ROOM];    /* "": nothing to tell */
    int64_t *tokens;                /* [rows] ids, or NULL */
    mdla_dtype token_dtype;
    size_t count, room;
    codes_entry *entries; /* ascending by row, then by feature, once codes_finish was called */
    uint32_t *features;   /* [longest row]: the row shown last */
    float *strengths;
};

/* An array of a container, read from its first value to its last. */
typedef struct codes_array {
    input *in; /* at the next value */
    const char *name;
    mdla_dtype dtype;
    bool big_endian;
    unsigned axes;
    uint64_t shape[2]; /* of the first two axes */
    uint64_t count;    /* values; they are all there */
} codes_array;

/* Room for count more entries, checked against the limits. */
mdla_status codes_reserve(mdla_codes *codes, uint64_t count, const char *name, mdla_error *err);

/* The next n values, n at most CODES_PIECE: whole numbers from 0 on, or strengths, which must be
 * finite. Others are refused by name. rounded: the first that float32 doesn't hold, by its index in
 * dst, where there isn't one yet. */
#define CODES_PIECE 1024
mdla_status codes_array_indices(codes_array *a, uint64_t *dst, size_t n, mdla_error *err);
mdla_status codes_array_strengths(codes_array *a, float *dst, size_t n, codes_rounded *rounded,
                                  mdla_error *err);

/* All of an array's values as a field of entries first .. first + count - 1; rows and features are
 * checked against the shape. */
mdla_status codes_read_rows(mdla_codes *codes, codes_array *a, size_t first, uint64_t count,
                            mdla_error *err);
mdla_status codes_read_features(mdla_codes *codes, codes_array *a, size_t first, uint64_t count,
                                mdla_error *err);
mdla_status codes_read_strengths(mdla_codes *codes, codes_array *a, size_t first, uint64_t count,
                                 mdla_error *err);

/* All of an array's values as the rows' token ids; what goes on past the last row is left. Where
 * there are ids already they must be the same. */
mdla_status codes_read_tokens(mdla_codes *codes, codes_array *a, mdla_error *err);

/* Checks and takes a shape. */
mdla_status codes_set_shape(mdla_codes *codes, uint64_t rows, uint64_t width, const char *name,
                            mdla_error *err);

/* By container; each takes over the source. */
mdla_status codes_npz_read(mdla_codes *codes, mdla_source source, const char *name,
                           mdla_error *err);
mdla_status codes_safetensors_read(mdla_codes *codes, mdla_source source, const char *name,
                                   const mdla_codes_shape *given, mdla_error *err);

#endif
