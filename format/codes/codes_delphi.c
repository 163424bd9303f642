/* The folder of a delphi latent cache: START_END.safetensors for each range of features (END is
 * inside), with locations [active, 3] of sequence, position and feature - START, and activations
 * F16, and tokens I64 [sequences, context] where there are ids; and config.json.
 * Row = sequence x context + position. */
#include "codes/codes_out.h"

#include "arrays/safetensors_header.h"
#include "base/alloc.h"
#include "codes/delphi_note.h"
#include "container/hook.h"
#include "io_error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The features of a split: start .. end - 1. */
typedef struct split {
    uint32_t start, end;
    uint64_t active;
} split;

/* As numpy.linspace(0, width, splits + 1) has it, truncated. */
static uint32_t edge_of(const mdla_codes_options *o, uint32_t i)
{
    return i == o->splits ? o->width : (uint32_t)((double)i * ((double)o->width / o->splits));
}

static mdla_status count_active(mdla_codes_writer *w, split *s)
{
    codes_stream *const features = &w->stream[CODES_FEATURES];
    uint64_t i;
    uint32_t feature;

    s->active = 0;
    MDLA_TRY(codes_stream_rewind(features));
    for (i = 0; i < w->active; i++) {
        MDLA_TRY(codes_stream_get(features, &feature));
        s->active += feature >= s->start && feature < s->end;
    }
    return MDLA_OK;
}

static mdla_status write_locations(mdla_codes_writer *w, const split *s, codes_bytes *b,
                                   unsigned nbytes)
{
    codes_walk walk;
    bool more;
    uint32_t feature = 0;

    MDLA_TRY(codes_walk_start(&walk, w, false));
    for (;;) {
        MDLA_TRY(codes_walk_next(&walk, &more, &feature, NULL));
        if (!more)
            return b->status;
        if (feature < s->start || feature >= s->end)
            continue;
        codes_bytes_put(b, walk.row / w->options.context, nbytes);
        codes_bytes_put(b, walk.row % w->options.context, nbytes);
        codes_bytes_put(b, feature - s->start, nbytes);
    }
}

static mdla_status write_activations(mdla_codes_writer *w, const split *s, codes_bytes *b)
{
    codes_walk walk;
    bool more;
    uint32_t feature = 0, word = 0;

    MDLA_TRY(codes_walk_start(&walk, w, true));
    for (;;) {
        MDLA_TRY(codes_walk_next(&walk, &more, &feature, &word));
        if (!more)
            return b->status;
        if (feature >= s->start && feature < s->end)
            codes_put_strength(w, b, word);
    }
}

static uint64_t sequences_of(const mdla_codes_writer *w)
{
    return w->rows / w->options.context + (w->rows % w->options.context != 0);
}

/* Of whole sequences: past the last row, 0. */
static mdla_status write_tokens(mdla_codes_writer *w, codes_bytes *b)
{
    codes_stream *const tokens = &w->stream[CODES_TOKENS];
    const uint64_t values = sequences_of(w) * w->options.context;
    uint32_t low = 0, high = 0;
    uint64_t i;

    MDLA_TRY(codes_stream_rewind(tokens));
    for (i = 0; i < values; i++) {
        if (i < w->rows) {
            MDLA_TRY(codes_stream_get(tokens, &low));
            MDLA_TRY(codes_stream_get(tokens, &high));
        } else {
            low = high = 0;
        }
        codes_bytes_put(b, low, 4);
        codes_bytes_put(b, high, 4);
    }
    return b->status;
}

/* 16 bits where every column fits. */
static bool fits_16_bits(const mdla_codes_writer *w, const split *s)
{
    return sequences_of(w) <= UINT16_MAX && w->options.context <= UINT16_MAX &&
           s->end - s->start <= UINT16_MAX;
}

static mdla_status write_split(mdla_codes_writer *w, split *s, codes_bytes *b)
{
    const tensor_entry tokens = {"tokens", MDLA_I64, 2, {sequences_of(w), w->options.context}};
    tensor_entry locations = {"locations", MDLA_U32, 2, {0, 3}},
                 activations = {"activations", MDLA_F16, 1, {0, 0}};
    uint8_t header[SAFETENSORS_HEADER_ROOM];
    tensor_entry entries[3];
    size_t count = 0, nbytes, i;
    bool narrow;

    MDLA_TRY(count_active(w, s));
    locations.shape[0] = activations.shape[0] = s->active;
    narrow = fits_16_bits(w, s);
    if (narrow)
        locations.dtype = MDLA_U16;
    if (w->token_count != 0) /* I64, U32, F16, U16: the reference writer's order */
        entries[count++] = tokens;
    entries[count++] = narrow ? activations : locations;
    entries[count++] = narrow ? locations : activations;
    nbytes = safetensors_header_write(entries, count, NULL, header);
    if (nbytes == 0)
        return MDLA_ERR_LIMIT;
    for (i = 0; i < nbytes; i++)
        codes_bytes_put(b, header[i], 1);
    if (w->token_count != 0)
        MDLA_TRY(write_tokens(w, b));
    if (!narrow)
        MDLA_TRY(write_locations(w, s, b, 4));
    MDLA_TRY(write_activations(w, s, b));
    if (narrow)
        MDLA_TRY(write_locations(w, s, b, 2));
    return codes_bytes_flush(b);
}

