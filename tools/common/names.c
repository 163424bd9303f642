#include "common/names.h"

#include "common/files.h"
#include "common/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int no_memory(void)
{
    tool_fail("out of memory");
    return -1;
}

static int add_lines(const char *file, char ***names, size_t *count)
{
    FILE *stream = strcmp(file, "-") == 0 ? stdin : fopen(file, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int result = 0;

    if (!stream) {
        tool_fail("%s: cannot open: %s", file, strerror(errno));
        return -1;
    }
    while (result == 0 && (length = getline(&line, &room, stream)) >= 0) {
        char **grown;

        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            line[--length] = '\0';
        if (length == 0)
            continue;
        grown = realloc(*names, (*count + 1) * sizeof **names);
        if (grown)
            *names = grown;
        if (!grown || !((*names)[*count] = strdup(line)))
            result = no_memory();
        else
            ++*count;
    }
    if (result == 0 && ferror(stream)) {
        tool_fail("%s: read error", files_name(file));
        result = -1;
    }
    free(line);
    if (stream != stdin)
        fclose(stream);
    return result;
}

static int add_operands(char **operands, size_t operand_count, char ***names, size_t *count)
{
    *names = calloc(operand_count + 1, sizeof **names);
    if (!*names)
        return no_memory();
    for (; *count < operand_count; ++*count) {
        (*names)[*count] = strdup(operands[*count]);
        if (!(*names)[*count])
            return no_memory();
    }
    return 0;
}

int names_gather(char **operands, size_t operand_count, const char *list, char ***names,
                 size_t *count)
{
    *names = NULL;
    *count = 0;
    if (list && strcmp(list, "-") == 0 && isatty(STDIN_FILENO)) {
        tool_fail("--files-from -: standard input is a terminal; pipe the names in");
        return -1;
    }
    for (size_t i = 0; list && i < operand_count && strcmp(list, "-") == 0; i++)
        if (strcmp(operands[i], "-") == 0) {
            tool_fail("--files-from -: standard input can't be data too");
            return -1;
        }
    if (add_operands(operands, operand_count, names, count) != 0 ||
        (list && add_lines(list, names, count) != 0))
        return -1;
    if (list && *count == 0) {
        tool_fail("%s: names no files", files_name(list));
        return -1;
    }
    return 0;
}

void names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}
