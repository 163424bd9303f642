/* Codes as scipy.sparse.load_npz reads them: a ZIP archive of indices, indptr, format, shape and
 * data.
 *
 * Each array's header says how long it is, and all features stand before all strengths, so nothing
 * can be written before the last row is known: features, strengths and row lengths wait in
 * temporary files of 4 bytes an entry. */
#include "base/alloc.h"
#include "io_error.h"
#include "scratch.h"
#include "zip_sink.h"

#include "mdla/mdla.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_WORDS ((size_t)16384)

/* One of the arrays that wait. */
typedef struct waiting {
    mdla_sink sink;
    mdla_source source;
    uint32_t words[BUFFER_WORDS];
    size_t count;
} waiting;

struct mdla_csr_writer {
    const mdla_allocator *al;
    mdla_sink sink;
    uint32_t width;
    uint64_t rows, nonzero;
    mdla_status failed; /* the first failure sticks: the file is worth nothing then */
    waiting features, strengths, lengths;
    zip_sink zip;
    uint8_t bytes[BUFFER_WORDS * 8];
};

/* ---- Waiting --------------------------------------------------------------------------------- */

static mdla_status flush(mdla_csr_writer *w, waiting *a, mdla_error *err)
{
    errno = 0;
    if (a->count != 0 &&
        a->sink.write(a->sink.ctx, a->words, a->count * sizeof *a->words) != MDLA_OK) {
        w->failed = MDLA_ERR_IO;
        return error_io(err, NULL,
                        "write a temporary file (set TMPDIR to a folder with more room)");
    }
    a->count = 0;
    return MDLA_OK;
}

static mdla_status append(mdla_csr_writer *w, waiting *a, uint32_t word, mdla_error *err)
{
    if (a->count == BUFFER_WORDS)
        MDLA_TRY(flush(w, a, err));
    a->words[a->count++] = word;
    return MDLA_OK;
}

static void close_waiting(waiting *a)
{
    if (a->sink.close != NULL)
        (void)a->sink.close(a->sink.ctx, 0);
    if (a->source.close != NULL)
        a->source.close(a->source.ctx);
}

