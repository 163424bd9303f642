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
    "       mdla-eval DATA --sae SAE  [--codes-out C.npz] [--decoded-out D.npy]\n"
    "Measures .mdla files against the rows they were made from: bits a row, loss by\n"
    "every usual formula under its own name, and the MDL-SAE paper's estimates.\n"
    "With --sae alone the same of the SAE's own forward pass, nothing coded; with\n"
    "files too, how far their codes have moved from the SAE's own.\n"
    "  mdla-eval acts.npy acts.mdla\n"
    "\n"
    "      --table            a line a file (default: a line a figure)\n"
    "      --csv  --json      for programs\n"
    "      --histogram        how many features have which log10 density, too\n"
    "      --features-out F   every feature's density, as CSV\n"
    "      --passage-rows N   N rows are a passage (consistent_activation_heuristic)\n"
    "      --codebook CB      the codebook that the files only name\n"
    "      --sae SAE          an SAE's folder or file, its kind found out\n"
    "      --sae-kind KIND    say it, such as dictionary-learning:BatchTopKSAE\n"
    "      --act-scale T      the SAE was trained on rows times T\n"
    "      --codes-out C      the SAE's codes, a SciPy CSR matrix of float32\n"
    "      --decoded-out D    what it makes of the rows, float32 .npy\n"
    "      --files-from L     DATA is the files that L names, one a line (- stdin)\n"
    "      --dims N           DATA is raw float32 rows of N values\n"
    "      --bf16|--integers  what 16-bit integers in DATA are\n"
    "  -f overwrite  -T N threads  -q quiet  -v verbose  -h help  -V version\n";

enum {
    KEY_TABLE = OPTION_FIRST,
    KEY_CSV,
    KEY_JSON,
    KEY_HISTOGRAM,
    KEY_FEATURES_OUT,
    KEY_PASSAGE_ROWS,
    KEY_CODEBOOK,
    KEY_SAE,
    KEY_SAE_KIND,
    KEY_ACT_SCALE,
    KEY_CODES_OUT,
    KEY_DECODED_OUT,
    KEY_DIMS,
    KEY_BF16,
    KEY_INTEGERS,
    KEY_FILES_FROM
};

static const struct option longs[] = {
    {"table", no_argument, NULL, KEY_TABLE},
    {"csv", no_argument, NULL, KEY_CSV},
    {"json", no_argument, NULL, KEY_JSON},
    {"histogram", no_argument, NULL, KEY_HISTOGRAM},
    {"features-out", required_argument, NULL, KEY_FEATURES_OUT},
    {"passage-rows", required_argument, NULL, KEY_PASSAGE_ROWS},
    {"codebook", required_argument, NULL, KEY_CODEBOOK},
    {"sae", required_argument, NULL, KEY_SAE},
    {"sae-kind", required_argument, NULL, KEY_SAE_KIND},
    {"act-scale", required_argument, NULL, KEY_ACT_SCALE},
    {"codes-out", required_argument, NULL, KEY_CODES_OUT},
    {"decoded-out", required_argument, NULL, KEY_DECODED_OUT},
    {"dims", required_argument, NULL, KEY_DIMS},
    {"bf16", no_argument, NULL, KEY_BF16},
    {"integers", no_argument, NULL, KEY_INTEGERS},
    {"files-from", required_argument, NULL, KEY_FILES_FROM},
    {"force", no_argument, NULL, 'f'},
    OPTIONS_QUIET,
    OPTIONS_THREADS,
    OPTIONS_END,
};

typedef struct eval_options {
    eval_settings settings;
    mdla_array_options array;
    const char *codebook, *files_from;
    char **data; /* names_free */
    size_t data_count;
    char **files;
    size_t file_count;
    int form; /* KEY_TABLE, KEY_CSV, KEY_JSON; 0: the sheet */
    int histogram;
} eval_options;

static int set_form(eval_options *o, int key)
{
    if (o->form && o->form != key)
        return tool_usage("--table, --csv and --json: give one of them");
    o->form = key;
    return 0;
}

