/* Posting lists (spec section 4.7): where their chunks stand is noted when a file is opened, a
 * chunk is read when a feature of it is asked for. */
#include "decoder.h"

#include "base/alloc.h"
#include "postings/posting_decoder.h"

#include <stdlib.h>

static mdla_status corrupt(const mdla_decoder *d, uint64_t offset, mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT,
                     "%s: posting lists at byte %llu are damaged; the rows don't need them",
                     d->name, (unsigned long long)offset);
}

/* A chunk's features follow those of the one before. */
static mdla_status add(mdla_decoder *d, const uint8_t *head, uint64_t offset, uint64_t nbytes,
                       mdla_error *err)
{
    posting_directory *p = &d->postings;
    bytes_in in = {head, head + POSTINGS_HEADER_NBYTES, false};
    const uint32_t first = bytes_u32(&in), count = bytes_u32(&in);

    if (d->header.code.cache) /* classes are of levels, which a cache hasn't got */
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: posting lists at byte %llu: a latent cache has none", d->name,
                         (unsigned long long)offset);
    if (first != p->features || count == 0 || count > d->header.width - first)
        return corrupt(d, offset, err);
    p->features += count;
    p->nbytes += nbytes + CHUNK_FRAME_NBYTES;
    if (!d->seekable)
        return MDLA_OK;
    if (p->count == p->capacity) { /* width chunks at most */
        const size_t capacity = 2 * p->capacity + 16;
        posting_entry *grown =
            alloc_grown(d->al, p->entries, p->count, capacity, sizeof *p->entries);

        if (grown == NULL)
            return error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its posting lists", d->name);
        p->entries = grown;
        p->capacity = capacity;
    }
    p->entries[p->count++] = (posting_entry){offset, first, count};
    return MDLA_OK;
}

mdla_status decoder_pass_postings(mdla_decoder *d, uint32_t nbytes, mdla_error *err)
{
    const uint64_t offset = d->r.offset;
    uint8_t bytes[8 + POSTINGS_HEADER_NBYTES]; /* type, length, the payload's beginning */

    if (nbytes < POSTINGS_HEADER_NBYTES)
        return corrupt(d, offset, err);
    MDLA_TRY(chunk_read_bytes(&d->r, bytes, sizeof bytes, err));
    MDLA_TRY(add(d, bytes + 8, offset, nbytes, err));
    return chunk_seek(&d->r, offset + nbytes + CHUNK_FRAME_NBYTES, err);
}

mdla_status decoder_add_postings(mdla_decoder *d, mdla_error *err)
{
    const chunk *c = &d->scratch;

    if (c->nbytes < POSTINGS_HEADER_NBYTES)
        return corrupt(d, c->offset, err);
    return add(d, c->payload, c->offset, c->nbytes, err);
}

mdla_status decoder_end_postings(mdla_decoder *d, mdla_error *err)
{
    if (d->postings.features != 0 && d->postings.features != d->header.width)
        return corrupt(d, d->scratch.offset, err);
    return MDLA_OK;
}

/* Reads a chunk into d->scratch and sees that it is the one that was passed. */
static mdla_status open_lists(mdla_decoder *d, const posting_entry *entry, range_decoder *range,
                              mdla_error *err)
{
    const chunk *c = &d->scratch;

    MDLA_TRY(chunk_seek(&d->r, entry->offset, err));
    MDLA_TRY(chunk_read(&d->r, &d->scratch, NULL, err));
    if (c->type != CHUNK_POSTINGS || c->nbytes < POSTINGS_HEADER_NBYTES)
        return corrupt(d, entry->offset, err);
    bytes_in in = {c->payload, c->payload + c->nbytes, false};
    if (bytes_u32(&in) != entry->first || bytes_u32(&in) != entry->count)
        return corrupt(d, entry->offset, err);
    range_decoder_init(range, in.at, (size_t)(in.end - in.at));
    return MDLA_OK;
}

