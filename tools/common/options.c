/* Option parsing. getopt_long does the work in silence; the sentences are ours. */
#include "common/options.h"

#include "common/numbers.h"
#include "common/tool.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 32 };

void options_start(options_reader *reader, int argc, char **argv, const char *shorts,
                   const struct option *longs, const char *help)
{
    memset(reader, 0, sizeof *reader);
    reader->argc = argc;
    reader->argv = argv;
    reader->shorts = shorts;
    reader->longs = longs;
    reader->help = help;
    mdla_config_init(&reader->common.config);
    opterr = 0;
}

/* Edits (insert, remove, replace) that make one word the other; words are cut to WORD_MAX. */
static size_t word_distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t a_length = strlen(a), b_length = strlen(b);

    a_length = a_length < WORD_MAX ? a_length : WORD_MAX;
    b_length = b_length < WORD_MAX ? b_length : WORD_MAX;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[b_length];
}

static const char *closest_name(const struct option *longs, const char *name)
{
    const char *closest = NULL;
    size_t least = strlen(name) < 4 ? 2 : 3; /* below this many edits a guess is likely right */

    for (; longs->name; longs++) {
        const size_t distance = word_distance(name, longs->name);

        if (distance < least) {
            least = distance;
            closest = longs->name;
        }
    }
    return closest;
}

static int report_unknown(const options_reader *reader)
{
    const char *word = reader->argv[optind - 1]; /* the long option; letters may still stand after a short one */
    const char *guess;
    char name[WORD_MAX + 1];
    size_t matches = 0;

    if (optopt && optopt < OPTION_FIRST && strncmp(word, "--", 2) != 0)
        return tool_usage("unknown option -%c", optopt);
    if (optopt)
        return tool_usage("%.*s takes no value", (int)strcspn(word, "="), word);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (const struct option *o = reader->longs; o->name; o++)
        matches += strncmp(o->name, name, strlen(name)) == 0;
    if (matches > 1)
        return tool_usage("--%s stands for more than one option", name);
    guess = closest_name(reader->longs, name);
    if (guess)
        return tool_usage("unknown option --%s; did you mean --%s?", name, guess);
    return tool_usage("unknown option --%s", name);
}

static int report_missing(const options_reader *reader)
{
    for (const struct option *o = reader->longs; o->name; o++)
        if (o->val == optopt && strncmp(reader->argv[optind - 1], "--", 2) == 0)
            return tool_usage("--%s needs a value", o->name);
    return tool_usage("-%c needs a value", optopt);
}

int options_next(options_reader *reader)
{
    for (;;) {
        const int key = getopt_long(reader->argc, reader->argv, reader->shorts, reader->longs, NULL);
        uint64_t number;

        switch (key) {
        case -1: return OPTIONS_DONE;
        case '?': report_unknown(reader); return OPTIONS_BAD;
        case ':': report_missing(reader); return OPTIONS_BAD;
        case 'h': fputs(reader->help, stdout); return OPTIONS_EXIT;
        case 'V': printf("%s %s\n", tool_name(), MDLA_VERSION); return OPTIONS_EXIT;
        case 'q': tool_set_voice(TOOL_SILENT); break;
        case 'v': tool_set_voice(TOOL_VERBOSE); break;
        case 'f': reader->common.force = 1; break;
        case 'o': reader->common.output = optarg; break;
        case 'T':
            if (number_parse_u64(optarg, 0, 1024, &number) != 0) {
                tool_usage("-T %s: give a number of threads, 0 (one a core) to 1024", optarg);
                return OPTIONS_BAD;
            }
            reader->common.config.threads = (uint32_t)number;
            break;
        default: return key;
        }
    }
}
