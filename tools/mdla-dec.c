/* mdla-dec: a .mdla file to rows again, or to its codes; or only tested. Needs the decoder library
 * alone. */
#include "dec.h"

#include "common/files.h"
#include "common/numbers.h"
#include "common/progress.h"
#include "common/text_sink.h"
#include "common/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char head[] =
    "Usage: mdla-dec IN.mdla -o OUT  [OPTIONS]\n"
    "       mdla-dec --test IN.mdla...\n"
    "Decodes rows to .npy; to .npz, .safetensors or raw values where OUT ends so\n"
    "(.raw, .f32). With --codes, writes the codes: CSV, or .npz for SciPy.\n"
    "  mdla-dec acts.mdla -o acts.npy\n"
    "  mdla-dec acts.mdla --codes -o codes.npz\n";

enum {
    KEY_CODEBOOK = OPTION_FIRST,
    KEY_ROWS,
    KEY_FORMAT,
    KEY_DTYPE,
    KEY_RAW,
    KEY_CODES,
    KEY_STRENGTHS,
    KEY_CONTEXT,
    KEY_SPLITS,
    KEY_TEST,
    KEY_TOKENS_OUT,
    KEY_DOCS_OUT,
    KEY_HOOK_OUT
};

static const tool_option table[] = {
    {"codebook", KEY_CODEBOOK, "CB", .files = FILES_CODEBOOK,
     .brief = "the codebook that IN only names",
     .more = "Token ids and the hook's name come without it."},
    {"rows", KEY_ROWS, "A:B", .brief = "rows A to B - 1, counted from 0",
     .more = "A or B may be left out."},
    {"format", KEY_FORMAT, "F", .words = "npy|npz|safetensors|raw|csv|csr|coo|delphi",
     .brief = "as npy, npz, safetensors or raw; codes: see below",
     .more = "Of rows npy, npz, safetensors or raw; of codes csv, csr (a SciPy .npz), coo "
             "(safetensors) or delphi (OUT is then a folder). By default OUT's ending says it."},
    {"dtype", KEY_DTYPE, "T", .words = "f32|f16|bf16|f64|u8|i8|u16|i16|u32|i32|u64|i64|bool",
     .brief = "of type f32, f16, bf16, f64, u8 ... (as encoded)",
     .more = "Rows of integers are written as f32 unless this says otherwise."},
    {"raw", KEY_RAW, .brief = "the same as --format raw"},
    {"codes", KEY_CODES, .brief = "codes: --format csv, csr, coo or delphi"},
    {"strengths", KEY_STRENGTHS, .words = "f32|f16|levels", .brief = "of csr and coo (f32)",
     .more = "Of a latent cache, by default as they were there."},
    {"context", KEY_CONTEXT, "N", .brief = "delphi: rows of a sequence (256)",
     .more = "Of a latent cache, by default as they were there."},
    {"splits", KEY_SPLITS, "N", .brief = "delphi: files (5)",
     .more = "Of a delphi cache, by default as many as it had, up to 1,024."},
    {"tokens-out", KEY_TOKENS_OUT, "FILE", .files = "*.npy",
     .brief = "write the rows' token ids, a 1-D .npy",
     .more = "With or without -o. The files of a delphi cache hold them too; they hold whole "
             "sequences, which are filled up with 0 past the last row."},
    {"docs-out", KEY_DOCS_OUT, "FILE", .files = "*.npy", .brief = "write passage numbers likewise",
     .more =
         "As mdla-enc --docs had them; passages of a file that keeps no numbers, since they were "
         "0, 1, 2 ... in this order, are counted from its first row, and are int64."},
    {"hook-out", KEY_HOOK_OUT, "FILE", .files = FILES_ANY,
     .brief = "write where in the model the rows stood, a line"},
    {"test", KEY_TEST, .brief = "decode all, write nothing",
     .more = "Checks every CRC and the SHA-256 of the decoded values where one is recorded."},
    OPTIONS_OUTPUT("FILE", FILES_ANY),
    OPTIONS_FORCE,
    OPTIONS_THREADS,
    OPTIONS_QUIET,
    OPTIONS_END,
};

static const tool_program program = {head, "IN - is standard input, -o - standard output.\n",
                                     FILES_MDLA, table};

static int set_layout(dec_options *o, const char *option, uint32_t *out)
{
    uint64_t number;

    o->layout_given = 1;
    if (number_parse_u64(optarg, 1, UINT32_MAX, &number) != 0)
        return tool_usage("--%s %s: give a whole number from 1", option, optarg);
    *out = (uint32_t)number;
    return 0;
}

