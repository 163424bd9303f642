#include "train/checkpoint.h"

#include "base/alloc.h"

#include <string.h>
#include <zlib.h>

/* Everything in order: the head, the trainer's parts, the feed's place, numbers and order of its
 * buffer, and a CRC-32 of all that. */
typedef struct head {
    char magic[8];
    uint64_t byte_order; /* ORDER as this machine writes it */
    uint64_t dims, width, l0, arch, batch, steps, seed;
    uint64_t row_count, train_rows, block, skip, capacity;
    double rate;
} head;

#define MAGIC "mdlatrn1"
#define ORDER UINT64_C(0x0102030405060708)

static head head_of(const trainer_params *p, const feed *f)
{
    head h = {.byte_order = ORDER,
              .dims = p->dims,
              .width = p->width,
              .l0 = p->l0,
              .arch = (uint64_t)p->arch,
              .batch = p->batch,
              .steps = p->steps,
              .seed = p->seed,
              .row_count = f->row_count,
              .train_rows = f->train_rows,
              .block = f->block,
              .skip = f->skip,
              .capacity = f->buffer.capacity,
              .rate = (double)p->rate};

    memcpy(h.magic, MAGIC, sizeof h.magic);
    return h;
}

/* zlib's lengths are 32-bit. */
static uint32_t crc_add(uint32_t crc, const void *bytes, size_t nbytes)
{
    const unsigned char *at = bytes;

    while (nbytes != 0) {
        const size_t n = nbytes < ((size_t)1 << 30) ? nbytes : (size_t)1 << 30;
        crc = (uint32_t)crc32(crc, at, (uInt)n);
        at += n;
        nbytes -= n;
    }
    return crc;
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

static mdla_status put(const mdla_sink *sink, uint32_t *crc, const void *bytes, size_t nbytes)
{
    *crc = crc_add(*crc, bytes, nbytes);
    return sink->write(sink->ctx, bytes, nbytes);
}

static mdla_status put_all(const mdla_sink *sink, const head *h, trainer *t, const feed *f)
{
    const feed_place place = feed_tell(f);
    const shuffle *s = &f->buffer;
    trainer_part parts[TRAINER_PARTS];
    uint32_t crc = 0;

    trainer_state(t, parts);
    MDLA_TRY(put(sink, &crc, h, sizeof *h));
    for (size_t i = 0; i < TRAINER_PARTS; i++)
        MDLA_TRY(put(sink, &crc, parts[i].bytes, parts[i].nbytes));
    MDLA_TRY(put(sink, &crc, &place, sizeof place));
    MDLA_TRY(put(sink, &crc, s->number, s->capacity * sizeof *s->number));
    MDLA_TRY(put(sink, &crc, s->order, s->capacity * sizeof *s->order));
    return sink->write(sink->ctx, &crc, sizeof crc);
}

mdla_status checkpoint_save(const mdla_folder *folder, const trainer_params *params, trainer *t,
                            const feed *f, mdla_error *err)
{
    const head h = head_of(params, f);
    mdla_sink sink;
    mdla_status status, closed;

    MDLA_TRY(folder->create(folder->ctx, MDLA_TRAIN_CHECKPOINT, &sink, err));
    status = put_all(&sink, &h, t, f);
    closed = sink.close(sink.ctx, status == MDLA_OK);
    if (status != MDLA_OK || closed != MDLA_OK)
        return error_set(err, MDLA_ERR_IO, "%s: cannot be written; is there room for it?",
                         MDLA_TRAIN_CHECKPOINT);
    return MDLA_OK;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static mdla_status get(const mdla_source *source, uint32_t *crc, void *bytes, size_t nbytes)
{
    size_t got;

    MDLA_TRY(source->read(source->ctx, bytes, nbytes, &got));
    if (got != nbytes)
        return MDLA_ERR_TRUNCATED;
    *crc = crc_add(*crc, bytes, nbytes);
    return MDLA_OK;
}

static mdla_status get_all(const mdla_source *source, const head *wanted, trainer *t, feed *f,
                           feed_place *place)
{
    shuffle *s = &f->buffer;
    trainer_part parts[TRAINER_PARTS];
    uint32_t crc = 0, stored;
    head h;

    MDLA_TRY(get(source, &crc, &h, sizeof h));
    if (memcmp(h.magic, wanted->magic, sizeof h.magic) != 0 || h.byte_order != wanted->byte_order)
        return MDLA_ERR_FORMAT;
    if (memcmp(&h, wanted, sizeof h) != 0)
        return MDLA_ERR_ARGUMENT;
    trainer_state(t, parts);
    for (size_t i = 0; i < TRAINER_PARTS; i++)
        MDLA_TRY(get(source, &crc, parts[i].bytes, parts[i].nbytes));
    MDLA_TRY(get(source, &crc, place, sizeof *place));
    MDLA_TRY(get(source, &crc, s->number, s->capacity * sizeof *s->number));
    MDLA_TRY(get(source, &crc, s->order, s->capacity * sizeof *s->order));
    MDLA_TRY(get(source, &(uint32_t){0}, &stored, sizeof stored));
    if (stored != crc || place->live > place->held || place->held > s->capacity ||
        place->next > f->row_count)
        return MDLA_ERR_CORRUPT;
    for (size_t i = 0; i < s->capacity; i++)
        if (s->order[i] >= s->capacity)
            return MDLA_ERR_CORRUPT;
    return MDLA_OK;
}

mdla_status checkpoint_load(const mdla_folder *folder, const trainer_params *params, trainer *t,
                            feed *f, mdla_error *err)
{
    const head wanted = head_of(params, f);
    feed_place place;
    mdla_source source;
    mdla_status status;

    MDLA_TRY(folder->open(folder->ctx, MDLA_TRAIN_CHECKPOINT, &source, err));
    status = get_all(&source, &wanted, t, f, &place);
    if (source.close != NULL)
        source.close(source.ctx);
    if (status == MDLA_ERR_ARGUMENT)
        return error_set(
            err, status,
            "%s: is of a training with other rows or options; give the same ones, or begin anew",
            MDLA_TRAIN_CHECKPOINT);
    if (status != MDLA_OK)
        return error_set(err, status, "%s: %s; begin anew", MDLA_TRAIN_CHECKPOINT,
                         mdla_status_text(status));
    return feed_resume(f, &place, err);
}
