/* mdla-eval: bits and loss of .mdla files against their rows, beside the paper's estimates; or the
 * loss of an SAE's own forward pass. */
#include "eval.h"
#include "eval_cache.h"

#include "common/files.h"
#include "common/names.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/tool.h"

#include <stdlib.h>
#include <string.h>

static const char head[] =
    "Usage: mdla-eval DATA IN.mdla...  [--table | --csv | --json] [--codebook CB]\n"
    "       mdla-eval DATA --sae SAE  [--codes-out C.npz] [--decoded-out D.npy]\n"
    "Measures .mdla files against the rows they were made from: bits a row, loss by\n"
    "every usual formula under its own name, and the MDL-SAE paper's estimates.\n"
    "With --sae alone the same of the SAE's own forward pass, nothing coded; with\n"
    "files too, how far their codes have moved from the SAE's own.\n"
    "  mdla-eval acts.npy acts.mdla\n";

enum {
    KEY_TABLE = OPTION_FIRST,
    KEY_CSV,
    KEY_JSON,
    KEY_HISTOGRAM,
    KEY_FEATURES_OUT,
    KEY_PASSAGE_ROWS,
    KEY_DOCS,
    KEY_CODEBOOK,
    KEY_SAE,
    KEY_SAE_KIND,
    KEY_ACT_SCALE,
    KEY_CODES_OUT,
    KEY_DECODED_OUT,
    KEY_DIMS,
    KEY_BF16,
    KEY_INTEGERS,
    KEY_FILES_FROM,
    KEY_CODES_IN
};

static const tool_option table[] = {
    {"table", KEY_TABLE, .brief = "a line a file (default: a line a figure)"},
    {"csv", KEY_CSV, .brief = "for programs"},
    {"json", KEY_JSON, .brief = "likewise"},
    {"histogram", KEY_HISTOGRAM, .brief = "how many features have which log10 density, too"},
    {"features-out", KEY_FEATURES_OUT, "F", .files = FILES_ANY,
     .brief = "write every feature's density and worth, as CSV",
     .more =
         "Of a file also the bits charged to it, the squared error that its rows would have more "
         "without it (error_saved), the same in bits (worth_bits: divided by step^2 ln 2 / 6, what "
         "a "
         "bit is worth where a uniform quantiser's step is at its best), what its atom takes in "
         "the "
         "codebook, and the rows after which that is paid: atom_bits / ((worth_bits - bits) / "
         "rows), "
         "n/a where never."},
    {"docs", KEY_DOCS, "FILE", .files = FILES_DATA, .brief = "passage numbers, one a row",
     .more = "An array of integers as mdla-enc takes it. With it --features-out writes "
             "consistent_activation_heuristic, the rows where a feature fires over the passages "
             "where it does (SAELens, SAEBench).",
     .minor = 1},
    {"passage-rows", KEY_PASSAGE_ROWS, "N", .brief = "N rows are a passage", .more = "Likewise.",
     .minor = 1},
    {"codebook", KEY_CODEBOOK, "CB", .files = FILES_CODEBOOK,
     .brief = "the codebook that the files only name"},
    {"sae", KEY_SAE, "SAE", .files = FILES_SAE,
     .brief = "an SAE's folder or file, its kind found out"},
    {"sae-kind", KEY_SAE_KIND, "KIND", .brief = "say it, such as dictionary-learning:BatchTopKSAE",
     .minor = 1},
    {"act-scale", KEY_ACT_SCALE, "T", .brief = "the SAE was trained on rows times T", .minor = 1},
    {"codes-out", KEY_CODES_OUT, "C.npz", .files = "*.npz",
     .brief = "write the SAE's codes, SciPy CSR of float32"},
    {"decoded-out", KEY_DECODED_OUT, "D.npy", .files = "*.npy",
     .brief = "write what the SAE makes of the rows"},
    {"codes-in", KEY_CODES_IN, "CACHE", .files = "*.npz *.safetensors */",
     .brief = "no DATA: packed latent caches against CACHE",
     .more = "Prints bits a strength by class, and how codes differ from those of CACHE, as "
             "mdla-enc --codes-in takes it. With --json for programs.",
     .minor = 1},
    {"files-from", KEY_FILES_FROM, "LIST", .files = FILES_ANY, .brief = "names of DATA, one a line",
     .more = "LIST - is standard input.", .minor = 1},
    {"dims", KEY_DIMS, "N", .brief = "rows of raw data have N values", .minor = 1},
    {"bf16", KEY_BF16, .brief = "16-bit integers in DATA are bfloat16", .minor = 1},
    {"integers", KEY_INTEGERS, .brief = "16-bit integers in DATA are integers", .minor = 1},
    OPTIONS_FORCE,
    OPTIONS_THREADS,
    OPTIONS_QUIET,
    OPTIONS_END,
};

