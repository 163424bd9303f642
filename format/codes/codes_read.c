/* Codes from other tools' files, in memory, in order, one entry for each (row, feature). */
#include "codes/codes_delphi.h"
#include "codes/codes_in.h"

#include "base/alloc.h"
#include "io_error.h"
#include "saes/json_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mdla_codes *codes_new(const mdla_config *config)
{
    const mdla_allocator *const al = alloc_of(config);
    mdla_codes *const codes = alloc_zeroed(al, 1, sizeof *codes);
    mdla_config defaults;

    mdla_config_init(&defaults);
    if (codes != NULL) {
        codes->al = al;
        codes->limits = config != NULL ? config->limits : defaults.limits;
    }
    return codes;
}

void mdla_codes_free(mdla_codes *codes)
{
    if (codes == NULL)
        return;
    alloc_free(codes->al, codes->entries);
    alloc_free(codes->al, codes->features);
    alloc_free(codes->al, codes->strengths);
    alloc_free(codes->al, codes->tokens);
    alloc_free(codes->al, codes);
}

/* ---- In order ----------------------------------------------------------------------------------
 */

static int by_place(const void *a, const void *b)
{
    const codes_entry *const x = a, *const y = b;

    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

/* Adds an entry in the same place. Sums of float64 and integers must be float32 as they are. */
static void add_twin(mdla_codes *codes, codes_entry *sum, float strength)
{
    const double exact = (double)sum->strength + (double)strength;

    sum->strength = (float)exact; /* as float32 adds them: a double has more than twice its bits */
    codes->dtype = MDLA_F32;
    if (codes->source_dtype > MDLA_BF16 && (double)sum->strength != exact && !codes->rounded.any)
        codes->rounded = (codes_rounded){true, 0, sum->row, sum->feature, exact};
}

/* Sorts, sums what stands in one place, drops zeros, and makes room to show the longest row. */
static mdla_status finish(mdla_codes *codes, const char *name, mdla_error *err)
{
    size_t kept = 0, longest = 0, row_start = 0, i;
    bool sorted = true;

    codes->source_dtype = codes->dtype;
    if (codes->rounded.any) {
        codes->rounded.row = codes->entries[codes->rounded.index].row;
        codes->rounded.feature = codes->entries[codes->rounded.index].feature;
    }
    for (i = 1; i < codes->count && sorted; i++)
        sorted = by_place(&codes->entries[i - 1], &codes->entries[i]) < 0;
    if (!sorted)
        qsort(codes->entries, codes->count, sizeof *codes->entries, by_place);
    for (i = 0; i < codes->count;) {
        codes_entry sum = codes->entries[i++];

        for (; i < codes->count && by_place(&sum, &codes->entries[i]) == 0; i++)
            add_twin(codes, &sum, codes->entries[i].strength);
        if (!isfinite(sum.strength))
            return error_set(err, MDLA_ERR_DATA,
                             "%s: row %" PRIu64 ", feature %" PRIu32 ": the sum isn't finite", name,
                             sum.row, sum.feature);
        if (sum.strength == 0.0f)
            continue;
        if (kept == 0 || codes->entries[row_start].row != sum.row)
            row_start = kept;
        codes->entries[kept++] = sum;
        longest = kept - row_start > longest ? kept - row_start : longest;
    }
    codes->count = kept;
    if (codes->dtype != MDLA_F16 && codes->dtype != MDLA_BF16)
        codes->dtype = MDLA_F32; /* what others were read as */
    codes->features = alloc_array(codes->al, longest, sizeof *codes->features);
    codes->strengths = alloc_array(codes->al, longest, sizeof *codes->strengths);
    return codes->features != NULL && codes->strengths != NULL ? MDLA_OK : error_memory(err, name);
}

static mdla_status hand_out(mdla_codes *codes, const char *name, mdla_status status,
                            mdla_codes **out, mdla_error *err)
{
    if (status == MDLA_OK)
        status = finish(codes, name, err);
    if (status != MDLA_OK)
        mdla_codes_free(codes);
    else
        *out = codes;
    return status;
}

/* ---- One file ----------------------------------------------------------------------------------
 */

static mdla_status read_kind(mdla_codes *codes, input *in, const char *name,
                             const mdla_codes_shape *given, mdla_error *err)
{
    const uint8_t *first;
    mdla_source source;
    size_t count;
    bool zip, tensors;

    MDLA_TRY(input_peek(in, 9, &first, &count, err));
    zip = count >= 4 && memcmp(first, "PK", 2) == 0;
    tensors = count == 9 && first[8] == '{';
    if (!zip && !tensors)
        return error_set(err, MDLA_ERR_FORMAT,
                         "%s: no sparse code: neither SciPy's .npz nor safetensors", name);
    if (!input_can_seek(in))
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: codes can't be read from a pipe; give a file", name);
    if (input_to_source(in, &source) != MDLA_OK)
        return error_memory(err, name);
    return zip ? codes_npz_read(codes, source, name, err)
               : codes_safetensors_read(codes, source, name, given, err);
}

/* What is given must be what a file says of itself. */
static mdla_status check_given(const mdla_codes *codes, const mdla_codes_shape *given,
                               const char *name, mdla_error *err)
{
    const bool other_rows = given->has_rows && given->rows != codes->rows;

    if (!other_rows && (given->width == 0 || given->width == codes->width))
        return MDLA_OK;
    return error_set(err, MDLA_ERR_ARGUMENT,
                     "%s: holds %" PRIu64 " rows of %" PRIu32 " features, where %" PRIu64
                     " %s are given; leave it out, or give what is there",
                     name, codes->rows, codes->width, other_rows ? given->rows : given->width,
                     other_rows ? "rows" : "features");
}

mdla_status mdla_codes_read(const mdla_config *config, mdla_source source, const char *name,
                            const mdla_codes_shape *given, mdla_codes **out, mdla_error *err)
{
    static const mdla_codes_shape nothing = {0};
    const mdla_codes_shape *const known = given != NULL ? given : &nothing;
    mdla_codes *const codes = codes_new(config);
    mdla_status status;
    input in;

    *out = NULL;
    if (codes == NULL) {
        if (source.close != NULL)
            source.close(source.ctx);
        return error_memory(err, name);
    }
    status = input_open(codes->al, source, name, &in, err);
    if (status == MDLA_OK)
        status = read_kind(codes, &in, name, known, err);
    input_close(&in);
    if (status == MDLA_OK)
        status = check_given(codes, known, name, err);
    if (codes->context == 0)
        codes->context = known->context;
    return hand_out(codes, name, status, out, err);
}

/* ---- A delphi folder ---------------------------------------------------------------------------
 */

typedef struct split_name {
    uint32_t start, last;
} split_name;

#define SPLIT_NAME_ROOM 40

static void put_name(const split_name *s, char name[SPLIT_NAME_ROOM])
{
    (void)snprintf(name, SPLIT_NAME_ROOM, "%" PRIu32 "_%" PRIu32 ".safetensors", s->start, s->last);
}

/* START_LAST.safetensors; false for other names, with signs, blanks and leading zeros too. */
static bool parse_name(const char *name, split_name *out)
{
    char plain[SPLIT_NAME_ROOM];

    if (sscanf(name, "%9" SCNu32 "_%9" SCNu32, &out->start, &out->last) != 2)
        return false;
    put_name(out, plain);
    return strcmp(name, plain) == 0;
}

static int by_start(const void *a, const void *b)
{
    const split_name *const x = a, *const y = b;

    return (x->start > y->start) - (x->start < y->start);
}

/* In config.json where this program wrote it, else the folder's own name. */
static void read_hook(mdla_codes *codes, const mdla_folder *folder, const json_t *config)
{
    const char *text = json_string_value(json_object_get(config, "hookpoint"));

    if (text == NULL || !hook_is_name(text, strlen(text)))
        text = hook_of_folder(folder);
    if (text != NULL)
        strcpy(codes->hook, text);
}

static json_int_t integer_of(const json_t *config, const char *key)
{
    return json_integer_value(json_object_get(config, key)); /* 0 where there is none */
}

/* The rows that n_tokens tells, where nothing else does. */
static void read_cached(const json_t *config, delphi_shape *shape)
{
    const json_int_t tokens = integer_of(config, "n_tokens"),
                     batch = integer_of(config, "batch_size");

    if (shape->codes.context == 0 || tokens <= 0)
        return;
    shape->cached =
        delphi_rows((uint64_t)tokens, batch > 0 ? (uint64_t)batch : 0, shape->codes.context);
    shape->has_cached = true;
}

/* Names of data sets and models, not where files are. */
static bool is_path(const char *text)
{
    return text[0] == '/' || text[0] == '.' || text[0] == '~' || strchr(text, '\\') != NULL;
}

static void add_to_note(char *note, const char *key, const char *value)
{
    const size_t used = strlen(note);

    (void)snprintf(note + used, DELPHI_NOTE_ROOM - used, "%s\"%s\":%s",
                   used == strlen(DELPHI_NOTE_START) ? "" : ",", key, value);
}

/* What the rest of a .mdla file doesn't keep. Values that aren't short are left out, and those of
 * another kind, so that all keys have room. */
static mdla_status make_note(mdla_codes *codes, const json_t *config, mdla_error *err)
{
    static const char *const keys[] = {"n_splits",       "n_tokens",      "batch_size",
                                       "dataset_repo",   "dataset_split", "dataset_name",
                                       "dataset_column", "model_name"};
    size_t i;

    strcpy(codes->note, DELPHI_NOTE_START);
    for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const json_t *const said = json_object_get(config, keys[i]);
        const char *const name = json_string_value(said);
        char *value;

        if (delphi_is_number(keys[i]) ? !json_is_integer(said) || json_integer_value(said) < 0
                                      : name == NULL || is_path(name))
            continue;
        value = json_dumps(said, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        if (value == NULL)
            return error_memory(err, "config.json");
        if (strlen(value) < DELPHI_VALUE_ROOM)
            add_to_note(codes->note, keys[i], value);
        free(value);
    }
    strcat(codes->note, "}");
    return MDLA_OK;
}

/* A number of config.json as what is known, where it is given too: they must agree. */
static mdla_status take_number(const json_t *config, const char *key, uint64_t least, uint64_t most,
                               bool *known, uint64_t *number, mdla_error *err)
{
    const json_t *const said = json_object_get(config, key);
    const json_int_t value = json_integer_value(said);

    if (!json_is_integer(said) || value < 0 || (uint64_t)value < least || (uint64_t)value > most)
        return MDLA_OK;
    if (*known && *number != (uint64_t)value)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "config.json: %s is %" PRIu64 ", where %" PRIu64
                         " is given; leave it out, or give what is there",
                         key, (uint64_t)value, *number);
    *known = true;
    *number = (uint64_t)value;
    return MDLA_OK;
}

