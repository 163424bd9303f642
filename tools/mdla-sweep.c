/* mdla-sweep: which explanation of the rows is shortest, and for how many of them. */
#include "sweep/sweep.h"

#include "common/files.h"
#include "common/numbers.h"
#include "common/progress.h"
#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TILE_ROWS = 1024 };

/* ---- The rows ---------------------------------------------------------------------------------
 */

/* FNV-1a. */
static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3;
    return hash;
}

/* What the rows are called in keys: the first 64 bits of their values' SHA-256, changed by their
 * passages. Counts them too. */
static int identify(const char *name, mdla_rows *rows, char id[17], uint64_t *count)
{
    const uint32_t dims = mdla_rows_dims(rows);
    float *tile = malloc((size_t)TILE_ROWS * dims * sizeof *tile);
    uint8_t starts[TILE_ROWS];
    mdla_error err = {MDLA_OK, ""};
    mdla_value_hash *hash = NULL;
    mdla_status status = tile ? mdla_value_hash_new(NULL, &hash) : MDLA_ERR_MEMORY;
    uint64_t passages = 0xcbf29ce484222325, start = 0;
    uint8_t sha256[32] = {0};
    size_t got = 1;
    int finite = 1;

    *count = 0;
    while (status == MDLA_OK && finite && got > 0) {
        status = mdla_rows_read_passages(rows, tile, starts, TILE_ROWS, &got, &err);
        finite = status != MDLA_OK || number_check_finite(name, tile, got, dims, *count) == 0;
        if (status == MDLA_OK) {
            mdla_value_hash_update(hash, tile, got * dims);
            passages = hash_bytes(passages, starts, got);
            *count += got;
        }
        if (progress_show(NULL, "read", *count, mdla_rows_count(rows)) != 0)
            status = MDLA_ERR_INTERRUPTED;
    }
    mdla_value_hash_finish(hash, sha256);
    free(tile);
    if (status != MDLA_OK) {
        tool_fail_about(name, status, &err);
        return -1;
    }
    if (!finite)
        return -1;
    for (int i = 0; i < 8; i++)
        start = start << 8 | sha256[i];
    snprintf(id, 17, "%016" PRIx64, mdla_rows_has_passages(rows) ? start ^ passages : start);
    return 0;
}

static int open_rows(const sweep_options *o, char *name, const char *docs, mdla_rows **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_rows *numbers;
    mdla_status status;

    if (files_rows(&o->common.config, &name, 1, &o->array, 1, out) != 0)
        return -1;
    if (!docs)
        return 0;
    if (files_numbers(&o->common.config, docs, &numbers) != 0)
        return -1;
    status = mdla_rows_set_passages(*out, numbers, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

/* A codeword for each train row says nothing of others: such an explanation is of these alone. */
static void name_memory(explanation *e, uint64_t train_rows)
{
    if (e->basis != MDLA_BASIS_ONEHOT || e->codewords < train_rows)
        return;
    e->codewords = (uint32_t)train_rows;
    e->on_train = 1;
    snprintf(e->name, sizeof e->name, "onehot-%" PRIu64 "-train", train_rows);
}

static int open_data(sweep *s)
{
    sweep_options *o = s->options;

    if (open_rows(o, o->data, o->docs, &s->train) != 0 ||
        identify(o->data, s->train, s->train_id, &s->train_rows) != 0)
        return -1;
    s->dims = mdla_rows_dims(s->train);
    s->test = s->train;
    s->test_rows = s->train_rows;
    memcpy(s->test_id, s->train_id, sizeof s->test_id);
    if (o->test && (open_rows(o, o->test, o->test_docs, &s->test) != 0 ||
                    identify(o->test, s->test, s->test_id, &s->test_rows) != 0))
        return -1;
    if (mdla_rows_dims(s->test) != s->dims) {
        tool_fail("%s: has rows of %u values, %s of %u", o->test, mdla_rows_dims(s->test), o->data,
                  s->dims);
        return -1;
    }
    if (s->train_rows == 0 || s->test_rows == 0) {
        tool_fail("%s: has no rows", s->train_rows == 0 ? o->data : o->test);
        return -1;
    }
    for (size_t i = 0; i < o->rows_count; i++)
        if (o->rows[i] == 0)
            o->rows[i] = s->train_rows;
    for (size_t i = 0; i < o->explanation_count; i++)
        name_memory(&o->explanations[i], s->train_rows);
    return 0;
}

/* ---- The measurements -------------------------------------------------------------------------
 */

/* All that decides a result. Returns 0, or -1: reported. */
static int make_key(const sweep *s, const explanation *e, const char *sae_id, double fvu,
                    uint64_t rows, char key[SWEEP_KEY_MAX])
{
    const int length =
        snprintf(key, SWEEP_KEY_MAX,
                 "%s format=%d.%d %s sae=%s fvu=%.17g n=%" PRIu64 " effort=%d train=%s test=%s",
                 MDLA_VERSION, MDLA_FORMAT_MAJOR, MDLA_FORMAT_MINOR, e->name, sae_id, fvu, rows,
                 s->options->effort, s->train_id, s->test_id);

    if (length < SWEEP_KEY_MAX)
        return 0;
    tool_fail("%s: its name is too long", e->name);
    return -1;
}

/* How a training is called in keys; that of a given SAE are its numbers. Its atoms are hashed, and
 * what it makes of a row of zeros, which shows its bias. */
static int identify_sae(const sweep *s, const explanation *e, const mdla_sae *sae, char id[65])
{
    const uint32_t dims = s->dims;
    mdla_error err = {MDLA_OK, ""};
    mdla_value_hash *hash = NULL;
    uint8_t sha256[32] = {0};
    mdla_status status;
    float *zeros;

    if (e->basis) {
        snprintf(id, 65, "basis");
        return 0;
    }
    if (!e->path) {
        snprintf(id, 65, "trained-p%u", s->options->passes);
        return 0;
    }
    zeros = calloc(2 * (size_t)dims, sizeof *zeros);
    status = zeros ? mdla_value_hash_new(NULL, &hash) : MDLA_ERR_MEMORY;
    if (status == MDLA_OK)
        status =
            mdla_sae_forward(&s->options->common.config, sae, zeros, 1, zeros + dims, NULL, &err);
    if (status == MDLA_OK) {
        mdla_value_hash_update(hash, zeros + dims, dims);
        for (uint32_t f = 0; f < mdla_sae_width(sae); f++)
            mdla_value_hash_update(hash, mdla_sae_atom(sae, f), dims);
    }
    mdla_value_hash_finish(hash, sha256);
    free(zeros);
    if (status != MDLA_OK) {
        tool_fail_about(e->name, status, &err);
        return -1;
    }
    number_sha256(sha256, id);
    id[16] = '\0';
    return 0;
}

/* Work done and to do, in some unit that grows with the time it takes. */
typedef struct workload {
    double done, fresh, all; /* fresh: done by this run, not found */
    struct timespec began;
} workload;

static double work_of(const explanation *e)
{
    return 500 + (e->width ? e->width : 4096);
}

static double seconds_since(const struct timespec *began)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) + 1e-9 * (double)(now.tv_nsec - began->tv_nsec);
}

