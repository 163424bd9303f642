#include "saes/safetensors.h"

#include "arrays/convert.h"
#include "base/alloc.h"
#include "io_error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_VALUES ((size_t)4096)
#define HEADER_ROOM ((size_t)4096)

static mdla_status write_bytes(mdla_sink *sink, const void *src, size_t nbytes, mdla_error *err)
{
    mdla_status status;

    errno = 0;
    status = sink->write(sink->ctx, src, nbytes);
    if (status == MDLA_ERR_IO)
        return error_io(err, NULL, "write the weights");
    return status == MDLA_OK ? MDLA_OK
                             : error_set(err, status, "the weights: %s", mdla_status_text(status));
}

/* One member of the header; false where there is no room. */
static bool append_entry(char *text, size_t *used, const safetensor_shape *entry, uint64_t *offset)
{
    const uint64_t count = entry->shape[0] * (entry->axes == 2 ? entry->shape[1] : 1);
    char second[24] = "";
    int n;

    if (entry->axes == 2)
        (void)snprintf(second, sizeof second, ",%" PRIu64, entry->shape[1]);
    n = snprintf(text + *used, HEADER_ROOM - *used,
                 "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%" PRIu64 "%s],\"data_offsets\":[%" PRIu64
                 ",%" PRIu64 "]}",
                 *used == 1 ? "" : ",", entry->name, entry->shape[0], second, *offset,
                 *offset + 4 * count);
    if (n < 0 || (size_t)n >= HEADER_ROOM - *used)
        return false;
    *used += (size_t)n;
    *offset += 4 * count;
    return true;
}

mdla_status safetensors_write_header(mdla_sink *sink, const safetensor_shape *entries, size_t count,
                                     mdla_error *err)
{
    char text[HEADER_ROOM + 8];
    uint64_t offset = 0;
    uint8_t start[8];
    size_t used = 1, i;

    text[0] = '{';
    for (i = 0; i < count; i++) {
        if (!append_entry(text, &used, &entries[i], &offset))
            return error_set(err, MDLA_ERR_LIMIT, "too many tensors for one safetensors header");
    }
    text[used++] = '}';
    while (used % 8 != 0) /* the values begin at a multiple of 8 */
        text[used++] = ' ';
    for (i = 0; i < 8; i++)
        start[i] = (uint8_t)((uint64_t)used >> 8 * i);
    MDLA_TRY(write_bytes(sink, start, sizeof start, err));
    return write_bytes(sink, text, used, err);
}

mdla_status safetensors_write_values(mdla_sink *sink, const float *values, size_t count,
                                     mdla_error *err)
{
    uint8_t buffer[BUFFER_VALUES * sizeof(float)];
    size_t done, n;

    for (done = 0; done < count; done += n) {
        n = count - done < BUFFER_VALUES ? count - done : BUFFER_VALUES;
        convert_from_f32(MDLA_F32, values + done, n, buffer);
        MDLA_TRY(write_bytes(sink, buffer, n * sizeof(float), err));
    }
    return MDLA_OK;
}
