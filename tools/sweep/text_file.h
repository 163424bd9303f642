/* A text that is made in memory, by stdio, and becomes a file all at once. */
#ifndef MDLA_SWEEP_TEXT_FILE_H
#define MDLA_SWEEP_TEXT_FILE_H

#include <stddef.h>
#include <stdio.h>

typedef struct text_file {
    FILE *stream;
    char *text;
    size_t nbytes;
} text_file;

/** Returns 0, or -1: reported. */
int text_file_open(text_file *file);
/** Writes it, in the place of an older one, and gives memory back. path must stay (files_sink).
 * Returns 0, or -1: reported. */
int text_file_write(text_file *file, const char *path);
/** Gives memory back; nothing is written. */
void text_file_drop(text_file *file);

#endif
