/* mdla-train's options: what each takes, and what can't stand together. */
#include "train_options.h"

#include "common/names.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: mdla-train DATA... -o SAE-FOLDER --width W --l0 K  [OPTIONS]\n"
    "Trains a sparse autoencoder on activation rows (files and folders as mdla-enc takes them)\n"
    "and saves it as SAELens loads it: cfg.json and sae_weights.safetensors.\n"
    "  mdla-train acts.npy -o my-sae --width 4096 --l0 32\n"
    "\n"
    "      --width W         features\n"
    "      --l0 K            active features a row\n"
    "      --arch A          batchtopk: K in the mean, saved as jumprelu (default); topk: K in\n"
    "                        every row; relu: L1 penalty, about K in the mean\n"
    "      --passes N        over the rows (3)\n"
    "      --batch N         rows a step (64)\n"
    "      --lr F            highest learning rate (0.001, for relu 0.004)\n"
    "      --holdout F       part of the rows to measure on instead (0.03, at most 16,384 rows)\n"
    "      --seed N          of all that is random (0)\n"
    "      --resume          go on where a training with the same DATA and options was stopped\n"
    "      --files-from LIST names of DATA, one a line (- standard input)\n"
    "      --raw --dims N    DATA is raw float32 rows of N values\n"
    "      --bf16|--integers what 16-bit integers in DATA are\n"
    "  -o FOLDER  -f overwrite  -T N threads  -q quiet  -v verbose  -h help  -V version\n"
    "DATA - is standard input. Ctrl-C keeps the state in SAE-FOLDER for --resume.\n";

enum {
    KEY_WIDTH = OPTION_FIRST,
    KEY_L0,
    KEY_ARCH,
    KEY_PASSES,
    KEY_BATCH,
    KEY_LR,
    KEY_HOLDOUT,
    KEY_SEED,
    KEY_RESUME,
    KEY_RAW,
    KEY_DIMS,
    KEY_BF16,
    KEY_INTEGERS,
    KEY_FILES_FROM
};

static const struct option longs[] = {
    {"width", required_argument, NULL, KEY_WIDTH},
    {"l0", required_argument, NULL, KEY_L0},
    {"arch", required_argument, NULL, KEY_ARCH},
    {"passes", required_argument, NULL, KEY_PASSES},
    {"batch", required_argument, NULL, KEY_BATCH},
    {"lr", required_argument, NULL, KEY_LR},
    {"holdout", required_argument, NULL, KEY_HOLDOUT},
    {"seed", required_argument, NULL, KEY_SEED},
    {"resume", no_argument, NULL, KEY_RESUME},
    {"raw", no_argument, NULL, KEY_RAW},
    {"dims", required_argument, NULL, KEY_DIMS},
    {"bf16", no_argument, NULL, KEY_BF16},
    {"integers", no_argument, NULL, KEY_INTEGERS},
    {"files-from", required_argument, NULL, KEY_FILES_FROM},
    OPTIONS_OUTPUT,
    OPTIONS_QUIET,
    OPTIONS_THREADS,
    OPTIONS_END,
};

static int set_count(const char *option, const char *value, uint32_t highest, uint32_t *out)
{
    uint64_t number;

    if (number_parse_u64(value, 1, highest, &number) != 0)
        return tool_usage("--%s %s: give a whole number, 1 to %u", option, value, highest);
    *out = (uint32_t)number;
    return 0;
}

static int set_arch(train_options *o, const char *value)
{
    static const char *const names[] = {"batchtopk", "topk", "relu"};
    static const mdla_train_arch kinds[] = {MDLA_TRAIN_BATCHTOPK, MDLA_TRAIN_TOPK, MDLA_TRAIN_RELU};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(value, names[i]) == 0) {
            o->train.arch = kinds[i];
            return 0;
        }
    return tool_usage("--arch %s: give batchtopk, topk or relu", value);
}

/* Returns 0, or the exit code of a mistake. */
static int set_option(train_options *o, int key)
{
    const mdla_limits *limits = &o->common.config.limits;
    mdla_train_options *t = &o->train;

    switch (key) {
    case KEY_WIDTH: return set_count("width", optarg, limits->max_width, &t->width);
    case KEY_L0: return set_count("l0", optarg, limits->max_width, &t->l0);
    case KEY_ARCH: return set_arch(o, optarg);
    case KEY_PASSES: return set_count("passes", optarg, 1000000, &t->passes);
    case KEY_BATCH: return set_count("batch", optarg, 65536, &t->batch);
    case KEY_LR:
        if (number_parse_double(optarg, 0, 1, &t->rate) != 0)
            return tool_usage("--lr %s: give a number between 0 and 1", optarg);
        break;
    case KEY_HOLDOUT:
        if (number_parse_double(optarg, -1, 0.5, &t->holdout) != 0 || t->holdout < 0)
            return tool_usage("--holdout %s: give a number from 0 to below 0.5", optarg);
        break;
    case KEY_SEED:
        if (number_parse_u64(optarg, 0, UINT64_MAX, &t->seed) != 0)
            return tool_usage("--seed %s: give a whole number from 0", optarg);
        break;
    case KEY_RESUME: t->resume = 1; break;
    case KEY_RAW: o->raw = 1; break;
    case KEY_BF16: o->array.bf16 = 1; break;
    case KEY_INTEGERS: o->array.bf16 = -1; break;
    case KEY_FILES_FROM: o->files_from = optarg; break;
    case KEY_DIMS: return set_count("dims", optarg, limits->max_dims, &o->array.raw_dims);
    default: break;
    }
    return 0;
}

static int check_options(const train_options *o)
{
    size_t pipes = 0;

    for (size_t i = 0; i < o->data_count; i++)
        pipes += strcmp(o->data[i], "-") == 0;
    if (o->data_count == 0)
        return tool_usage("no DATA; name activation files, or - for standard input");
    if (pipes > 1)
        return tool_usage("standard input (-) can be named once");
    if (!o->common.output || strcmp(o->common.output, "-") == 0)
        return tool_usage("give -o SAE-FOLDER");
    if (!o->train.width || !o->train.l0)
        return tool_usage("give --width W and --l0 K");
    if (o->train.l0 > o->train.width)
        return tool_usage("--l0 %u: is more than --width %u", o->train.l0, o->train.width);
    if (o->raw && !o->array.raw_dims)
        return tool_usage("--raw needs --dims N, the values of a row");
    if (!o->raw && o->array.raw_dims)
        return tool_usage("--dims goes with --raw; other files say how long their rows are");
    return 0;
}

int train_parse(int argc, char **argv, train_options *o)
{
    options_reader reader;
    int key;

    memset(o, 0, sizeof *o);
    mdla_train_options_init(&o->train);
    options_start(&reader, argc, argv, ":o:fT:qvhV", longs, help);
    o->common = reader.common; /* the limits that values are checked against */
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
    if (check_options(o) != 0)
        return TOOL_USAGE;
    return -1;
}
