#include "codes/delphi_note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The characters of the JSON value that text begins with; 0 for none that a note has. */
static size_t value_length(const char *text)
{
    size_t n = 0;

    if (text[0] != '"') {
        while (text[n] >= '0' && text[n] <= '9')
            n++;
        return n;
    }
    for (n = 1; text[n] != '"'; n++) {
        if (text[n] == '\\')
            n++;
        if (text[n] < 0x20 || text[n] > 0x7e)
            return 0;
    }
    return n + 1;
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
    length = value_length(at);
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
