/* mdla-info: what a .mdla file, a codebook or an array holds, and where the bits are. */
#include "info.h"

#include "common/files.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/tool.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char head[] =
    "Usage: mdla-info FILE  [QUESTION]  [--csv | --json]\n"
    "Tells what a .mdla file, a codebook or an array holds, and where the bits are.\n"
    "  mdla-info acts.mdla\n"
    "  mdla-info acts.mdla --row 7 --data acts.npy\n";
static const char tail[] =
    "FILE - is standard input, FILE:ARRAY or a folder data: rows, dims, SHA-256.\n";

#define ROWS_MAX ((uint64_t)1 << 48)

enum {
    KEY_ROWS = OPTION_FIRST,
    KEY_ROW,
    KEY_DATA,
    KEY_FEATURE,
    KEY_TOP,
    KEY_TOKEN,
    KEY_FEATURES,
    KEY_PAIRS,
    KEY_HIERARCHY,
    KEY_SPLITS,
    KEY_TOP_ROWS,
    KEY_TOP_FEATURES,
    KEY_CSV,
    KEY_JSON,
    KEY_CODEBOOK,
    KEY_DIMS,
    KEY_BF16,
    KEY_INTEGERS
};

static const tool_option table[] = {
    {"rows", KEY_ROWS, "A:B", .brief = "rows A to B - 1: feature, level, strength, bits"},
    {"row", KEY_ROW, "I", .brief = "the bill of row I: bits, share, energy of each feature",
     .more = "Where starts of passages are coded P:I is row I of passage P, both counted from 0, "
             "whatever numbers passages have. "
             "The energy is the squared norm of what the feature adds to the row, its strength "
             "times its atom."},
    {"data", KEY_DATA, "ROWS", .files = FILES_DATA,
     .brief = "with --row: what squared error each feature saves",
     .more = "ROWS are those that FILE was made from. What is printed is by how much the row's "
             "error would rise if the feature were left out and all else stayed."},
    {"feature", KEY_FEATURE, "J", .brief = "the rows where feature J is active"},
    {"top", KEY_TOP, "K", .brief = "with --feature: the K where it is strongest",
     .more = "Strongest first, ties by row."},
    {"token", KEY_TOKEN, "T", .brief = "the rows of token id T: bits, strongest features",
     .more = "Where token ids travel (mdla-enc --tokens); with passage and position in it where "
             "starts of passages are coded. The three strongest features are named; --row tells "
             "the rest. --feature then has a column of token ids too."},
    {"features", KEY_FEATURES, .brief = "every feature: rows, rate, levels, bits, gap",
     .more =
         "Flag bits are what it costs to say in which rows the feature is active, absences "
         "counted; the gap is how much more that would be if it were coded as if independent of "
         "the other features."},
    {"pairs", KEY_PAIRS, "N", .brief = "the N pairs of features that carry most of the gap",
     .more = "Of the pairs that the joint model has a weight for: what the first, active, adds to "
             "log2 of the odds of the second; and the bits that knowing one of the two saves on "
             "the other over all rows, their mutual information."},
    {"hierarchy", KEY_HIERARCHY, .brief = "every feature's parent: what knowing it saves",
     .more = "See HIERARCHY below."},
    {"splits", KEY_SPLITS, .brief = "sets of features that would take fewer bits as one",
     .more = "See SPLITS below."},
    {"top-rows", KEY_TOP_ROWS, "N", .brief = "the N rows that cost most and the N that cost least",
     .more = "In falling order of their bits."},
    {"top-features", KEY_TOP_FEATURES, "N",
     .brief = "the N features that cost most and the N least",
     .more = "What --features says of them, in falling order of bits; features that are active in "
             "no row are left out."},
    {"csv", KEY_CSV, .brief = "answers to questions as CSV"},
    {"json", KEY_JSON, .brief = "answers for programs"},
    {"codebook", KEY_CODEBOOK, "CB", .files = FILES_CODEBOOK,
     .brief = "the codebook that FILE only names"},
    {"dims", KEY_DIMS, "N", .brief = "rows of raw data have N values", .minor = 1},
    {"bf16", KEY_BF16, .brief = "16-bit integers in data are bfloat16", .minor = 1},
    {"integers", KEY_INTEGERS, .brief = "16-bit integers in data are integers", .minor = 1},
    OPTIONS_QUIET,
    OPTIONS_END,
};

static const tool_program program = {head, tail, FILES_CODEBOOK " " FILES_DATA, table};