static mdla_status next_words(waiting *a, mdla_error *err)
{
    size_t got;

    errno = 0;
    if (a->source.read(a->source.ctx, a->words, sizeof a->words, &got) != MDLA_OK)
        return error_io(err, NULL, "read a temporary file");
    a->count = got / sizeof *a->words;
    return MDLA_OK;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void free_writer(mdla_csr_writer *w)
{
    close_waiting(&w->features);
    close_waiting(&w->strengths);
    close_waiting(&w->lengths);
    alloc_free(w->al, w);
}

mdla_status mdla_csr_writer_open(const mdla_config *config, mdla_sink sink, uint32_t width,
                                 mdla_csr_writer **out, mdla_error *err)
{
    const mdla_allocator *const al = alloc_of(config);
    mdla_csr_writer *const w = alloc_zeroed(al, 1, sizeof *w);
    mdla_status status = w != NULL ? MDLA_OK : error_memory(err, NULL);

    *out = NULL;
    if (status == MDLA_OK) {
        w->al = al;
        w->sink = sink;
        w->width = width;
        status = scratch_open(&w->features.sink, &w->features.source, err);
    }
    if (status == MDLA_OK)
        status = scratch_open(&w->strengths.sink, &w->strengths.source, err);
    if (status == MDLA_OK)
        status = scratch_open(&w->lengths.sink, &w->lengths.source, err);
    if (status != MDLA_OK) {
        (void)sink.close(sink.ctx, 0);
        if (w != NULL)
            free_writer(w);
        return status;
    }
    *out = w;
    return MDLA_OK;
}

mdla_status mdla_csr_writer_row(mdla_csr_writer *w, const uint32_t *feature, const float *strength,
                                size_t count, mdla_error *err)
{
    size_t i;

    for (i = 0; i < count; i++) {
        uint32_t bits;

        if (feature[i] >= w->width || (i != 0 && feature[i] <= feature[i - 1])) {
            w->failed = MDLA_ERR_ARGUMENT;
            return error_set(err, w->failed,
                             "row %" PRIu64 ": features are out of order or out of range", w->rows);
        }
        memcpy(&bits, &strength[i], sizeof bits);
        MDLA_TRY(append(w, &w->features, feature[i], err));
        MDLA_TRY(append(w, &w->strengths, bits, err));
    }
    MDLA_TRY(append(w, &w->lengths, (uint32_t)count, err));
    w->rows++;
    w->nonzero += count;
    return MDLA_OK;
}

/* ---- The archive ----------------------------------------------------------------------------- */

/* The header of a .npy array of one axis (count MDLA_UNKNOWN: none), in a member of its own. */
static mdla_status begin_array(mdla_csr_writer *w, const char *name, const char *descr,
                               uint64_t count, mdla_error *err)
{
    char header[192], shape[32] = "()";
    size_t used, total;

    if (count != MDLA_UNKNOWN)
        (void)snprintf(shape, sizeof shape, "(%" PRIu64 ",)", count);
    used = 10 + (size_t)snprintf(header + 10, sizeof header - 10,
                                 "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
                                 shape);
    total = (used + 1 + 63) / 64 * 64;
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(total - 10);
    header[9] = 0;
    memset(header + used, ' ', total - used - 1);
    header[total - 1] = '\n';
    MDLA_TRY(zip_sink_member_begin(&w->zip, name, err));
    return zip_sink_write(&w->zip, header, total, err);
}

static size_t put_little(uint8_t *at, uint64_t value, size_t nbytes)
{
    size_t i;

    for (i = 0; i < nbytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
    return nbytes;
}

/* What waits, each word as nbytes bytes. sums: the words' running sums in their place. */
static mdla_status write_words(mdla_csr_writer *w, waiting *a, size_t nbytes, bool sums,
                               mdla_error *err)
{
    uint64_t sum = 0;

    do {
        size_t used = 0, i;

        MDLA_TRY(next_words(a, err));
        for (i = 0; i < a->count; i++) {
            sum += a->words[i];
            used += put_little(w->bytes + used, sums ? sum : a->words[i], nbytes);
        }
        MDLA_TRY(zip_sink_write(&w->zip, w->bytes, used, err));
    } while (a->count != 0);
    return MDLA_OK;
}

static mdla_status write_archive(mdla_csr_writer *w, mdla_error *err)
{
    const bool wide = w->nonzero > INT32_MAX || w->rows > INT32_MAX;
    const char *const descr = wide ? "<i8" : "<i4";
    const size_t nbytes = wide ? 8 : 4;
    uint8_t start[16] = {0};

    zip_sink_start(&w->zip, &w->sink);
    MDLA_TRY(begin_array(w, "indices.npy", descr, w->nonzero, err));
    MDLA_TRY(write_words(w, &w->features, nbytes, false, err));
    MDLA_TRY(begin_array(w, "indptr.npy", descr, w->rows + 1, err));
    MDLA_TRY(zip_sink_write(&w->zip, start, nbytes, err));
    MDLA_TRY(write_words(w, &w->lengths, nbytes, true, err));
    MDLA_TRY(begin_array(w, "format.npy", "|S3", MDLA_UNKNOWN, err));
    MDLA_TRY(zip_sink_write(&w->zip, "csr", 3, err));
    MDLA_TRY(begin_array(w, "shape.npy", "<i8", 2, err));
    (void)put_little(start, w->rows, 8);
    (void)put_little(start + 8, w->width, 8);
    MDLA_TRY(zip_sink_write(&w->zip, start, sizeof start, err));
    MDLA_TRY(begin_array(w, "data.npy", "<f4", w->nonzero, err));
    MDLA_TRY(write_words(w, &w->strengths, 4, false, err));
    return zip_sink_finish(&w->zip, err);
}

mdla_status mdla_csr_writer_close(mdla_csr_writer *w, int keep, mdla_error *err)
{
    mdla_status status = MDLA_OK, closed;

    if (w == NULL)
        return MDLA_OK;
    if (keep && w->failed != MDLA_OK)
        status = error_set(err, w->failed, "the codes were not written whole");
    if (keep && status == MDLA_OK)
        status = flush(w, &w->features, err);
    if (keep && status == MDLA_OK)
        status = flush(w, &w->strengths, err);
    if (keep && status == MDLA_OK)
        status = flush(w, &w->lengths, err);
    if (keep && status == MDLA_OK)
        status = write_archive(w, err);
    errno = 0;
    closed = w->sink.close(w->sink.ctx, keep && status == MDLA_OK);
    if (keep && status == MDLA_OK && closed != MDLA_OK)
        status = closed == MDLA_ERR_IO
                     ? error_io(err, NULL, "finish the codes")
                     : error_set(err, closed, "the codes: %s", mdla_status_text(closed));
    free_writer(w);
    return status;
}
