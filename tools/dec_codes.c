/* mdla-dec --codes: the codes as CSV, or in a layout that other tools read. */
#include "dec.h"

#include "common/files.h"
#include "common/output_folder.h"
#include "common/progress.h"
#include "common/text_sink.h"
#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

enum { CONTEXT_DEFAULT = 256 }; /* delphi's own */

/* ---- CSV ---------------------------------------------------------------------------------------
 */

typedef struct csv_output {
    text_sink text;
    uint64_t rows; /* of the file */
} csv_output;

static int put_lines(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                     const mdla_symbol_bits *bits)
{
    csv_output *out = ctx;

    (void)bits;
    for (size_t i = 0; i < count; i++)
        text_sink_format(&out->text, "%llu,%u,%d,%.9g\n", (unsigned long long)row, code[i].feature,
                         code[i].level, code[i].strength);
    return out->text.status != MDLA_OK || progress_show(NULL, "codes", row + 1, out->rows) != 0;
}

static int write_csv(const dec_options *o, mdla_decoder *decoder, uint64_t rows, uint64_t end)
{
    mdla_error err = {MDLA_OK, ""};
    csv_output out = {.rows = rows};
    mdla_sink sink;
    mdla_status status;

    if (files_sink(o->common.output, o->common.force, 0, &sink) != 0)
        return TOOL_FAILED;
    text_sink_start(&out.text, sink);
    text_sink_format(&out.text, "row,feature,level,strength\n");
    status = mdla_decoder_visit_rows(decoder, o->first, end - o->first, put_lines, &out, &err);
    if (out.text.status != MDLA_OK)
        status = MDLA_OK; /* the sink failed first, and says so below */
    if (text_sink_close(&out.text, status == MDLA_OK && !tool_stopped()) != MDLA_OK)
        return tool_fail_status(MDLA_ERR_IO, NULL);
    return status == MDLA_OK && !tool_stopped() ? TOOL_DONE : tool_fail_status(status, &err);
}

/* ---- Layouts -----------------------------------------------------------------------------------
 */

typedef struct layout_output {
    mdla_codes_writer *writer;
    int levels;
    uint64_t rows; /* of the file */
    uint32_t *features;
    float *strengths; /* [room], as features */
    size_t room;
    mdla_status status;
    mdla_error err;
} layout_output;

static int make_room(layout_output *out, size_t count)
{
    if (count <= out->room)
        return 0;
    free(out->features);
    free(out->strengths);
    out->room = count + count / 2;
    out->features = malloc(out->room * sizeof *out->features);
    out->strengths = malloc(out->room * sizeof *out->strengths);
    return out->features && out->strengths ? 0 : -1;
}

static int put_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                   const mdla_symbol_bits *bits)
{
    layout_output *out = ctx;

    (void)bits;
    if (make_room(out, count) != 0) {
        out->room = 0;
        out->status = MDLA_ERR_MEMORY;
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        out->features[i] = code[i].feature;
        out->strengths[i] = out->levels ? copysignf((float)code[i].level, (float)code[i].strength)
                                        : (float)code[i].strength;
    }
    out->status =
        mdla_codes_writer_row(out->writer, out->features, out->strengths, count, &out->err);
    return out->status != MDLA_OK || progress_show(NULL, "codes", row + 1, out->rows) != 0;
}

