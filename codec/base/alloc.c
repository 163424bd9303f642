/* Owns the default allocator, the default configuration and the wording of statuses. */
#include "base/alloc.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *default_alloc(void *ctx, size_t nbytes)
{
    (void)ctx;
    return malloc(nbytes);
}

static void default_release(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

static const mdla_allocator default_allocator = {NULL, default_alloc, default_release};

void mdla_config_init(mdla_config *config)
{
    memset(config, 0, sizeof *config);
    config->limits.max_dims = 65536;
    config->limits.max_width = 1048576;
    config->limits.max_rows = (uint64_t)1 << 48;
    config->limits.max_memory = (uint64_t)16 << 30;
    config->limits.max_chunk = (uint32_t)1 << 30;
}

const mdla_allocator *alloc_of(const mdla_config *config)
{
    return config != NULL && config->allocator != NULL ? config->allocator : &default_allocator;
}

void *alloc_array(const mdla_allocator *al, size_t count, size_t size)
{
    size_t nbytes;

    if (!checked_mul_size(count, size, &nbytes))
        return NULL;
    return al->alloc(al->ctx, nbytes != 0 ? nbytes : 1);
}

void *alloc_zeroed(const mdla_allocator *al, size_t count, size_t size)
{
    void *ptr = alloc_array(al, count, size);

    if (ptr != NULL)
        memset(ptr, 0, count * size);
    return ptr;
}

void *alloc_grown(const mdla_allocator *al, void *ptr, size_t old_count, size_t new_count,
                  size_t size)
{
    void *grown = alloc_array(al, new_count, size);

    if (grown == NULL)
        return NULL;
    if (old_count != 0)
        memcpy(grown, ptr, (old_count < new_count ? old_count : new_count) * size);
    alloc_free(al, ptr);
    return grown;
}

char *alloc_text(const mdla_allocator *al, const char *text)
{
    const size_t nbytes = strlen(text) + 1;
    char *const copy = alloc_array(al, nbytes, 1);

    if (copy != NULL)
        memcpy(copy, text, nbytes);
    return copy;
}

void alloc_free(const mdla_allocator *al, void *ptr)
{
    al->release(al->ctx, ptr);
}

mdla_status error_set(mdla_error *err, mdla_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list args;

        err->status = status;
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

const char *mdla_version(void)
{
    return MDLA_VERSION;
}

const char *mdla_status_text(mdla_status status)
{
    switch (status) {
    case MDLA_OK: return "done";
    case MDLA_ERR_ARGUMENT: return "unusable argument";
    case MDLA_ERR_MEMORY: return "out of memory";
    case MDLA_ERR_LIMIT: return "above a limit";
    case MDLA_ERR_FORMAT: return "not a file of the expected kind";
    case MDLA_ERR_UNSUPPORTED: return "not supported";
    case MDLA_ERR_CORRUPT: return "damaged data";
    case MDLA_ERR_TRUNCATED: return "data end too early";
    case MDLA_ERR_SPACE: return "destination too small";
    case MDLA_ERR_IO: return "read or write failed";
    case MDLA_ERR_DATA: return "values that can't be coded";
    case MDLA_ERR_TARGET: return "target out of reach";
    case MDLA_ERR_INTERRUPTED: return "interrupted";
    }
    return "unknown status";
}