typedef enum info_question {
    ASK_FILE,
    ASK_ROWS,
    ASK_ROW,
    ASK_FEATURE,
    ASK_TOKEN,
    ASK_FEATURES,
    ASK_PAIRS,
    ASK_HIERARCHY,
    ASK_SPLITS,
    ASK_TOP_ROWS,
    ASK_TOP_FEATURES
} info_question;

typedef struct info_options {
    mdla_config config;
    mdla_array_options array;
    info_question question;
    uint64_t number; /* of the row or feature, or how many rows */
    int64_t passage; /* the row is counted from its start; -1: from the file's */
    int64_t token;
    uint64_t first, end; /* rows */
    uint64_t top;        /* rows of a feature; 0: all */
    const char *codebook;
    char *path, *data;
    listing_form form;
} info_options;

static int ask(info_options *o, info_question question)
{
    if (o->question != ASK_FILE)
        return tool_usage("--rows, --row, --feature, --token, --features, --pairs, --hierarchy, "
                          "--splits, --top-rows and --top-features: give one of them");
    o->question = question;
    return 0;
}

static int ask_number(info_options *o, info_question question, const char *name, uint64_t highest)
{
    if (number_parse_u64(optarg, 0, highest, &o->number) != 0)
        return tool_usage("--%s %s: give a whole number, counted from 0", name, optarg);
    return ask(o, question);
}

/* I, or P:I: row I of passage P. */
static int ask_row(info_options *o)
{
    char *colon = strchr(optarg, ':');
    uint64_t passage;

    o->passage = -1;
    if (!colon)
        return ask_number(o, ASK_ROW, "row", ROWS_MAX);
    *colon = '\0';
    if (number_parse_u64(optarg, 0, ROWS_MAX, &passage) != 0)
        return tool_usage("--row %s:%s: give I, or P:I for row I of passage P", optarg, colon + 1);
    o->passage = (int64_t)passage;
    optarg = colon + 1;
    return ask_number(o, ASK_ROW, "row", ROWS_MAX);
}

static int ask_token(info_options *o)
{
    const int below = *optarg == '-';
    uint64_t size;

    if (number_parse_u64(optarg + below, 0, INT64_MAX, &size) != 0)
        return tool_usage("--token %s: give a token id, a whole number", optarg);
    o->token = below ? -(int64_t)size : (int64_t)size;
    return ask(o, ASK_TOKEN);
}

static int set_count(const char *name, uint64_t *out)
{
    if (number_parse_u64(optarg, 1, ROWS_MAX, out) != 0)
        return tool_usage("--%s %s: give a whole number, from 1", name, optarg);
    return 0;
}

static int set_form(info_options *o, listing_form form)
{
    if (o->form != LISTING_TEXT && o->form != form)
        return tool_usage("--csv and --json: give one of them");
    o->form = form;
    return 0;
}

static int set_option(void *ctx, int key)
{
    info_options *o = ctx;
    uint64_t number;

    switch (key) {
    case KEY_ROWS:
        if (number_parse_range(optarg, &o->first, &o->end) != 0)
            return tool_usage("--rows %s: give A:B with A <= B, such as 0:100", optarg);
        return ask(o, ASK_ROWS);
    case KEY_ROW: return ask_row(o);
    case KEY_DATA: o->data = optarg; break;
    case KEY_FEATURE: return ask_number(o, ASK_FEATURE, "feature", o->config.limits.max_width);
    case KEY_TOP: return set_count("top", &o->top);
    case KEY_TOKEN: return ask_token(o);
    case KEY_FEATURES: return ask(o, ASK_FEATURES);
    case KEY_PAIRS:
        if (set_count("pairs", &o->number) != 0)
            return TOOL_USAGE;
        return ask(o, ASK_PAIRS);
    case KEY_HIERARCHY: return ask(o, ASK_HIERARCHY);
    case KEY_SPLITS: return ask(o, ASK_SPLITS);
    case KEY_TOP_ROWS:
        if (set_count("top-rows", &o->number) != 0)
            return TOOL_USAGE;
        return ask(o, ASK_TOP_ROWS);
    case KEY_TOP_FEATURES:
        if (set_count("top-features", &o->number) != 0)
            return TOOL_USAGE;
        return ask(o, ASK_TOP_FEATURES);
    case KEY_CSV: return set_form(o, LISTING_CSV);
    case KEY_JSON: return set_form(o, LISTING_JSON);
    case KEY_CODEBOOK: o->codebook = optarg; break;
    case KEY_DIMS:
        if (number_parse_u64(optarg, 1, o->config.limits.max_dims, &number) != 0)
            return tool_usage("--dims %s: give a whole number, 1 to %u", optarg,
                              o->config.limits.max_dims);
        o->array.raw_dims = (uint32_t)number;
        break;
    case KEY_BF16: o->array.bf16 = 1; break;
    case KEY_INTEGERS: o->array.bf16 = -1; break;
    default: break;
    }
    return 0;
}

