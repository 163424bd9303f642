/* What the config.json of a delphi cache says and no other part of a .mdla file keeps, in the
 * file's note: "delphi " and a JSON object without spaces between its tokens (spec section 4.5). */
#ifndef MDLA_DELPHI_NOTE_H
#define MDLA_DELPHI_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#define DELPHI_NOTE_START "delphi {"
#define DELPHI_NOTE_ROOM 1025
#define DELPHI_VALUE_ROOM 161

/* Whether a key's value is a whole number; those of others are strings. */
bool delphi_is_number(const char *key);

/* A key's value as JSON text: a string of printable ASCII with its quotes, or a whole number. False
 * where the note (NULL: none) is no such note, or lacks the key, or its value isn't valid. */
bool delphi_note_value(const char *note, const char *key, char value[DELPHI_VALUE_ROOM]);

/* A whole number's value; 0 where there is none. */
uint64_t delphi_note_number(const char *note, const char *key);

/* The rows that delphi caches of n_tokens in batches: whole batches of whole sequences. */
uint64_t delphi_rows(uint64_t n_tokens, uint64_t batch, uint32_t context);

#endif
