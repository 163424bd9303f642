/* mdla-enc's options: what each takes, and what can't stand together. */
#include "enc_options.h"

#include "common/names.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char head[] =
    "Usage: mdla-enc DATA... --sae SAE | --codebook CB | --basis B  -o OUT.mdla|-\n"
    "Codes activation rows lossily with an SAE. DATA: .npy, .npz, safetensors, PNG,\n"
    "IDX, Arrow, raw; FILE:ARRAY; folders, also of a datasets data set; - for stdin.\n"
    "  mdla-enc acts.npy --sae my-sae/ --fvu 0.2 -o acts.mdla\n";

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
    KEY_DOCS,
    KEY_INDEX,
    KEY_CODES_IN,
    KEY_SHAPE,
    KEY_TOKENS,
    KEY_BASIS,
    KEY_HOOK,
    KEY_CODEWORDS,
    KEY_STAGES
};

static const tool_option table[] = {
    {"sae", KEY_SAE, "SAE", .files = FILES_SAE, .brief = "make a codebook for DATA from this SAE",
     .more =
         "SAE is a folder or a file, as the tool that trained it wrote it. With --codebook, the "
         "search starts from the code that the SAE itself gives."},
    {"sae-kind", KEY_SAE_KIND, "KIND", .brief = "say the SAE's kind instead of finding it out",
     .more = "Such as dictionary-learning:BatchTopKSAE, where its files can't say.", .minor = 1},
    {"act-scale", KEY_ACT_SCALE, "T", .brief = "the SAE was trained on rows times T", .minor = 1},
    {"codebook", KEY_CODEBOOK, "CB", .files = FILES_CODEBOOK,
     .brief = "use this codebook, made before", .more = "CB may be a .mdla file that embeds one."},
    {"basis", KEY_BASIS, .words = "dense|pca|onehot|rvq", .brief = "a baseline in the SAE's place",
     .more = "Made from DATA: dense codes each column by itself, pca the coordinates along the "
             "rows' principal axes; onehot has a codeword a row (k-means), rvq a codeword a stage, "
             "each of what the stages before leave. Of codewords --step means nothing; without "
             "--fvu and --bits-per-row rows get the nearest."},
    {"codewords", KEY_CODEWORDS, "K", .brief = "of onehot, or of each stage of rvq",
     .more = "With as many as there are rows, onehot's are the rows. rvq's default is 1024, or one "
             "in 64 rows where those are fewer.",
     .minor = 1},
    {"stages", KEY_STAGES, "S", .brief = "stages of rvq",
     .more = "By default as many as --fvu or --bits-per-row needs.", .minor = 1},
    {"fvu", KEY_FVU, "F", .brief = "reach this fraction of variance unexplained"},
    {"bits-per-row", KEY_BITS, "B", .brief = "spend this many bits a row",
     .more = "An embedded codebook isn't counted, nor is what --index adds."},
    {"step", KEY_STEP, "S", .brief = "step of strengths",
     .more = "In units of strength. By default it is the codebook's own."},
    {"effort", KEY_EFFORT, "E", .brief = "search 1 to 9 long (5)",
     .more = "1 is fastest, 9 needs the fewest bits."},
    {"model", KEY_MODEL, .words = "joint|additive",
     .brief = "code features given each other (joint)",
     .more = "additive codes every feature as if it were independent of the others."},
    {"code", KEY_CODE, .words = "free|sae", .brief = "features: searched for, or the SAE's",
     .more = "With free, the default, an encoder finds the features that pay; with sae, they are "
             "those that the SAE switches on."},
    {"docs", KEY_DOCS, "FILE", .files = FILES_DATA, .brief = "passage numbers, one a row",
     .more =
         "An array of integers, named as DATA is: FILE, FILE:ARRAY, a folder. Where the number "
         "changes a passage starts; features of the "
         "row before foretell those of the next within one. mdla-dec --docs-out gives the "
         "numbers back; kept where they aren't 0, 1, 2 ..., their bits are a class of their own, "
         "which --bits-per-row doesn't count."},
    {"index", KEY_INDEX, .brief = "add posting lists, feature to blocks",
     .more =
         "mdla-info --feature then decodes only the blocks that it must. Their bits are a class "
         "of their own, which --bits-per-row doesn't count."},
    {"codes-in", KEY_CODES_IN, "CACHE", .files = "*.npz *.safetensors */",
     .brief = "pack a latent cache: no DATA, no SAE",
     .more =
         "CACHE is a SciPy .npz (csr, csc, coo), coordinates in safetensors, or a delphi cache: "
         "the folder of a module, or a file. Strengths are kept exactly, or with --step as the "
         "nearest of its multiples. Float64 and integers come back as float32: without --step, a "
         "value that float32 doesn't hold is refused. Entries in one place are summed, zeros "
         "dropped, NaN and "
         "infinity refused. --codebook-out then keeps priors that other caches of the same SAE "
         "can share."},
    {"shape", KEY_SHAPE, "R,F,C", .brief = "rows, features, rows of a sequence of CACHE",
     .more = "Any of them may be left empty. A delphi cache without tokens or config.json doesn't "
             "tell its rows and sequences, one that isn't divided doesn't tell its features. Of "
             "other caches C says that every C rows belong together. What CACHE tells must be "
             "what is given.",
     .minor = 1},
    {"tokens", KEY_TOKENS, "FILE", .files = FILES_DATA,
     .brief = "token ids, one a row, to keep in OUT",
     .more = "An array of integers as --docs takes it, such as cache/:token_ids of a data set that "
             "SAELens wrote. Those of a delphi cache are kept without being asked for. They come "
             "back with mdla-dec --tokens-out; their bits are a class of their own.",
     .minor = 1},
    {"hook", KEY_HOOK, "NAME", .brief = "where in the model the rows stood, to keep in OUT",
     .more = "Such as blocks.5.hook_resid_post, at most 255 bytes. By default as the SAE's files "
             "say, or a delphi cache's folder. Its bits are a class of their own.",
     .minor = 1},
    {"block-rows", KEY_BLOCK_ROWS, "N", .brief = "rows that decode together (1024)", .minor = 1},
    {"note", KEY_NOTE, "TEXT", .brief = "provenance to keep in OUT, at most 1024 bytes",
     .more = "Of a delphi cache, by default what its config.json says: names of the data set and "
             "the model, except paths, and how many tokens, rows a batch and files; mdla-dec "
             "--format delphi writes it again. Other fields, and files of its own, aren't kept.",
     .minor = 1},
    {"embed", KEY_EMBED, .brief = "put the codebook into OUT (default)", .minor = 1},
    {"reference", KEY_REFERENCE, .brief = "only name it, by its SHA-256",
     .more = "Decoding OUT then needs --codebook.", .minor = 1},
    {"codebook-out", KEY_CODEBOOK_OUT, "CB", .files = FILES_ANY,
     .brief = "write the codebook too; without -o, alone"},
    {"expected-rows", KEY_EXPECTED_ROWS, "N", .brief = "rows that will share the codebook",
     .more = "Each of its parts stands only where it saves more over these than it costs. By "
             "default they are the rows of DATA.",
     .minor = 1},
    {"prune", KEY_PRUNE, .brief = "drop features that don't pay", .minor = 1},
    {"adapt-atoms", KEY_ADAPT, .brief = "fit the atoms to the codes", .minor = 1},
    {"verify", KEY_VERIFY, .brief = "decode OUT again and compare", .minor = 1},
    {"files-from", KEY_FILES_FROM, "LIST", .files = FILES_ANY, .brief = "names of DATA, one a line",
     .more = "LIST - is standard input.", .minor = 1},
    {"raw", KEY_RAW, .brief = "DATA is raw float32 rows; with --dims", .minor = 1},
    {"dims", KEY_DIMS, "N", .brief = "rows of raw data have N values", .minor = 1},
    {"bf16", KEY_BF16, .brief = "16-bit integers in DATA are bfloat16", .minor = 1},
    {"integers", KEY_INTEGERS, .brief = "16-bit integers in DATA are integers", .minor = 1},
    OPTIONS_OUTPUT("FILE", FILES_MDLA),
    OPTIONS_FORCE,
    OPTIONS_THREADS,
    OPTIONS_QUIET,
    OPTIONS_END,
};

