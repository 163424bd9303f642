/* A tile holds the classes of some blocks, [width][tile_blocks], so that a feature's stand
 * together. Full tiles go to the scratch file as they are. In the end features are taken in groups,
 * a group's part of every tile at once. */
#include "encode/posting_builder.h"

#include "base/alloc.h"
#include "container/header.h"
#include "postings/posting_encoder.h"
#include "scratch.h"

#include <string.h>
#include <stdlib.h>

#define MEMORY_NBYTES ((size_t)1 << 24) /* of a tile, and of a group */
#define TILE_BLOCKS_MAX 1024
#define CHUNK_NBYTES 32768 /* a chunk is closed once it has as many: what one query decodes */

struct posting_builder {
    const mdla_allocator *al;
    uint32_t width;
    size_t tile_blocks;
    uint8_t *tile;    /* [width][tile_blocks] */
    uint64_t blocks;  /* in all */
    uint64_t flushed; /* tiles in the scratch file */
    bool scratch_open;
    mdla_sink sink;
    mdla_source source;

    /* writing */
    uint8_t *group; /* [tiles][features of a group][tile_blocks] */
    uint8_t *list;  /* [blocks] of one feature */
    range_encoder coder;
};

posting_builder *posting_builder_new(const mdla_allocator *al, uint32_t width)
{
    posting_builder *b = alloc_zeroed(al, 1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->al = al;
    b->width = width;
    b->tile_blocks = MEMORY_NBYTES / width; /* width is 2^20 at most */
    if (b->tile_blocks > TILE_BLOCKS_MAX)
        b->tile_blocks = TILE_BLOCKS_MAX;
    b->tile = alloc_zeroed(al, (size_t)width * b->tile_blocks, 1);
    if (b->tile == NULL) {
        posting_builder_free(b);
        return NULL;
    }
    return b;
}

void posting_builder_free(posting_builder *b)
{
    if (b == NULL)
        return;
    if (b->scratch_open)
        b->source.close(b->source.ctx);
    range_encoder_free(&b->coder);
    alloc_free(b->al, b->group);
    alloc_free(b->al, b->list);
    alloc_free(b->al, b->tile);
    alloc_free(b->al, b);
}

static mdla_status no_scratch(mdla_error *err)
{
    return error_set(err, MDLA_ERR_IO,
                     "posting lists: the temporary file failed; TMPDIR names another folder");
}

static mdla_status flush_tile(posting_builder *b, mdla_error *err)
{
    const size_t nbytes = (size_t)b->width * b->tile_blocks;

    if (!b->scratch_open)
        MDLA_TRY(scratch_file(&b->sink, &b->source, err));
    b->scratch_open = true;
    if (b->sink.write(b->sink.ctx, b->tile, nbytes) != MDLA_OK)
        return no_scratch(err);
    memset(b->tile, 0, nbytes);
    b->flushed++;
    return MDLA_OK;
}

mdla_status posting_builder_block(posting_builder *b, const code_rows *codes, mdla_error *err)
{
    const size_t at = (size_t)(b->blocks % b->tile_blocks);

    if (b->blocks != 0 && at == 0)
        MDLA_TRY(flush_tile(b, err));
    for (size_t i = codes->start[0]; i < codes->start[codes->row_count]; i++) {
        uint8_t *highest = &b->tile[codes->feature[i] * b->tile_blocks + at];
        const uint8_t own = posting_class((uint32_t)abs(codes->level[i]));

        if (own > *highest)
            *highest = own;
    }
    b->blocks++;
    return MDLA_OK;
}

/* The group's features of every tile, from the scratch file or, where all fits one, the tile. */
static mdla_status load_group(posting_builder *b, uint32_t first, uint32_t count, mdla_error *err)
{
    const size_t part = (size_t)count * b->tile_blocks;

    for (uint64_t t = 0; t < b->flushed; t++) {
        const uint64_t offset = (t * b->width + first) * b->tile_blocks;
        uint8_t *to = b->group + (size_t)t * part;
        size_t have = 0, got = 1;

        if (b->source.seek(b->source.ctx, offset) != MDLA_OK)
            return no_scratch(err);
        for (; have < part && got != 0; have += got)
            if (b->source.read(b->source.ctx, to + have, part - have, &got) != MDLA_OK)
                return no_scratch(err);
        if (have < part)
            return no_scratch(err);
    }
    memcpy(b->group + (size_t)b->flushed * part, b->tile + first * b->tile_blocks, part);
    return MDLA_OK;
}

/* Feature i of a group of count. */
static void gather_list(posting_builder *b, uint32_t i, uint32_t count)
{
    for (uint64_t t = 0; t * b->tile_blocks < b->blocks; t++) {
        const uint64_t left = b->blocks - t * b->tile_blocks;

        memcpy(b->list + t * b->tile_blocks, b->group + ((size_t)t * count + i) * b->tile_blocks,
               left < b->tile_blocks ? (size_t)left : b->tile_blocks);
    }
}

/* A chunk under way: its features so far. */
typedef struct open_chunk {
    posting_model model;
    uint32_t first, count;
} open_chunk;

static void chunk_begin(posting_builder *b, open_chunk *c, uint32_t first)
{
    c->first = first;
    c->count = 0;
    posting_model_init(&c->model);
    range_encoder_start(&b->coder, b->al);
}

static mdla_status chunk_end(posting_builder *b, const open_chunk *c, chunk_writer *out,
                             mdla_error *err)
{
    uint8_t head[POSTINGS_HEADER_NBYTES];
    mdla_status status;

    if (range_encoder_finish(&b->coder) != MDLA_OK)
        return error_set(err, MDLA_ERR_MEMORY, "no memory for posting lists");
    bytes_put(bytes_put(head, c->first, 4), c->count, 4);
    status = chunk_write(out, CHUNK_POSTINGS, head, sizeof head, b->coder.payload, b->coder.nbytes);
    return status == MDLA_OK ? MDLA_OK : error_set(err, status, "the output can't be written");
}

mdla_status posting_builder_write(posting_builder *b, chunk_writer *out, mdla_error *err)
{
    const size_t column = (size_t)(b->flushed + 1) * b->tile_blocks; /* of a feature */
    uint32_t group = (uint32_t)(column < MEMORY_NBYTES ? MEMORY_NBYTES / column : 1);
    open_chunk c;

    if (group > b->width)
        group = b->width;
    b->group = alloc_array(b->al, column, group);
    b->list = alloc_array(b->al, column, 1);
    if (b->group == NULL || b->list == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "no memory for posting lists of %llu blocks",
                         (unsigned long long)b->blocks);
    chunk_begin(b, &c, 0);
    for (uint32_t first = 0; first < b->width; first += group) {
        const uint32_t count = b->width - first < group ? b->width - first : group;

        MDLA_TRY(load_group(b, first, count, err));
        for (uint32_t i = 0; i < count; i++) {
            gather_list(b, i, count);
            if (b->coder.nbytes >= CHUNK_NBYTES) {
                MDLA_TRY(chunk_end(b, &c, out, err));
                chunk_begin(b, &c, first + i);
            }
            posting_encode(&b->coder, &c.model, b->list, b->blocks);
            c.count++;
        }
    }
    return chunk_end(b, &c, out, err);
}
