/* mdla-enc's options: what each takes, and what can't stand together. */
#include "enc_options.h"

#include "common/names.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: mdla-enc DATA... --sae SAE | --codebook CB  -o OUT.mdla|-  [OPTIONS]\n"
    "Codes activation rows lossily with an SAE. DATA: .npy, .npz, safetensors, PNG,\n"
    "IDX, Arrow, raw; FILE:ARRAY; folders, also of a datasets data set; - for stdin.\n"
    "  mdla-enc acts.npy --sae my-sae/ --fvu 0.2 -o acts.mdla\n"
    "\n"
    "      --sae SAE           make a codebook for DATA from this SAE (folder, file)\n"
    "      --sae-kind KIND --act-scale T   what the SAE's files can't say (mdla-eval)\n"
    "      --codebook CB       use this codebook, or that of a .mdla file, as is\n"
    "      --fvu F             reach this fraction of variance unexplained\n"
    "      --bits-per-row B    spend this many bits a row, an embedded codebook aside\n"
    "      --step S            step of strengths (default: the codebook's)\n"
    "      --effort E --model M  search 1 to 9 long (5); joint or additive (joint)\n"
    "      --code free|sae     features: searched for, or those the SAE switches on\n"
    "      --docs FILE.npy     passage numbers, one a row: a 1-D array\n"
    "      --block-rows N --note TEXT  rows that decode together (1024); provenance\n"
    "      --embed|--reference put the codebook into OUT (default) or only name it\n"
    "      --codebook-out CB   write the codebook too; without -o, write it alone\n"
    "      --expected-rows N   rows that will share the codebook (those of DATA)\n"
    "      --prune --adapt-atoms  drop features that don't pay; fit atoms to codes\n"
    "      --verify            decode OUT again and compare\n"
    "      --files-from LIST   names of DATA, one a line (- standard input)\n"
    "      --raw --dims N      DATA is raw float32 rows of N values\n"
    "      --bf16|--integers   what 16-bit integers in DATA are\n"
    "  -o FILE  -f overwrite  -T N threads  -q quiet  -v verbose  -h help  -V version\n";

enum {
    KEY_SAE = OPTION_FIRST,
    KEY_SAE_KIND,
    KEY_ACT_SCALE,
    KEY_CODEBOOK,
    KEY_FVU,
    KEY_BITS,
    KEY_STEP,
    KEY_CODE,
    KEY_BLOCK_ROWS,
    KEY_EMBED,
    KEY_REFERENCE,
    KEY_CODEBOOK_OUT,
    KEY_EXPECTED_ROWS,
    KEY_NOTE,
    KEY_VERIFY,
    KEY_RAW,
    KEY_DIMS,
    KEY_BF16,
    KEY_INTEGERS,
    KEY_FILES_FROM,
    KEY_EFFORT,
    KEY_PRUNE,
    KEY_ADAPT,
    KEY_MODEL,
    KEY_DOCS
};

static const struct option longs[] = {
    {"sae", required_argument, NULL, KEY_SAE},
    {"sae-kind", required_argument, NULL, KEY_SAE_KIND},
    {"act-scale", required_argument, NULL, KEY_ACT_SCALE},
    {"codebook", required_argument, NULL, KEY_CODEBOOK},
    {"fvu", required_argument, NULL, KEY_FVU},
    {"bits-per-row", required_argument, NULL, KEY_BITS},
    {"step", required_argument, NULL, KEY_STEP},
    {"code", required_argument, NULL, KEY_CODE},
    {"block-rows", required_argument, NULL, KEY_BLOCK_ROWS},
    {"embed", no_argument, NULL, KEY_EMBED},
    {"reference", no_argument, NULL, KEY_REFERENCE},
    {"codebook-out", required_argument, NULL, KEY_CODEBOOK_OUT},
    {"expected-rows", required_argument, NULL, KEY_EXPECTED_ROWS},
    {"note", required_argument, NULL, KEY_NOTE},
    {"verify", no_argument, NULL, KEY_VERIFY},
    {"raw", no_argument, NULL, KEY_RAW},
    {"dims", required_argument, NULL, KEY_DIMS},
    {"bf16", no_argument, NULL, KEY_BF16},
    {"integers", no_argument, NULL, KEY_INTEGERS},
    {"files-from", required_argument, NULL, KEY_FILES_FROM},
    {"effort", required_argument, NULL, KEY_EFFORT},
    {"prune", no_argument, NULL, KEY_PRUNE},
    {"adapt-atoms", no_argument, NULL, KEY_ADAPT},
    {"model", required_argument, NULL, KEY_MODEL},
    {"docs", required_argument, NULL, KEY_DOCS},
    OPTIONS_QUIET,
    OPTIONS_OUTPUT,
    OPTIONS_THREADS,
    OPTIONS_END,
};

