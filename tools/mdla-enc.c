/* mdla-enc: activation rows to a .mdla file, or to a codebook that many files share. */
#include "common/distortion.h"
#include "common/files.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/progress.h"
#include "common/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: mdla-enc DATA... --sae SAE | --codebook CB  -o OUT.mdla  [OPTIONS]\n"
    "Codes activation rows (.npy, IDX, IDX.gz, raw) with a sparse autoencoder, lossily.\n"
    "  mdla-enc acts.npy --sae my-sae/ --fvu 0.2 -o acts.mdla\n"
    "\n"
    "      --sae FOLDER        make a codebook for DATA from this SAE (SAELens folder)\n"
    "      --codebook CB       use this codebook (or that of this .mdla file) as it is\n"
    "      --fvu F             reach this fraction of variance unexplained\n"
    "      --bits-per-row B    spend this many bits a row, an embedded codebook aside\n"
    "      --step S            quantisation step of strengths (default: the codebook's)\n"
    "      --code free|sae     features: searched for, or those the SAE switches on\n"
    "      --block-rows N      rows that decode together (1024)\n"
    "      --embed|--reference put the codebook into OUT (default) or only name it\n"
    "      --codebook-out CB   write the codebook too; without -o, write it alone\n"
    "      --expected-rows N   rows that will share the codebook made here (those of DATA)\n"
    "      --note TEXT         provenance to keep in OUT\n"
    "      --verify            decode OUT again and compare\n"
    "      --raw --dims N      DATA is raw float32 rows of N values; --bf16: 16-bit integers\n"
    "                          in DATA are bfloat16\n"
    "  -o FILE  -f overwrite  -T N threads  -q quiet  -v verbose  -h help  -V version\n"
    "DATA - is standard input, -o - standard output.\n";

enum {
    KEY_SAE = OPTION_FIRST,
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
    KEY_BF16
};

static const struct option longs[] = {
    {"sae", required_argument, NULL, KEY_SAE},
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
    OPTIONS_QUIET,
    OPTIONS_OUTPUT,
    OPTIONS_THREADS,
    OPTIONS_END,
};

enum { NOTE_MAX = 1024, BLOCK_ROWS_MAX = 1 << 20, VERIFY_ROWS = 256 };

typedef struct enc_options {
    tool_options common;
    const char *sae, *codebook, *codebook_out, *note;
    mdla_target target;
    mdla_code code;
    mdla_array_options array;
    uint64_t expected_rows;
    uint32_t block_rows;
    int raw, embed, reference, verify;
    char **data;
    size_t data_count;
} enc_options;

/* What a run holds; close_job gives all of it back. */
typedef struct enc_job {
    mdla_sae *sae;
    mdla_rows *rows;
    mdla_codebook *codebook;
    mdla_sink sink, codebook_sink;
    int sink_open, codebook_sink_open; /* the sink is still ours to close */
} enc_job;

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

/* Returns 0, or the exit code of a mistake. */
static int set_option(enc_options *o, int key)
{
    uint64_t number = 0;
    int result = 0;

    switch (key) {
    case KEY_SAE: o->sae = optarg; break;
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
    default: break;
    }
    return result;
}

static int has_target(const enc_options *o)
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
    if (!o->sae && !o->codebook)
        return tool_usage("give --sae FOLDER, or --codebook CB for one made before");
    if (!o->common.output && !o->codebook_out)
        return tool_usage("give -o OUT.mdla (or --codebook-out CB to make a codebook alone)");
    if (o->embed && o->reference)
        return tool_usage("--embed and --reference: give one of them");
    if (o->codebook && o->expected_rows)
        return tool_usage("--expected-rows acts where a codebook is made; %s is one already",
                          o->codebook);
    if (o->codebook && o->codebook_out)
        return tool_usage("--codebook-out is for a codebook made here; %s is one already",
                          o->codebook);
    if (!o->sae && o->code == MDLA_CODE_SAE)
        return tool_usage("--code sae needs the SAE; give --sae FOLDER too");
    if (!o->codebook && !has_target(o))
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

