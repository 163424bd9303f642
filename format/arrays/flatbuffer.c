#include "arrays/flatbuffer.h"

static bool inside(flatbuffer *fb, size_t position, size_t nbytes)
{
    if (position <= fb->nbytes && nbytes <= fb->nbytes - position)
        return true;
    fb->bad = true;
    return false;
}

/* nbytes at a position that lies inside. */
static uint64_t load(const flatbuffer *fb, size_t position, size_t nbytes)
{
    uint64_t value = 0;

    while (nbytes-- > 0)
        value = value << 8 | fb->bytes[position + nbytes];
    return value;
}

/* The two's complement value of the low bits. */
static int64_t signed_of(uint64_t bits, unsigned width)
{
    const uint64_t sign = (uint64_t)1 << (width - 1);

    return (bits & sign) != 0 ? -(int64_t)(~(bits | (0 - sign))) - 1 : (int64_t)bits;
}

/* What an unsigned offset at a position leads to; 0 where it leads nowhere. */
static size_t follow(flatbuffer *fb, size_t position)
{
    size_t offset;

    if (position == 0 || !inside(fb, position, 4))
        return 0;
    offset = (size_t)load(fb, position, 4);
    return offset != 0 && inside(fb, position, offset) && inside(fb, position + offset, 4)
               ? position + offset
               : 0;
}

size_t flatbuffer_root(flatbuffer *fb)
{
    size_t offset;

    if (!inside(fb, 0, 4))
        return 0;
    offset = (size_t)load(fb, 0, 4);
    if (offset < 4 || !inside(fb, offset, 4)) {
        fb->bad = true;
        return 0;
    }
    return offset;
}

size_t flatbuffer_field(flatbuffer *fb, size_t table, unsigned field)
{
    int64_t vtable;
    size_t size, offset;

    if (table == 0 || !inside(fb, table, 4))
        return 0;
    vtable = (int64_t)table - signed_of(load(fb, table, 4), 32);
    if (vtable < 0 || !inside(fb, (size_t)vtable, 4)) {
        fb->bad = true;
        return 0;
    }
    size = (size_t)load(fb, (size_t)vtable, 2);
    if (!inside(fb, (size_t)vtable, size) || 4 + 2 * (size_t)field + 2 > size)
        return 0;
    offset = (size_t)load(fb, (size_t)vtable + 4 + 2 * (size_t)field, 2);
    return offset != 0 && inside(fb, table, offset) ? table + offset : 0;
}

static uint64_t scalar(flatbuffer *fb, size_t table, unsigned field, size_t nbytes, uint64_t absent)
{
    const size_t position = flatbuffer_field(fb, table, field);

    return position != 0 && inside(fb, position, nbytes) ? load(fb, position, nbytes) : absent;
}

uint8_t flatbuffer_u8(flatbuffer *fb, size_t table, unsigned field, uint8_t absent)
{
    return (uint8_t)scalar(fb, table, field, 1, absent);
}

int16_t flatbuffer_i16(flatbuffer *fb, size_t table, unsigned field, int16_t absent)
{
    return (int16_t)signed_of(scalar(fb, table, field, 2, (uint16_t)absent), 16);
}

int32_t flatbuffer_i32(flatbuffer *fb, size_t table, unsigned field, int32_t absent)
{
    return (int32_t)signed_of(scalar(fb, table, field, 4, (uint32_t)absent), 32);
}

int64_t flatbuffer_i64(flatbuffer *fb, size_t table, unsigned field, int64_t absent)
{
    return signed_of(scalar(fb, table, field, 8, (uint64_t)absent), 64);
}

size_t flatbuffer_table(flatbuffer *fb, size_t table, unsigned field)
{
    return follow(fb, flatbuffer_field(fb, table, field));
}

size_t flatbuffer_vector(flatbuffer *fb, size_t table, unsigned field, size_t element_nbytes,
                         size_t *count)
{
    const size_t vector = follow(fb, flatbuffer_field(fb, table, field));
    size_t length;

    *count = 0;
    if (vector == 0)
        return 0;
    length = (size_t)load(fb, vector, 4);
    if (length > (fb->nbytes - vector - 4) / element_nbytes) {
        fb->bad = true;
        return 0;
    }
    *count = length;
    return vector + 4;
}

size_t flatbuffer_element(flatbuffer *fb, size_t vector, size_t i)
{
    return follow(fb, vector + 4 * i);
}

const char *flatbuffer_text(flatbuffer *fb, size_t table, unsigned field, size_t *length)
{
    const size_t text = flatbuffer_vector(fb, table, field, 1, length);

    return text != 0 ? (const char *)fb->bytes + text : NULL;
}

int64_t flatbuffer_struct_i64(const flatbuffer *fb, size_t position)
{
    return signed_of(load(fb, position, 8), 64);
}