static const tool_program program = {head, NULL, FILES_DATA, table};

enum { NOTE_MAX = 1024, BLOCK_ROWS_MAX = 1 << 20, WIDTH_MAX = 1 << 20 };

static int bad_value(const char *option, const char *value, const char *wanted)
{
    return tool_usage("--%s %s: give %s", option, value, wanted);
}

static int set_target(enc_options *o, int key, const char *value)
{
    static const char *const names[] = {"fvu", "bits-per-row", "step"};
    double *const fields[] = {&o->target.fvu, &o->target.bits_per_row, &o->target.step};
    const double highest[] = {1, 1e9, 1e30};
    static const char *const wanted[] = {"a number between 0 and 1",
                                         "a number above 0 and below 1e9",
                                         "a number above 0 and below 1e30"};
    const int which = key - KEY_FVU;

    for (int i = 0; i < 3; i++)
        if (i != which && *fields[i] > 0)
            return tool_usage("--%s and --%s: give one of them", names[i], names[which]);
    if (number_parse_double(value, 0, highest[which], fields[which]) != 0)
        return bad_value(names[which], value, wanted[which]);
    return 0;
}

static int set_count(const char *option, const char *value, uint64_t highest, uint64_t *out)
{
    char wanted[80];

    snprintf(wanted, sizeof wanted, "a whole number, 1 to %llu", (unsigned long long)highest);
    return number_parse_u64(value, 1, highest, out) == 0 ? 0 : bad_value(option, value, wanted);
}

