#include "saes/safetensors.h"

#include "arrays/convert.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"
#include "saes/json_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The reference parser's limit on the header. */
#define HEADER_MAX ((uint64_t)100000000)
/* A header from a source of unknown size is read in pieces, so that its length can't take memory by
 * itself. */
#define HEADER_PIECE ((size_t)1 << 20)
#define BUFFER_VALUES ((size_t)4096)

static const struct {
    const char *name;
    unsigned bits;
    int dtype;
} dtypes[] = {
    {"F32", 32, MDLA_F32},  {"F16", 16, MDLA_F16}, {"BF16", 16, MDLA_BF16}, {"F64", 64, MDLA_F64},
    {"U8", 8, MDLA_U8},     {"I8", 8, MDLA_I8},    {"U16", 16, MDLA_U16},   {"I16", 16, MDLA_I16},
    {"U32", 32, MDLA_U32},  {"I32", 32, MDLA_I32}, {"U64", 64, MDLA_U64},   {"I64", 64, MDLA_I64},
    {"BOOL", 8, -1},        {"F4", 4, -1},         {"F6_E2M3", 6, -1},      {"F6_E3M2", 6, -1},
    {"F8_E5M2", 8, -1},     {"F8_E4M3", 8, -1},    {"F8_E8M0", 8, -1},      {"F8_E4M3FNUZ", 8, -1},
    {"F8_E5M2FNUZ", 8, -1}, {"C64", 64, -1},
};

/* ---- The header ------------------------------------------------------------------------------ */

static mdla_status read_text(input *in, uint64_t nbytes, char **out, mdla_error *err)
{
    size_t room = 0, done = 0;

    *out = NULL;
    while (done < nbytes) {
        const bool sized =
            in->source.nbytes != MDLA_UNKNOWN; /* then nbytes was checked against it */
        size_t piece = (size_t)nbytes - done;
        char *grown;

        if (!sized && piece > HEADER_PIECE + done)
            piece = HEADER_PIECE + done;
        grown = alloc_grown(in->al, *out, room, done + piece, 1);
        if (grown == NULL)
            return error_memory(err, in->name);
        *out = grown;
        room = done + piece;
        MDLA_TRY(input_read(in, *out + done, piece, "the safetensors header", err));
        done += piece;
    }
    return MDLA_OK;
}

static mdla_status bad_entry(const safetensors *st, const char *tensor, const char *what,
                             mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT, "%s: tensor %.80s: %s", st->in.name, tensor, what);
}

static bool whole_number(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static mdla_status parse_shape(const safetensors *st, safetensor *t, const json_t *shape,
                               mdla_error *err)
{
    size_t axis;

    if (!json_is_array(shape))
        return bad_entry(st, t->name, "shape is no list", err);
    if (json_array_size(shape) > SAFETENSORS_AXES_MAX)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: tensor %.80s: more than %d axes",
                         st->in.name, t->name, SAFETENSORS_AXES_MAX);
    t->axes = (unsigned)json_array_size(shape);
    t->count = 1;
    for (axis = 0; axis < t->axes; axis++) {
        if (!whole_number(json_array_get(shape, axis), &t->shape[axis]))
            return bad_entry(st, t->name, "shape is no list of whole numbers", err);
        if (!checked_mul_u64(t->count, t->shape[axis], &t->count))
            return bad_entry(st, t->name, "sizes overflow", err);
    }
    return MDLA_OK;
}

