/* mdla-train's options: what each takes, and what can't stand together. */
#include "train_options.h"

#include "common/names.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
    "Usage: mdla-train DATA... -o SAE-FOLDER --width W --l0 K  [OPTIONS]\n"
    "Trains a sparse autoencoder on activation rows (files and folders as mdla-enc\n"
    "takes them), saved as SAELens loads it: cfg.json and sae_weights.safetensors.\n"
    "  mdla-train acts.npy -o my-sae --width 4096 --l0 32\n";

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

static const tool_option table[] = {
    {"width", KEY_WIDTH, "W", .brief = "features"},
    {"l0", KEY_L0, "K", .brief = "active features a row"},
    {"arch", KEY_ARCH, "A", .words = "batchtopk|topk|relu",
     .brief = "one of batchtopk, topk, relu (batchtopk)",
     .more = "batchtopk takes K in the mean and is saved as jumprelu; topk takes K in every row; "
             "relu has an L1 penalty, for about K in the mean."},
    {"passes", KEY_PASSES, "N", .brief = "over the rows (3)"},
    {"batch", KEY_BATCH, "N", .brief = "rows a step (64)"},
    {"lr", KEY_LR, "F", .brief = "highest learning rate (0.001, for relu 0.004)"},
    {"holdout", KEY_HOLDOUT, "F", .brief = "part of the rows to measure on instead (0.03)",
     .more = "At most 16,384 rows."},
    {"seed", KEY_SEED, "N", .brief = "of all that is random (0)"},
    {"resume", KEY_RESUME, .brief = "go on where a training was stopped",
     .more = "With the same DATA and options."},
    {"files-from", KEY_FILES_FROM, "LIST", .files = FILES_ANY, .brief = "names of DATA, one a line",
     .more = "LIST - is standard input.", .minor = 1},
    {"raw", KEY_RAW, .brief = "DATA is raw float32 rows; with --dims", .minor = 1},
    {"dims", KEY_DIMS, "N", .brief = "rows of raw data have N values", .minor = 1},
    {"bf16", KEY_BF16, .brief = "16-bit integers in DATA are bfloat16", .minor = 1},
    {"integers", KEY_INTEGERS, .brief = "16-bit integers in DATA are integers", .minor = 1},
    OPTIONS_OUTPUT("FOLDER", FILES_FOLDER),
    OPTIONS_FORCE,
    OPTIONS_THREADS,
    OPTIONS_QUIET,
    OPTIONS_END,
};

static const tool_program program = {
    head, "DATA - is standard input. Ctrl-C keeps the state in SAE-FOLDER for --resume.\n",
    FILES_DATA, table};

static int set_count(const char *option, const char *value, uint32_t highest, uint32_t *out)
{
    uint64_t number;

    if (number_parse_u64(value, 1, highest, &number) != 0)
        return tool_usage("--%s %s: give a whole number, 1 to %u", option, value, highest);
    *out = (uint32_t)number;
    return 0;
}

/* Returns 0, or the exit code of a mistake. */
static int set_option(void *ctx, int key)
{
    train_options *o = ctx;
    const mdla_limits *limits = &o->common.config.limits;
    mdla_train_options *t = &o->train;
    static const mdla_train_arch kinds[] = {MDLA_TRAIN_BATCHTOPK, MDLA_TRAIN_TOPK, MDLA_TRAIN_RELU};
    int result = 0, word = 0;

    switch (key) {
    case KEY_WIDTH: return set_count("width", optarg, limits->max_width, &t->width);
    case KEY_L0: return set_count("l0", optarg, limits->max_width, &t->l0);
    case KEY_ARCH:
        result = options_word(&program, key, optarg, &word);
        t->arch = kinds[word];
        break;
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
    return result;
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
    int result;

    memset(o, 0, sizeof *o);
    mdla_train_options_init(&o->train);
    result = options_read(argc, argv, &program, set_option, o, &o->common);
    if (result >= 0)
        return result;
    if (names_gather(argv + optind, (size_t)(argc - optind), o->files_from, &o->data,
                     &o->data_count) != 0)
        return TOOL_FAILED;
    if (check_options(o) != 0)
        return TOOL_USAGE;
    return -1;
}