static int set_option(void *ctx, int key)
{
    dec_options *o = ctx;
    static const mdla_dtype strengths[] = {MDLA_F32, MDLA_F16, MDLA_I32};
    int word = 0, result = 0;

    switch (key) {
    case KEY_CODEBOOK: o->codebook = optarg; break;
    case KEY_ROWS:
        o->rows_given = 1;
        if (number_parse_range(optarg, &o->first, &o->end) != 0)
            return tool_usage("--rows %s: give A:B with A <= B, such as 0:100", optarg);
        break;
    case KEY_DTYPE:
        o->dtype_given = 1;
        result = options_word(&program, key, optarg, &word);
        o->dtype = (mdla_dtype)word; /* the words stand in its order */
        break;
    case KEY_FORMAT:
        result = options_word(&program, key, optarg, &word);
        o->format = (dec_format)(DEC_NPY + word);
        break;
    case KEY_RAW: o->format = DEC_RAW; break;
    case KEY_CODES: o->codes = 1; break;
    case KEY_STRENGTHS:
        o->strengths_given = 1;
        result = options_word(&program, key, optarg, &word);
        o->strengths = strengths[word];
        break;
    case KEY_CONTEXT: return set_layout(o, "context", &o->context);
    case KEY_SPLITS: return set_layout(o, "splits", &o->splits);
    case KEY_TEST: o->test = 1; break;
    case KEY_TOKENS_OUT: o->tokens_out = optarg; break;
    case KEY_DOCS_OUT: o->docs_out = optarg; break;
    case KEY_HOOK_OUT: o->hook_out = optarg; break;
    default: break;
    }
    return result;
}

/* What an output's name says of its form. */
static dec_format format_of(const char *output, int codes)
{
    const char *dot = strrchr(output, '.');

    if (dot && strcmp(dot, ".npz") == 0)
        return codes ? DEC_CSR : DEC_NPZ;
    if (dot && strcmp(dot, ".safetensors") == 0)
        return codes ? DEC_COO : DEC_SAFETENSORS;
    if (dot && !codes && (strcmp(dot, ".f32") == 0 || strcmp(dot, ".raw") == 0))
        return DEC_RAW;
    return codes ? DEC_CSV : DEC_NPY;
}

static int check_codes(const dec_options *o)
{
    if (!o->codes && o->format > DEC_RAW)
        return tool_usage("--format csv, csr, coo and delphi are for --codes");
    if (!o->codes && (o->strengths_given || o->layout_given))
        return tool_usage("--strengths, --context and --splits are for --codes");
    if (!o->codes)
        return 0;
    if (o->dtype_given || o->format <= DEC_RAW)
        return tool_usage("--dtype, --raw and --format npy, npz, safetensors are for rows; codes "
                          "take --strengths and --format csv, csr, coo, delphi");
    if (o->strengths_given && o->format != DEC_CSR && o->format != DEC_COO)
        return tool_usage("--strengths is for csr and coo: CSV has levels and strengths, delphi "
                          "float16");
    if (o->layout_given && o->format != DEC_DELPHI)
        return tool_usage("--context and --splits are for --format delphi");
    if (o->format == DEC_DELPHI && strcmp(o->common.output, "-") == 0)
        return tool_usage("--format delphi makes a folder; give -o FOLDER");
    return 0;
}

static int check_options(const dec_options *o)
{
    const char *output = o->common.output;

    if (o->input_count == 0)
        return tool_usage("no input; name a .mdla file, or - for standard input");
    const int beside = o->tokens_out || o->docs_out || o->hook_out;

    if (o->test && (output || beside || o->codes || o->rows_given || o->dtype_given || o->format))
        return tool_usage("--test decodes everything and writes nothing; give it --codebook alone");
    if (!o->test && o->input_count > 1)
        return tool_usage("more than one input: %s", o->inputs[1]);
    if (!o->test && !output && !beside)
        return tool_usage("give -o OUT.npy (or --test to check the file)");
    if (!output && (o->codes || o->format))
        return tool_usage("--codes and --format say what -o OUT is; give it");
    if (output && strcmp(output, "-") == 0 && o->format != DEC_CSV && isatty(STDOUT_FILENO))
        return tool_usage("standard output is a terminal and this is binary; give -o FILE");
    return check_codes(o);
}

static int parse(int argc, char **argv, dec_options *o)
{
    int result;

    memset(o, 0, sizeof *o);
    o->end = MDLA_UNKNOWN;
    result = options_read(argc, argv, &program, set_option, o, &o->common);
    if (result >= 0)
        return result;
    o->inputs = argv + optind;
    o->input_count = (size_t)(argc - optind);
    if (o->format == DEC_BY_NAME && o->common.output && !o->test)
        o->format = format_of(o->common.output, o->codes);
    result = check_options(o);
    return result == 0 ? -1 : result;
}