/* ROWS,FEATURES,CONTEXT; each may be left empty. */
static int set_shape(enc_options *o, char *value)
{
    uint64_t numbers[3] = {0, 0, 0};
    char *next = value;

    for (int i = 0; i < 3 && next; i++) {
        char *const comma = strchr(next, ',');

        if (comma)
            *comma = '\0';
        if (*next &&
            number_parse_u64(next, 1, i == 0 ? (uint64_t)1 << 48 : UINT32_MAX, &numbers[i]) != 0)
            return bad_value("shape", next, "whole numbers from 1: ROWS,FEATURES,CONTEXT");
        next = comma ? comma + 1 : NULL;
    }
    if (next)
        return bad_value("shape", next, "three numbers at most: ROWS,FEATURES,CONTEXT");
    o->shape =
        (mdla_codes_shape){numbers[0], numbers[0] != 0, (uint32_t)numbers[1], (uint32_t)numbers[2]};
    return 0;
}

/* Returns 0, or the exit code of a mistake. */
static int set_option(void *ctx, int key)
{
    enc_options *o = ctx;
    uint64_t number = 0;
    int result = 0, word = 0;

    switch (key) {
    case KEY_SAE: o->sae.path = optarg; break;
    case KEY_SAE_KIND: o->sae.options.kind = optarg; break;
    case KEY_ACT_SCALE: return sae_choose_scale(&o->sae, optarg);
    case KEY_CODEBOOK: o->codebook = optarg; break;
    case KEY_FVU:
    case KEY_BITS:
    case KEY_STEP: return set_target(o, key, optarg);
    case KEY_CODE:
        result = options_word(&program, key, optarg, &word);
        o->code = word == 0 ? MDLA_CODE_FREE : MDLA_CODE_SAE;
        break;
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
    case KEY_MODEL:
        result = options_word(&program, key, optarg, &word);
        o->model = word == 0 ? MDLA_MODEL_JOINT : MDLA_MODEL_ADDITIVE;
        break;
    case KEY_DOCS: o->docs = optarg; break;
    case KEY_CODES_IN: o->codes_in = optarg; break;
    case KEY_SHAPE: return set_shape(o, optarg);
    case KEY_TOKENS: o->tokens = optarg; break;
    case KEY_HOOK: o->hook = optarg; break;
    case KEY_BASIS:
        result = options_word(&program, key, optarg, &word);
        o->basis = (mdla_basis)(MDLA_BASIS_DENSE + word);
        break;
    case KEY_CODEWORDS:
        if (number_parse_u64(optarg, 2, WIDTH_MAX, &number) != 0) /* one says nothing of a row */
            return bad_value("codewords", optarg, "a whole number, 2 to 1048576");
        o->codewords = (uint32_t)number;
        break;
    case KEY_STAGES:
        result = set_count("stages", optarg, WIDTH_MAX, &number);
        o->stages = (uint32_t)number;
        break;
    case KEY_PRUNE: o->prune = 1; break;
    case KEY_INDEX: o->index = 1; break;
    case KEY_ADAPT: o->adapt_atoms = 1; break;
    default: break;
    }
    return result;
}

int enc_has_target(const enc_options *o)
{
    return o->target.fvu > 0 || o->target.bits_per_row > 0 || o->target.step > 0;
}

