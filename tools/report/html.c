#include "report/html.h"

#include "common/numbers.h"

#include <string.h>

void html_put(text_sink *out, const char *markup)
{
    text_sink_put(out, markup, strlen(markup));
}

void html_text(text_sink *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const size_t length = mdla_utf8_length((const char *)p);

        if (*p == '&')
            html_put(out, "&amp;");
        else if (*p == '<')
            html_put(out, "&lt;");
        else if (*p == '>')
            html_put(out, "&gt;");
        else if (*p == '"')
            html_put(out, "&quot;");
        else if (length == 0 || (*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
            html_put(out, "\xef\xbf\xbd");
        else
            text_sink_put(out, p, length);
        p += length ? length : 1;
    }
}

void html_base64(text_sink *out, const unsigned char *bytes, size_t nbytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < nbytes; i += 3) {
        const size_t left = nbytes - i;
        const uint32_t word = (uint32_t)bytes[i] << 16 |
                              (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)bytes[i + 2] : 0);
        const char four[4] = {digits[word >> 18], digits[word >> 12 & 63],
                              left > 1 ? digits[word >> 6 & 63] : '=',
                              left > 2 ? digits[word & 63] : '='};

        text_sink_put(out, four, sizeof four);
    }
}

void html_count(text_sink *out, uint64_t number)
{
    char text[NUMBER_TEXT_MAX];

    html_put(out, number_grouped(number, text));
}

const char *html_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}
