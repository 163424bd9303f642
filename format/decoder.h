/* The decoder handle (decoder library): opening, blocks, rows. What each file owns:
 * decoder_open.c    from a source to a checked header, codebook, row index and statistics
 * decoder_rows.c    blocks to rows, in order or from a given row, several blocks at once
 * decoder_bits.c    codes and what they cost
 * decoder_postings.c which blocks hold a feature
 * decoder_numbers.c numbers beside the rows: where their chunks stand, .npy files of them
 * decoder_tokens.c  token ids
 * decoder_passages.c passage numbers, from the starts that are coded and the numbers kept
 * decoder_query.c   the rows of a feature
 */
#ifndef MDLA_DECODER_H
#define MDLA_DECODER_H

#include "base/parallel.h"
#include "block/block_decoder.h"
#include "container/header.h"
#include "handles.h"

typedef struct block_entry {
    uint64_t offset; /* of its chunk */
    uint64_t first_row;
    uint32_t rows, nbytes; /* nbytes with the frame */
} block_entry;

/* Posting lists: their chunks, none of them read yet. */
typedef struct posting_entry {
    uint64_t offset;       /* of its chunk */
    uint32_t first, count; /* features */
} posting_entry;

typedef struct posting_directory {
    posting_entry *entries; /* [count]; NULL where the source can't seek */
    size_t count, capacity;
    uint32_t features; /* in the chunks so far: the next begins with it */
    uint64_t nbytes;   /* with frames */
} posting_directory;

/* Numbers beside the rows, likewise: token ids, passage numbers. */
typedef struct number_entry {
    uint64_t offset; /* of its chunk */
    uint64_t first_row;
    uint32_t rows;
} number_entry;

typedef struct number_directory {
    number_entry *entries; /* [count]; NULL where the source can't seek */
    size_t count, capacity;
    uint64_t rows, nbytes; /* rows in the chunks so far; bytes with frames */
    mdla_dtype dtype;
} number_directory;

/* A block under way: its bytes, its rows, and a worker's scratch. */
typedef struct block_slot {
    chunk c;
    float *rows;                     /* [block_rows][dims] */
    uint32_t row_count, wanted_rows; /* wanted: what the index says, 0 where there is none */
    row_code code;
    row_context context;
    int32_t *accumulator; /* [dims] */
    mdla_status status;
    uint64_t number;
} block_slot;

struct mdla_decoder {
    mdla_config config;
    const mdla_allocator *al;
    char *name;
    chunk_reader r;
    file_header header;
    mdla_codebook own, used; /* own.cb: embedded */
    uint8_t codebook_sha256[32];
    code_model *model;
    uint64_t codebook_nbytes; /* embedded, or the reference */
    uint64_t first_block_offset;

    bool
        outline; /* it may go without the codebook that it names: then used.cb and model are NULL */
    bool seekable, complete; /* complete: tail and everything before it were read */
    file_tail tail;
    block_entry *index; /* [tail.blocks]; NULL where the source can't seek */
    uint64_t index_nbytes, ancillary_nbytes, note_nbytes, hook_nbytes; /* with frames */
    bool has_stats;
    file_stats stats;
    char *note, *hook;
    posting_directory postings;
    number_directory tokens, passages;

    /* reading rows */
    parallel_pool *pool;
    block_slot *slots; /* [slot_count] */
    size_t slot_count;
    size_t batch_count, batch_at; /* decoded slots, the one being handed out */
    uint32_t slot_row;            /* next row within it */
    bool sought;                  /* went to a row, and no rows were read since: don't read ahead */
    uint64_t next_block;          /* the next to read from the source */
    uint64_t next_row;            /* rows in blocks read so far, where the source can't seek */
    uint32_t index_sum;           /* CRC-32 of the row index as it should be, likewise */
    chunk scratch;
    mdla_status failed; /* sticky: rows past a failure aren't handed out */
    mdla_error failure;
};

/* Reads INDX, statistics, note, unknown ancillary chunks and TAIL from the reader's position (the
 * type of the first chunk is already in scratch where have is true), and that nothing follows. */
mdla_status decoder_read_trailer(mdla_decoder *d, bool have, mdla_error *err);

/* The trailer's next chunk, of nbytes of payload, is one of posting lists, token ids or passage
 * numbers: its place is kept, and the reader goes past it. Needs a source that can seek. */
mdla_status decoder_pass_postings(mdla_decoder *d, uint32_t nbytes, mdla_error *err);
mdla_status decoder_pass_tokens(mdla_decoder *d, uint32_t nbytes, mdla_error *err);
mdla_status decoder_pass_passages(mdla_decoder *d, uint32_t nbytes, mdla_error *err);
/* Posting lists that were read whole, into d->scratch. */
mdla_status decoder_add_postings(mdla_decoder *d, mdla_error *err);
/* At the trailer's end: each feature is in one chunk, or none is. */
mdla_status decoder_end_postings(mdla_decoder *d, mdla_error *err);
/* A feature's classes (posting_common.h) by block, [tail.blocks]; there must be lists. */
mdla_status decoder_read_postings(mdla_decoder *d, uint32_t feature, uint8_t *classes,
                                  mdla_error *err);

/* MDLA_ERR_ARGUMENT where only the outline was opened, without the codebook. */
mdla_status decoder_need_codebook(const mdla_decoder *d, mdla_error *err);

/* Scratch memory of slots; made at the first read. */
mdla_status decoder_make_slots(mdla_decoder *d, mdla_error *err);
void decoder_free_slots(mdla_decoder *d);

/* Codes of blocks with what they cost, no rows. */
typedef struct bit_visit {
    mdla_decoder *d;
    chunk c;
    row_code code;
    row_context context;
    row_bits bits;
    mdla_coded_feature *coded; /* [width] */
    mdla_feature_flags *flags; /* [width]: what flags cost is added; NULL: it isn't */
} bit_visit;

/* Needs a source that can seek. To be ended in any case. */
mdla_status bit_visit_start(bit_visit *v, mdla_decoder *d, mdla_error *err);
void bit_visit_end(bit_visit *v);

/* Sees each row's code and bits in v as it is decoded. */
typedef void (*row_watcher)(void *ctx, const bit_visit *v, uint64_t row);

/* Reads a block into v->c and checks all of it, as decoding would. watch may be NULL; what it was
 * shown holds once MDLA_OK is returned. */
mdla_status bit_visit_check(bit_visit *v, const block_entry *entry, row_watcher watch, void *ctx,
                            mdla_error *err);

/* The level of what stands in a row_code, 0 where strengths are exact, and what it is worth, times
 * the unit-norm atom. */
int32_t decoder_level(const mdla_decoder *d, int32_t word);
double decoder_strength(const mdla_decoder *d, int32_t word);

/* Memory for one row's code. */
mdla_status row_code_new(const mdla_allocator *al, uint32_t width, row_code *code);
void row_code_free(const mdla_allocator *al, row_code *code);

#endif