static void tell(const explanation *e, double fvu, uint64_t rows, const measurement *m,
                 const workload *w)
{
    const double spent = seconds_since(&w->began);
    const unsigned long left = (unsigned long)(spent * (w->all - w->done) / w->fresh + 0.5);
    char count[NUMBER_TEXT_MAX], bits[80];

    if (m->reached)
        snprintf(bits, sizeof bits, "%.2f bits a row, codebook %.3g Mbit", marginal_bits(m),
                 8e-6 * (double)m->codebook_nbytes);
    else
        snprintf(bits, sizeof bits, "not reached");
    tool_say("%s at FVU %g for %s rows: %s (%.0f %% done, %lu:%02lu:%02lu left)", e->name, fvu,
             number_grouped(rows, count), bits, 100 * w->done / w->all, left / 3600, left / 60 % 60,
             left % 60);
}

/* The SAE is missing, which was reported. Returns 0 to go on with other explanations, or -1. */
static int no_sae(const explanation *e, measurement *m)
{
    if (tool_stopped())
        return -1;
    *m = (measurement){.width = e->width};
    snprintf(m->why, sizeof m->why, "the SAE couldn't be loaded or trained");
    return 0;
}

/* A measurement, from the cache or made. A trained SAE is loaded when it is needed first. */
static int find_measurement(sweep *s, const explanation *e, mdla_sae **sae, const char *key,
                            double fvu, uint64_t rows, sweep_cache *cache, workload *w,
                            measurement *m)
{
    if (sweep_cache_get(cache, key, m))
        return 0;
    if (!e->basis && !*sae && sweep_sae(s, e, sae) != 0)
        return no_sae(e, m);
    if (sweep_measure(s, e, *sae, fvu, rows, m) != 0)
        return -1;
    if (m->why[0])
        return 0;
    if (sweep_cache_put(cache, key, m) != 0)
        return -1;
    w->fresh += work_of(e);
    tell(e, fvu, rows, m, w);
    return 0;
}

/* Other rows than its own can't share the codebook of an explanation of train rows. */
static int is_asked(const sweep *s, const explanation *e, size_t n)
{
    const sweep_options *o = s->options;
    size_t own = 0;

    for (size_t i = 0; i < o->rows_count; i++)
        if (o->rows[i] == s->train_rows)
            own = i;
    return !e->on_train || n == own;
}

