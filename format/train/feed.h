/* Rows for the trainer: read as a stream, some held out, the others shuffled through a buffer. */
#ifndef MDLA_TRAIN_FEED_H
#define MDLA_TRAIN_FEED_H

#include "mdla/mdla.h"
#include "train/shuffle.h"

/* The part of a feed that a checkpoint holds beside the shuffle buffer's order. No padding. */
typedef struct feed_place {
    uint64_t next; /* the row of the stream that is read next */
    uint64_t live, held;
    train_rng rng;
} feed_place;

typedef struct feed {
    const mdla_allocator *al;
    mdla_rows *rows;
    uint64_t row_count;
    uint32_t dims;
    uint64_t train_rows; /* of a pass */
    uint64_t next;
    shuffle buffer;
    float *chunk; /* [FEED_CHUNK][dims]: rows just read */
    uint64_t block,
        skip; /* every block-th run of rows is held out, beginning with the skip-th; 0: none */
    float *holdout; /* [holdout_rows][dims] */
    size_t holdout_rows, holdout_filled;
} feed;

/* Decides what is held out and takes the memory. Reads nothing yet. */
mdla_status feed_open(const mdla_config *config, mdla_rows *rows, double holdout,
                      uint64_t buffer_nbytes, uint64_t seed, feed *f, mdla_error *err);
void feed_close(feed *f); /* a zeroed one too */

/* Fills the buffer with the first rows of a pass. */
mdla_status feed_begin(feed *f, mdla_error *err);

/* A batch [count][dims]; begins the next pass where one ends. */
mdla_status feed_take(feed *f, float *dst, size_t count, mdla_error *err);

/* For checkpoints: the place now; and back to it, with the buffer's number and order loaded. Reads
 * the rows again that the buffer holds. */
feed_place feed_tell(const feed *f);
mdla_status feed_resume(feed *f, const feed_place *place, mdla_error *err);

#endif
