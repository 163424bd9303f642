/* Codes row by row into one of the layouts that other tools read. */
#include "codes/codes_out.h"

#include "base/alloc.h"
#include "codes/delphi_note.h"
#include "container/hook.h"
#include "io_error.h"
#include "scratch.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* delphi keeps entries above this alone. */
#define DELPHI_LEAST 1e-5f
#define DELPHI_SPLITS 5
/* The most that a note is believed: each is a file, and takes passes over all codes. */
#define DELPHI_NOTED_SPLITS 1024
/* From here on a float32 rounds to an infinite float16. */
#define F16_END 65520.0f
/* Below it a float32 rounds to a float16 of 0. */
#define F16_LEAST 0x1p-25f

typedef struct codes_pair {
    uint32_t feature;
    float strength;
} codes_pair;

static mdla_status check_options(const mdla_codes_options *o, bool folder, uint32_t max_width,
                                 mdla_error *err)
{
    const bool delphi = o->kind == MDLA_CODES_DELPHI;

    if ((unsigned)o->kind > MDLA_CODES_DELPHI || o->width == 0 || o->width > max_width ||
        delphi != folder)
        return error_set(err, MDLA_ERR_ARGUMENT, "codes: no such layout, or no width");
    if (o->strengths != MDLA_F32 && o->strengths != MDLA_F16 && o->strengths != MDLA_I32)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "codes: strengths are written as f32, f16 or levels (i32)");
    if (delphi && (o->strengths != MDLA_F16 || o->context == 0 || o->splits > o->width))
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "codes: the delphi layout has float16 strengths, and needs a context and "
                         "at most %" PRIu32 " splits",
                         o->width);
    return MDLA_OK;
}

static void free_writer(mdla_codes_writer *w)
{
    int i;

    for (i = 0; i < CODES_STREAMS; i++) {
        if (w->stream[i].source.close != NULL)
            w->stream[i].source.close(w->stream[i].source.ctx);
    }
    if (w->folder.close != NULL)
        w->folder.close(w->folder.ctx);
    alloc_free(w->al, w->model);
    alloc_free(w->al, w->hook);
    alloc_free(w->al, w->note);
    alloc_free(w->al, w->pairs);
    alloc_free(w->al, w);
}

static mdla_status copy_texts(mdla_codes_writer *w, const mdla_codes_options *o, mdla_error *err)
{
    MDLA_TRY(hook_check(o->hook, err));
    if (o->model != NULL && (w->model = alloc_text(w->al, o->model)) == NULL)
        return error_memory(err, NULL);
    if (o->hook != NULL && (w->hook = alloc_text(w->al, o->hook)) == NULL)
        return error_memory(err, NULL);
    if (o->note != NULL && (w->note = alloc_text(w->al, o->note)) == NULL)
        return error_memory(err, NULL);
    return MDLA_OK;
}

/* As many as the note says, or as delphi makes. */
static uint32_t default_splits(const mdla_codes_options *o)
{
    const uint64_t said = delphi_note_number(o->note, "n_splits"),
                   splits = said != 0 && said <= DELPHI_NOTED_SPLITS ? said : DELPHI_SPLITS;

    return splits < o->width ? (uint32_t)splits : o->width;
}

/* sink or folder, whichever isn't NULL, is the writer's from here on. */
static mdla_status open_writer(const mdla_config *config, const mdla_sink *sink,
                               const mdla_folder *folder, const mdla_codes_options *options,
                               mdla_codes_writer **out, mdla_error *err)
{
    const mdla_allocator *const al = alloc_of(config);
    mdla_codes_writer *const w = alloc_zeroed(al, 1, sizeof *w);
    mdla_status status = w == NULL ? error_memory(err, NULL) : MDLA_OK;
    mdla_config defaults;
    int i;

    mdla_config_init(&defaults);
    if (status == MDLA_OK) {
        w->al = al;
        w->options = *options;
        if (options->splits == 0)
            w->options.splits = default_splits(options);
        if (folder != NULL)
            w->folder = *folder;
        status = check_options(options, folder != NULL,
                               (config != NULL ? config : &defaults)->limits.max_width, err);
    }
    if (status == MDLA_OK)
        status = copy_texts(w, options, err);
    for (i = 0; i < CODES_STREAMS && status == MDLA_OK; i++)
        status = scratch_file(&w->stream[i].sink, &w->stream[i].source, err);
    if (status != MDLA_OK) {
        if (sink != NULL)
            (void)sink->close(sink->ctx, 0);
        if (w != NULL)
            free_writer(w);
        else if (folder != NULL && folder->close != NULL)
            folder->close(folder->ctx);
        return status;
    }
    if (sink != NULL)
        w->sink = *sink;
    *out = w;
    return MDLA_OK;
}

