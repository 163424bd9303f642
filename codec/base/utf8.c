#include "mdla/base.h"

size_t mdla_utf8_length(const char *text)
{
    const unsigned char *const p = (const unsigned char *)text;
    static const struct {
        unsigned char mask, lead;
        size_t length;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1, 0},
                 {0xe0, 0xc0, 2, 0x80},
                 {0xf0, 0xe0, 3, 0x800},
                 {0xf8, 0xf0, 4, 0x10000}};

    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        uint32_t code = p[0] & (unsigned char)~forms[f].mask;

        if ((p[0] & forms[f].mask) != forms[f].lead)
            continue;
        for (size_t i = 1; i < forms[f].length; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (p[i] & 0x3fu);
        }
        if (code < forms[f].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return 0;
        return forms[f].length;
    }
    return 0;
}