static int parse(int argc, char **argv, info_options *o)
{
    tool_options common;
    int result;

    memset(o, 0, sizeof *o);
    mdla_config_init(&o->config);
    result = options_read(argc, argv, &program, set_option, o, &common);
    if (result >= 0)
        return result;
    o->config = common.config;
    if (optind == argc)
        return tool_usage("no file; name a .mdla file, a codebook or an array");
    if (optind + 1 < argc)
        return tool_usage("more than one file: %s", argv[optind + 1]);
    if (o->data && o->question != ASK_ROW)
        return tool_usage("--data goes with --row I");
    if (o->top > 0 && o->question != ASK_FEATURE)
        return tool_usage("--top goes with --feature J");
    if (o->form == LISTING_CSV && o->question == ASK_FILE)
        return tool_usage("--csv goes with a question about rows or features; --json is for all");
    o->path = argv[optind];
    return -1;
}

/* The bill of a row, with the source's rows where they are given. */
static int answer_row(const info_options *o, info_subject *subject)
{
    char *paths[] = {o->data};
    uint64_t row = o->number;
    int result;

    if (o->passage >= 0 && info_find_place(subject, (uint64_t)o->passage, row, &row) != TOOL_DONE)
        return TOOL_FAILED;
    if (o->data && files_rows(&o->config, paths, 1, &o->array, 0, &subject->data) != 0)
        return TOOL_FAILED;
    result = info_row(subject, row);
    mdla_rows_close(subject->data);
    return result;
}

static int answer(const info_options *o, mdla_decoder *decoder)
{
    info_subject subject = {.name = files_name(o->path), .decoder = decoder, .form = o->form};

    mdla_decoder_query(decoder, &subject.file);
    switch (o->question) {
    case ASK_ROWS: return info_rows(&subject, o->first, o->end);
    case ASK_ROW: return answer_row(o, &subject);
    case ASK_FEATURE: return info_feature(&subject, (uint32_t)o->number, o->top);
    case ASK_TOKEN: return info_token(&subject, o->token);
    case ASK_FEATURES: return info_features(&subject, 0);
    case ASK_PAIRS: return info_pairs(&subject, o->number);
    case ASK_HIERARCHY: return info_hierarchy(&subject);
    case ASK_SPLITS: return info_splits(&subject);
    case ASK_TOP_ROWS: return info_top_rows(&subject, o->number);
    case ASK_TOP_FEATURES: return info_features(&subject, o->number);
    default: return info_file(&subject);
    }
}

/* The source without its close, from the start: what tries it next finds it as new. */
static mdla_status lend(const mdla_source *source, mdla_source *lent)
{
    *lent = *source;
    lent->close = NULL;
    return source->seek(source->ctx, 0);
}

/* Each try returns MDLA_ERR_FORMAT where the bytes are of another kind, else *result says how it
 * went. */
static mdla_status try_file(const info_options *o, mdla_source source,
                            const mdla_codebook *codebook, int *result)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_decoder *decoder = NULL;
    const int outline = o->question == ASK_FILE && !codebook;
    const mdla_status status =
        outline
            ? mdla_decoder_open_outline(&o->config, source, files_name(o->path), &decoder, &err)
            : mdla_decoder_open(&o->config, source, files_name(o->path), codebook, &decoder, &err);

    if (status == MDLA_ERR_FORMAT)
        return status;
    *result = status == MDLA_OK ? answer(o, decoder) : tool_fail_status(status, &err);
    mdla_decoder_close(decoder);
    return status;
}

static mdla_status try_codebook(const info_options *o, mdla_source source, int *result)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_codebook *codebook = NULL;
    const mdla_status status =
        mdla_codebook_read(&o->config, source, files_name(o->path), &codebook, &err);

    if (status == MDLA_ERR_FORMAT)
        return status;
    *result = status == MDLA_OK
                  ? info_codebook(files_name(o->path), codebook, o->form == LISTING_JSON)
                  : tool_fail_status(status, &err);
    mdla_codebook_free(codebook);
    return status;
}

/* A file of several arrays: all by name, then the one that is meant, if one can be. */
static mdla_status try_list(const info_options *o, mdla_source source, info_arrays *arrays,
                            int *result)
{
    mdla_error err = {MDLA_OK, ""};
    const mdla_status status =
        mdla_array_list(&o->config, source, files_name(o->path), info_arrays_add, arrays, &err);

    if (status != MDLA_OK && status != MDLA_ERR_FORMAT)
        *result = tool_fail_status(status, &err);
    return status;
}

