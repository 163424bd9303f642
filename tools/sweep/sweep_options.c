/* mdla-sweep's options, and the list of explanations that they ask for. */
#include "sweep.h"

#include "common/numbers.h"
#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char head[] =
    "Usage: mdla-sweep DATA [TEST] -o FOLDER --widths W,.. --l0s K,.. [--sae SAE]..\n"
    "Which explanation of the rows is shortest? Trains SAEs of every width and L0,\n"
    "fits each to DATA at every FVU, codes TEST (default: DATA), and reports total\n"
    "and marginal bits a row, the shortest for how many rows, where curves cross.\n"
    "  mdla-sweep a.npy b.npy -o s --widths 256,1024 --l0s 8,16 --fvu 0.25,0.2\n";

enum {
    KEY_WIDTHS = OPTION_FIRST,
    KEY_L0S,
    KEY_SEEDS,
    KEY_PASSES,
    KEY_SAE,
    KEY_BASES,
    KEY_FVU,
    KEY_ROWS,
    KEY_EFFORT,
    KEY_DOCS,
    KEY_TEST_DOCS,
    KEY_DIMS,
    KEY_BF16,
    KEY_INTEGERS
};

static const tool_option table[] = {
    {"widths", KEY_WIDTHS, "W,..", .brief = "features of the SAEs to train"},
    {"l0s", KEY_L0S, "K,..", .brief = "active features a row that they are trained for"},
    {"seeds", KEY_SEEDS, "S,..", .brief = "of the trainings (0)"},
    {"passes", KEY_PASSES, "N", .brief = "of a training over DATA (3)"},
    {"sae", KEY_SAE, "SAE", .files = FILES_SAE, .brief = "one that exists; several times",
     .more = "A folder or file, as mdla-enc takes it."},
    {"bases", KEY_BASES, "B,..", .brief = "baselines: dense, pca, onehot:K, rvq, rvq:K",
     .more = "Baselines of DATA, as mdla-enc --basis makes them; K codewords. onehot with as many "
             "as DATA has rows memorises these, and is measured on them."},
    {"fvu", KEY_FVU, "F,..", .brief = "fractions of variance unexplained (0.25)",
     .more = "Each explanation is measured at each of them, where its atoms reach it."},
    {"rows-list", KEY_ROWS, "N,..", .brief = "rows that share a codebook (DATA's)",
     .more =
         "Such as 60000,1e6,1e9. A codebook is made for each of them, as mdla-enc makes it with "
         "--expected-rows."},
    {"effort", KEY_EFFORT, "E", .brief = "search 1 to 9 long (5)"},
    {"docs", KEY_DOCS, "FILE", .files = FILES_DATA, .brief = "passage numbers of DATA", .minor = 1},
    {"test-docs", KEY_TEST_DOCS, "FILE", .files = FILES_DATA, .brief = "those of TEST", .minor = 1},
    {"dims", KEY_DIMS, "N", .brief = "DATA and TEST are raw rows of N values", .minor = 1},
    {"bf16", KEY_BF16, .brief = "16-bit integers in them are bfloat16", .minor = 1},
    {"integers", KEY_INTEGERS, .brief = "16-bit integers in them are integers", .minor = 1},
    OPTIONS_OUTPUT("FOLDER", FILES_FOLDER),
    OPTIONS_THREADS,
    OPTIONS_QUIET,
    OPTIONS_END,
};

static const tool_program program = {
    head,
    "FOLDER gets report.md, CSV and PNG, the SAEs and the files that were measured.\n"
    "The same command goes on where one was stopped.\n",
    FILES_DATA, table};

enum { EXPLANATIONS_MAX = 1024 };

/* The numbers of an option, sorted and each once. */
typedef struct number_list {
    double values[SWEEP_LIST_MAX];
    size_t count;
} number_list;

typedef struct raw_lists {
    sweep_options *options; /* what isn't a list */
    number_list widths, l0s, seeds, fvu, rows;
    char **saes;
    size_t sae_count;
    explanation bases[SWEEP_LIST_MAX];
    size_t base_count;
} raw_lists;

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* low < number < high; whole numbers alone where whole. */
static int parse_list(const char *option, char *text, double low, double high, int whole,
                      number_list *out)
{
    size_t kept = 0;

    out->count = 0;
    for (char *rest = NULL, *item = strtok_r(text, ",", &rest); item;
         item = strtok_r(NULL, ",", &rest)) {
        double number;

        if (out->count == SWEEP_LIST_MAX)
            return tool_usage("--%s: at most %d numbers", option, SWEEP_LIST_MAX);
        if (number_parse_double(item, low, high, &number) != 0 ||
            (whole && number != floor(number)))
            return tool_usage("--%s %s: give %snumbers between %g and %g, with commas", option,
                              item, whole ? "whole " : "", low, high);
        out->values[out->count++] = number;
    }
    if (out->count == 0)
        return tool_usage("--%s: names no number", option);
    qsort(out->values, out->count, sizeof *out->values, compare_doubles);
    for (size_t i = 0; i < out->count; i++)
        if (i == 0 || out->values[i] != out->values[i - 1])
            out->values[kept++] = out->values[i];
    out->count = kept;
    return 0;
}