/* Returns -1 to go on, else the exit code. */
static int parse(int argc, char **argv, enc_options *o)
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
    o->data = argv + optind;
    o->data_count = (size_t)(argc - optind);
    key = check_options(o);
    return key == 0 ? -1 : key;
}

static int load_sae(const enc_options *o, mdla_sae **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_folder folder;
    mdla_status status = mdla_folder_path(o->sae, 0, &folder, &err);

    if (status == MDLA_OK)
        status = mdla_sae_load(&o->common.config, folder, o->sae, out, &err);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

static int write_codebook(enc_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    job->codebook_sink_open = 0;
    status = mdla_codebook_write(job->codebook, job->codebook_sink, &err);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

/* Makes the codebook from the SAE, or reads it. */
static int get_codebook(const enc_options *o, enc_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_fit_options fit = {0};
    mdla_codebook_info info;
    mdla_status status;

    if (o->codebook)
        return files_codebook(&o->common.config, o->codebook, &job->codebook) == 0 ? TOOL_DONE
                                                                                  : TOOL_FAILED;
    fit.target = o->target;
    fit.code = o->code;
    fit.expected_rows = o->expected_rows;
    fit.progress = progress_show;
    status = mdla_codebook_fit(&o->common.config, job->sae, job->rows, &fit, &job->codebook, &err);
    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    mdla_codebook_query(job->codebook, &info);
    tool_explain("codebook: %u features x %u dims, %llu bytes (atoms %.0f bits, priors %.0f)",
                 info.width, info.dims, (unsigned long long)info.nbytes, info.atom_bits,
                 info.prior_bits);
    if (o->codebook_out && write_codebook(job) != TOOL_DONE)
        return TOOL_FAILED;
    status = o->common.output ? mdla_rows_rewind(job->rows, &err) : MDLA_OK;
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

static void report(const enc_options *o, const mdla_encode_report *r)
{
    const double rows = r->rows ? (double)r->rows : 1;
    const uint64_t stream = r->file_nbytes - r->codebook_nbytes;
    char count[NUMBER_TEXT_MAX], nbytes[NUMBER_TEXT_MAX], fvu[40];

    snprintf(fvu, sizeof fvu, isfinite(r->fvu) ? "FVU %.6f" : "FVU undefined (constant rows)", r->fvu);
    tool_say("%s: %s rows in %s bytes, %.2f bits a row%s, %s, L0 %.2f, step %g",
             strcmp(o->common.output, "-") == 0 ? "standard output" : o->common.output,
             number_grouped(r->rows, count), number_grouped(r->file_nbytes, nbytes),
             8.0 * (double)stream / rows, r->codebook_nbytes ? " beside the codebook" : "", fvu, r->l0,
             r->step);
}

/* Sums the loss of the decoded file against the rows. */
static int compare(const enc_options *o, mdla_decoder *decoder, mdla_rows *rows, distortion *lost)
{
    const size_t values = (size_t)VERIFY_ROWS * lost->dims;
    float *buffer = malloc(2 * values * sizeof *buffer);
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = buffer ? mdla_rows_rewind(rows, &err) : MDLA_ERR_MEMORY;
    size_t got = 1, decoded = 1;
    int result = TOOL_DONE;

    while (status == MDLA_OK && got > 0 && got == decoded) {
        status = mdla_rows_read(rows, buffer, VERIFY_ROWS, &got, &err);
        if (status == MDLA_OK)
            status = mdla_decoder_read_rows(decoder, buffer + values, VERIFY_ROWS, &decoded, &err);
        if (status == MDLA_OK && got == decoded)
            distortion_add(lost, buffer, buffer + values, got);
        if (progress_show(NULL, "verify", lost->rows, mdla_rows_count(rows)) != 0)
            status = MDLA_ERR_INTERRUPTED;
    }
    free(buffer);
    if (status != MDLA_OK)
        result = tool_fail_status(status, &err);
    else if (got != decoded)
        result = tool_fail("%s: rows are missing when decoded again", o->common.output);
    return result;
}

static int verify(const enc_options *o, const enc_job *job, const mdla_encode_report *r)
{
    const double tolerance = 1e-9; /* both sums are of doubles; 1e-9 is far above their rounding */
    mdla_decoder *decoder = NULL;
    distortion lost = {0};
    int result;
    double fvu;

    if (files_decoder(&o->common.config, o->common.output, 0, job->codebook, &decoder) != 0)
        return TOOL_FAILED;
    if (distortion_start(&lost, mdla_rows_dims(job->rows)) != 0)
        result = tool_fail("out of memory");
    else
        result = compare(o, decoder, job->rows, &lost);
    mdla_decoder_close(decoder);
    fvu = result == TOOL_DONE ? distortion_fvu(&lost) : 0;
    distortion_end(&lost);
    if (result != TOOL_DONE)
        return result;
    if (isfinite(fvu) != isfinite(r->fvu) || fabs(fvu - r->fvu) > tolerance * (1 + fabs(fvu)))
        return tool_fail("%s: decodes to FVU %.9f where the encoder says %.9f; don't trust this file",
                         o->common.output, fvu, r->fvu);
    tool_say("%s: decoded again: FVU %.6f, as promised", o->common.output, fvu);
    return TOOL_DONE;
}

static int encode(const enc_options *o, enc_job *job)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_encode_options options = {0};
    mdla_encode_report r;
    mdla_codebook_info info;
    mdla_status status;

    options.target = o->target;
    options.code = o->code;
    options.reference = o->reference;
    options.block_rows = o->block_rows;
    options.note = o->note;
    options.progress = progress_show;
    mdla_codebook_query(job->codebook, &info);
    if (!has_target(o))
        options.target.step = info.step;
    job->sink_open = 0;
    status = mdla_encode(&o->common.config, job->codebook, o->code == MDLA_CODE_SAE ? job->sae : NULL,
                         job->rows, &options, job->sink, &r, &err);
    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    report(o, &r);
    return o->verify ? verify(o, job, &r) : TOOL_DONE;
}

/* Outputs first: a name that is taken is told before hours of work, not after. */
static int open_job(const enc_options *o, enc_job *job)
{
    const int several_passes =
        !o->codebook || o->target.fvu > 0 || o->target.bits_per_row > 0 || o->verify;
    const mdla_config *config = &o->common.config;

    if (o->common.output) {
        if (files_sink(o->common.output, o->common.force, 1, &job->sink) != 0)
            return TOOL_FAILED;
        job->sink_open = 1;
    }
    if (o->codebook_out) {
        if (files_sink(o->codebook_out, o->common.force, 1, &job->codebook_sink) != 0)
            return TOOL_FAILED;
        job->codebook_sink_open = 1;
    }
    if (o->sae && (!o->codebook || o->code == MDLA_CODE_SAE) && load_sae(o, &job->sae) != TOOL_DONE)
        return TOOL_FAILED;
    return files_rows(config, o->data, o->data_count, &o->array, several_passes, &job->rows) == 0
               ? TOOL_DONE
               : TOOL_FAILED;
}

static void close_job(enc_job *job)
{
    if (job->sink_open)
        job->sink.close(job->sink.ctx, 0);
    if (job->codebook_sink_open)
        job->codebook_sink.close(job->codebook_sink.ctx, 0);
    mdla_codebook_free(job->codebook);
    mdla_rows_close(job->rows);
    mdla_sae_free(job->sae);
}

static int run(const enc_options *o)
{
    enc_job job = {0};
    int result = open_job(o, &job);

    if (result == TOOL_DONE)
        result = get_codebook(o, &job);
    if (result == TOOL_DONE && o->common.output)
        result = encode(o, &job);
    close_job(&job);
    return result;
}

int main(int argc, char **argv)
{
    enc_options options;
    int result;

    tool_start("mdla-enc");
    result = parse(argc, argv, &options);
    return tool_end(result < 0 ? run(&options) : result);
}
