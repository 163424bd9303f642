/* Guesses by the number of edits. */
#include "common/suggest.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 63 };

/* Edits that make one word the other: insert, remove, replace, swap two neighbours. */
static size_t word_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    const size_t a_length = strlen(a), b_length = strlen(b);

    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *const oldest = before;

        before = last;
        last = row;
        row = oldest;
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

            best = best < last[j] + 1 ? best : last[j] + 1;
            best = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return row[b_length];
}

void suggest_try(suggestion *s, const char *candidate)
{
    const size_t length = strlen(s->word);
    const size_t most = length < 3 ? 1 : 2; /* more edits than these make any word of any other */
    size_t distance;

    if (length > WORD_MAX || strlen(candidate) >= sizeof s->nearest)
        return;
    distance = word_distance(s->word, candidate);
    if (distance > most || (s->found && distance >= s->distance))
        return;
    s->distance = distance;
    s->found = 1;
    strcpy(s->nearest, candidate);
}

void suggest_words(suggestion *s, const char *words)
{
    while (*words) {
        const size_t length = strcspn(words, "|");
        char candidate[sizeof s->nearest];

        snprintf(candidate, sizeof candidate, "%.*s", (int)length, words);
        suggest_try(s, candidate);
        words += length + (words[length] == '|');
    }
}

const char *suggest_phrase(const suggestion *s, const char *before, char *text)
{
    if (s->found)
        snprintf(text, SUGGEST_MAX, "; did you mean %s%s?", before, s->nearest);
    else
        text[0] = '\0';
    return text;
}