enum { NOTE_MAX = 1024, BLOCK_ROWS_MAX = 1 << 20 };

static int bad_value(const char *option, const char *value, const char *wanted)
{
    return tool_usage("--%s %s: give %s", option, value, wanted);
}

static int set_target(enc_options *o, int key, const char *value)
{
    static const char *const names[] = {"fvu", "bits-per-row", "step"};
    double *const fields[] = {&o->target.fvu, &o->target.bits_per_row, &o->target.step};
    const double highest[] = {1, 1e9, 1e30};
    const int which = key - KEY_FVU;

    for (int i = 0; i < 3; i++)
        if (i != which && *fields[i] > 0)
            return tool_usage("--%s and --%s: give one of them", names[i], names[which]);
    if (number_parse_double(value, 0, highest[which], fields[which]) != 0)
        return bad_value(names[which], value,
                         which == 0 ? "a number between 0 and 1" : "a number above 0");
    return 0;
}

static int set_count(const char *option, const char *value, uint64_t highest, uint64_t *out)
{
    char wanted[80];

    snprintf(wanted, sizeof wanted, "a whole number, 1 to %llu", (unsigned long long)highest);
    return number_parse_u64(value, 1, highest, out) == 0 ? 0 : bad_value(option, value, wanted);
}

static int set_code(enc_options *o, const char *value)
{
    if (strcmp(value, "free") == 0)
        o->code = MDLA_CODE_FREE;
    else if (strcmp(value, "sae") == 0)
        o->code = MDLA_CODE_SAE;
    else
        return bad_value("code", value, "free or sae");
    return 0;
}

static int set_model(enc_options *o, const char *value)
{
    if (strcmp(value, "joint") == 0)
        o->model = MDLA_MODEL_JOINT;
    else if (strcmp(value, "additive") == 0)
        o->model = MDLA_MODEL_ADDITIVE;
    else
        return bad_value("model", value, "joint or additive");
    return 0;
}

/* Returns 0, or the exit code of a mistake. */
static int set_option(enc_options *o, int key)
{
    uint64_t number = 0;
    int result = 0;

    switch (key) {
    case KEY_SAE: o->sae.path = optarg; break;
    case KEY_SAE_KIND: o->sae.options.kind = optarg; break;
    case KEY_ACT_SCALE: return sae_choose_scale(&o->sae, optarg);
    case KEY_CODEBOOK: o->codebook = optarg; break;
    case KEY_FVU:
    case KEY_BITS:
    case KEY_STEP: return set_target(o, key, optarg);
    case KEY_CODE: return set_code(o, optarg);
    case KEY_BLOCK_ROWS:
        result = set_count("block-rows", optarg, BLOCK_ROWS_MAX, &number);
        o->block_rows = (uint32_t)number;
        break;
    case KEY_EMBED: o->embed = 1; break;
    case KEY_REFERENCE: o->reference = 1; break;
    case KEY_CODEBOOK_OUT: o->codebook_out = optarg; break;
    case KEY_EXPECTED_ROWS:
        return set_count("expected-rows", optarg, (uint64_t)1 << 48, &o->expected_rows);
    case KEY_NOTE: o->note = optarg; break;
    case KEY_VERIFY: o->verify = 1; break;
    case KEY_RAW: o->raw = 1; break;
    case KEY_DIMS:
        result = set_count("dims", optarg, o->common.config.limits.max_dims, &number);
        o->array.raw_dims = (uint32_t)number;
        break;
    case KEY_BF16: o->array.bf16 = 1; break;
    case KEY_INTEGERS: o->array.bf16 = -1; break;
    case KEY_FILES_FROM: o->files_from = optarg; break;
    case KEY_EFFORT:
        result = set_count("effort", optarg, 9, &number);
        o->effort = (int)number;
        break;
    case KEY_MODEL: return set_model(o, optarg);
    case KEY_DOCS: o->docs = optarg; break;
    case KEY_PRUNE: o->prune = 1; break;
    case KEY_ADAPT: o->adapt_atoms = 1; break;
    default: break;
    }
    return result;
}