/* cache_ctx_len, n_splits, n_tokens and batch_size are delphi's, rows and width this program's. */
static mdla_status take_config(const json_t *config, delphi_shape *shape, mdla_error *err)
{
    mdla_codes_shape *const known = &shape->codes;
    bool has_context = known->context != 0, has_rows = known->has_rows != 0,
         has_width = known->width != 0, has_splits = false;
    uint64_t context = known->context, width = known->width, splits = 0;

    MDLA_TRY(take_number(config, "cache_ctx_len", 1, UINT32_MAX, &has_context, &context, err));
    MDLA_TRY(take_number(config, "width", 1, UINT32_MAX, &has_width, &width, err));
    MDLA_TRY(take_number(config, "n_splits", 1, UINT32_MAX, &has_splits, &splits, err));
    MDLA_TRY(take_number(config, "rows", 0, UINT64_MAX, &has_rows, &known->rows, err));
    known->context = (uint32_t)context;
    known->width = (uint32_t)width;
    known->has_rows = has_rows;
    shape->splits = (uint32_t)splits;
    shape->ends_inside = json_is_integer(json_object_get(config, "rows"));
    read_cached(config, shape);
    return MDLA_OK;
}

static mdla_status read_config(mdla_codes *codes, const mdla_folder *folder, delphi_shape *shape,
                               mdla_error *err)
{
    mdla_source source;
    mdla_error none;
    mdla_status status;
    json_t *config = NULL;
    input in;

    if (folder->open(folder->ctx, "config.json", &source, &none) != MDLA_OK) {
        read_hook(codes, folder, NULL);
        return MDLA_OK;
    }
    MDLA_TRY(input_open(codes->al, source, "config.json", &in, err));
    status = json_text_load(&in, &config, err);
    input_close(&in);
    MDLA_TRY(status);
    status = take_config(config, shape, err);
    if (status == MDLA_OK)
        status = make_note(codes, config, err);
    if (status == MDLA_OK)
        read_hook(codes, folder, config);
    json_decref(config);
    return status;
}