/* Rows are taken a buffer at a time. */
typedef struct row_buffer {
    float *values;
    size_t rows;
} row_buffer;

static int buffer_start(row_buffer *buffer, uint32_t dims)
{
    enum { BUFFER_VALUES = 1 << 18 };

    buffer->rows = dims < BUFFER_VALUES ? BUFFER_VALUES / dims : 1;
    buffer->values = malloc(buffer->rows * dims * sizeof *buffer->values);
    return buffer->values ? 0 : tool_fail("out of memory");
}

/* Goes to the first row wanted, in a pipe by decoding what stands before it. */
static mdla_status skip_to(mdla_decoder *decoder, uint64_t first, const row_buffer *buffer,
                           mdla_error *err)
{
    mdla_status status = mdla_decoder_seek(decoder, first, err);
    size_t got = 1;

    if (status != MDLA_ERR_UNSUPPORTED)
        return status;
    for (status = MDLA_OK; status == MDLA_OK && first > 0 && got > 0; first -= got) {
        const size_t wanted = first < buffer->rows ? (size_t)first : buffer->rows;

        status = mdla_decoder_read_rows(decoder, buffer->values, wanted, &got, err);
    }
    return status;
}

/* Decodes rows first .. end - 1 into the writer. */
static mdla_status copy_rows(mdla_decoder *decoder, const dec_options *o, uint64_t end,
                             const row_buffer *buffer, mdla_array_writer *writer, mdla_error *err)
{
    mdla_status status = o->first > 0 ? skip_to(decoder, o->first, buffer, err) : MDLA_OK;
    uint64_t row = o->first;
    size_t got = 1;

    while (status == MDLA_OK && row < end && got > 0) {
        const size_t wanted = end - row < buffer->rows ? (size_t)(end - row) : buffer->rows;

        status = mdla_decoder_read_rows(decoder, buffer->values, wanted, &got, err);
        if (status == MDLA_OK)
            status = mdla_array_writer_rows(writer, buffer->values, got, err);
        row += got;
        if (progress_show(NULL, "decode", row - o->first,
                          end == MDLA_UNKNOWN ? end : end - o->first) != 0)
            status = MDLA_ERR_INTERRUPTED;
    }
    return status;
}

static mdla_dtype output_dtype(const dec_options *o, mdla_dtype source)
{
    if (o->dtype_given)
        return o->dtype;
    return source == MDLA_F16 || source == MDLA_BF16 || source == MDLA_F64 ? source : MDLA_F32;
}

int dec_clip_rows(const dec_options *o, const mdla_file_info *info, uint64_t *end)
{
    *end = o->end;
    if (info->rows == MDLA_UNKNOWN)
        return TOOL_DONE;
    if (o->end == MDLA_UNKNOWN)
        *end = info->rows;
    if (*end > info->rows || o->first > *end)
        return tool_fail("%s: has %llu rows, so --rows must stay within 0:%llu",
                         files_name(o->inputs[0]), (unsigned long long)info->rows,
                         (unsigned long long)info->rows);
    return TOOL_DONE;
}

static int write_rows(const dec_options *o, mdla_decoder *decoder, mdla_array_kind kind)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_array_writer *writer = NULL;
    row_buffer buffer;
    mdla_file_info info;
    mdla_sink sink;
    mdla_status status;
    uint64_t end;

    mdla_decoder_query(decoder, &info);
    if (info.cache)
        return tool_fail("%s: a latent cache: it holds codes and no atoms, so there are no rows to "
                         "decode; write its codes with --codes -o codes.npz",
                         files_name(o->inputs[0]));
    if (dec_clip_rows(o, &info, &end) != TOOL_DONE)
        return TOOL_FAILED;
    if (files_sink(o->common.output, o->common.force, 1, &sink) != 0)
        return TOOL_FAILED;
    status = mdla_array_writer_open(&o->common.config, sink, kind,
                                    end == MDLA_UNKNOWN ? end : end - o->first, info.dims,
                                    output_dtype(o, info.dtype), info.hook, &writer, &err);
    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    if (buffer_start(&buffer, info.dims) != 0)
        status = MDLA_ERR_MEMORY;
    else
        status = copy_rows(decoder, o, end, &buffer, writer, &err);
    if (status == MDLA_OK) {
        status = mdla_array_writer_close(writer, 1, &err);
    } else {
        mdla_error ignored;

        if (mdla_array_writer_close(writer, 0, &ignored) != MDLA_OK)
            tool_explain("%s: couldn't be removed", o->common.output);
    }
    free(buffer.values);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

