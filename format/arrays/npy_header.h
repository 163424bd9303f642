/* The header text of a .npy file: a Python dict literal with three keys, and nothing else of
 * Python. */
#ifndef MDLA_NPY_HEADER_H
#define MDLA_NPY_HEADER_H

#include "input.h"
#include "mdla/mdla.h"

#include <stdbool.h>

#define NPY_AXES_MAX 64 /* NumPy's own limit */

typedef struct npy_header {
    mdla_dtype dtype;
    bool big_endian;
    bool fortran_order;
    unsigned axes;
    uint64_t shape[NPY_AXES_MAX];
} npy_header;

/* name is for messages. bf16 as in mdla_array_options. */
mdla_status npy_header_parse(const char *text, size_t nbytes, int bf16, const char *name,
                             npy_header *out, mdla_error *err);

/* Magic, version, length and text, from a file's first byte; leaves the input at the first value.
 */
mdla_status npy_header_read(input *in, int bf16, npy_header *out, mdla_error *err);

#endif