static void try_array(const info_options *o, mdla_source source, info_arrays *arrays, int *result)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_rows *rows = NULL;
    const mdla_status status =
        mdla_rows_open(&o->config, source, files_name(o->path), &o->array, &rows, &err);

    if (status == MDLA_ERR_FORMAT)
        *result =
            tool_fail("%s: neither a .mdla file, nor a codebook, nor an array that mdla reads",
                      files_name(o->path));
    else if (status == MDLA_OK ||
             (arrays->listed && (status == MDLA_ERR_ARGUMENT || status == MDLA_ERR_DATA)))
        *result =
            info_array(&o->config, files_name(o->path), rows, arrays, o->form == LISTING_JSON);
    else
        *result = tool_fail_status(status, &err);
    mdla_rows_close(rows);
}

/* The array file's list is asked for first, its rows then. */
static int try_arrays(const info_options *o, const mdla_source *source)
{
    info_arrays arrays = {0};
    mdla_status kind = MDLA_ERR_FORMAT;
    mdla_source lent;
    int result = TOOL_FAILED;

    if (o->array.raw_dims == 0 && lend(source, &lent) == MDLA_OK)
        kind = try_list(o, lent, &arrays, &result);
    arrays.listed = kind == MDLA_OK;
    if ((kind == MDLA_OK || kind == MDLA_ERR_FORMAT) && lend(source, &lent) == MDLA_OK)
        try_array(o, lent, &arrays, &result);
    info_arrays_free(&arrays);
    return result;
}

/* A question about codes, of what is no .mdla file. */
static int no_codes(const info_options *o, const mdla_source *source)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_codebook *codebook = NULL;
    mdla_source lent;
    const int is_codebook =
        lend(source, &lent) == MDLA_OK &&
        mdla_codebook_read(&o->config, lent, files_name(o->path), &codebook, &err) == MDLA_OK;

    mdla_codebook_free(codebook);
    if (is_codebook)
        return tool_fail("%s: a codebook, which has no rows; ask about a .mdla file that names it, "
                         "with --codebook %s",
                         files_name(o->path), files_name(o->path));
    return tool_fail("%s: not a .mdla file, so it has no rows of codes", files_name(o->path));
}

static int try_kinds(const info_options *o, const mdla_source *source,
                     const mdla_codebook *codebook)
{
    const int about_codes = o->question != ASK_FILE;
    mdla_status kind = MDLA_ERR_FORMAT;
    mdla_source lent;
    int result = TOOL_FAILED;

    if (o->array.raw_dims == 0 || about_codes) {
        if (lend(source, &lent) != MDLA_OK)
            return tool_fail("%s: can't seek", files_name(o->path));
        kind = try_file(o, lent, codebook, &result);
        if (kind == MDLA_ERR_FORMAT && about_codes)
            return no_codes(o, source);
        if (kind == MDLA_ERR_FORMAT && lend(source, &lent) == MDLA_OK)
            kind = try_codebook(o, lent, &result);
    }
    return kind == MDLA_ERR_FORMAT ? try_arrays(o, source) : result;
}

/* What is no plain file: FILE:ARRAY, a folder, a pattern. */
static int show_rows(const info_options *o)
{
    char *paths[] = {o->path};
    mdla_rows *rows = NULL;
    int result;

    if (o->question != ASK_FILE)
        return tool_fail("%s: not a .mdla file, so it has no rows of codes", o->path);
    if (files_rows(&o->config, paths, 1, &o->array, 0, &rows) != 0)
        return TOOL_FAILED;
    result = info_array(&o->config, o->path, rows, NULL, o->form == LISTING_JSON);
    mdla_rows_close(rows);
    return result;
}

static int is_plain(const char *path)
{
    struct stat st;

    if (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)))
        return 1;
    return stat(path, &st) != 0 && !strpbrk(path, ":*?[");
}

static int run(const info_options *o)
{
    mdla_codebook *codebook = NULL;
    mdla_source source;
    int result = TOOL_FAILED;

    if (!is_plain(o->path))
        return show_rows(o);

    if (o->codebook && files_codebook(&o->config, o->codebook, &codebook) != 0)
        return TOOL_FAILED;
    if (files_source(o->path, 1, &source) == 0) {
        result = try_kinds(o, &source, codebook);
        if (source.close)
            source.close(source.ctx);
    }
    mdla_codebook_free(codebook);
    return result;
}

int main(int argc, char **argv)
{
    info_options options;
    int result;

    tool_start("mdla-info");
    result = parse(argc, argv, &options);
    return tool_end(result < 0 ? run(&options) : result);
}
