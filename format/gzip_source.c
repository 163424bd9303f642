#include "gzip_source.h"

#include "base/alloc.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

#define INPUT_NBYTES 32768

typedef struct gzip {
    const mdla_allocator *al;
    mdla_source inner;
    z_stream z;
    int between; /* at a member's end: the stream may end here, or another member begin */
    int inner_end;
    uint64_t position; /* of the next byte of content */
    uint8_t buffer[INPUT_NBYTES];
} gzip;

static voidpf zlib_alloc(voidpf opaque, uInt count, uInt size)
{
    return alloc_zeroed(opaque, count, size);
}

static void zlib_free(voidpf opaque, voidpf ptr)
{
    alloc_free(opaque, ptr);
}

static mdla_status fill(gzip *g)
{
    size_t got;
    const mdla_status status = g->inner.read(g->inner.ctx, g->buffer, sizeof g->buffer, &got);

    if (status != MDLA_OK)
        return status;
    g->z.next_in = g->buffer;
    g->z.avail_in = (uInt)got;
    g->inner_end = got == 0;
    return MDLA_OK;
}

/* One step of inflate, with input and room for output. */
static mdla_status step(gzip *g)
{
    switch (inflate(&g->z, Z_NO_FLUSH)) {
    case Z_OK: return MDLA_OK;
    case Z_STREAM_END:
        g->between = 1;
        return inflateReset(&g->z) == Z_OK ? MDLA_OK : MDLA_ERR_CORRUPT;
    case Z_MEM_ERROR: return MDLA_ERR_MEMORY;
    default: return MDLA_ERR_CORRUPT;
    }
}

static mdla_status gzip_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    gzip *const g = ctx;

    *got = 0;
    while (*got < nbytes) {
        const size_t want = nbytes - *got < UINT_MAX ? nbytes - *got : UINT_MAX;
        mdla_status status;

        if (g->z.avail_in == 0 && !g->inner_end) {
            status = fill(g);
            if (status != MDLA_OK)
                return status;
        }
        if (g->z.avail_in == 0) {
            if (!g->between)
                return MDLA_ERR_TRUNCATED;
            break;
        }
        g->between = 0;
        g->z.next_out = (Bytef *)dst + *got;
        g->z.avail_out = (uInt)want;
        status = step(g);
        if (status != MDLA_OK)
            return status;
        *got += want - g->z.avail_out;
    }
    g->position += *got;
    return MDLA_OK;
}

static mdla_status restart(gzip *g)
{
    const mdla_status status = g->inner.seek(g->inner.ctx, 0);

    if (status != MDLA_OK)
        return status;
    g->z.avail_in = 0;
    g->between = g->inner_end = 0;
    g->position = 0;
    return inflateReset(&g->z) == Z_OK ? MDLA_OK : MDLA_ERR_CORRUPT;
}

static mdla_status gzip_seek(void *ctx, uint64_t offset)
{
    gzip *const g = ctx;
    uint8_t scratch[4096];
    mdla_status status = MDLA_OK;

    if (offset < g->position)
        status = restart(g);
    while (status == MDLA_OK && g->position < offset) {
        const uint64_t left = offset - g->position;
        size_t got;

        status = gzip_read(g, scratch, left < sizeof scratch ? (size_t)left : sizeof scratch, &got);
        if (status == MDLA_OK && got == 0)
            break; /* past the end, where reading gives nothing */
    }
    return status;
}

static void gzip_close(void *ctx)
{
    gzip *const g = ctx;

    inflateEnd(&g->z);
    if (g->inner.close != NULL)
        g->inner.close(g->inner.ctx);
    alloc_free(g->al, g);
}

mdla_status gzip_source(const mdla_allocator *al, mdla_source inner, mdla_source *out)
{
    gzip *const g = alloc_zeroed(al, 1, sizeof *g);

    memset(out, 0, sizeof *out);
    if (g != NULL) {
        g->z.zalloc = zlib_alloc;
        g->z.zfree = zlib_free;
        g->z.opaque = (voidpf)al; /* zlib hands it back alone, never writes to it */
    }
    if (g == NULL || inflateInit2(&g->z, 16 + MAX_WBITS) != Z_OK) { /* 16: gzip and nothing else */
        alloc_free(al, g);
        if (inner.close != NULL)
            inner.close(inner.ctx);
        return MDLA_ERR_MEMORY;
    }
    g->al = al;
    g->inner = inner;
    out->ctx = g;
    out->read = gzip_read;
    out->seek = inner.seek != NULL ? gzip_seek : NULL;
    out->nbytes = MDLA_UNKNOWN;
    out->close = gzip_close;
    return MDLA_OK;
}