/* Token ids or passage numbers of the rows wanted. */
static int write_beside(const dec_options *o, mdla_decoder *decoder, const char *path,
                        mdla_status (*write)(mdla_decoder *, uint64_t, uint64_t, mdla_sink,
                                             mdla_error *))
{
    mdla_error err = {MDLA_OK, ""};
    mdla_file_info info;
    mdla_sink sink;
    mdla_status status;
    uint64_t end;

    if (path == NULL)
        return TOOL_DONE;
    mdla_decoder_query(decoder, &info);
    if (dec_clip_rows(o, &info, &end) != TOOL_DONE ||
        files_sink(path, o->common.force, 1, &sink) != 0)
        return TOOL_FAILED;
    status = write(decoder, o->first, end - o->first, sink, &err);
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

static int write_hook(const dec_options *o, const mdla_decoder *decoder)
{
    mdla_file_info info;
    text_sink text;
    mdla_sink sink;

    if (o->hook_out == NULL)
        return TOOL_DONE;
    mdla_decoder_query(decoder, &info);
    if (info.hook == NULL)
        return tool_fail("%s: doesn't say where in the model its rows stood: that is put in by "
                         "mdla-enc --hook",
                         files_name(o->inputs[0]));
    if (files_sink(o->hook_out, o->common.force, 0, &sink) != 0)
        return TOOL_FAILED;
    text_sink_start(&text, sink);
    text_sink_format(&text, "%s\n", info.hook);
    return text_sink_close(&text, 1) == MDLA_OK ? TOOL_DONE : tool_fail_status(MDLA_ERR_IO, NULL);
}

static int write_output(const dec_options *o, mdla_decoder *decoder)
{
    static const mdla_array_kind kinds[] = {[DEC_NPY] = MDLA_ARRAY_NPY,
                                            [DEC_NPZ] = MDLA_ARRAY_NPZ,
                                            [DEC_SAFETENSORS] = MDLA_ARRAY_SAFETENSORS,
                                            [DEC_RAW] = MDLA_ARRAY_RAW};

    if (!o->common.output)
        return TOOL_DONE;
    return o->codes ? dec_codes(o, decoder) : write_rows(o, decoder, kinds[o->format]);
}

static int decode(const dec_options *o, const mdla_codebook *codebook)
{
    const int seekable = o->format != DEC_RAW || o->tokens_out || o->docs_out || o->hook_out;
    const int decodes = o->common.output || o->docs_out; /* token ids and hook stand apart */
    const mdla_config *config = &o->common.config;
    mdla_decoder *decoder = NULL;
    int result;

    /* All but raw begin with the number of rows, which a pipe's head doesn't tell. */
    if ((decodes || codebook ? files_decoder(config, o->inputs[0], seekable, codebook, &decoder)
                             : files_outline(config, o->inputs[0], &decoder)) != 0)
        return TOOL_FAILED;
    result = write_beside(o, decoder, o->tokens_out, mdla_decoder_write_tokens);
    if (result == TOOL_DONE)
        result = write_beside(o, decoder, o->docs_out, mdla_decoder_write_passages);
    if (result == TOOL_DONE)
        result = write_hook(o, decoder);
    if (result == TOOL_DONE)
        result = write_output(o, decoder);
    mdla_decoder_close(decoder);
    return result;
}

/* Reads all token ids and passage numbers, so that their chunks are checked. */
static mdla_status test_beside(mdla_decoder *decoder, const mdla_file_info *info, mdla_error *err)
{
    enum { SOME = 1 << 16 };
    const uint64_t rows = info->tokens || info->passage_numbers ? info->rows : 0;
    int64_t *numbers = rows ? malloc(SOME * sizeof *numbers) : NULL;
    mdla_status status = rows && !numbers ? MDLA_ERR_MEMORY : MDLA_OK;

    for (uint64_t row = 0; status == MDLA_OK && row < rows; row += SOME) {
        const size_t count = rows - row < SOME ? (size_t)(rows - row) : SOME;

        if (info->tokens)
            status = mdla_decoder_read_tokens(decoder, row, count, numbers, err);
        if (status == MDLA_OK && info->passage_numbers)
            status = mdla_decoder_read_passages(decoder, row, count, numbers, err);
    }
    free(numbers);
    return status;
}

/* Decodes to the end, hashing as it goes. */
static mdla_status hash_rows(mdla_decoder *decoder, const row_buffer *buffer, mdla_value_hash *hash,
                             uint32_t dims, uint64_t total, uint64_t *rows, mdla_error *err)
{
    mdla_status status = MDLA_OK;
    size_t got = 1;

    *rows = 0;
    while (status == MDLA_OK && got > 0) {
        status = mdla_decoder_read_rows(decoder, buffer->values, buffer->rows, &got, err);
        if (status == MDLA_OK)
            mdla_value_hash_update(hash, buffer->values, got * dims);
        *rows += got;
        if (progress_show(NULL, "test", *rows, total) != 0)
            status = MDLA_ERR_INTERRUPTED;
    }
    return status;
}

static int count_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                     const mdla_symbol_bits *bits)
{
    (void)row;
    (void)code;
    (void)bits;
    *(uint64_t *)ctx += count;
    return tool_stopped();
}