mdla_status mdla_codes_writer_open(const mdla_config *config, mdla_sink sink,
                                   const mdla_codes_options *options, mdla_codes_writer **out,
                                   mdla_error *err)
{
    *out = NULL;
    return open_writer(config, &sink, NULL, options, out, err);
}

mdla_status mdla_codes_writer_open_folder(const mdla_config *config, mdla_folder folder,
                                          const mdla_codes_options *options,
                                          mdla_codes_writer **out, mdla_error *err)
{
    *out = NULL;
    return open_writer(config, NULL, &folder, options, out, err);
}

/* ---- A row ------------------------------------------------------------------------------------
 */

static int by_feature(const void *a, const void *b)
{
    const uint32_t x = ((const codes_pair *)a)->feature, y = ((const codes_pair *)b)->feature;

    return (x > y) - (x < y);
}

static mdla_status check_pair(const mdla_codes_writer *w, const codes_pair *p, mdla_error *err)
{
    if (p->feature >= w->options.width)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "codes: row %" PRIu64 ": feature %" PRIu32 " of a width of %" PRIu32,
                         w->rows, p->feature, w->options.width);
    if (!isfinite(p->strength))
        return error_set(err, MDLA_ERR_DATA,
                         "codes: row %" PRIu64 ", feature %" PRIu32 ": the strength isn't finite",
                         w->rows, p->feature);
    if (w->options.strengths == MDLA_F16 && fabsf(p->strength) >= F16_END)
        return error_set(err, MDLA_ERR_DATA,
                         "codes: row %" PRIu64 ", feature %" PRIu32
                         ": strength %g is above 65504, float16's largest; write float32",
                         w->rows, p->feature, (double)p->strength);
    if (w->options.strengths == MDLA_I32 &&
        (fabsf(p->strength) >= 0x1p31f || p->strength != truncf(p->strength)))
        return error_set(err, MDLA_ERR_DATA,
                         "codes: row %" PRIu64 ", feature %" PRIu32 ": %g is no level", w->rows,
                         p->feature, (double)p->strength);
    return MDLA_OK;
}

/* No zeros are written, and what becomes one isn't either. */
static bool is_written(const mdla_codes_writer *w, float strength)
{
    const float size = fabsf(strength);

    if (w->options.kind == MDLA_CODES_DELPHI)
        return size > DELPHI_LEAST;
    return w->options.strengths == MDLA_F16 ? size > F16_LEAST : size != 0.0f;
}

/* Sorts the row's code into w->pairs; *kept of it are written. */
static mdla_status take_row(mdla_codes_writer *w, const uint32_t *features, const float *strengths,
                            size_t count, size_t *kept, mdla_error *err)
{
    size_t i;

    *kept = 0;
    if (count > w->pair_room) {
        codes_pair *const grown = alloc_grown(w->al, w->pairs, 0, count + count / 2, sizeof *grown);

        if (grown == NULL)
            return error_memory(err, NULL);
        w->pairs = grown;
        w->pair_room = count + count / 2;
    }
    for (i = 0; i < count; i++) {
        const codes_pair p = {features[i], strengths[i]};

        MDLA_TRY(check_pair(w, &p, err));
        if (is_written(w, p.strength))
            w->pairs[(*kept)++] = p;
    }
    if (*kept != 0)
        qsort(w->pairs, *kept, sizeof *w->pairs, by_feature);
    for (i = 1; i < *kept; i++) {
        if (w->pairs[i - 1].feature == w->pairs[i].feature)
            return error_set(err, MDLA_ERR_ARGUMENT,
                             "codes: row %" PRIu64 ": feature %" PRIu32 " stands twice", w->rows,
                             w->pairs[i].feature);
    }
    return MDLA_OK;
}