/* What isn't about a latent cache. */
static int check_cache(const enc_options *o)
{
    const struct {
        int given;
        const char *name;
    } others[] = {{o->sae.path != NULL, "sae"},
                  {o->target.fvu > 0, "fvu"},
                  {o->target.bits_per_row > 0, "bits-per-row"},
                  {o->effort > 0, "effort"},
                  {o->docs != NULL, "docs"},
                  {o->prune, "prune"},
                  {o->adapt_atoms, "adapt-atoms"},
                  {o->index, "index"},
                  {o->files_from != NULL, "files-from"}};

    if (o->data_count)
        return tool_usage("--codes-in packs a cache; %s: give no DATA with it", o->data[0]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].given)
            return tool_usage("--%s is about activation rows; --codes-in has none", others[i].name);
    return 0;
}

/* What DATA needs. */
static int check_data(const enc_options *o)
{
    const int has_codewords = o->basis == MDLA_BASIS_ONEHOT || o->basis == MDLA_BASIS_RVQ;
    size_t pipes = 0;

    for (size_t i = 0; i < o->data_count; i++)
        pipes += strcmp(o->data[i], "-") == 0;
    if (o->data_count == 0)
        return tool_usage("no DATA; name activation files, or - for standard input");
    pipes += o->docs && strcmp(o->docs, "-") == 0;
    pipes += o->tokens && strcmp(o->tokens, "-") == 0;
    if (pipes > 1)
        return tool_usage("standard input (-) can be named once");
    if (!o->sae.path && !o->codebook && !o->basis)
        return tool_usage("give --sae SAE, --basis B, or --codebook CB for one made before");
    if (o->basis && (o->sae.path || o->codebook))
        return tool_usage("--basis stands in the place of --sae and --codebook; give one of them");
    if (o->basis && (o->prune || o->adapt_atoms))
        return tool_usage("--prune and --adapt-atoms are for SAEs; --basis makes its own atoms");
    if (o->codewords && !has_codewords)
        return tool_usage("--codewords is for --basis onehot and rvq");
    if (o->stages && o->basis != MDLA_BASIS_RVQ)
        return tool_usage("--stages is for --basis rvq");
    if (o->basis == MDLA_BASIS_ONEHOT && !o->codewords)
        return tool_usage("--basis onehot needs --codewords K");
    if (o->basis == MDLA_BASIS_RVQ && !o->stages && !enc_has_target(o))
        return tool_usage("--basis rvq needs --stages S, or --fvu F or --bits-per-row B");
    if (has_codewords && o->target.step > 0)
        return tool_usage("--step is about levels; --basis %s has none", mdla_basis_name(o->basis));
    if (o->shape.has_rows || o->shape.width || o->shape.context)
        return tool_usage("--shape is about --codes-in CACHE");
    return 0;
}

/* What can't stand together. Returns 0, or the exit code. */
static int check_options(const enc_options *o)
{
    const int result = o->codes_in ? check_cache(o) : check_data(o);

    if (result != 0)
        return result;
    if (!o->sae.path && (o->sae.options.kind || o->sae.options.act_scale > 0))
        return tool_usage("--sae-kind and --act-scale need --sae SAE");
    if (!o->common.output && !o->codebook_out)
        return tool_usage("give -o OUT.mdla (or --codebook-out CB to make a codebook alone)");
    if (o->tokens && !o->common.output)
        return tool_usage("--tokens puts ids into OUT; give -o OUT.mdla");
    if (o->embed && o->reference)
        return tool_usage("--embed and --reference: give one of them");
    if (o->codebook && o->expected_rows)
        return tool_usage("--expected-rows acts where a codebook is made; %s is one already",
                          o->codebook);
    if (o->codebook && (o->prune || o->adapt_atoms))
        return tool_usage(
            "--prune and --adapt-atoms act where a codebook is made; %s is one already",
            o->codebook);
    if (o->index && !o->common.output)
        return tool_usage("--index is for a file; give -o OUT.mdla");
    if (o->codebook && o->codebook_out)
        return tool_usage("--codebook-out is for a codebook made here; %s is one already",
                          o->codebook);
    if (!o->sae.path && o->code == MDLA_CODE_SAE)
        return tool_usage("--code sae needs the SAE; give --sae SAE too");
    if (!o->codes_in && !o->codebook && !enc_has_target(o) && !o->codewords && !o->stages)
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
    int result;

    memset(o, 0, sizeof *o);
    result = options_read(argc, argv, &program, set_option, o, &o->common);
    if (result >= 0)
        return result;
    if (names_gather(argv + optind, (size_t)(argc - optind), o->files_from, &o->data,
                     &o->data_count) != 0)
        return TOOL_FAILED;
    result = check_options(o);
    return result == 0 ? -1 : result;
}
