/* Sources and sinks in memory. The sink's buffer is malloc's, since its owner releases it with
 * free(). */
#include "mdla/mdla.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

/* The source's context is one allocation: a caller's mdla_source has no place for a position. Where
 * it can't be had, reading reports it; mdla_source_memory itself can't fail. */
typedef struct memory_source {
    const uint8_t *bytes;
    size_t nbytes;
    size_t position;
} memory_source;

static mdla_status memory_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    memory_source *const m = ctx;

    *got = 0;
    if (m == NULL)
        return MDLA_ERR_MEMORY;
    *got = nbytes < m->nbytes - m->position ? nbytes : m->nbytes - m->position;
    if (*got != 0)
        memcpy(dst, m->bytes + m->position, *got);
    m->position += *got;
    return MDLA_OK;
}

static mdla_status memory_seek(void *ctx, uint64_t offset)
{
    memory_source *const m = ctx;

    if (m == NULL)
        return MDLA_ERR_MEMORY;
    m->position = offset < m->nbytes ? (size_t)offset : m->nbytes;
    return MDLA_OK;
}

void mdla_source_memory(const void *bytes, size_t nbytes, mdla_source *out)
{
    memory_source *const m = malloc(sizeof *m);

    if (m != NULL) {
        m->bytes = bytes;
        m->nbytes = nbytes;
        m->position = 0;
    }
    out->ctx = m;
    out->read = memory_read;
    out->seek = memory_seek;
    out->nbytes = nbytes;
    out->close = free;
}

typedef struct memory_sink {
    uint8_t *bytes;
    size_t nbytes, capacity;
    void **bytes_out;
    size_t *nbytes_out;
} memory_sink;

static mdla_status memory_write(void *ctx, const void *src, size_t nbytes)
{
    memory_sink *const m = ctx;
    size_t needed;

    if (!checked_add_size(m->nbytes, nbytes, &needed))
        return MDLA_ERR_MEMORY;
    if (needed > m->capacity) {
        size_t capacity = m->capacity > SIZE_MAX / 2 ? SIZE_MAX : 2 * m->capacity;
        uint8_t *grown;

        if (capacity < needed)
            capacity = needed;
        grown = realloc(m->bytes, capacity);
        if (grown == NULL)
            return MDLA_ERR_MEMORY;
        m->bytes = grown;
        m->capacity = capacity;
    }
    if (nbytes != 0)
        memcpy(m->bytes + m->nbytes, src, nbytes);
    m->nbytes = needed;
    return MDLA_OK;
}

static mdla_status memory_close(void *ctx, int keep)
{
    memory_sink *const m = ctx;

    if (keep) {
        *m->bytes_out = m->bytes;
        *m->nbytes_out = m->nbytes;
    } else {
        free(m->bytes);
    }
    free(m);
    return MDLA_OK;
}

mdla_status mdla_sink_memory(void **bytes, size_t *nbytes, mdla_sink *out)
{
    memory_sink *const m = calloc(1, sizeof *m);

    memset(out, 0, sizeof *out);
    *bytes = NULL;
    *nbytes = 0;
    if (m == NULL)
        return MDLA_ERR_MEMORY;
    m->capacity = 256;
    m->bytes = malloc(m->capacity); /* so that an empty output isn't NULL either */
    if (m->bytes == NULL) {
        free(m);
        return MDLA_ERR_MEMORY;
    }
    m->bytes_out = bytes;
    m->nbytes_out = nbytes;
    out->ctx = m;
    out->write = memory_write;
    out->close = memory_close;
    return MDLA_OK;
}