/* JSON text of a name: quotes, backslashes and control characters are left out. */
static void plain_text(const char *text, char *out, size_t room)
{
    size_t used = 0;

    for (; text != NULL && *text != '\0' && used + 1 < room; text++) {
        if ((unsigned char)*text >= 0x20 && *text != '"' && *text != '\\')
            out[used++] = *text;
    }
    out[used] = '\0';
}

typedef struct config_text {
    char text[4096];
    size_t used;
} config_text;

/* A line: the note's value, else this one. */
static void add_line(config_text *c, const char *note, const char *key, const char *value)
{
    char noted[DELPHI_VALUE_ROOM];

    c->used += (size_t)snprintf(c->text + c->used, sizeof c->text - c->used, "%s    \"%s\": %s",
                                c->used == 0 ? "{\n" : ",\n", key,
                                delphi_note_value(note, key, noted) ? noted : value);
}

static void add_number(config_text *c, const char *key, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    add_line(c, NULL, key, text);
}

/* n_tokens as it was, where it makes these rows. */
static uint64_t tokens_of(const mdla_codes_writer *w)
{
    const uint64_t said = delphi_note_number(w->note, "n_tokens"),
                   batch = delphi_note_number(w->note, "batch_size");

    return delphi_rows(said, batch, w->options.context) == w->rows && said != 0 ? said : w->rows;
}

static mdla_status write_config(mdla_codes_writer *w, codes_bytes *b)
{
    static const char *const names[] = {"dataset_repo", "dataset_split", "dataset_name",
                                        "dataset_column"};
    char model[256], quoted[260], hook[HOOK_JSON_ROOM + 1] = "null";
    config_text c = {.used = 0};
    size_t i;

    if (w->hook != NULL)
        hook[hook_put_json(w->hook, hook)] = '\0';
    plain_text(w->model, model, sizeof model);
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", model);
    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        add_line(&c, w->note, names[i], "\"\"");
    add_line(&c, w->note, "batch_size", "1");
    add_number(&c, "cache_ctx_len", w->options.context);
    add_number(&c, "n_tokens", tokens_of(w));
    add_number(&c, "n_splits", w->options.splits);
    add_line(&c, w->note, "model_name", quoted);
    add_line(&c, NULL, "hookpoint", hook);
    add_number(&c, "rows", w->rows);
    add_number(&c, "width", w->options.width);
    for (i = 0; i < c.used; i++)
        codes_bytes_put(b, (uint8_t)c.text[i], 1);
    for (i = 0; i < 3; i++)
        codes_bytes_put(b, (uint8_t) "\n}\n"[i], 1);
    return codes_bytes_flush(b);
}

/* One member of the folder: the config where s is NULL. */
static mdla_status write_member(mdla_codes_writer *w, const char *name, split *s, codes_bytes *b,
                                mdla_error *err)
{
    mdla_status status, closed;
    mdla_sink sink;

    MDLA_TRY(w->folder.create(w->folder.ctx, name, &sink, err));
    codes_bytes_start(b, sink.write, sink.ctx);
    errno = 0;
    status = s != NULL ? write_split(w, s, b) : write_config(w, b);
    closed = sink.close(sink.ctx, status == MDLA_OK);
    if (status == MDLA_OK)
        status = closed;
    if (status == MDLA_ERR_IO)
        return error_io(err, name, "write");
    return status == MDLA_OK ? MDLA_OK
                             : error_set(err, status, "%s: %s", name, mdla_status_text(status));
}

mdla_status codes_delphi_write(mdla_codes_writer *w, mdla_error *err)
{
    codes_bytes *const b = alloc_array(w->al, 1, sizeof *b);
    mdla_status status = b == NULL ? error_memory(err, NULL) : MDLA_OK;
    char name[64];
    uint32_t i;

    for (i = 0; i < w->options.splits && status == MDLA_OK; i++) {
        split s = {edge_of(&w->options, i), edge_of(&w->options, i + 1), 0};

        (void)snprintf(name, sizeof name, "%" PRIu32 "_%" PRIu32 ".safetensors", s.start,
                       s.end - 1);
        status = write_member(w, name, &s, b, err);
    }
    if (status == MDLA_OK)
        status = write_member(w, "config.json", NULL, b, err);
    alloc_free(w->al, b);
    return status;
}
