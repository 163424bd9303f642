/* mdla-eval: bits and loss of .mdla files against their rows, beside the paper's estimates; or the
 * loss of an SAE's own forward pass. */
#include "eval.h"

#include "common/files.h"
#include "common/names.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/tool.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: mdla-eval DATA IN.mdla...  [--table | --csv | --json] [--codebook CB]\n"
    "       mdla-eval DATA --sae FOLDER  [--table | --csv | --json]\n"
    "Measures .mdla files against the rows they were made from: L0, FVU, bits a row\n"
    "by class, and beside them the MDL-SAE paper's estimates for the same codes.\n"
    "With --sae: L0 and FVU of the SAE's own forward pass, nothing coded.\n"
    "  mdla-eval acts.npy acts.mdla\n"
    "\n"
    "      --table         a line a file (default: a line a figure)\n"
    "      --csv  --json   for programs\n"
    "      --codebook CB   the codebook that the files only name\n"
    "      --sae FOLDER    the SAE (SAELens folder)\n"
    "      --files-from L  DATA is the files that L names, one a line (- stdin)\n"
    "      --dims N        DATA is raw float32 rows of N values\n"
    "      --bf16 | --integers  what 16-bit integers in DATA are\n"
    "  -T N threads  -q quiet  -v verbose  -h help  -V version\n"
    "FVU: squared error over the squared deviation from the mean row of DATA.\n";

enum {
    KEY_TABLE = OPTION_FIRST,
    KEY_CSV,
    KEY_JSON,
    KEY_CODEBOOK,
    KEY_SAE,
    KEY_DIMS,
    KEY_BF16,
    KEY_INTEGERS,
    KEY_FILES_FROM
};

static const struct option longs[] = {
    {"table", no_argument, NULL, KEY_TABLE},
    {"csv", no_argument, NULL, KEY_CSV},
    {"json", no_argument, NULL, KEY_JSON},
    {"codebook", required_argument, NULL, KEY_CODEBOOK},
    {"sae", required_argument, NULL, KEY_SAE},
    {"dims", required_argument, NULL, KEY_DIMS},
    {"bf16", no_argument, NULL, KEY_BF16},
    {"integers", no_argument, NULL, KEY_INTEGERS},
    {"files-from", required_argument, NULL, KEY_FILES_FROM},
    OPTIONS_QUIET,
    OPTIONS_THREADS,
    OPTIONS_END,
};

typedef struct eval_options {
    mdla_config config;
    mdla_array_options array;
    const char *codebook, *sae, *files_from;
    char **data; /* names_free */
    size_t data_count;
    char **files;
    size_t file_count;
    int form; /* KEY_TABLE, KEY_CSV, KEY_JSON; 0: the sheet */
} eval_options;

static int set_option(eval_options *o, int key)
{
    uint64_t number;

    switch (key) {
    case KEY_TABLE:
    case KEY_CSV:
    case KEY_JSON:
        if (o->form && o->form != key)
            return tool_usage("--table, --csv and --json: give one of them");
        o->form = key;
        break;
    case KEY_CODEBOOK: o->codebook = optarg; break;
    case KEY_SAE: o->sae = optarg; break;
    case KEY_DIMS:
        if (number_parse_u64(optarg, 1, o->config.limits.max_dims, &number) != 0)
            return tool_usage("--dims %s: give a whole number, 1 to %u", optarg,
                              o->config.limits.max_dims);
        o->array.raw_dims = (uint32_t)number;
        break;
    case KEY_BF16: o->array.bf16 = 1; break;
    case KEY_INTEGERS: o->array.bf16 = -1; break;
    case KEY_FILES_FROM: o->files_from = optarg; break;
    default: break;
    }
    return 0;
}

static int parse(int argc, char **argv, eval_options *o)
{
    options_reader reader;
    size_t operands;
    int key;

    memset(o, 0, sizeof *o);
    options_start(&reader, argc, argv, ":hVqvT:", longs, help);
    o->config = reader.common.config;
    while ((key = options_next(&reader)) >= 0) {
        const int result = set_option(o, key);

        if (result != 0)
            return result;
    }
    if (key == OPTIONS_EXIT)
        return TOOL_DONE;
    if (key == OPTIONS_BAD)
        return TOOL_USAGE;
    o->config = reader.common.config;
    if (optind == argc && !o->files_from)
        return tool_usage("no DATA; name the rows that the files were made from");
    operands = o->files_from ? 0 : 1;
    if (names_gather(argv + optind, operands, o->files_from, &o->data, &o->data_count) != 0)
        return TOOL_FAILED;
    o->files = argv + optind + operands;
    o->file_count = (size_t)(argc - optind) - operands;
    if (o->sae && (o->file_count > 0 || o->codebook))
        return tool_usage("--sae measures the SAE alone; leave out .mdla files and --codebook");
    if (!o->sae && o->file_count == 0)
        return tool_usage("no .mdla file to measure against %s (or give --sae FOLDER)", o->data[0]);
    return -1;
}

static int print(const eval_options *o, const eval_result *results, size_t count)
{
    int result = 0;

    switch (o->form) {
    case KEY_TABLE: result = eval_print_table(results, count); break;
    case KEY_CSV: result = eval_print_csv(results, count); break;
    case KEY_JSON: eval_print_json(results, count); break;
    default: result = eval_print_sheet(results, count); break;
    }
    return result == 0 ? TOOL_DONE : tool_fail("out of memory");
}

static int measure_all(const eval_options *o, const eval_data *data, const mdla_codebook *codebook)
{
    const size_t count = o->sae ? 1 : o->file_count;
    eval_result *results = calloc(count, sizeof *results);
    size_t done = 0;
    int result = TOOL_FAILED;

    if (!results)
        return tool_fail("out of memory");
    if (o->sae)
        done += eval_sae(&o->config, data, o->sae, &results[0]) == 0;
    while (!o->sae && done < count &&
           eval_file(&o->config, data, o->files[done], codebook, &results[done]) == 0)
        done++;
    if (done == count)
        result = print(o, results, count);
    free(results);
    return result;
}

static int run(eval_options *o)
{
    eval_data data = {files_name(o->data[0]), NULL};
    mdla_codebook *codebook = NULL;
    int result = TOOL_FAILED;

    if (o->codebook && files_codebook(&o->config, o->codebook, &codebook) != 0)
        return TOOL_FAILED;
    if (files_rows(&o->config, o->data, o->data_count, &o->array, o->file_count > 1, &data.rows) ==
        0)
        result = measure_all(o, &data, codebook);
    mdla_rows_close(data.rows);
    mdla_codebook_free(codebook);
    return result;
}

int main(int argc, char **argv)
{
    eval_options options;
    int result;

    tool_start("mdla-eval");
    result = parse(argc, argv, &options);
    if (result < 0)
        result = run(&options);
    names_free(options.data, options.data_count);
    return tool_end(result);
}
