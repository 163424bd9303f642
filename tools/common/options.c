/* Option parsing. getopt_long does the work in silence; the sentences are ours. */
#include "common/options.h"

#include "common/numbers.h"
#include "common/options_forms.h"
#include "common/suggest.h"
#include "common/tool.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { OPTIONS_MAX = 64 };

typedef struct options_reader {
    char **argv;
    char shorts[3 * OPTIONS_MAX + 2]; /* getopt's letters, after a leading ':' */
    struct option longs[OPTIONS_MAX + 1];
} options_reader;

static int takes_value(const tool_option *o)
{
    return o->optional ? optional_argument : o->argument || o->words ? required_argument : 0;
}

static void start(options_reader *reader, const tool_program *program)
{
    size_t count = 0;
    char *letter = reader->shorts;

    opterr = 0;
    *letter++ = ':';
    for (const tool_option *o = program->options; o->name; o++) {
        assert(count < OPTIONS_MAX);
        reader->longs[count++] = (struct option){o->name, takes_value(o), NULL, o->key};
        if (o->key >= OPTION_FIRST)
            continue;
        *letter++ = (char)o->key;
        if (takes_value(o) == required_argument)
            *letter++ = ':';
    }
}

static int report_unknown(const options_reader *reader)
{
    const char *word =
        reader->argv[optind - 1]; /* the long option; letters may still stand after a short one */
    char name[64], guess[SUGGEST_MAX];
    suggestion s = {.word = name};
    size_t matches = 0;

    if (optopt && optopt < OPTION_FIRST && strncmp(word, "--", 2) != 0)
        return tool_usage("unknown option -%c", optopt);
    if (optopt)
        return tool_usage("%.*s takes no value", (int)strcspn(word, "="), word);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (const struct option *o = reader->longs; o->name; o++) {
        matches += strncmp(o->name, name, strlen(name)) == 0;
        suggest_try(&s, o->name);
    }
    if (matches > 1)
        return tool_usage("--%s stands for more than one option", name);
    return tool_usage("unknown option --%s%s", name, suggest_phrase(&s, "--", guess));
}

static int report_missing(const options_reader *reader)
{
    for (const struct option *o = reader->longs; o->name; o++)
        if (o->val == optopt && strncmp(reader->argv[optind - 1], "--", 2) == 0)
            return tool_usage("--%s needs a value", o->name);
    return tool_usage("-%c needs a value", optopt);
}

static int print_help(const tool_program *program)
{
    static void (*const forms[])(const tool_program *) = {options_print_help, options_print_mdoc,
                                                          options_print_bash, options_print_zsh};
    int form = 0;

    if (optarg && options_word(program, 'h', optarg, &form) != 0)
        return TOOL_USAGE;
    forms[form](program);
    return TOOL_DONE;
}

static int print_version(void)
{
    printf("%s %s\n", tool_name(), MDLA_VERSION);
    return TOOL_DONE;
}

static int set_threads(mdla_config *config)
{
    uint64_t number;

    if (number_parse_u64(optarg, 0, 1024, &number) != 0)
        return tool_usage("-T %s: give a number of threads, 0 (one a core) to 1024", optarg);
    config->threads = (uint32_t)number;
    return 0;
}

int options_read(int argc, char **argv, const tool_program *program, option_setter set, void *ctx,
                 tool_options *common)
{
    options_reader reader = {.argv = argv};
    int result = 0;

    memset(common, 0, sizeof *common);
    mdla_config_init(&common->config);
    start(&reader, program);
    while (result == 0) {
        const int key = getopt_long(argc, argv, reader.shorts, reader.longs, NULL);

        switch (key) {
        case -1: return -1;
        case '?': return report_unknown(&reader);
        case ':': return report_missing(&reader);
        case 'h': return print_help(program);
        case 'V': return print_version();
        case 'q': tool_set_voice(TOOL_SILENT); break;
        case 'v': tool_set_voice(TOOL_VERBOSE); break;
        case 'f': common->force = 1; break;
        case 'o': common->output = optarg; break;
        case 'T': result = set_threads(&common->config); break;
        default: result = set(ctx, key); break;
        }
    }
    return result;
}

/* "a", "a or b", "a, b or c" of "a|b|c". */
static void list_words(const char *words, char *text, size_t text_nbytes)
{
    size_t at = 0;

    while (*words && at < text_nbytes) {
        const size_t length = strcspn(words, "|");
        const char *next = words + length + (words[length] == '|');
        const char *joint = at == 0 ? "" : *next ? ", " : " or ";

        at += (size_t)snprintf(text + at, text_nbytes - at, "%s%.*s", joint, (int)length, words);
        words = next;
    }
}

int options_word(const tool_program *program, int key, const char *value, int *index)
{
    const tool_option *option = program->options;
    suggestion s = {.word = value};
    char wanted[160], guess[SUGGEST_MAX];
    int at = 0;

    while (option->key != key)
        option++;
    for (const char *word = option->words; *word; at++) {
        const size_t length = strcspn(word, "|");

        if (strlen(value) == length && strncmp(word, value, length) == 0) {
            *index = at;
            return 0;
        }
        word += length + (word[length] == '|');
    }
    suggest_words(&s, option->words);
    list_words(option->words, wanted, sizeof wanted);
    return tool_usage("--%s %s: give %s%s", option->name, value, wanted,
                      suggest_phrase(&s, "", guess));
}
