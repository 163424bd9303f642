/* What stands between the rows and a layout: temporary files of words, bytes on their way out. */
#include "codes/codes_out.h"

#include "arrays/convert.h"

#include <string.h>

mdla_status codes_stream_put(codes_stream *s, uint32_t word)
{
    s->buffer[s->used++] = word;
    if (s->used < CODES_BUFFER)
        return MDLA_OK;
    s->used = 0;
    return s->sink.write(s->sink.ctx, s->buffer, sizeof s->buffer);
}

mdla_status codes_stream_rewind(codes_stream *s)
{
    mdla_status status = MDLA_OK;

    if (s->filled == 0 && s->used != 0) /* not read yet: the last words are to be written */
        status = s->sink.write(s->sink.ctx, s->buffer, s->used * sizeof s->buffer[0]);
    s->used = s->filled = 0;
    return status == MDLA_OK ? s->source.seek(s->source.ctx, 0) : status;
}

mdla_status codes_stream_get(codes_stream *s, uint32_t *word)
{
    if (s->used == s->filled) {
        size_t nbytes;
        const mdla_status status =
            s->source.read(s->source.ctx, s->buffer, sizeof s->buffer, &nbytes);

        s->used = 0;
        s->filled = status == MDLA_OK ? nbytes / sizeof s->buffer[0] : 0;
        if (s->filled == 0)
            return status != MDLA_OK ? status : MDLA_ERR_IO; /* the file was cut by someone */
    }
    *word = s->buffer[s->used++];
    return MDLA_OK;
}

void codes_bytes_start(codes_bytes *b, mdla_status (*write)(void *, const void *, size_t),
                       void *ctx)
{
    b->write = write;
    b->ctx = ctx;
    b->status = MDLA_OK;
    b->used = 0;
}

mdla_status codes_bytes_flush(codes_bytes *b)
{
    if (b->status == MDLA_OK && b->used != 0)
        b->status = b->write(b->ctx, b->buffer, b->used);
    b->used = 0;
    return b->status;
}

void codes_bytes_put(codes_bytes *b, uint64_t value, unsigned nbytes)
{
    if (sizeof b->buffer - b->used < nbytes)
        (void)codes_bytes_flush(b);
    for (; nbytes > 0; nbytes--, value >>= 8)
        b->buffer[b->used++] = (uint8_t)value;
}

void codes_put_strength(const mdla_codes_writer *w, codes_bytes *b, uint32_t word)
{
    float value;

    if (w->options.strengths != MDLA_F16) {
        codes_bytes_put(b, word, 4); /* a level, or a float32's bits */
        return;
    }
    memcpy(&value, &word, sizeof value);
    codes_bytes_put(b, convert_to_f16_bits(value), 2);
}

mdla_status codes_walk_start(codes_walk *walk, mdla_codes_writer *w, bool with_strengths)
{
    mdla_status status = codes_stream_rewind(&w->stream[CODES_COUNTS]);

    *walk = (codes_walk){w, w->active, UINT64_MAX, 0, with_strengths};
    if (status == MDLA_OK)
        status = codes_stream_rewind(&w->stream[CODES_FEATURES]);
    if (status == MDLA_OK && with_strengths)
        status = codes_stream_rewind(&w->stream[CODES_STRENGTHS]);
    return status;
}

mdla_status codes_walk_next(codes_walk *walk, bool *more, uint32_t *feature, uint32_t *strength)
{
    mdla_codes_writer *const w = walk->w;
    mdla_status status = MDLA_OK;

    *more = walk->left != 0;
    if (!*more)
        return MDLA_OK;
    walk->left--;
    while (status == MDLA_OK && walk->left_of_row == 0) {
        status = codes_stream_get(&w->stream[CODES_COUNTS], &walk->left_of_row);
        walk->row++;
    }
    walk->left_of_row--;
    if (status == MDLA_OK)
        status = codes_stream_get(&w->stream[CODES_FEATURES], feature);
    if (status == MDLA_OK && walk->with_strengths)
        status = codes_stream_get(&w->stream[CODES_STRENGTHS], strength);
    return status;
}