static mdla_status parse_entry(const safetensors *st, safetensor *t, const char *name,
                               const json_t *entry, mdla_error *err)
{
    const size_t name_nbytes = strlen(name) + 1;
    const json_t *const offsets = json_object_get(entry, "data_offsets");
    const char *const dtype = json_string_value(json_object_get(entry, "dtype"));
    uint64_t bits;
    size_t i;

    t->name = alloc_array(st->in.al, name_nbytes, 1);
    if (t->name == NULL)
        return error_memory(err, st->in.name);
    memcpy(t->name, name, name_nbytes);
    if (dtype == NULL)
        return bad_entry(st, name, "has no dtype", err);
    for (i = 0; i < sizeof dtypes / sizeof dtypes[0] && strcmp(dtypes[i].name, dtype) != 0; i++)
        ;
    if (i == sizeof dtypes / sizeof dtypes[0])
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: tensor %.80s: unknown dtype %.40s",
                         st->in.name, name, dtype);
    t->dtype_name = dtypes[i].name;
    t->dtype = dtypes[i].dtype;
    MDLA_TRY(parse_shape(st, t, json_object_get(entry, "shape"), err));
    if (json_array_size(offsets) != 2 || !whole_number(json_array_get(offsets, 0), &t->begin) ||
        !whole_number(json_array_get(offsets, 1), &t->end) || t->end < t->begin)
        return bad_entry(st, name, "data_offsets are no pair of ascending whole numbers", err);
    if (!checked_mul_u64(t->count, dtypes[i].bits, &bits) || bits % 8 != 0 ||
        bits / 8 != t->end - t->begin)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: tensor %.80s: its shape and dtype don't make its %" PRIu64 " bytes",
                         st->in.name, name, t->end - t->begin);
    return MDLA_OK;
}

static mdla_status check_metadata(const safetensors *st, json_t *metadata, mdla_error *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(metadata))
        return bad_entry(st, "__metadata__", "is no object", err);
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return bad_entry(st, "__metadata__", "holds something that is no string", err);
    }
    return MDLA_OK;
}

static int by_offset(const void *a, const void *b)
{
    const safetensor *const s = a, *const t = b;

    if (s->begin != t->begin)
        return s->begin < t->begin ? -1 : 1;
    return (s->end > t->end) -
           (s->end < t->end); /* an empty tensor before the one that begins there */
}

/* No holes, no overlaps, nothing behind the last. */
static mdla_status check_layout(safetensors *st, mdla_error *err)
{
    const uint64_t nbytes = st->in.source.nbytes;
    uint64_t end = 0;
    size_t i;

    qsort(st->tensors, st->count, sizeof *st->tensors, by_offset);
    for (i = 0; i < st->count; i++) {
        if (st->tensors[i].begin != end)
            return bad_entry(st, st->tensors[i].name,
                             st->tensors[i].begin < end ? "overlaps another"
                                                        : "a hole lies before its data",
                             err);
        end = st->tensors[i].end;
    }
    if (nbytes == MDLA_UNKNOWN)
        return MDLA_OK;
    if (end > nbytes - st->data_offset)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: is cut off: %" PRIu64 " bytes of values, %" PRIu64 " are there",
                         st->in.name, end, nbytes - st->data_offset);
    if (end < nbytes - st->data_offset)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: %" PRIu64 " bytes follow the last tensor",
                         st->in.name, nbytes - st->data_offset - end);
    return MDLA_OK;
}

static mdla_status parse_header(safetensors *st, json_t *header, mdla_error *err)
{
    const char *name;
    json_t *entry;

    st->tensors = alloc_zeroed(st->in.al, json_object_size(header), sizeof *st->tensors);
    if (st->tensors == NULL)
        return error_memory(err, st->in.name);
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) {
            MDLA_TRY(check_metadata(st, entry, err));
            continue;
        }
        if (!json_is_object(entry))
            return bad_entry(st, name, "is no object", err);
        st->count++; /* counted first: closing frees what parse_entry allocated */
        MDLA_TRY(parse_entry(st, &st->tensors[st->count - 1], name, entry, err));
    }
    return check_layout(st, err);
}

