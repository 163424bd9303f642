#include "container/tokens.h"

#include "base/alloc.h"
#include "container/bytes.h"

#include <zlib.h>

mdla_status tokens_head_get(const uint8_t bytes[TOKENS_HEAD_NBYTES], tokens_head *out)
{
    bytes_in in = {bytes, bytes + TOKENS_HEAD_NBYTES, false};
    const uint32_t rows = bytes_u32(&in);
    const unsigned dtype = bytes_u8(&in), value_nbytes = bytes_u8(&in), reserved = bytes_u16(&in);

    if (rows == 0 || rows > TOKENS_ROWS_MAX || dtype < MDLA_U8 || dtype > MDLA_I64 ||
        (value_nbytes != 1 && value_nbytes != 2 && value_nbytes != 4 && value_nbytes != 8) ||
        reserved != 0)
        return MDLA_ERR_CORRUPT;
    *out = (tokens_head){rows, (mdla_dtype)dtype, value_nbytes};
    return MDLA_OK;
}

mdla_status tokens_unpack(const mdla_allocator *al, const uint8_t *payload, size_t nbytes,
                          tokens_head *head, int64_t *dst)
{
    if (nbytes < TOKENS_HEAD_NBYTES || nbytes - TOKENS_HEAD_NBYTES > UINT32_MAX)
        return MDLA_ERR_CORRUPT;
    MDLA_TRY(tokens_head_get(payload, head));

    const size_t wanted = (size_t)head->rows * head->value_nbytes;
    uLong packed = (uLong)(nbytes - TOKENS_HEAD_NBYTES);
    uLongf got = (uLongf)wanted;
    uint8_t *values = alloc_array(al, wanted, 1);

    if (values == NULL)
        return MDLA_ERR_MEMORY;
    /* The stream must fill the values and end with the payload. */
    const int result = uncompress2(values, &got, payload + TOKENS_HEAD_NBYTES, &packed);
    const bool whole = result == Z_OK && got == wanted && packed == nbytes - TOKENS_HEAD_NBYTES;

    for (uint32_t r = 0; whole && r < head->rows; r++) {
        uint64_t value = 0;

        for (unsigned i = head->value_nbytes; i-- > 0;)
            value = value << 8 | values[(size_t)r * head->value_nbytes + i];
        dst[r] = value <= INT64_MAX ? (int64_t)value : -(int64_t)~value - 1;
    }
    alloc_free(al, values);
    return whole ? MDLA_OK : result == Z_MEM_ERROR ? MDLA_ERR_MEMORY : MDLA_ERR_CORRUPT;
}
