/* Named tensors of an SAE, whatever file they stand in: safetensors, .npz or torch's .pt.
 *
 * A tensor is a window of strides into a storage, which is a run of bytes; reading gathers. What
 * isn't a finite number in a float type is refused with its place.
 */
#ifndef MDLA_WEIGHTS_H
#define MDLA_WEIGHTS_H

#include "input.h"
#include "mdla/mdla.h"

#define WEIGHT_AXES_MAX 8

typedef struct weight {
    char *name;
    const char *dtype_name;
    int dtype; /* mdla_dtype, or -1 for types that values can't be read of */
    bool big_endian;
    unsigned axes;
    uint64_t shape[WEIGHT_AXES_MAX];
    uint64_t stride[WEIGHT_AXES_MAX]; /* in values */
    uint64_t offset;                  /* of the first value in its storage, in values */
    const void *storage;              /* the container's own */
    bool known;                       /* somebody has read it, or knows why not to */
} weight;

typedef struct weights {
    const mdla_allocator *al;
    char *name; /* of the file, for messages */
    size_t count;
    weight *items; /* in the order of their data where that matters */
    void *container;
    /* A storage from its first byte to its last. */
    mdla_status (*open)(struct weights *w, const weight *t, mdla_source *out, mdla_error *err);
    void (*close)(void *container);
} weights;

/* Each takes over the source, also on failure. */
mdla_status weights_open_safetensors(const mdla_allocator *al, mdla_source source, const char *name,
                                     weights **out, mdla_error *err);
mdla_status weights_open_npz(const mdla_allocator *al, mdla_source source, const char *name,
                             weights **out, mdla_error *err);
void weights_close(weights *w); /* accepts NULL */

/* For containers: an empty set with room for items. NULL: no memory. */
weights *weights_new(const mdla_allocator *al, const char *name, size_t room);
/* The strides of an array without gaps. */
void weights_set_strides(weight *t, bool fortran_order);

/* NULL where there is none of that name. */
weight *weights_find(const weights *w, const char *name);
/* Marks a tensor that may be there and says nothing. */
void weights_ignore(weights *w, const char *name);
/* Refuses by name what nobody has marked as known. */
mdla_status weights_check_known(const weights *w, mdla_error *err);

/* Checks that it is there, of a float type and of that shape; axes 1: [first], 2: [first][second].
 * whose says where the sizes come from, such as "cfg.json". */
mdla_status weights_check(const weights *w, const char *name, unsigned axes, uint64_t first,
                          uint64_t second, const char *whose, mdla_error *err);

/* All values of a checked tensor into dst, C order; turned: of two axes the second first. Marks it
 * as known. */
mdla_status weights_read(weights *w, weight *t, bool turned, float *dst, mdla_error *err);

/* One value of any number type. Marks it as known; a value that isn't finite is left to the
 * caller. */
mdla_status weights_scalar(weights *w, weight *t, double *out, mdla_error *err);

#endif