static mdla_status missing(const char *name, uint32_t first, uint32_t end, mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT,
                     "%s: features %" PRIu32 " to %" PRIu32 " are missing: no %" PRIu32 "_%" PRIu32
                     ".safetensors, and no others of them",
                     name, first, end - 1, first, end - 1);
}

/* The splits must follow each other from feature 0 on, as many as config.json says: a missing file
 * would be missing features. */
static mdla_status check_splits(const split_name *splits, size_t count, const char *name,
                                const delphi_shape *shape, mdla_error *err)
{
    const uint32_t width = shape->codes.width;
    uint32_t next = 0;
    size_t i;

    if (count == 0)
        return error_set(err, MDLA_ERR_FORMAT,
                         "%s: no latent cache: no START_END.safetensors in it", name);
    for (i = 0; i < count; i++) {
        if (splits[i].start > next)
            return missing(name, next, splits[i].start, err);
        if (splits[i].start != next || splits[i].last < splits[i].start)
            return error_set(err, MDLA_ERR_CORRUPT,
                             "%s: its files don't cover the features one after the other: %" PRIu32
                             "_%" PRIu32 " stands where %" PRIu32 " should begin",
                             name, splits[i].start, splits[i].last, next);
        next = splits[i].last + 1;
    }
    if (width > next)
        return missing(name, next, width, err);
    if (width != 0 && width < next)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: its files hold %" PRIu32 " features, not %" PRIu32, name, next,
                         width);
    if (shape->splits > count)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: config.json says n_splits %" PRIu32
                         ", and %zu are there: the last, of features from %" PRIu32
                         " on, are missing",
                         name, shape->splits, count, next);
    if (shape->splits != 0 && shape->splits < count)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: config.json says n_splits %" PRIu32
                         ", and %zu are there; they aren't of one cache",
                         name, shape->splits, count);
    return MDLA_OK;
}