static int set_count(const char *option, const char *value, uint64_t highest, uint64_t *out)
{
    if (number_parse_u64(value, 1, highest, out) == 0)
        return 0;
    return tool_usage("--%s %s: give a whole number, 1 to %" PRIu64, option, value, highest);
}

/* "pca", "onehot:256" ... */
static int parse_bases(char *text, uint32_t widest, raw_lists *lists)
{
    lists->base_count = 0;
    for (char *rest = NULL, *item = strtok_r(text, ",", &rest); item;
         item = strtok_r(NULL, ",", &rest)) {
        explanation *e = &lists->bases[lists->base_count];
        char *const colon = strchr(item, ':');
        uint64_t codewords = 0;
        int basis = MDLA_BASIS_DENSE;

        if (lists->base_count == SWEEP_LIST_MAX)
            return tool_usage("--bases: at most %d", SWEEP_LIST_MAX);
        if (colon) {
            *colon = '\0';
            if (number_parse_u64(colon + 1, 1, widest, &codewords) != 0)
                return tool_usage("--bases %s:%s: give a whole number of codewords", item,
                                  colon + 1);
        }
        while (basis <= MDLA_BASIS_RVQ && strcmp(item, mdla_basis_name((mdla_basis)basis)) != 0)
            basis++;
        if (basis > MDLA_BASIS_RVQ)
            return tool_usage("--bases %s: give dense, pca, onehot:K, rvq or rvq:K", item);
        if (colon && basis < MDLA_BASIS_ONEHOT)
            return tool_usage("--bases %s: it has no codewords", item);
        if (!colon && basis == MDLA_BASIS_ONEHOT)
            return tool_usage("--bases onehot: give onehot:K, with K codewords");
        e->basis = (mdla_basis)basis;
        e->codewords = (uint32_t)codewords;
        if (codewords)
            snprintf(e->name, sizeof e->name, "%s-%" PRIu64, item, codewords);
        else
            snprintf(e->name, sizeof e->name, "%s", item);
        lists->base_count++;
    }
    return lists->base_count ? 0 : tool_usage("--bases: names none");
}

static int set_option(void *ctx, int key)
{
    raw_lists *lists = ctx;
    sweep_options *o = lists->options;
    const mdla_limits *limits = &o->common.config.limits;
    const double widest = (double)limits->max_width + 1;
    uint64_t number = 0;
    int result = 0;

    switch (key) {
    case KEY_WIDTHS: return parse_list("widths", optarg, 0, widest, 1, &lists->widths);
    case KEY_L0S: return parse_list("l0s", optarg, 0, widest, 1, &lists->l0s);
    case KEY_SEEDS: return parse_list("seeds", optarg, -1, 1e15, 1, &lists->seeds);
    case KEY_FVU: return parse_list("fvu", optarg, 0, 1, 0, &lists->fvu);
    case KEY_ROWS: return parse_list("rows-list", optarg, 0, 1e15, 1, &lists->rows);
    case KEY_BASES: return parse_bases(optarg, limits->max_width, lists);
    case KEY_SAE: lists->saes[lists->sae_count++] = optarg; break;
    case KEY_PASSES:
        result = set_count("passes", optarg, 1000000, &number);
        o->passes = (uint32_t)number;
        break;
    case KEY_EFFORT:
        result = set_count("effort", optarg, 9, &number);
        o->effort = (int)number;
        break;
    case KEY_DIMS:
        result = set_count("dims", optarg, limits->max_dims, &number);
        o->array.raw_dims = (uint32_t)number;
        break;
    case KEY_DOCS: o->docs = optarg; break;
    case KEY_TEST_DOCS: o->test_docs = optarg; break;
    case KEY_BF16: o->array.bf16 = 1; break;
    case KEY_INTEGERS: o->array.bf16 = -1; break;
    default: break;
    }
    return result;
}

/* ---- The explanations -------------------------------------------------------------------------
 */

static int is_taken(const sweep_options *o, const char *name)
{
    for (size_t i = 0; i < o->explanation_count; i++)
        if (strcmp(o->explanations[i].name, name) == 0)
            return 1;
    return 0;
}

/* Makes a name one that no other explanation has. */
static void make_single(const sweep_options *o, char name[SWEEP_NAME_MAX])
{
    const size_t length = strlen(name);

    for (int n = 2; is_taken(o, name); n++)
        snprintf(name + length, SWEEP_NAME_MAX - length, "-%d", n);
}

/* A given SAE is called by its folder's name alone: paths have no place in a report. */
static void name_given(const sweep_options *o, explanation *e)
{
    size_t end = strlen(e->path), begin, length;

    while (end > 1 && e->path[end - 1] == '/')
        end--;
    begin = end;
    while (begin > 0 && e->path[begin - 1] != '/')
        begin--;
    length = end - begin < SWEEP_NAME_MAX - 8 ? end - begin : SWEEP_NAME_MAX - 8;
    snprintf(e->name, sizeof e->name, "%.*s", (int)length, e->path + begin);
    for (char *c = e->name; *c; c++)
        if (strchr(" ,\"|\\\t\n", *c))
            *c = '_';
    make_single(o, e->name);
}