static uint32_t word_of(const mdla_codes_writer *w, float strength)
{
    uint32_t word;

    if (w->options.strengths == MDLA_I32)
        return (uint32_t)(int32_t)strength;
    memcpy(&word, &strength, sizeof word);
    return word;
}

static mdla_status put_row(mdla_codes_writer *w, size_t kept)
{
    size_t i;

    MDLA_TRY(codes_stream_put(&w->stream[CODES_COUNTS], (uint32_t)kept));
    for (i = 0; i < kept; i++) {
        MDLA_TRY(codes_stream_put(&w->stream[CODES_FEATURES], w->pairs[i].feature));
        MDLA_TRY(codes_stream_put(&w->stream[CODES_STRENGTHS], word_of(w, w->pairs[i].strength)));
    }
    return MDLA_OK;
}

mdla_status mdla_codes_writer_row(mdla_codes_writer *w, const uint32_t *features,
                                  const float *strengths, size_t count, mdla_error *err)
{
    size_t kept;

    if (w->failed != MDLA_OK)
        return error_set(err, w->failed, "codes: an earlier row couldn't be written");
    MDLA_TRY(take_row(w, features, strengths, count, &kept, err));
    errno = 0;
    w->failed = put_row(w, kept);
    if (w->failed != MDLA_OK)
        return error_io(err, "codes", "write a temporary file (TMPDIR names another folder)");
    w->rows++;
    w->active += kept;
    return MDLA_OK;
}

mdla_status mdla_codes_writer_tokens(mdla_codes_writer *w, const int64_t *ids, size_t count,
                                     mdla_error *err)
{
    codes_stream *const tokens = &w->stream[CODES_TOKENS];
    size_t i;

    if (w->options.kind != MDLA_CODES_DELPHI)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "codes: the delphi layout alone has a place for token ids");
    errno = 0;
    for (i = 0; i < count && w->failed == MDLA_OK; i++) {
        w->failed = codes_stream_put(tokens, (uint32_t)((uint64_t)ids[i] & UINT32_MAX));
        if (w->failed == MDLA_OK)
            w->failed = codes_stream_put(tokens, (uint32_t)((uint64_t)ids[i] >> 32));
    }
    w->token_count += count;
    return w->failed == MDLA_OK
               ? MDLA_OK
               : error_io(err, "codes", "write a temporary file (TMPDIR names another folder)");
}

/* ---- The end ----------------------------------------------------------------------------------
 */

static mdla_status finish(mdla_codes_writer *w, mdla_error *err)
{
    mdla_status status;

    if (w->failed != MDLA_OK)
        return error_set(err, w->failed, "codes: not all rows could be written");
    if (w->token_count != 0 && w->token_count != w->rows)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "codes: %" PRIu64 " token ids for %" PRIu64 " rows", w->token_count,
                         w->rows);
    if (w->options.kind == MDLA_CODES_DELPHI)
        return codes_delphi_write(w, err);
    errno = 0;
    status = w->options.kind == MDLA_CODES_CSR ? codes_csr_write(w) : codes_coo_write(w);
    if (status == MDLA_ERR_IO)
        return error_io(err, NULL, "write the codes");
    return status == MDLA_OK ? MDLA_OK
                             : error_set(err, status, "codes: %s", mdla_status_text(status));
}

mdla_status mdla_codes_writer_close(mdla_codes_writer *w, int keep, mdla_error *err)
{
    mdla_status status = MDLA_OK, closed = MDLA_OK;

    if (w == NULL)
        return MDLA_OK;
    if (keep)
        status = finish(w, err);
    errno = 0;
    if (w->sink.close != NULL)
        closed = w->sink.close(w->sink.ctx, keep && status == MDLA_OK);
    if (status == MDLA_OK && closed != MDLA_OK)
        status = closed == MDLA_ERR_IO
                     ? error_io(err, NULL, "finish the codes")
                     : error_set(err, closed, "codes: %s", mdla_status_text(closed));
    free_writer(w);
    return status;
}
