#include "arrays/arrow_message.h"

#include "base/alloc.h"
#include "io_error.h"

#include <inttypes.h>
#include <string.h>

/* A schema with the description of a data set has some kilobytes, a batch's table less. */
#define METADATA_MAX ((uint32_t)64 << 20)
/* Metadata from a source of unknown size are read in pieces, so that their length can't take memory
 * by itself. */
#define METADATA_PIECE ((size_t)1 << 16)

static uint32_t u32_of(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* The metadata's length; 0 at the stream's end. Streams of before 2019 lack the marker. */
static mdla_status read_length(input *in, uint32_t *length, mdla_error *err)
{
    uint8_t b[4];
    size_t got;

    *length = 0;
    MDLA_TRY(input_read_some(in, b, sizeof b, &got, err));
    if (got == 0)
        return MDLA_OK;
    if (got == sizeof b && u32_of(b) == 0xffffffff)
        MDLA_TRY(input_read_some(in, b, sizeof b, &got, err));
    if (got != sizeof b)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: the Arrow stream is cut off at byte %" PRIu64, in->name,
                         in->position);
    *length = u32_of(b);
    if (*length > METADATA_MAX)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: an Arrow message's metadata have %" PRIu32 " bytes; at most %" PRIu32
                         " are read",
                         in->name, *length, METADATA_MAX);
    if (in->source.nbytes != MDLA_UNKNOWN && *length > in->source.nbytes - in->position)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: the Arrow stream is cut off at byte %" PRIu64, in->name,
                         in->position);
    return MDLA_OK;
}

static mdla_status read_metadata(input *in, arrow_message *m, size_t length, mdla_error *err)
{
    size_t done = 0;

    while (done < length) {
        size_t piece = length - done;

        if (in->source.nbytes == MDLA_UNKNOWN && piece > METADATA_PIECE + done)
            piece = METADATA_PIECE + done;
        if (done + piece > m->room) {
            uint8_t *const grown = alloc_grown(in->al, m->bytes, done, done + piece, 1);

            if (grown == NULL)
                return error_memory(err, in->name);
            m->bytes = grown;
            m->room = done + piece;
        }
        MDLA_TRY(input_read(in, m->bytes + done, piece, "an Arrow message", err));
        done += piece;
    }
    return MDLA_OK;
}

static mdla_status parse(const input *in, arrow_message *m, size_t length, mdla_error *err)
{
    flatbuffer *const fb = &m->fb;
    int64_t body_nbytes;
    size_t root;

    *fb = (flatbuffer){m->bytes, length, false};
    root = flatbuffer_root(fb);
    m->version = flatbuffer_i16(fb, root, 0, 0);
    m->kind = flatbuffer_u8(fb, root, 1, 0);
    m->header = flatbuffer_table(fb, root, 2);
    body_nbytes = flatbuffer_i64(fb, root, 3, 0);
    if (fb->bad || m->header == 0 || body_nbytes < 0)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: no Arrow message before byte %" PRIu64,
                         in->name, in->position);
    if (m->version < 3 || m->version > 4)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: Arrow metadata version V%d; V4 and V5 are read", in->name,
                         m->version + 1);
    m->body = in->position;
    m->body_nbytes = (uint64_t)body_nbytes;
    if (in->source.nbytes != MDLA_UNKNOWN ? m->body_nbytes > in->source.nbytes - m->body
                                          : m->body_nbytes > INT64_MAX - m->body)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: is cut off: an Arrow message at byte %" PRIu64 " has %" PRIu64
                         " bytes",
                         in->name, m->body, m->body_nbytes);
    return MDLA_OK;
}

mdla_status arrow_message_next(input *in, arrow_message *m, mdla_error *err)
{
    uint32_t length;

    m->kind = ARROW_END;
    MDLA_TRY(read_length(in, &length, err));
    if (length == 0)
        return MDLA_OK;
    MDLA_TRY(read_metadata(in, m, length, err));
    return parse(in, m, length, err);
}

void arrow_message_free(const mdla_allocator *al, arrow_message *m)
{
    alloc_free(al, m->bytes);
    m->bytes = NULL;
    m->room = 0;
}
