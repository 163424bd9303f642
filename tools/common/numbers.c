/* Strict number parsing and grouped printing. The locale is "C": no program calls setlocale. */
#include "common/numbers.h"

#include "common/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int number_parse_u64(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
    uint64_t number = 0;

    if (!*text)
        return -1;
    for (const char *p = text; *p; p++) {
        const unsigned digit = (unsigned)(unsigned char)*p - '0';

        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return -1;
        number = number * 10 + digit;
    }
    if (number < low || number > high)
        return -1;
    *out = number;
    return 0;
}

int number_parse_double(const char *text, double low, double high, double *out)
{
    char *end;
    double number;

    /* strtod also takes spaces, hexadecimal, "inf" and "nan". */
    if (!*text || strspn(text, "0123456789.eE+-") != strlen(text))
        return -1;
    errno = 0;
    number = strtod(text, &end);
    if (*end || !isfinite(number) || !(number > low) || !(number < high))
        return -1;
    *out = number;
    return 0;
}

int number_parse_range(const char *text, uint64_t *first, uint64_t *end)
{
    const char *colon = strchr(text, ':');
    char head[24];
    size_t length;

    if (!colon)
        return -1;
    length = (size_t)(colon - text);
    if (length >= sizeof head)
        return -1;
    memcpy(head, text, length);
    head[length] = '\0';
    *first = 0;
    *end = MDLA_UNKNOWN;
    if (length > 0 && number_parse_u64(head, 0, MDLA_UNKNOWN - 1, first) != 0)
        return -1;
    if (colon[1] && number_parse_u64(colon + 1, 0, MDLA_UNKNOWN - 1, end) != 0)
        return -1;
    return *end < *first ? -1 : 0;
}

int number_check_finite(const char *name, const float *values, size_t rows, size_t dims,
                        uint64_t first)
{
    for (size_t i = 0; i < rows * dims; i++)
        if (!isfinite(values[i])) {
            tool_fail("%s: row %" PRIu64 ", column %zu is %s; remove the row or mend the value",
                      name, first + i / dims, i % dims, isnan(values[i]) ? "NaN" : "infinite");
            return -1;
        }
    return 0;
}

const char *number_grouped(uint64_t number, char *text)
{
    char digits[NUMBER_TEXT_MAX];
    size_t length, at = 0;

    if (number == MDLA_UNKNOWN)
        return strcpy(text, "unknown");
    length = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

const char *number_sha256(const uint8_t sha256[32], char *text)
{
    for (size_t i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned)sha256[i]);
    return text;
}

const char *number_in_words(double number, char *text)
{
    if (number >= 1e9)
        snprintf(text, NUMBER_TEXT_MAX, "%.3g billion", number / 1e9);
    else if (number >= 1e6)
        snprintf(text, NUMBER_TEXT_MAX, "%.3g million", number / 1e6);
    else
        number_grouped((uint64_t)(number + 0.5), text);
    return text;
}
