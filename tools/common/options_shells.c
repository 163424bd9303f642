/* Completions for bash and zsh. Each is whole by itself and needs nothing beside the shell. */
#include "common/options_forms.h"
#include "common/tool.h"

#include <stdio.h>
#include <string.h>

static int takes_value(const tool_option *o)
{
    return options_value_name(o) && !o->optional;
}

static void print_words(const char *words)
{
    for (; *words; words++)
        putchar(*words == '|' ? ' ' : *words);
}

/* Patterns as words of the shell. */
static void print_patterns(const char *patterns)
{
    fputs(" '", stdout);
    for (; *patterns; patterns++) {
        if (*patterns == ' ')
            fputs("' '", stdout);
        else
            putchar(*patterns);
    }
    putchar('\'');
}

/* The names of this program's shell functions: NAME with underscores. */
static const char *function_name(char *text, size_t text_nbytes)
{
    snprintf(text, text_nbytes, "%s", tool_name());
    for (char *p = text; *p; p++)
        if (*p == '-')
            *p = '_';
    return text;
}

/* ---- bash ---- */

static void print_bash_option(const tool_option *o)
{
    printf("    --%s", o->name);
    if (o->key < OPTION_FIRST && !o->optional)
        printf("|-%c", o->key);
    fputs(")", stdout);
    if (o->words) {
        fputs(" COMPREPLY=($(compgen -W '", stdout);
        print_words(o->words);
        fputs("' -- \"$cur\"));", stdout);
    } else if (o->files) {
        fputs(" _mdla_files", stdout);
        print_patterns(o->files);
        putchar(';');
    }
    puts(" return ;;");
}

/* Files that fit a pattern, and folders; all files where none fits. */
static const char bash_files[] =
    "_mdla_files() {\n"
    "    local file pattern named\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t named < <(compgen -f -- \"$cur\")\n"
    "    for file in \"${named[@]}\"; do\n"
    "        if [[ -d ${file/#~\\//$HOME/} ]]; then\n"
    "            COMPREPLY+=(\"$file\")\n"
    "            continue\n"
    "        fi\n"
    "        for pattern; do\n"
    "            [[ $file == $pattern ]] && COMPREPLY+=(\"$file\") && break\n"
    "        done\n"
    "    done\n"
    "    ((${#COMPREPLY[@]})) || COMPREPLY=(\"${named[@]}\")\n"
    "}\n";

void options_print_bash(const tool_program *program)
{
    char name[64];

    printf("# bash completion for %s: mdla %s\n", tool_name(), MDLA_VERSION);
    fputs(bash_files, stdout);
    printf("_%s() {\n", function_name(name, sizeof name));
    puts("    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i\n"
         "    COMPREPLY=()");
    /* "--opt=val" stands there as three words. */
    puts("    if [[ $cur == = ]]; then\n"
         "        cur=\n"
         "    elif [[ $prev == = ]]; then\n"
         "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
         "    elif [[ $prev == --help ]]; then\n"
         "        prev= # its value stands after =\n"
         "    fi\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        [[ ${COMP_WORDS[i]} == -- ]] && prev= && break\n"
         "    done\n"
         "    case $prev in");
    for (const tool_option *o = program->options; o->name; o++)
        if (options_value_name(o))
            print_bash_option(o);
    puts("    esac");
    fputs("    if [[ $cur == -* ]] && ((i == COMP_CWORD)); then\n"
          "        COMPREPLY=($(compgen -W '",
          stdout);
    for (const tool_option *o = program->options; o->name; o++) {
        printf("%s--%s", o == program->options ? "" : " ", o->name);
        if (o->key < OPTION_FIRST)
            printf(" -%c", o->key);
    }
    puts("' -- \"$cur\"))\n"
         "        return\n"
         "    fi");
    fputs("    _mdla_files", stdout);
    print_patterns(program->operands);
    printf("\n}\ncomplete -F _%s %s\n", name, tool_name());
}

/* ---- zsh ---- */

/* Text inside an _arguments specification in single quotes. */
static void print_zsh_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

/* _files takes folders by -/, other patterns by -g. */
static void print_zsh_files(const char *patterns)
{
    if (strcmp(patterns, FILES_FOLDER) == 0) {
        fputs("_files -/", stdout);
        return;
    }
    fputs("_files -g \"", stdout);
    for (; *patterns; patterns++) {
        if (strncmp(patterns, " */", 3) == 0) {
            patterns += 2; /* folders are shown with any pattern */
            continue;
        }
        putchar(*patterns);
    }
    putchar('"');
}

static void print_zsh_option(const tool_option *o)
{
    const char *value = options_value_name(o);
    const char *after = value ? o->optional ? "=-" : "=" : "";

    if (o->key < OPTION_FIRST)
        printf("  '(-%c --%s)'{-%c%s,--%s%s}'[", o->key, o->name, o->key, takes_value(o) ? "+" : "",
               o->name, after);
    else
        printf("  '--%s%s[", o->name, after);
    print_zsh_text(o->brief);
    putchar(']');
    if (value) {
        fputs(o->optional ? "::" : ":", stdout);
        print_zsh_text(o->argument ? o->argument : o->name);
        putchar(':');
        if (o->words) {
            putchar('(');
            print_words(o->words);
            putchar(')');
        } else if (o->files) {
            print_zsh_files(o->files);
        }
    }
    puts("' \\");
}

void options_print_zsh(const tool_program *program)
{
    printf("#compdef %s\n# zsh completion: mdla %s\n_arguments -s -S \\\n", tool_name(),
           MDLA_VERSION);
    for (const tool_option *o = program->options; o->name; o++)
        print_zsh_option(o);
    fputs("  '*:file:", stdout);
    print_zsh_files(program->operands);
    puts("'");
}
