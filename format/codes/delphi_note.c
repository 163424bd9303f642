#include "codes/delphi_note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The code of \uXXXX that text begins with; -1 where it doesn't. */
static int32_t code_of(const char *text)
{
    int32_t code = 0;
    int i;

    if (text[0] != '\\' || text[1] != 'u')
        return -1;
    for (i = 2; i < 6; i++) {
        const char *const digits = "0123456789abcdef0123456789ABCDEF", *const at =
                                                                           text[i] != '\0'
                                                                               ? strchr(digits,
                                                                                        text[i])
                                                                               : NULL;

        if (at == NULL)
            return -1;
        code = code << 4 | (int32_t)((at - digits) & 15);
    }
    return code;
}

/* The characters of the escape that text, at a backslash, begins with; 0 for none of JSON. */
static size_t escape_length(const char *text)
{
    const int32_t code = code_of(text);
    const bool is_high = code >= 0xd800 && code < 0xdc00;
    int32_t low;

    if (code < 0)
        return text[1] != '\0' && strchr("\"\\/bfnrt", text[1]) != NULL ? 2 : 0;
    if (code == 0 || (code >= 0xdc00 && code < 0xe000)) /* what no text holds */
        return 0;
    low = is_high ? code_of(text + 6) : 0;
    if (is_high)
        return low >= 0xdc00 && low < 0xe000 ? 12 : 0;
    return 6;
}

/* The characters of the JSON string that text begins with; 0 for none that a note has. */
static size_t string_length(const char *text)
{
    size_t n = 1, length;

    if (text[0] != '"')
        return 0;
    for (; text[n] != '"'; n += length) {
        length = text[n] == '\\' ? escape_length(text + n) : 1;
        if (length == 0 || text[n] < 0x20 || text[n] > 0x7e)
            return 0;
    }
    return n + 1;
}

/* Likewise of a whole number, which must fit 63 bits, as JSON's readers have it. */
static size_t number_length(const char *text)
{
    static const char most[] = "9223372036854775807";
    const size_t n = strspn(text, "0123456789");

    if ((n > 1 && text[0] == '0') || n >= sizeof most ||
        (n == sizeof most - 1 && strncmp(text, most, n) > 0))
        return 0;
    return n;
}

bool delphi_is_number(const char *key)
{
    return strcmp(key, "n_splits") == 0 || strcmp(key, "n_tokens") == 0 ||
           strcmp(key, "batch_size") == 0;
}

bool delphi_note_value(const char *note, const char *key, char value[DELPHI_VALUE_ROOM])
{
    char wanted[40];
    const char *at;
    size_t length;

    if (note == NULL || strncmp(note, DELPHI_NOTE_START, strlen(DELPHI_NOTE_START)) != 0)
        return false;
    /* A string can't hold this: its quotes are escaped. */
    (void)snprintf(wanted, sizeof wanted, "\"%s\":", key);
    at = strstr(note, wanted);
    if (at == NULL)
        return false;
    at += strlen(wanted);
    length = delphi_is_number(key) ? number_length(at) : string_length(at);
    if (length == 0 || length >= DELPHI_VALUE_ROOM)
        return false;
    memcpy(value, at, length);
    value[length] = '\0';
    return true;
}

uint64_t delphi_note_number(const char *note, const char *key)
{
    char value[DELPHI_VALUE_ROOM];

    return delphi_note_value(note, key, value) ? strtoull(value, NULL, 10) : 0;
}

uint64_t delphi_rows(uint64_t n_tokens, uint64_t batch, uint32_t context)
{
    const uint64_t sequences = n_tokens / context;

    return (sequences - (batch != 0 ? sequences % batch : 0)) * context;
}