/* One explanation at every FVU and for every number of rows. Where atoms at the precision that most
 * rows pay for don't reach an FVU, neither do they for fewer rows, nor a smaller FVU. */
static int sweep_one(sweep *s, size_t at, sweep_cache *cache, workload *w)
{
    const sweep_options *o = s->options;
    const explanation *e = &o->explanations[at];
    mdla_sae *sae = NULL;
    char id[65], key[SWEEP_KEY_MAX];
    int result = 0, reached = 1;

    if ((e->path && sweep_sae(s, e, &sae) != 0) || identify_sae(s, e, sae, id) != 0) {
        measurement *first = sweep_at(s, at, 0, o->rows_count - 1);

        result = no_sae(e, first);
        s->failures++;
        reached = 0;
    }
    for (size_t i = 0; result == 0 && i < o->fvu_count * o->rows_count; i++) {
        const size_t f = i / o->rows_count, n = o->rows_count - 1 - i % o->rows_count;
        measurement *m = sweep_at(s, at, f, n);

        w->done += work_of(e);
        if (!is_asked(s, e, n)) {
            m->width = e->codewords;
            continue;
        }
        if (!reached) {
            if (!m->why[0])
                m->width = sweep_at(s, at, 0, o->rows_count - 1)->width;
            continue;
        }
        result = make_key(s, e, id, o->fvu[f], o->rows[n], key);
        if (result == 0)
            result = find_measurement(s, e, &sae, key, o->fvu[f], o->rows[n], cache, w, m);
        reached = m->reached || (n + 1 < o->rows_count && !m->why[0]);
        s->failures += m->why[0] != '\0';
    }
    mdla_sae_free(sae);
    return result;
}

static int sweep_all(sweep *s)
{
    const sweep_options *o = s->options;
    sweep_cache *cache = NULL;
    workload w = {0};
    int result;

    s->measured = calloc(o->explanation_count * o->fvu_count * o->rows_count, sizeof *s->measured);
    if (!s->measured) {
        tool_fail("out of memory");
        return -1;
    }
    clock_gettime(CLOCK_MONOTONIC, &w.began);
    for (size_t i = 0; i < o->explanation_count; i++)
        w.all += work_of(&o->explanations[i]) * (double)(o->fvu_count * o->rows_count);
    result = sweep_cache_open(s->folder, &cache);
    for (size_t i = 0; result == 0 && i < o->explanation_count; i++)
        result = sweep_one(s, i, cache, &w);
    for (size_t i = 0; result == 0 && i < o->explanation_count; i++)
        o->explanations[i].width = sweep_at(s, i, 0, 0)->width;
    sweep_cache_free(cache);
    return result;
}

/* ---- The folder -------------------------------------------------------------------------------
 */

/* The folders of a sweep, made where they aren't. */
static int make_folders(const char *folder)
{
    static const char *const below[] = {"saes", "files"};
    mdla_error err = {MDLA_OK, ""};
    mdla_folder made;
    mdla_status status = mdla_folder_path(folder, 1, &made, &err);

    if (status == MDLA_OK)
        made.close(made.ctx);
    for (size_t i = 0; status == MDLA_OK && i < sizeof below / sizeof below[0]; i++) {
        char *path = files_join(folder, NULL, below[i]);

        status = path ? mdla_folder_path(path, 1, &made, &err) : MDLA_ERR_MEMORY;
        if (status == MDLA_OK)
            made.close(made.ctx);
        free(path);
    }
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

static int run(sweep_options *o)
{
    sweep s = {.options = o, .folder = o->common.output};
    int result = make_folders(s.folder);

    if (result == 0)
        result = open_data(&s);
    if (result == 0)
        result = sweep_all(&s);
    if (result == 0)
        result = sweep_write_tables(&s);
    if (result == 0)
        result = sweep_draw(&s);
    if (result == 0)
        result = sweep_write_report(&s);
    if (result == 0)
        tool_say("%s/report.md: %zu explanation%s", s.folder, o->explanation_count,
                 o->explanation_count > 1 ? "s" : "");
    if (result == 0 && s.failures) {
        tool_fail("%zu of %zu explanations failed, as the report says", s.failures,
                  o->explanation_count);
        result = -1;
    }
    free(s.measured);
    if (s.test != s.train)
        mdla_rows_close(s.test);
    mdla_rows_close(s.train);
    return result == 0 ? TOOL_DONE : TOOL_FAILED;
}

int main(int argc, char **argv)
{
    sweep_options options;
    int result;

    tool_start("mdla-sweep");
    result = sweep_parse(argc, argv, &options);
    if (result < 0)
        result = run(&options);
    sweep_options_free(&options);
    return tool_end(result);
}
