#include "container/tokens.h"

#include "base/alloc.h"
#include "container/bytes.h"

#include <zlib.h>

/* The least bytes that hold every id as it is; ids below zero take all eight. */
static unsigned value_nbytes_of(const int64_t *ids, size_t count)
{
    uint64_t all = 0;

    for (size_t i = 0; i < count; i++)
        all |= (uint64_t)ids[i];
    return all <= UINT8_MAX ? 1 : all <= UINT16_MAX ? 2 : all <= UINT32_MAX ? 4 : 8;
}

mdla_status tokens_pack(const mdla_allocator *al, const int64_t *ids, size_t count,
                        mdla_dtype dtype, uint8_t head[TOKENS_HEAD_NBYTES], uint8_t **stream,
                        size_t *nbytes)
{
    const unsigned value_nbytes = value_nbytes_of(ids, count);
    const uLong plain = (uLong)(count * value_nbytes);
    uLongf packed = compressBound(plain);
    uint8_t *values = alloc_array(al, count, value_nbytes), *at = values;
    mdla_status status = MDLA_ERR_MEMORY;

    *stream = alloc_array(al, packed, 1);
    bytes_put(bytes_put(bytes_put(bytes_put(head, count, 4), (uint64_t)dtype, 1), value_nbytes, 1),
              0, 2);
    for (size_t i = 0; values != NULL && i < count; i++)
        at = bytes_put(at, (uint64_t)ids[i], value_nbytes);
    if (values != NULL && *stream != NULL &&
        compress2(*stream, &packed, values, plain, Z_BEST_COMPRESSION) == Z_OK)
        status = MDLA_OK;
    alloc_free(al, values);
    if (status != MDLA_OK) {
        alloc_free(al, *stream);
        *stream = NULL;
    }
    *nbytes = packed;
    return status;
}
