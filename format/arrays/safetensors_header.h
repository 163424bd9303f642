/* The header of a safetensors file whose tensors are known beforehand: written without a JSON
 * library, as the reference writer lays it out. */
#ifndef MDLA_SAFETENSORS_HEADER_H
#define MDLA_SAFETENSORS_HEADER_H

#include "mdla/mdla.h"

#define SAFETENSORS_HEADER_ROOM 2048

typedef struct tensor_entry {
    const char *name; /* plain ASCII without quotes or backslashes */
    mdla_dtype dtype;
    unsigned axes; /* at most 2 */
    uint64_t shape[2];
} tensor_entry;

/* The file up to the first value; the caller writes the tensors' values in this order. Up to 4
 * entries with names of up to 32 bytes; in the reference writer's order: by falling dtype (U64,
 * I64, F64, F32, U32, I32, BF16, F16, U16, I16, I8, U8, BOOL), then by name. hook (hook_is_name;
 * NULL: none) goes into the metadata. Returns its bytes; 0 where a size overflows. */
size_t safetensors_header_write(const tensor_entry *entries, size_t count, const char *hook,
                                uint8_t header[SAFETENSORS_HEADER_ROOM]);

#endif
