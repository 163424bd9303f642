#include "input.h"

#include "base/alloc.h"
#include "io_error.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

mdla_status input_open(const mdla_allocator *al, mdla_source source, const char *name, input *out,
                       mdla_error *err)
{
    const size_t nbytes = strlen(name) + 1;

    memset(out, 0, sizeof *out);
    out->al = al;
    out->source = source;
    out->name = alloc_array(al, nbytes, 1);
    if (out->name == NULL) {
        (void)error_memory(err, name); /* first: the name may belong to what the source owns */
        input_close(out);
        return MDLA_ERR_MEMORY;
    }
    memcpy(out->name, name, nbytes);
    return MDLA_OK;
}

void input_close(input *in)
{
    if (in->source.close != NULL)
        in->source.close(in->source.ctx);
    if (in->al != NULL)
        alloc_free(in->al, in->name);
    memset(in, 0, sizeof *in);
}

/* What a source's bare status means. A wrapping source (gzip) has its own ways to fail. */
static mdla_status source_failed(input *in, mdla_status status, mdla_error *err)
{
    in->lost = true;
    switch (status) {
    case MDLA_ERR_IO: return error_io(err, in->name, "read");
    case MDLA_ERR_MEMORY: return error_memory(err, in->name);
    case MDLA_ERR_CORRUPT:
        return error_set(err, status,
                         "%s: damaged after byte %" PRIu64
                         " of its content: a CRC-32, a size or compressed data are wrong",
                         in->name, in->position);
    case MDLA_ERR_TRUNCATED:
        return error_set(err, status,
                         "%s: compressed data are cut off after byte %" PRIu64 " of their content",
                         in->name, in->position);
    default: return error_set(err, status, "%s: %s", in->name, mdla_status_text(status));
    }
}

mdla_status input_read_some(input *in, void *dst, size_t nbytes, size_t *got, mdla_error *err)
{
    size_t ready = in->ahead_count - in->ahead_used;
    mdla_status status;

    *got = 0;
    if (ready > nbytes)
        ready = nbytes;
    if (ready != 0) {
        memcpy(dst, in->ahead + in->ahead_used, ready);
        in->ahead_used += ready;
        in->position += ready;
        *got = ready;
    }
    if (ready == nbytes)
        return MDLA_OK;
    errno = 0; /* a callback that sets none must not be blamed on an old one */
    status = in->source.read(in->source.ctx, (uint8_t *)dst + ready, nbytes - ready, got);
    if (status != MDLA_OK) {
        *got = 0;
        return source_failed(in, status, err);
    }
    in->position += *got;
    *got += ready;
    return MDLA_OK;
}

mdla_status input_peek(input *in, size_t count, const uint8_t **bytes, size_t *got, mdla_error *err)
{
    size_t ready = in->ahead_count - in->ahead_used;

    memmove(in->ahead, in->ahead + in->ahead_used, ready);
    in->ahead_used = 0;
    in->ahead_count = ready;
    if (count > INPUT_AHEAD_MAX)
        count = INPUT_AHEAD_MAX;
    if (ready < count) {
        size_t more;
        mdla_status status;

        errno = 0;
        status = in->source.read(in->source.ctx, in->ahead + ready, count - ready, &more);
        if (status != MDLA_OK)
            return source_failed(in, status, err);
        in->ahead_count += more;
    }
    *bytes = in->ahead;
    *got = in->ahead_count < count ? in->ahead_count : count;
    return MDLA_OK;
}

mdla_status input_read(input *in, void *dst, size_t nbytes, const char *what, mdla_error *err)
{
    size_t got;

    MDLA_TRY(input_read_some(in, dst, nbytes, &got, err));
    if (got != nbytes)
        return error_set(err, MDLA_ERR_TRUNCATED, "%s: %s is cut off at byte %" PRIu64, in->name,
                         what, in->position);
    return MDLA_OK;
}

static mdla_status skip_to(input *in, uint64_t offset, mdla_error *err)
{
    uint8_t scratch[4096];

    while (in->position < offset) {
        const uint64_t left = offset - in->position;

        MDLA_TRY(input_read(in, scratch, left < sizeof scratch ? (size_t)left : sizeof scratch,
                            "the file", err));
    }
    return MDLA_OK;
}

mdla_status input_seek(input *in, uint64_t offset, mdla_error *err)
{
    mdla_status status;

    if (offset == in->position && !in->lost)
        return MDLA_OK;
    if (!input_can_seek(in)) {
        if (offset > in->position && !in->lost)
            return skip_to(in, offset, err);
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: can't go back in a pipe; give a file",
                         in->name);
    }
    in->ahead_count = in->ahead_used = 0;
    errno = 0;
    status = in->source.seek(in->source.ctx, offset);
    if (status != MDLA_OK)
        return source_failed(in, status, err);
    in->position = offset;
    in->lost = false;
    return MDLA_OK;
}

mdla_status input_expect_end(input *in, mdla_error *err)
{
    uint8_t byte;
    size_t got;

    MDLA_TRY(input_read_some(in, &byte, 1, &got, err));
    if (got != 0)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: bytes follow the array's end at byte %" PRIu64,
                         in->name, in->position - 1);
    return MDLA_OK;
}

/* ---- As a source ------------------------------------------------------------------------------
 */

static mdla_status moved_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    return input_read_some(ctx, dst, nbytes, got, NULL);
}

static mdla_status moved_seek(void *ctx, uint64_t offset)
{
    return input_seek(ctx, offset, NULL);
}

static void moved_close(void *ctx)
{
    input *const in = ctx;
    const mdla_allocator *const al = in->al;

    input_close(in);
    alloc_free(al, in);
}

mdla_status input_to_source(input *in, mdla_source *out)
{
    input *const moved = alloc_array(in->al, 1, sizeof *moved);

    if (moved == NULL)
        return MDLA_ERR_MEMORY;
    *moved = *in;
    memset(in, 0, sizeof *in);
    *out = (mdla_source){moved, moved_read, input_can_seek(moved) ? moved_seek : NULL,
                         moved->source.nbytes, moved_close};
    return MDLA_OK;
}
