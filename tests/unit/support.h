/* What unit tests share: cmocka's headers in their order, growing bytes, sources of bytes, a pipe.
 */
#ifndef MDLA_TEST_SUPPORT_H
#define MDLA_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mdla/mdla.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bytes {
    uint8_t data[8192];
    size_t count;
} bytes;

static inline void put(bytes *b, const void *src, size_t count)
{
    assert_true(count <= sizeof b->data - b->count);
    memcpy(b->data + b->count, src, count);
    b->count += count;
}

static inline void put_text(bytes *b, const char *text)
{
    put(b, text, strlen(text));
}

static inline void put_byte(bytes *b, unsigned value)
{
    const uint8_t byte = (uint8_t)value;

    put(b, &byte, 1);
}

static inline void put_u32_be(bytes *b, uint32_t value)
{
    int shift;

    for (shift = 24; shift >= 0; shift -= 8)
        put_byte(b, value >> shift & 0xff);
}

static inline void put_f32_le(bytes *b, float value)
{
    uint32_t bits;
    int shift;

    memcpy(&bits, &value, sizeof bits);
    for (shift = 0; shift < 32; shift += 8)
        put_byte(b, bits >> shift & 0xff);
}

/* As a file, or as a pipe: no size, no seeking. */
static inline mdla_source source_of(const bytes *b, int pipe)
{
    mdla_source source;

    mdla_source_memory(b->data, b->count, &source);
    if (pipe) {
        source.seek = NULL;
        source.nbytes = MDLA_UNKNOWN;
    }
    return source;
}

/* Reads an array to its end in pieces of 2 rows; the first failure's status. values may be NULL. */
static inline mdla_status read_array(const bytes *b, int pipe, const mdla_array_options *options,
                                     float *values, size_t *row_count, uint32_t *dims,
                                     mdla_error *err)
{
    static float scratch[2 * 65536];
    mdla_rows *rows;
    size_t got = 1, total = 0;
    mdla_status status = mdla_rows_open(NULL, source_of(b, pipe), "a", options, &rows, err);

    if (status != MDLA_OK) {
        assert_null(rows);
        return status;
    }
    *dims = mdla_rows_dims(rows);
    while (status == MDLA_OK && got != 0) {
        status = mdla_rows_read(rows, scratch, 2, &got, err);
        if (values != NULL && status == MDLA_OK)
            memcpy(values + total * *dims, scratch, got * *dims * sizeof *values);
        total += got;
    }
    *row_count = total;
    mdla_rows_close(rows);
    return status;
}

#endif