static mdla_status read_header(safetensors *st, mdla_error *err)
{
    input *const in = &st->in;
    mdla_status status;
    json_t *header;
    uint8_t start[8];
    char *text;
    uint64_t nbytes = 0;
    int i;

    MDLA_TRY(input_read(in, start, sizeof start, "the safetensors header", err));
    for (i = 7; i >= 0; i--)
        nbytes = nbytes << 8 | start[i];
    if (in->source.nbytes != MDLA_UNKNOWN && nbytes > in->source.nbytes - 8)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: a safetensors header of %" PRIu64 " bytes in a file of %" PRIu64,
                         in->name, nbytes, in->source.nbytes);
    if (nbytes > HEADER_MAX)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: the safetensors header has %" PRIu64 " bytes; at most %" PRIu64
                         " are read",
                         in->name, nbytes, HEADER_MAX);
    status = read_text(in, nbytes, &text, err);
    if (status == MDLA_OK && (nbytes == 0 || text[0] != '{'))
        status = error_set(err, MDLA_ERR_FORMAT,
                           "%s: no safetensors file: its header begins with no {", in->name);
    st->data_offset = in->position;
    if (status == MDLA_OK)
        status =
            json_text_parse(text, (size_t)nbytes, in->name, "the safetensors header", &header, err);
    alloc_free(in->al, text);
    if (status != MDLA_OK)
        return status;
    status = parse_header(st, header, err);
    json_decref(header);
    return status;
}

mdla_status safetensors_open(const mdla_allocator *al, mdla_source source, const char *name,
                             safetensors **out, mdla_error *err)
{
    safetensors *const st = alloc_zeroed(al, 1, sizeof *st);
    mdla_status status;

    *out = NULL;
    if (st == NULL) {
        if (source.close != NULL)
            source.close(source.ctx);
        return error_memory(err, name);
    }
    status = input_open(al, source, name, &st->in, err);
    if (status == MDLA_OK)
        status = read_header(st, err);
    if (status != MDLA_OK) {
        st->in.al = al; /* zeroed where input_open failed */
        safetensors_close(st);
        return status;
    }
    *out = st;
    return MDLA_OK;
}

void safetensors_close(safetensors *st)
{
    const mdla_allocator *al;
    size_t i;

    if (st == NULL)
        return;
    al = st->in.al;
    for (i = 0; i < st->count; i++)
        alloc_free(al, st->tensors[i].name);
    alloc_free(al, st->tensors);
    input_close(&st->in);
    alloc_free(al, st);
}

/* ---- Values ---------------------------------------------------------------------------------- */

const safetensor *safetensors_find(const safetensors *st, const char *name)
{
    size_t i;

    for (i = 0; i < st->count; i++) {
        if (strcmp(st->tensors[i].name, name) == 0)
            return &st->tensors[i];
    }
    return NULL;
}

mdla_status safetensors_read_f32(safetensors *st, const safetensor *t, uint64_t first, size_t count,
                                 float *dst, mdla_error *err)
{
    uint8_t buffer[BUFFER_VALUES * sizeof(double)];
    size_t nbytes, done, n;

    if (t->dtype < 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: tensor %.80s: dtype %s is not supported",
                         st->in.name, t->name, t->dtype_name);
    if (first > t->count || count > t->count - first)
        return error_set(err, MDLA_ERR_ARGUMENT, "%s: tensor %.80s has no such values", st->in.name,
                         t->name);
    nbytes = mdla_dtype_nbytes((mdla_dtype)t->dtype);
    MDLA_TRY(input_seek(&st->in, st->data_offset + t->begin + first * nbytes, err));
    for (done = 0; done < count; done += n) {
        size_t bad;

        n = count - done < BUFFER_VALUES ? count - done : BUFFER_VALUES;
        MDLA_TRY(input_read(&st->in, buffer, n * nbytes, t->name, err));
        bad = convert_to_f32((mdla_dtype)t->dtype, false, buffer, n, dst + done);
        if (bad != n)
            return error_set(err, MDLA_ERR_DATA,
                             "%s: tensor %.80s: value %" PRIu64 " is too large for float32",
                             st->in.name, t->name, first + done + bad);
    }
    return MDLA_OK;
}
