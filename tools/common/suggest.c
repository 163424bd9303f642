/* Guesses by the number of edits. */
#include "common/suggest.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 63, FAR_OFF = 1000 };

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

static void take(suggestion *s, const char *candidate, size_t distance)
{
    if ((s->found && distance >= s->distance) || strlen(candidate) >= sizeof s->nearest)
        return;
    s->distance = distance;
    s->found = 1;
    strcpy(s->nearest, candidate);
}

/* Edits from the word to the candidate, or FAR_OFF. `telling` of its characters say which word it
 * is: the fewer, the fewer edits make any word of any other. */
static size_t near_distance(const char *word, const char *candidate, size_t telling)
{
    size_t distance;

    if (strlen(word) > WORD_MAX || strlen(candidate) > WORD_MAX)
        return FAR_OFF;
    distance = word_distance(word, candidate);
    return distance > (telling < 5 ? 1u : 2u) ? FAR_OFF : distance;
}

void suggest_try(suggestion *s, const char *candidate)
{
    const size_t distance = near_distance(s->word, candidate, strlen(s->word));

    if (distance != FAR_OFF)
        take(s, candidate, distance);
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

static int fits(const char *name, const char *patterns)
{
    while (*patterns) {
        const size_t length = strcspn(patterns, " ");
        char pattern[32];

        snprintf(pattern, sizeof pattern, "%.*s", (int)length, patterns);
        if (fnmatch(pattern, name, 0) == 0)
            return 1;
        patterns += length + strspn(patterns + length, " ");
    }
    return 0;
}

void suggest_files(suggestion *s, const char *path, const char *patterns)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const size_t name_length = strlen(name), folder_length = (size_t)(name - path);
    char folder[4096];
    const struct dirent *entry;
    DIR *dir;

    if (name_length == 0 || folder_length >= sizeof folder)
        return;
    snprintf(folder, sizeof folder, "%.*s", (int)folder_length, path);
    dir = opendir(folder_length ? folder : ".");
    while (dir && (entry = readdir(dir)) != NULL) {
        const char *candidate = entry->d_name;
        size_t distance = near_distance(name, candidate, strcspn(name, "."));
        char text[sizeof s->nearest];

        if (candidate[0] == '.' && name[0] != '.')
            continue;
        if (strncmp(candidate, name, name_length) == 0 && candidate[name_length] == '.')
            distance = 1;
        if (distance != FAR_OFF &&
            snprintf(text, sizeof text, "%s%s", folder, candidate) < (int)sizeof text)
            take(s, text, 2 * distance + !fits(candidate, patterns));
    }
    if (dir)
        closedir(dir);
}

const char *suggest_phrase(const suggestion *s, const char *before, char *text)
{
    if (s->found)
        snprintf(text, SUGGEST_MAX, "; did you mean %s%s?", before, s->nearest);
    else
        text[0] = '\0';
    return text;
}