static int open_layout(const dec_options *o, const mdla_file_info *info, output_folder *folder,
                       mdla_codes_writer **out)
{
    const uint32_t width = info->width;
    mdla_error err = {MDLA_OK, ""};
    mdla_codes_options options = {.kind = MDLA_CODES_CSR,
                                  .width = width,
                                  .model = "mdla",
                                  .hook = info->hook,
                                  .note = info->note};
    mdla_folder members;
    mdla_sink sink;
    mdla_status status;

    options.strengths = o->strengths_given                       ? o->strengths
                        : info->cache && info->dtype == MDLA_F16 ? MDLA_F16
                                                                 : MDLA_F32;
    if (o->format == DEC_DELPHI) {
        options.kind = MDLA_CODES_DELPHI;
        options.strengths = MDLA_F16;
        options.context = o->context ? o->context : info->context ? info->context : CONTEXT_DEFAULT;
        options.splits = o->splits < width ? o->splits : width; /* 0: as the note says */
        if (output_folder_open(o->common.output, o->common.force, folder, &members) != 0)
            return -1;
        status = mdla_codes_writer_open_folder(&o->common.config, members, &options, out, &err);
    } else {
        if (o->format == DEC_COO)
            options.kind = MDLA_CODES_COO;
        if (files_sink(o->common.output, o->common.force, 1, &sink) != 0)
            return -1;
        status = mdla_codes_writer_open(&o->common.config, sink, &options, out, &err);
    }
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

/* Token ids of rows first .. end - 1, for the layout that has a place for them. */
static mdla_status put_tokens(mdla_decoder *decoder, uint64_t first, uint64_t end,
                              mdla_codes_writer *writer, mdla_error *err)
{
    enum { SOME = 1 << 16 };
    int64_t *ids = malloc(SOME * sizeof *ids);
    mdla_status status = ids ? MDLA_OK : MDLA_ERR_MEMORY;

    for (; status == MDLA_OK && first < end; first += SOME) {
        const size_t count = end - first < SOME ? (size_t)(end - first) : SOME;

        status = mdla_decoder_read_tokens(decoder, first, count, ids, err);
        if (status == MDLA_OK)
            status = mdla_codes_writer_tokens(writer, ids, count, err);
    }
    free(ids);
    return status;
}

static int write_layout(const dec_options *o, mdla_decoder *decoder, const mdla_file_info *info,
                        uint64_t end)
{
    layout_output out = {.levels = o->strengths_given && o->strengths == MDLA_I32,
                         .rows = info->rows};
    output_folder folder = {0};
    mdla_error err = {MDLA_OK, ""}, closing = {MDLA_OK, ""};
    mdla_status status, closed;
    int result = TOOL_DONE;

    if (open_layout(o, info, &folder, &out.writer) != 0) {
        output_folder_close(&folder, 0);
        return TOOL_FAILED;
    }
    status = mdla_decoder_visit_rows(decoder, o->first, end - o->first, put_row, &out, &err);
    if (out.status != MDLA_OK) {
        status = out.status;
        err = out.err;
    }
    if (status == MDLA_OK && o->format == DEC_DELPHI && info->tokens)
        status = put_tokens(decoder, o->first, end, out.writer, &err);
    if (status == MDLA_OK && tool_stopped())
        status = MDLA_ERR_INTERRUPTED;
    closed = mdla_codes_writer_close(out.writer, status == MDLA_OK, &closing);
    free(out.features);
    free(out.strengths);
    if (status != MDLA_OK)
        result = tool_fail_status(status, &err);
    else if (closed != MDLA_OK)
        result = tool_fail_status(closed, &closing);
    if (output_folder_close(&folder, result == TOOL_DONE) != 0)
        result = TOOL_FAILED;
    return result;
}

int dec_codes(const dec_options *o, mdla_decoder *decoder)
{
    mdla_file_info info;
    uint64_t end;

    mdla_decoder_query(decoder, &info);
    if (info.cache && info.step == 0 && o->strengths_given && o->strengths == MDLA_I32)
        return tool_fail("%s: a latent cache whose strengths are exact: it has no levels; give "
                         "--strengths f32 or f16",
                         files_name(o->inputs[0]));
    if (dec_clip_rows(o, &info, &end) != TOOL_DONE)
        return TOOL_FAILED;
    return o->format == DEC_CSV ? write_csv(o, decoder, info.rows, end)
                                : write_layout(o, decoder, &info, end);
}
