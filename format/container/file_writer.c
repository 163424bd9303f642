#include "container/file_writer.h"

#include "base/alloc.h"
#include "container/bytes.h"
#include "container/hook.h"

#include <string.h>

#define NOTE_NBYTES_MAX 1024

mdla_status file_writer_start(file_writer *w, const mdla_allocator *al, mdla_sink sink,
                              const file_header *header, const codebook *cb)
{
    uint8_t bytes[HEADER_NBYTES];

    *w = (file_writer){.out = {sink, 0}, .al = al};
    header_put(header, bytes);
    MDLA_TRY(chunk_write_bytes(&w->out, chunk_magic_file, MAGIC_NBYTES));
    MDLA_TRY(chunk_write(&w->out, CHUNK_HEAD, bytes, sizeof bytes, NULL, 0));
    if (!header->embedded)
        return chunk_write(&w->out, CHUNK_REFERENCE, cb->sha256, sizeof cb->sha256, NULL, 0);
    w->codebook_nbytes = cb->nbytes;
    return chunk_write_bytes(&w->out, cb->bytes, cb->nbytes);
}

mdla_status file_writer_block(file_writer *w, uint32_t rows,
                              const uint8_t header[BLOCK_HEADER_NBYTES], const uint8_t *payload,
                              size_t nbytes)
{
    const uint64_t before = w->out.offset;
    uint8_t *end;

    if (w->index_capacity - w->index_nbytes < 2 * BYTES_VARINT_MAX) {
        const size_t capacity = 2 * w->index_capacity + 4096;
        uint8_t *grown = alloc_grown(w->al, w->index, w->index_nbytes, capacity, 1);

        if (grown == NULL)
            return MDLA_ERR_MEMORY;
        w->index = grown;
        w->index_capacity = capacity;
    }
    MDLA_TRY(chunk_write(&w->out, CHUNK_BLOCK, header, BLOCK_HEADER_NBYTES, payload, nbytes));
    end = bytes_put_varint(w->index + w->index_nbytes, rows);
    end = bytes_put_varint(end, w->out.offset - before);
    w->index_nbytes = (size_t)(end - w->index);
    w->rows += rows;
    w->blocks++;
    return MDLA_OK;
}

mdla_status file_writer_check_texts(const char *note, const char *hook, mdla_error *err)
{
    if (note != NULL && strlen(note) > NOTE_NBYTES_MAX)
        return error_set(err, MDLA_ERR_ARGUMENT, "a note has at most %d bytes", NOTE_NBYTES_MAX);
    return hook_check(hook, err);
}

mdla_status file_writer_index(file_writer *w, const file_stats *stats, const char *note,
                              const char *hook)
{
    uint8_t stats_bytes[STATS_FIXED_NBYTES];

    w->index_offset = w->out.offset;
    MDLA_TRY(chunk_write(&w->out, CHUNK_INDEX, w->index, w->index_nbytes, NULL, 0));
    if (stats != NULL) {
        stats_put(stats, stats_bytes);
        MDLA_TRY(chunk_write(&w->out, CHUNK_STATS, stats_bytes, sizeof stats_bytes, NULL, 0));
    }
    if (note != NULL) {
        w->note_nbytes = strlen(note) + CHUNK_FRAME_NBYTES;
        MDLA_TRY(chunk_write(&w->out, CHUNK_NOTE, note, strlen(note), NULL, 0));
    }
    if (hook == NULL)
        return MDLA_OK;
    w->hook_nbytes = strlen(hook) + CHUNK_FRAME_NBYTES;
    return chunk_write(&w->out, CHUNK_HOOK, hook, strlen(hook), NULL, 0);
}

mdla_status file_writer_tokens(file_writer *w, const int64_t *ids, size_t count, mdla_dtype dtype)
{
    const uint64_t before = w->out.offset;
    uint8_t head[TOKENS_HEAD_NBYTES], *stream;
    size_t nbytes;
    mdla_status status;

    MDLA_TRY(tokens_pack(w->al, ids, count, dtype, head, &stream, &nbytes));
    status = chunk_write(&w->out, CHUNK_TOKENS, head, sizeof head, stream, nbytes);
    alloc_free(w->al, stream);
    w->tokens_nbytes += w->out.offset - before;
    return status;
}

mdla_status file_writer_passages(file_writer *w, const passages_head *head, int64_t *numbers)
{
    const uint64_t before = w->out.offset;
    uint8_t bytes[PASSAGES_HEAD_NBYTES], *stream;
    size_t nbytes;
    mdla_status status;

    MDLA_TRY(passages_pack(w->al, head, numbers, bytes, &stream, &nbytes));
    status = chunk_write(&w->out, CHUNK_PASSAGES, bytes, sizeof bytes, stream, nbytes);
    alloc_free(w->al, stream);
    w->passages_nbytes += w->out.offset - before;
    return status;
}

mdla_status file_writer_finish(file_writer *w)
{
    const file_tail tail = {w->index_offset, w->rows, w->blocks};
    uint8_t tail_bytes[TAIL_NBYTES];

    tail_put(&tail, tail_bytes);
    return chunk_write(&w->out, CHUNK_TAIL, tail_bytes, sizeof tail_bytes, NULL, 0);
}

uint64_t file_writer_marginal_nbytes(const file_writer *w, uint64_t postings_nbytes)
{
    const uint64_t kept = w->out.offset - w->codebook_nbytes - w->tokens_nbytes -
                          w->passages_nbytes - w->hook_nbytes - w->note_nbytes - postings_nbytes;

    return w->codebook_nbytes != 0 ? kept + CHUNK_FRAME_NBYTES + REFERENCE_NBYTES : kept;
}

void file_writer_free(file_writer *w)
{
    if (w->al != NULL)
        alloc_free(w->al, w->index);
    w->index = NULL;
}
