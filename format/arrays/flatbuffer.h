/* A FlatBuffer from a stranger: every access is checked against the buffer's end, and whatever is
 * wrong is remembered in `bad`, so that many fields are read and one check covers them.
 *
 * Positions are byte offsets; 0 stands for what is absent, since the root's offset lies there.
 */
#ifndef MDLA_FLATBUFFER_H
#define MDLA_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct flatbuffer {
    const uint8_t *bytes;
    size_t nbytes;
    bool bad;
} flatbuffer;

size_t flatbuffer_root(flatbuffer *fb);

/* Where a table's field lies; 0 where it is absent or the table is. */
size_t flatbuffer_field(flatbuffer *fb, size_t table, unsigned field);

/* Scalars of a table's field; otherwise `absent`. */
uint8_t flatbuffer_u8(flatbuffer *fb, size_t table, unsigned field, uint8_t absent);
int16_t flatbuffer_i16(flatbuffer *fb, size_t table, unsigned field, int16_t absent);
int32_t flatbuffer_i32(flatbuffer *fb, size_t table, unsigned field, int32_t absent);
int64_t flatbuffer_i64(flatbuffer *fb, size_t table, unsigned field, int64_t absent);

/* The table that a field refers to; 0 where absent. */
size_t flatbuffer_table(flatbuffer *fb, size_t table, unsigned field);

/* The first element of the vector that a field refers to, and how many there are, each of
 * element_nbytes, all inside the buffer; 0 and 0 where absent. */
size_t flatbuffer_vector(flatbuffer *fb, size_t table, unsigned field, size_t element_nbytes,
                         size_t *count);

/* The table that element i of a vector of tables refers to. */
size_t flatbuffer_element(flatbuffer *fb, size_t vector, size_t i);

/* A field's text, not terminated; NULL where absent. */
const char *flatbuffer_text(flatbuffer *fb, size_t table, unsigned field, size_t *length);

/* A number in a vector of structs: the caller knows that it lies inside. */
int64_t flatbuffer_struct_i64(const flatbuffer *fb, size_t position);

#endif