static const tool_program program = {head, NULL, FILES_DATA " " FILES_MDLA, table};

typedef struct eval_options {
    eval_settings settings;
    mdla_array_options array;
    const char *codebook, *files_from, *codes_in, *docs;
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

static int set_option(void *ctx, int key)
{
    eval_options *o = ctx;
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
    case KEY_DOCS: o->docs = optarg; break;
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
    case KEY_CODES_IN: o->codes_in = optarg; break;
    default: break;
    }
    return 0;
}

/* What can't stand together. Returns 0, or the exit code. */
static int check_options(const eval_options *o)
{
    const eval_settings *s = &o->settings;

    if (o->codes_in && (s->sae.path || s->features_out || o->files_from || o->histogram ||
                        o->docs || (o->form && o->form != KEY_JSON)))
        return tool_usage("--codes-in takes .mdla files, --codebook and --json alone");
    if (o->codes_in)
        return o->file_count > 0 ? 0
                                 : tool_usage("no .mdla file to measure against %s", o->codes_in);
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
    if ((s->passage_rows || o->docs) && !s->features_out)
        return tool_usage("--%s acts on --features-out F; give that too",
                          o->docs ? "docs" : "passage-rows");
    if (s->passage_rows && o->docs)
        return tool_usage("--docs and --passage-rows: give one of them");
    return 0;
}

static int parse(int argc, char **argv, eval_options *o)
{
    tool_options common;
    size_t operands;
    int result;

    memset(o, 0, sizeof *o);
    mdla_config_init(&o->settings.config);
    result = options_read(argc, argv, &program, set_option, o, &common);
    if (result >= 0)
        return result;
    o->settings.config = common.config;
    o->settings.force = common.force;
    if (optind == argc && !o->files_from && !o->codes_in)
        return tool_usage("no DATA; name the rows that the files were made from");
    operands = o->files_from || o->codes_in ? 0 : 1;
    if (names_gather(argv + optind, operands, o->files_from, &o->data, &o->data_count) != 0)
        return TOOL_FAILED;
    o->files = argv + optind + operands;
    o->file_count = (size_t)(argc - optind) - operands;
    result = check_options(o);
    return result == 0 ? -1 : result;
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

static int open_data(const eval_options *o, mdla_rows **rows)
{
    const mdla_config *config = &o->settings.config;
    mdla_error err = {MDLA_OK, ""};
    mdla_rows *numbers;
    mdla_status status;

    if (files_rows(config, o->data, o->data_count, &o->array, 1, rows) != 0)
        return -1;
    if (!o->docs)
        return 0;
    if (files_numbers(config, o->docs, &numbers) != 0)
        return -1;
    status = mdla_rows_set_passages(*rows, numbers, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

static int run(eval_options *o)
{
    eval_data data = {o->data_count ? files_name(o->data[0]) : NULL, NULL};
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
    if (o->codes_in)
        result = eval_cache(&o->settings.config, o->codes_in, o->files, o->file_count, codebook,
                            o->form == KEY_JSON);
    else if (open_data(o, &data.rows) == 0)
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
