/* What a misspelt word was probably meant to be. */
#ifndef MDLA_TOOL_SUGGEST_H
#define MDLA_TOOL_SUGGEST_H

#include <stddef.h>

/** A search for the word nearest to one that isn't known; zeroed but for `word`. */
typedef struct suggestion {
    const char *word;
    size_t distance; /* of the nearest so far */
    char nearest[256];
    int found; /* nonzero: nearest is near enough for a guess to be likely right */
} suggestion;

/** Looks at one candidate. */
void suggest_try(suggestion *s, const char *candidate);

/** Looks at words apart by '|'. */
void suggest_words(suggestion *s, const char *words);

/**
 * Looks at the files beside a path that doesn't exist: names that are nearly its own, or its own
 * with an ending. patterns: of the files that are meant, apart by spaces; they win over others.
 */
void suggest_files(suggestion *s, const char *path, const char *patterns);

/** Room for any suggest_phrase. */
enum { SUGGEST_MAX = 300 };

/** "; did you mean NEAREST?" with `before` in front of the word, or "", into text[SUGGEST_MAX];
 * returns text. */
const char *suggest_phrase(const suggestion *s, const char *before, char *text);

#endif
