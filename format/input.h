/* A source with a name for messages, a position, and a few bytes of look-ahead.
 *
 * What array and SAE readers read from: every failure leaves a sentence that names the file.
 */
#ifndef MDLA_INPUT_H
#define MDLA_INPUT_H

#include "mdla/base.h"

#include <stdbool.h>

#define INPUT_AHEAD_MAX 16

typedef struct input {
    const mdla_allocator *al;
    mdla_source source;
    char *name;
    uint64_t position; /* of the byte the next read begins with */
    uint8_t ahead[INPUT_AHEAD_MAX];
    size_t ahead_count, ahead_used;
    bool lost; /* a callback failed: where the source stands is known only after a seek */
} input;

/* Takes over the source, also on failure. name is copied. */
mdla_status input_open(const mdla_allocator *al, mdla_source source, const char *name, input *out,
                       mdla_error *err);
void input_close(input *in); /* a zeroed input is fine */

/* The next count bytes (INPUT_AHEAD_MAX at most) without taking them; fewer at the end alone. */
mdla_status input_peek(input *in, size_t count, const uint8_t **bytes, size_t *got,
                       mdla_error *err);

/* Up to nbytes, fewer at the end alone. */
mdla_status input_read_some(input *in, void *dst, size_t nbytes, size_t *got, mdla_error *err);

/* Exactly nbytes; MDLA_ERR_TRUNCATED with "NAME: WHAT is cut off at byte N". */
mdla_status input_read(input *in, void *dst, size_t nbytes, const char *what, mdla_error *err);

/* Goes to an absolute offset: by seeking, or forward by reading. MDLA_ERR_UNSUPPORTED otherwise. */
mdla_status input_seek(input *in, uint64_t offset, mdla_error *err);

/* MDLA_ERR_CORRUPT where a byte is left. */
mdla_status input_expect_end(input *in, mdla_error *err);

/* Moves an input into a source of the same bytes, from its first on; *in is zeroed. With
 * MDLA_ERR_MEMORY *in stays as it was. */
mdla_status input_to_source(input *in, mdla_source *out);

static inline bool input_can_seek(const input *in)
{
    return in->source.seek != NULL;
}

#endif
