/* A shuffle buffer: rows of one pass come in as the stream has them and leave in random order, each
 * once. Once it is full, a row can leave only as another takes its place; what is left at the end
 * of the pass leaves shuffled too. Where a whole pass fits, it is kept and dealt anew without
 * reading. */
#ifndef MDLA_TRAIN_SHUFFLE_H
#define MDLA_TRAIN_SHUFFLE_H

#include "base/alloc.h"
#include "train/rng.h"

typedef struct shuffle {
    const mdla_allocator *al;
    size_t dims, capacity;
    float *values;     /* [capacity][dims]: slots */
    uint64_t *number;  /* [capacity]: which row of the stream a slot holds */
    uint32_t *order;   /* [capacity]: slots; the first live ones are still to leave */
    size_t live, held; /* held: slots ever filled */
    train_rng rng;
} shuffle;

mdla_status shuffle_open(const mdla_allocator *al, size_t dims, size_t capacity, uint64_t seed,
                         shuffle *s);
void shuffle_close(shuffle *s); /* a zeroed one too */

/* Rows that can come in now. */
static inline size_t shuffle_room(const shuffle *s)
{
    return s->capacity - s->live;
}

/* Takes a row [dims] in. Needs room. */
void shuffle_put(shuffle *s, const float *row, uint64_t number);

/* Copies a random row out. Needs a live one. */
void shuffle_take(shuffle *s, float *row);

/* Begins another pass over the held rows. Right where they are a whole pass, and none is live. */
void shuffle_again(shuffle *s);

/* After number, order, live, held and rng were loaded: the first count slots of order with the row
 * that each holds, ascending by row, for their values to be put back. Freed with alloc_free. */
typedef struct shuffle_slot {
    uint64_t number;
    uint32_t slot;
} shuffle_slot;
mdla_status shuffle_slots(const shuffle *s, size_t count, shuffle_slot **out);

#endif
