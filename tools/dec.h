/* mdla-dec: what its two source files share. */
#ifndef MDLA_DEC_H
#define MDLA_DEC_H

#include "common/options.h"

#include "mdla/mdla.h"

/** Forms of output: of rows, then of codes. */
typedef enum dec_format {
    DEC_BY_NAME = 0, /* as OUT ends */
    DEC_NPY,
    DEC_NPZ,
    DEC_SAFETENSORS,
    DEC_RAW,
    DEC_CSV,
    DEC_CSR,
    DEC_COO,
    DEC_DELPHI
} dec_format;

typedef struct dec_options {
    tool_options common;
    const char *codebook, *tokens_out, *docs_out, *hook_out;
    uint64_t first, end; /* rows wanted; end MDLA_UNKNOWN: to the last */
    mdla_dtype dtype, strengths;
    dec_format format;
    uint32_t context, splits; /* of the delphi layout; 0: not given */
    int dtype_given, strengths_given, layout_given, rows_given, codes, test;
    char **inputs;
    size_t input_count;
} dec_options;

/** The first row that isn't wanted any more; told before anything is written where rows are wanted
 * that the file doesn't have. Returns an exit code. */
int dec_clip_rows(const dec_options *o, const mdla_file_info *info, uint64_t *end);

/** Writes the codes in o->format. Returns an exit code. */
int dec_codes(const dec_options *o, mdla_decoder *decoder);

#endif