static mdla_status read_splits(mdla_codes *codes, const mdla_folder *folder,
                               const split_name *splits, size_t count, const char *name,
                               delphi_shape *shape, mdla_error *err)
{
    size_t i;

    MDLA_TRY(read_config(codes, folder, shape, err));
    MDLA_TRY(check_splits(splits, count, name, shape, err));
    for (i = 0; i < count; i++) {
        mdla_source source;
        char member[SPLIT_NAME_ROOM], full[400];

        put_name(&splits[i], member);
        (void)snprintf(full, sizeof full, "%.300s/%s", name, member);
        MDLA_TRY(folder->open(folder->ctx, member, &source, err));
        MDLA_TRY(codes_delphi_split(codes, source, full, shape, splits[i].start, splits[i].last + 1,
                                    err));
    }
    return MDLA_OK;
}

mdla_status mdla_codes_read_folder(const mdla_config *config, mdla_folder folder,
                                   const char *const *members, size_t count, const char *name,
                                   const mdla_codes_shape *given, mdla_codes **out, mdla_error *err)
{
    delphi_shape shape = {.ends_inside = false};
    mdla_codes *const codes = codes_new(config);
    split_name *const splits = codes != NULL ? alloc_array(codes->al, count, sizeof *splits) : NULL;
    size_t found = 0, i;
    mdla_status status;

    *out = NULL;
    if (given != NULL)
        shape.codes = *given;
    if (splits == NULL) {
        status = error_memory(err, name);
    } else {
        for (i = 0; i < count; i++)
            found += parse_name(members[i], &splits[found]);
        qsort(splits, found, sizeof *splits, by_start);
        status = read_splits(codes, &folder, splits, found, name, &shape, err);
        alloc_free(codes->al, splits);
    }
    if (folder.close != NULL)
        folder.close(folder.ctx);
    if (codes == NULL)
        return status;
    return hand_out(codes, name, status, out, err);
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

uint64_t mdla_codes_rows(const mdla_codes *codes)
{
    return codes->rows;
}

uint32_t mdla_codes_width(const mdla_codes *codes)
{
    return codes->width;
}

mdla_dtype mdla_codes_dtype(const mdla_codes *codes)
{
    return codes->dtype;
}

mdla_dtype mdla_codes_source_dtype(const mdla_codes *codes)
{
    return codes->source_dtype;
}

mdla_status mdla_codes_check_exact(const mdla_codes *codes, mdla_error *err)
{
    const codes_rounded *const r = &codes->rounded;

    if (!r->any)
        return MDLA_OK;
    return error_set(err, MDLA_ERR_DATA,
                     "row %" PRIu64 ", feature %" PRIu32
                     ": float32, in which exact strengths are kept, doesn't hold %.17g; give a "
                     "step to quantise them, or convert them to float32 first",
                     r->row, r->feature, r->value);
}

const char *mdla_codes_hook(const mdla_codes *codes)
{
    return codes->hook[0] != '\0' ? codes->hook : NULL;
}

const char *mdla_codes_note(const mdla_codes *codes)
{
    return codes->note[0] != '\0' ? codes->note : NULL;
}

uint32_t mdla_codes_context(const mdla_codes *codes)
{
    return codes->context;
}

uint64_t mdla_codes_active(const mdla_codes *codes)
{
    return codes->count;
}

size_t mdla_codes_row(mdla_codes *codes, uint64_t row, const uint32_t **features,
                      const float **strengths)
{
    size_t low = 0, high = codes->count, count = 0;

    while (low < high) { /* to the first entry of the row or behind it */
        const size_t middle = low + (high - low) / 2;

        if (codes->entries[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < codes->count && codes->entries[low].row == row; low++, count++) {
        codes->features[count] = codes->entries[low].feature;
        codes->strengths[count] = codes->entries[low].strength;
    }
    *features = codes->features;
    *strengths = codes->strengths;
    return count;
}