int enc_has_target(const enc_options *o)
{
    return o->target.fvu > 0 || o->target.bits_per_row > 0 || o->target.step > 0;
}

/* What can't stand together. Returns 0, or the exit code. */
static int check_options(const enc_options *o)
{
    size_t pipes = 0;

    for (size_t i = 0; i < o->data_count; i++)
        pipes += strcmp(o->data[i], "-") == 0;
    if (o->data_count == 0)
        return tool_usage("no DATA; name activation files, or - for standard input");
    if (pipes > 1)
        return tool_usage("standard input (-) can be named once");
    if (!o->sae.path && !o->codebook)
        return tool_usage("give --sae SAE, or --codebook CB for one made before");
    if (!o->sae.path && (o->sae.options.kind || o->sae.options.act_scale > 0))
        return tool_usage("--sae-kind and --act-scale need --sae SAE");
    if (!o->common.output && !o->codebook_out)
        return tool_usage("give -o OUT.mdla (or --codebook-out CB to make a codebook alone)");
    if (o->embed && o->reference)
        return tool_usage("--embed and --reference: give one of them");
    if (o->codebook && o->expected_rows)
        return tool_usage("--expected-rows acts where a codebook is made; %s is one already",
                          o->codebook);
    if (o->codebook && (o->prune || o->adapt_atoms))
        return tool_usage(
            "--prune and --adapt-atoms act where a codebook is made; %s is one already",
            o->codebook);
    if (o->codebook && o->codebook_out)
        return tool_usage("--codebook-out is for a codebook made here; %s is one already",
                          o->codebook);
    if (!o->sae.path && o->code == MDLA_CODE_SAE)
        return tool_usage("--code sae needs the SAE; give --sae SAE too");
    if (!o->codebook && !enc_has_target(o))
        return tool_usage("give a target: --fvu F, --bits-per-row B or --step S");
    if (o->raw && !o->array.raw_dims)
        return tool_usage("--raw needs --dims N, the values of a row");
    if (o->note && strlen(o->note) > NOTE_MAX)
        return tool_usage("--note: %zu bytes; at most %d are kept", strlen(o->note), NOTE_MAX);
    if (o->verify && (!o->common.output || strcmp(o->common.output, "-") == 0))
        return tool_usage("--verify reads the output again; give -o a file");
    if (o->common.output && strcmp(o->common.output, "-") == 0 && isatty(STDOUT_FILENO))
        return tool_usage("standard output is a terminal and this is binary; give -o FILE");
    return 0;
}

int enc_parse(int argc, char **argv, enc_options *o)
{
    options_reader reader;
    int key;

    memset(o, 0, sizeof *o);
    options_start(&reader, argc, argv, ":hVqvfo:T:", longs, help);
    o->common = reader.common;
    while ((key = options_next(&reader)) >= 0) {
        const int result = set_option(o, key);

        if (result != 0)
            return result;
    }
    if (key == OPTIONS_EXIT)
        return TOOL_DONE;
    if (key == OPTIONS_BAD)
        return TOOL_USAGE;
    o->common = reader.common;
    if (names_gather(argv + optind, (size_t)(argc - optind), o->files_from, &o->data,
                     &o->data_count) != 0)
        return TOOL_FAILED;
    key = check_options(o);
    return key == 0 ? -1 : key;
}
