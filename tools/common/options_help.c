/* --help, on one screen, and the options of the manual page. */
#include "common/options_forms.h"
#include "common/tool.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { SCREEN_COLUMNS = 79, BRIEF_COLUMN = 26 };

const char *options_value_name(const tool_option *option)
{
    return option->argument ? option->argument : option->words;
}

/* "--name VALUE" into text; returns its length. */
static int name_option(const tool_option *o, char *text, size_t text_nbytes)
{
    const char *value = options_value_name(o);

    return snprintf(text, text_nbytes, "--%s%s%s", o->name, value ? " " : "", value ? value : "");
}

static void print_described(const tool_program *program)
{
    for (const tool_option *o = program->options; o->name; o++) {
        char text[96];
        int length;

        if (o->key < OPTION_FIRST || o->minor)
            continue;
        length = 6 + name_option(o, text, sizeof text);
        printf("      %s%*s%s\n", text, length < BRIEF_COLUMN - 1 ? BRIEF_COLUMN - length : 2, "",
               o->brief);
    }
}

static void print_named(const tool_program *program)
{
    static const char lead[] = "  also ";
    int column = 0;

    for (const tool_option *o = program->options; o->name; o++) {
        char text[96];
        int length;

        if (!o->minor)
            continue;
        length = name_option(o, text, sizeof text);
        if (column == 0) {
            column = printf("%s", lead);
        } else if (column + 2 + length > SCREEN_COLUMNS) {
            column = printf("\n%*s", (int)sizeof lead - 1, "") - 1;
        } else {
            column += printf("  ");
        }
        column += printf("%s", text);
    }
    if (column)
        printf("\n       (man %s describes them)\n", tool_name());
}

static void print_letters(const tool_program *program)
{
    for (const tool_option *o = program->options; o->name; o++) {
        if (o->key >= OPTION_FIRST)
            continue;
        printf("  -%c", o->key);
        if (o->argument && !o->optional)
            printf(" %s", o->argument);
        if (!o->argument || strcmp(o->name, "output") != 0)
            printf(" %s", o->name);
    }
    putchar('\n');
}

void options_print_help(const tool_program *program)
{
    printf("%s\n", program->head);
    print_described(program);
    print_named(program);
    print_letters(program);
    if (program->tail)
        fputs(program->tail, stdout);
}

/* Text of mdoc: a line ends with each sentence, and before it is too long. */
static void print_sentences(const char *text)
{
    size_t column = 0;

    while (*text) {
        const size_t length = strcspn(text, " ");
        const int ends = text[length] == ' ' && text[length - 1] == '.' &&
                         isupper((unsigned char)text[length + 1]);

        if (column > 0 && column + 1 + length > SCREEN_COLUMNS - 8) {
            putchar('\n');
            column = 0;
        }
        if (column > 0)
            putchar(' ');
        else if (*text == '.' || *text == '\'')
            fputs("\\&", stdout);
        for (size_t i = 0; i < length; i++) {
            if (text[i] == '-')
                putchar('\\');
            putchar(text[i]);
            if (text[i] == '\\')
                putchar('e');
        }
        column += length + 1;
        text += length + strspn(text + length, " ");
        if (ends) {
            putchar('\n');
            column = 0;
        }
    }
    if (column > 0)
        putchar('\n');
}

void options_print_mdoc(const tool_program *program)
{
    puts(".Bl -tag -width Ds");
    for (const tool_option *o = program->options; o->name; o++) {
        const char *value = options_value_name(o);
        char brief[128];

        fputs(".It ", stdout);
        if (o->key < OPTION_FIRST) {
            printf("Fl %c", o->key);
            if (value && !o->optional)
                printf(" Ar %s", value);
            fputs(" , ", stdout);
        }
        printf("Fl \\-%s", o->name);
        if (value && o->optional)
            printf(" Ns Op = Ns Ar %s", value);
        else if (value)
            printf(" Ar %s", value);
        snprintf(brief, sizeof brief, "%c%s.", toupper((unsigned char)o->brief[0]), o->brief + 1);
        putchar('\n');
        print_sentences(brief);
        if (o->more)
            print_sentences(o->more);
    }
    puts(".El");
}