mdla_status decoder_read_postings(mdla_decoder *d, uint32_t feature, uint8_t *classes,
                                  mdla_error *err)
{
    const posting_entry *entry = d->postings.entries;
    posting_model model;
    range_decoder range;

    while (feature - entry->first >= entry->count)
        entry++;
    MDLA_TRY(open_lists(d, entry, &range, err));
    posting_model_init(&model);
    for (uint32_t f = entry->first; f <= feature; f++)
        posting_decode(&range, &model, classes, d->tail.blocks);
    if (range.bad)
        return corrupt(d, entry->offset, err);
    return MDLA_OK;
}

/* Lists and codes are compared by sums over a number for each (feature, block, class), since they
 * come in different order. The row index, a chunk of two bytes a block, keeps blocks below 2^31. */
static uint64_t fingerprint(uint32_t feature, uint64_t block, unsigned posting)
{
    uint64_t x = block << 26 | (uint64_t)feature << 6 | posting;

    if (posting == 0)
        return 0;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9); /* the finaliser of splitmix64 */
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

typedef struct code_sums {
    uint8_t *highest; /* [width] of the block under way */
    uint64_t sum;
} code_sums;

static void see_row(void *ctx, const bit_visit *v, uint64_t row)
{
    code_sums *s = ctx;

    (void)row;
    for (uint32_t i = 0; i < v->code.count; i++) {
        const uint8_t posting = posting_class((uint32_t)abs(v->code.level[i]));

        if (posting > s->highest[v->code.feature[i]])
            s->highest[v->code.feature[i]] = posting;
    }
}

static mdla_status sum_codes(bit_visit *v, code_sums *s, mdla_error *err)
{
    const uint32_t width = v->d->header.width;

    for (uint64_t b = 0; b < v->d->tail.blocks; b++) {
        memset(s->highest, 0, width);
        MDLA_TRY(bit_visit_check(v, &v->d->index[b], see_row, s, err));
        for (uint32_t f = 0; f < width; f++)
            s->sum += fingerprint(f, b, s->highest[f]);
    }
    return MDLA_OK;
}

static mdla_status sum_lists(mdla_decoder *d, uint8_t *classes, uint64_t *sum, mdla_error *err)
{
    for (size_t i = 0; i < d->postings.count; i++) {
        const posting_entry *entry = &d->postings.entries[i];
        posting_model model;
        range_decoder range;

        MDLA_TRY(open_lists(d, entry, &range, err));
        posting_model_init(&model);
        for (uint32_t f = 0; f < entry->count; f++) {
            posting_decode(&range, &model, classes, d->tail.blocks);
            for (uint64_t b = 0; b < d->tail.blocks; b++)
                *sum += fingerprint(entry->first + f, b, classes[b]);
        }
        if (!range_decoder_finished(&range))
            return corrupt(d, entry->offset, err);
    }
    return MDLA_OK;
}

mdla_status mdla_decoder_check_postings(mdla_decoder *d, mdla_error *err)
{
    code_sums codes = {0};
    uint64_t lists = 0;
    uint8_t *classes;
    bit_visit v;
    mdla_status status = bit_visit_start(&v, d, err);

    codes.highest = alloc_array(d->al, d->header.width, 1);
    classes = alloc_array(d->al, (size_t)d->tail.blocks + 1, 1);
    if (status == MDLA_OK && (codes.highest == NULL || classes == NULL))
        status = error_set(err, MDLA_ERR_MEMORY, "%s: no memory for its posting lists", d->name);
    if (status == MDLA_OK && d->postings.count != 0) {
        status = sum_lists(d, classes, &lists, err);
        if (status == MDLA_OK)
            status = sum_codes(&v, &codes, err);
        if (status == MDLA_OK && lists != codes.sum)
            status = corrupt(d, d->postings.entries[0].offset, err);
    }
    alloc_free(d->al, classes);
    alloc_free(d->al, codes.highest);
    bit_visit_end(&v);
    return status;
}
