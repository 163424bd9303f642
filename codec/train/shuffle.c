#include "train/shuffle.h"

#include <stdlib.h>
#include <string.h>

mdla_status shuffle_open(const mdla_allocator *al, size_t dims, size_t capacity, uint64_t seed,
                         shuffle *s)
{
    memset(s, 0, sizeof *s);
    s->al = al;
    s->dims = dims;
    s->capacity = capacity;
    s->values = alloc_array(al, capacity, dims * sizeof *s->values);
    s->number = alloc_zeroed(al, capacity, sizeof *s->number);
    s->order = alloc_zeroed(al, capacity, sizeof *s->order);
    if (s->values == NULL || s->number == NULL || s->order == NULL)
        return MDLA_ERR_MEMORY;
    for (size_t i = 0; i < capacity; i++)
        s->order[i] = (uint32_t)i;
    rng_seed(&s->rng, seed);
    return MDLA_OK;
}

void shuffle_close(shuffle *s)
{
    if (s->al == NULL)
        return;
    alloc_free(s->al, s->values);
    alloc_free(s->al, s->number);
    alloc_free(s->al, s->order);
    memset(s, 0, sizeof *s);
}

void shuffle_put(shuffle *s, const float *row, uint64_t number)
{
    const size_t slot = s->order[s->live++];

    memcpy(s->values + slot * s->dims, row, s->dims * sizeof *row);
    s->number[slot] = number;
    if (s->live > s->held)
        s->held = s->live;
}

void shuffle_take(shuffle *s, float *row)
{
    const size_t at = rng_below(&s->rng, s->live);
    const uint32_t slot = s->order[at];

    memcpy(row, s->values + slot * s->dims, s->dims * sizeof *row);
    s->order[at] = s->order[--s->live];
    s->order[s->live] = slot;
}

void shuffle_again(shuffle *s)
{
    s->live = s->held;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = ((const shuffle_slot *)a)->number, y = ((const shuffle_slot *)b)->number;

    return (x > y) - (x < y);
}

mdla_status shuffle_slots(const shuffle *s, size_t count, shuffle_slot **out)
{
    shuffle_slot *slots = alloc_array(s->al, count, sizeof *slots);

    *out = slots;
    if (slots == NULL)
        return MDLA_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        slots[i] = (shuffle_slot){s->number[s->order[i]], s->order[i]};
    qsort(slots, count, sizeof *slots, by_number);
    return MDLA_OK;
}