/* A cache has no rows: its codes are decoded to the end. */
static int test_cache(const char *path, mdla_decoder *decoder, const mdla_file_info *info)
{
    mdla_error err = {MDLA_OK, ""};
    char rows[NUMBER_TEXT_MAX], count[NUMBER_TEXT_MAX];
    uint64_t active = 0;
    mdla_status status =
        mdla_decoder_visit_rows(decoder, 0, MDLA_UNKNOWN, count_row, &active, &err);

    if (status == MDLA_OK && !tool_stopped())
        status = test_beside(decoder, info, &err);
    if (status == MDLA_OK && tool_stopped())
        status = MDLA_ERR_INTERRUPTED;
    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    if (tool_get_voice() != TOOL_SILENT)
        printf("%s: sound: a latent cache of %s rows, %s strengths\n", files_name(path),
               number_grouped(info->rows, rows), number_grouped(active, count));
    return TOOL_DONE;
}

static int test_decoder(const dec_options *o, const char *path, mdla_decoder *decoder)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_value_hash *hash = NULL;
    row_buffer buffer = {NULL, 0};
    mdla_file_info info;
    uint8_t sha256[32];
    char text[SHA256_TEXT_MAX], count[NUMBER_TEXT_MAX];
    uint64_t rows = 0;
    mdla_status status;

    mdla_decoder_query(decoder, &info);
    if (info.cache)
        return test_cache(path, decoder, &info);
    if (buffer_start(&buffer, info.dims) != 0)
        return TOOL_FAILED;
    status = mdla_value_hash_new(&o->common.config, &hash);
    if (status == MDLA_OK)
        status = hash_rows(decoder, &buffer, hash, info.dims, info.rows, &rows, &err);
    if (status == MDLA_OK)
        status = test_beside(decoder, &info, &err);
    mdla_value_hash_finish(hash, sha256);
    free(buffer.values);
    if (status == MDLA_OK && info.postings)
        status = mdla_decoder_check_postings(decoder, &err);
    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    mdla_decoder_query(decoder, &info); /* in a pipe the hash comes with the trailer */
    if (info.has_decoded_sha256 && memcmp(info.decoded_sha256, sha256, sizeof sha256) != 0)
        return tool_fail("%s: decodes to SHA-256 %s, which isn't the one recorded",
                         files_name(path), number_sha256(sha256, text));
    if (tool_get_voice() != TOOL_SILENT)
        printf("%s: sound: %s rows, SHA-256 %s%s\n", files_name(path), number_grouped(rows, count),
               number_sha256(sha256, text), info.has_decoded_sha256 ? " as recorded" : "");
    return TOOL_DONE;
}

static int test_all(const dec_options *o, const mdla_codebook *codebook)
{
    int result = TOOL_DONE;

    for (size_t i = 0; i < o->input_count && !tool_stopped(); i++) {
        mdla_decoder *decoder = NULL;

        if (files_decoder(&o->common.config, o->inputs[i], 0, codebook, &decoder) != 0) {
            result = TOOL_FAILED;
            continue;
        }
        if (test_decoder(o, o->inputs[i], decoder) != TOOL_DONE)
            result = TOOL_FAILED;
        mdla_decoder_close(decoder);
    }
    return result;
}

static int run(const dec_options *o)
{
    mdla_codebook *codebook = NULL;
    int result;

    if (o->codebook && files_codebook(&o->common.config, o->codebook, &codebook) != 0)
        return TOOL_FAILED;
    result = o->test ? test_all(o, codebook) : decode(o, codebook);
    mdla_codebook_free(codebook);
    return result;
}

int main(int argc, char **argv)
{
    dec_options options;
    int result;

    tool_start("mdla-dec");
    result = parse(argc, argv, &options);
    return tool_end(result < 0 ? run(&options) : result);
}
