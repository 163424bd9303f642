/* The names of data: those on the command line, and those in a file of names. */
#ifndef MDLA_TOOL_NAMES_H
#define MDLA_TOOL_NAMES_H

#include <stddef.h>

/**
 * Copies of the operands, and behind them the lines of a list ("-" is standard input; NULL: none),
 * empty ones left out. Reports what goes wrong; returns 0 or -1. To be freed in any case.
 */
int names_gather(char **operands, size_t operand_count, const char *list, char ***names,
                 size_t *count);
void names_free(char **names, size_t count);

#endif
