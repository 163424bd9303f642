/* safetensors: a JSON header that names tensors, and their little-endian values one after the
 * other.
 *
 * The reader holds a file to every rule of the format's reference parser and to the specification's
 * ban on repeated names, so that what is accepted means the same to all readers.
 */
#ifndef MDLA_SAFETENSORS_H
#define MDLA_SAFETENSORS_H

#include "input.h"
#include "mdla/mdla.h"

#define SAFETENSORS_AXES_MAX 8

typedef struct safetensor {
    char *name;
    const char *dtype_name; /* as the file says, such as "F8_E4M3"; static */
    int dtype;              /* mdla_dtype, or -1 for types that values can't be read of */
    unsigned axes;
    uint64_t shape[SAFETENSORS_AXES_MAX];
    uint64_t count;      /* values */
    uint64_t begin, end; /* bytes, from the end of the header */
} safetensor;

typedef struct safetensors {
    input in;
    uint64_t data_offset;
    size_t count;
    safetensor *tensors; /* in the order of their data */
} safetensors;

/* Takes over the source, also on failure. */
mdla_status safetensors_open(const mdla_allocator *al, mdla_source source, const char *name,
                             safetensors **out, mdla_error *err);
void safetensors_close(safetensors *st); /* accepts NULL */

/* NULL where there is none of that name. */
const safetensor *safetensors_find(const safetensors *st, const char *name);

/* Values first .. first + count - 1 as float32. Types without a mdla_dtype are refused by name.
 * Going back needs a source that can seek. */
mdla_status safetensors_read_f32(safetensors *st, const safetensor *tensor, uint64_t first,
                                 size_t count, float *dst, mdla_error *err);

/* ---- Writing float32 tensors ----------------------------------------------------------------- */

typedef struct safetensor_shape {
    const char *name; /* plain ASCII without quotes or backslashes */
    unsigned axes;    /* 1 or 2 */
    uint64_t shape[2];
} safetensor_shape;

/* The header; then the caller writes the tensors' values, in this order, with
 * safetensors_write_values. Entries must be in ascending order of names, as the reference writer
 * leaves them. */
mdla_status safetensors_write_header(mdla_sink *sink, const safetensor_shape *entries, size_t count,
                                     mdla_error *err);
mdla_status safetensors_write_values(mdla_sink *sink, const float *values, size_t count,
                                     mdla_error *err);

#endif