static int set_option(eval_options *o, int key)
{
    eval_settings *s = &o->settings;
    uint64_t number;

    switch (key) {
    case KEY_TABLE:
    case KEY_CSV:
    case KEY_JSON: return set_form(o, key);
    case KEY_HISTOGRAM: o->histogram = 1; break;
    case KEY_FEATURES_OUT: s->features_out = optarg; break;
    case KEY_PASSAGE_ROWS:
        if (number_parse_u64(optarg, 1, (uint64_t)1 << 48, &s->passage_rows) != 0)
            return tool_usage("--passage-rows %s: give a whole number of rows", optarg);
        break;
    case KEY_CODEBOOK: o->codebook = optarg; break;
    case KEY_SAE: s->sae.path = optarg; break;
    case KEY_SAE_KIND: s->sae.options.kind = optarg; break;
    case KEY_ACT_SCALE: return sae_choose_scale(&s->sae, optarg);
    case KEY_CODES_OUT: s->codes_out = optarg; break;
    case KEY_DECODED_OUT: s->decoded_out = optarg; break;
    case KEY_DIMS:
        if (number_parse_u64(optarg, 1, s->config.limits.max_dims, &number) != 0)
            return tool_usage("--dims %s: give a whole number, 1 to %u", optarg,
                              s->config.limits.max_dims);
        o->array.raw_dims = (uint32_t)number;
        break;
    case KEY_BF16: o->array.bf16 = 1; break;
    case KEY_INTEGERS: o->array.bf16 = -1; break;
    case KEY_FILES_FROM: o->files_from = optarg; break;
    default: break;
    }
    return 0;
}

/* What can't stand together. Returns 0, or the exit code. */
static int check_options(const eval_options *o)
{
    const eval_settings *s = &o->settings;

    if (s->sae.path && o->file_count > 0 && (s->codes_out || s->decoded_out))
        return tool_usage("--codes-out and --decoded-out are the SAE's own; leave out .mdla files");
    if (s->sae.path && o->file_count == 0 && o->codebook)
        return tool_usage("--codebook is for .mdla files; none is named");
    if (!s->sae.path &&
        (s->sae.options.kind || s->sae.options.act_scale > 0 || s->codes_out || s->decoded_out))
        return tool_usage("--sae-kind, --act-scale, --codes-out and --decoded-out need --sae SAE");
    if (!s->sae.path && o->file_count == 0)
        return tool_usage("no .mdla file to measure against %s (or give --sae SAE)", o->data[0]);
    if (s->features_out && o->file_count > 1)
        return tool_usage("--features-out is for one file");
    if (s->passage_rows && !s->features_out)
        return tool_usage("--passage-rows acts on --features-out F; give that too");
    return 0;
}

static int parse(int argc, char **argv, eval_options *o)
{
    options_reader reader;
    size_t operands;
    int key;

    memset(o, 0, sizeof *o);
    options_start(&reader, argc, argv, ":hVqvfT:", longs, help);
    o->settings.config = reader.common.config;
    while ((key = options_next(&reader)) >= 0) {
        const int result = set_option(o, key);

        if (result != 0)
            return result;
    }
    if (key == OPTIONS_EXIT)
        return TOOL_DONE;
    if (key == OPTIONS_BAD)
        return TOOL_USAGE;
    o->settings.config = reader.common.config;
    o->settings.force = reader.common.force;
    if (optind == argc && !o->files_from)
        return tool_usage("no DATA; name the rows that the files were made from");
    operands = o->files_from ? 0 : 1;
    if (names_gather(argv + optind, operands, o->files_from, &o->data, &o->data_count) != 0)
        return TOOL_FAILED;
    o->files = argv + optind + operands;
    o->file_count = (size_t)(argc - optind) - operands;
    key = check_options(o);
    return key == 0 ? -1 : key;
}

static int print(const eval_options *o, const eval_result *results, size_t count)
{
    int result = 0;

    switch (o->form) {
    case KEY_TABLE: result = eval_print_table(results, count); break;
    case KEY_CSV: result = eval_print_csv(results, count, o->histogram); break;
    case KEY_JSON: eval_print_json(results, count, o->histogram); break;
    default: result = eval_print_sheet(results, count, o->histogram); break;
    }
    return result == 0 ? TOOL_DONE : tool_fail("out of memory");
}

static int measure_all(const eval_options *o, const eval_data *data, const mdla_codebook *codebook)
{
    const size_t count = o->file_count ? o->file_count : 1;
    eval_result *results = calloc(count, sizeof *results);
    size_t done = 0;
    int result = TOOL_FAILED;

    if (!results)
        return tool_fail("out of memory");
    if (o->file_count == 0)
        done += eval_sae(&o->settings, data, &results[0]) == 0;
    while (o->file_count && done < count &&
           eval_file(&o->settings, data, o->files[done], codebook, &results[done]) == 0)
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
    mdla_sae *sae = NULL;
    int result = TOOL_FAILED;

    if (o->settings.sae.path && o->file_count &&
        sae_open(&o->settings.config, &o->settings.sae, &sae) != 0)
        return TOOL_FAILED;
    o->settings.own = sae;
    if (o->codebook && files_codebook(&o->settings.config, o->codebook, &codebook) != 0) {
        mdla_sae_free(sae);
        return TOOL_FAILED;
    }
    if (files_rows(&o->settings.config, o->data, o->data_count, &o->array, 1, &data.rows) == 0)
        result = measure_all(o, &data, codebook);
    mdla_rows_close(data.rows);
    mdla_codebook_free(codebook);
    mdla_sae_free(sae);
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