static int add_explanations(sweep_options *o, const raw_lists *l)
{
    const size_t seeds = l->seeds.count ? l->seeds.count : 1;
    const size_t count = l->widths.count * l->l0s.count * seeds + l->sae_count + l->base_count;

    if (l->widths.count != 0 && l->l0s.count == 0)
        return tool_usage("--widths needs --l0s K,..");
    if (l->l0s.count != 0 && l->widths.count == 0)
        return tool_usage("--l0s needs --widths W,..");
    if (count == 0)
        return tool_usage("nothing to compare; give --widths and --l0s, --sae SAE, or --bases B");
    if (count > EXPLANATIONS_MAX)
        return tool_usage("%zu explanations are too many; at most %d", count, EXPLANATIONS_MAX);
    o->explanations = calloc(count, sizeof *o->explanations);
    if (!o->explanations)
        return tool_fail("out of memory");
    for (size_t i = 0; i < l->sae_count; i++) {
        explanation *e = &o->explanations[i];

        e->path = l->saes[i];
        name_given(o, e);
        o->explanation_count++;
    }
    for (size_t i = 0; i < l->widths.count * l->l0s.count * seeds; i++) {
        explanation *e = &o->explanations[o->explanation_count];

        e->width = (uint32_t)l->widths.values[i / seeds / l->l0s.count];
        e->l0 = (uint32_t)l->l0s.values[i / seeds % l->l0s.count];
        e->seed = l->seeds.count ? (uint64_t)l->seeds.values[i % seeds] : 0;
        if (e->l0 > e->width) {
            if (e->seed == (l->seeds.count ? (uint64_t)l->seeds.values[0] : 0))
                tool_say("--l0s %" PRIu32 " is more than --widths %" PRIu32
                         ": there is no such SAE",
                         e->l0, e->width);
            continue;
        }
        snprintf(e->name, sizeof e->name, "w%" PRIu32 "-l%" PRIu32, e->width, e->l0);
        if (e->seed != 0 || is_taken(o, e->name))
            snprintf(e->name, sizeof e->name, "w%" PRIu32 "-l%" PRIu32 "-s%" PRIu64, e->width,
                     e->l0, e->seed);
        o->explanation_count++;
    }
    for (size_t i = 0; i < l->base_count; i++) {
        explanation *e = &o->explanations[o->explanation_count];
        int again = 0;

        for (size_t j = 0; j < i; j++)
            again |= strcmp(l->bases[j].name, l->bases[i].name) == 0;
        if (again)
            continue;
        *e = l->bases[i];
        make_single(o, e->name);
        o->explanation_count++;
    }
    return o->explanation_count ? 0 : tool_usage("every --l0s is more than every --widths");
}

static void copy_lists(sweep_options *o, const raw_lists *l)
{
    o->fvu_count = l->fvu.count ? l->fvu.count : 1;
    o->rows_count = l->rows.count ? l->rows.count : 1;
    o->fvu[0] = 0.25;
    for (size_t i = 0; i < l->fvu.count; i++)
        o->fvu[i] = l->fvu.values[l->fvu.count - 1 - i];
    for (size_t i = 0; i < l->rows.count; i++)
        o->rows[i] = (uint64_t)l->rows.values[i];
}

static int check_operands(sweep_options *o, int argc, char **argv)
{
    if (optind == argc)
        return tool_usage("no DATA; name the rows to explain");
    if (argc - optind > 2)
        return tool_usage("DATA and TEST are all that can be named; a folder holds many files");
    o->data = argv[optind];
    o->test = argc - optind == 2 ? argv[optind + 1] : NULL;
    if (!o->common.output || strcmp(o->common.output, "-") == 0)
        return tool_usage("give -o FOLDER");
    if (o->test && (o->docs != NULL) != (o->test_docs != NULL))
        return tool_usage("--docs and --test-docs go together");
    if (!o->test && o->test_docs)
        return tool_usage("--test-docs needs TEST");
    return 0;
}

static int parse_all(int argc, char **argv, sweep_options *o, raw_lists *lists)
{
    int result;

    lists->options = o;
    result = options_read(argc, argv, &program, set_option, lists, &o->common);
    if (result >= 0)
        return result;
    result = check_operands(o, argc, argv);
    if (result == 0)
        result = add_explanations(o, lists);
    copy_lists(o, lists);
    return result == 0 ? -1 : result;
}

int sweep_parse(int argc, char **argv, sweep_options *o)
{
    raw_lists *lists = calloc(1, sizeof *lists);
    mdla_train_options train;
    int result;

    *o = (sweep_options){0};
    mdla_train_options_init(&train);
    o->passes = train.passes;
    if (lists)
        lists->saes = calloc((size_t)argc, sizeof *lists->saes);
    result = lists && lists->saes ? parse_all(argc, argv, o, lists) : tool_fail("out of memory");
    if (lists)
        free(lists->saes);
    free(lists);
    return result;
}

void sweep_options_free(sweep_options *o)
{
    free(o->explanations);
}
