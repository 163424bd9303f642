#include "saes/torch_file.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"
#include "zip_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PICKLE_MAX ((uint64_t)64 << 20)
#define ENTRIES_MAX 1024 /* an SAE has ten */
#define PICKLE_MEMBER "data.pkl"

typedef struct torch_file {
    zip_archive *zip;
    pickle values;
    bool big_endian;
} torch_file;

static void close_torch(void *container)
{
    torch_file *const f = container;
    const mdla_allocator *const al = f->zip->in.al;

    pickle_free(&f->values);
    zip_close(f->zip);
    alloc_free(al, f);
}

/* ---- The archive ----------------------------------------------------------------------------- */

static mdla_status read_member(zip_archive *zip, const zip_member *member, uint8_t **out,
                               mdla_error *err)
{
    mdla_source source;
    mdla_status status;
    input in;

    *out = NULL;
    if (member->nbytes > PICKLE_MAX)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: member %.80s has %" PRIu64 " bytes; at most %" PRIu64 " are read",
                         zip->in.name, member->name, member->nbytes, PICKLE_MAX);
    MDLA_TRY(zip_member_open(zip, member, &source, err));
    MDLA_TRY(input_open(zip->in.al, source, zip->in.name, &in, err));
    *out = alloc_array(zip->in.al, (size_t)member->nbytes, 1);
    status = *out != NULL ? input_read(&in, *out, (size_t)member->nbytes, member->name, err)
                          : error_memory(err, zip->in.name);
    input_close(&in);
    return status;
}

/* The one member TOP/data.pkl; TOP is any name. */
static mdla_status find_pickle(const zip_archive *zip, const zip_member **out, mdla_error *err)
{
    size_t i;

    *out = NULL;
    for (i = 0; i < zip->count; i++) {
        const zip_member *const member = &zip->members[i];
        const char *const slash = strchr(member->name, '/');
        const char *const rest = slash != NULL ? slash + 1 : "";

        if (strcmp(rest, "constants.pkl") == 0 || strncmp(rest, "code/", 5) == 0)
            return error_set(err, MDLA_ERR_UNSUPPORTED,
                             "%s: a TorchScript archive, which is a program; save the weights as "
                             "a dictionary of tensors",
                             zip->in.name);
        if (slash == NULL || slash == member->name || strcmp(rest, PICKLE_MEMBER) != 0)
            continue;
        if (*out != NULL)
            return error_set(err, MDLA_ERR_CORRUPT, "%s: two members are named " PICKLE_MEMBER,
                             zip->in.name);
        *out = member;
    }
    return *out != NULL
               ? MDLA_OK
               : error_set(err, MDLA_ERR_FORMAT,
                           "%s: a ZIP archive without " PICKLE_MEMBER ": not written by torch.save",
                           zip->in.name);
}

/* TOP/WHAT in path; false where it is too long to be a member's name. */
static bool member_name(const zip_member *pickle_member, const char *what, char *path,
                        size_t path_nbytes)
{
    const int top = (int)(strlen(pickle_member->name) - strlen(PICKLE_MEMBER));
    const int n = snprintf(path, path_nbytes, "%.*s%s", top, pickle_member->name, what);

    return n > 0 && (size_t)n < path_nbytes;
}

static mdla_status read_byte_order(torch_file *f, const zip_member *pickle_member, mdla_error *err)
{
    const zip_member *member;
    uint8_t *text = NULL;
    char path[512];
    mdla_status status;

    if (!member_name(pickle_member, "byteorder", path, sizeof path) ||
        (member = zip_find(f->zip, path)) == NULL)
        return MDLA_OK;
    status = read_member(f->zip, member, &text, err);
    f->big_endian = status == MDLA_OK && member->nbytes == 3 && memcmp(text, "big", 3) == 0;
    if (status == MDLA_OK && !f->big_endian &&
        (member->nbytes != 6 || memcmp(text, "little", 6) != 0))
        status = error_set(err, MDLA_ERR_UNSUPPORTED, "%s: a byte order that is not known",
                           f->zip->in.name);
    alloc_free(f->zip->in.al, text);
    return status;
}

/* Kinds of files that are called .pt and are no archive, by their first bytes. */
static mdla_status refuse_others(input *in, mdla_error *err)
{
    static const uint8_t old[] = {0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20};
    const uint8_t *bytes;
    size_t got;

    MDLA_TRY(input_peek(in, sizeof old, &bytes, &got, err));
    if (got == sizeof old && memcmp(bytes, old, got) == 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: torch's format from before version 1.6; load it with torch and save "
                         "it again",
                         in->name);
    if (got >= 2 && bytes[0] == 0x80 && bytes[1] <= 5)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: a plain pickle and no torch archive; nothing in it is executed",
                         in->name);
    if (got < 4 || memcmp(bytes, "PK", 2) != 0)
        return error_set(err, MDLA_ERR_FORMAT, "%s: no file that torch.save wrote", in->name);
    return MDLA_OK;
}

static mdla_status open_archive(const mdla_allocator *al, mdla_source source, const char *name,
                                zip_archive **out, mdla_error *err)
{
    mdla_status status;
    input in;

    *out = NULL;
    MDLA_TRY(input_open(al, source, name, &in, err));
    status = refuse_others(&in, err);
    if (status == MDLA_OK && !input_can_seek(&in))
        status = error_set(err, MDLA_ERR_UNSUPPORTED,
                           "%s: a .pt file can't be read from a pipe; give a file", name);
    if (status == MDLA_OK)
        status = input_seek(&in, 0, err);
    if (status == MDLA_OK && in.source.seek(in.source.ctx, 0) != MDLA_OK)
        status = error_io(err, name, "seek");
    if (status == MDLA_OK)
        in.source.close = NULL; /* the archive's from here on */
    input_close(&in);
    return status == MDLA_OK ? zip_open(al, source, name, true, out, err) : status;
}

/* ---- Tensors --------------------------------------------------------------------------------- */

static mdla_status bad_tensor(const weights *w, const weight *t, const char *what, mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT, "%s: tensor %.80s: %s", w->name, t->name, what);
}

static mdla_status read_axes(const weights *w, const pickle *p, const pickle_value *tensor,
                             weight *t, mdla_error *err)
{
    const pickle_value *const sizes = pickle_item(p, tensor, 2);
    const pickle_value *const strides = pickle_item(p, tensor, 3);
    size_t i;

    if (sizes->count != strides->count || sizes->count > WEIGHT_AXES_MAX)
        return bad_tensor(w, t, "its sizes and strides don't belong together", err);
    t->axes = (unsigned)sizes->count;
    for (i = 0; i < sizes->count; i++) {
        const pickle_value *const size = pickle_item(p, sizes, i);
        const pickle_value *const stride = pickle_item(p, strides, i);

        if (size->type != PICKLE_INT || stride->type != PICKLE_INT || size->whole < 0 ||
            stride->whole < 0)
            return bad_tensor(w, t, "a size or stride is no whole number from 0 on", err);
        t->shape[i] = (uint64_t)size->whole;
        t->stride[i] = (uint64_t)stride->whole;
    }
    return MDLA_OK;
}

/* Its last value lies in its storage, and the storage's bytes are there. */
static mdla_status check_extent(const weights *w, const weight *t, uint64_t storage_count,
                                const zip_member *member, mdla_error *err)
{
    uint64_t last = t->offset, count = 1, reach;
    unsigned i;

    for (i = 0; i < t->axes; i++) {
        if (!checked_mul_u64(count, t->shape[i], &count))
            return bad_tensor(w, t, "its sizes overflow", err);
        if (t->shape[i] != 0 && (!checked_mul_u64(t->shape[i] - 1, t->stride[i], &reach) ||
                                 !checked_add_u64(last, reach, &last)))
            return bad_tensor(w, t, "a stride reaches outside its storage", err);
    }
    if (count != 0 && last >= storage_count)
        return bad_tensor(w, t, "a stride reaches outside its storage", err);
    if (storage_count > member->nbytes / mdla_dtype_nbytes((mdla_dtype)t->dtype))
        return bad_tensor(w, t, "its storage is shorter than its number of values", err);
    return MDLA_OK;
}

static mdla_status describe(weights *w, const zip_member *pickle_member, const pickle_value *tensor,
                            weight *t, mdla_error *err)
{
    const torch_file *const f = w->container;
    const pickle_value *const storage = pickle_item(&f->values, tensor, 0);
    const int64_t offset = pickle_item(&f->values, tensor, 1)->whole;
    const zip_member *member;
    char what[300], path[512];

    t->dtype = storage->dtype;
    t->dtype_name = mdla_dtype_name((mdla_dtype)storage->dtype);
    t->big_endian = f->big_endian;
    if (offset < 0)
        return bad_tensor(w, t, "its offset is negative", err);
    t->offset = (uint64_t)offset;
    (void)snprintf(what, sizeof what, "data/%.250s", storage->text);
    if (!member_name(pickle_member, what, path, sizeof path) ||
        (member = zip_find(f->zip, path)) == NULL)
        return bad_tensor(w, t, "its storage is missing", err);
    if (member->method != ZIP_STORED)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: member %.80s is deflated, which torch.save never does", w->name,
                         member->name);
    t->storage = member;
    MDLA_TRY(read_axes(w, &f->values, tensor, t, err));
    return check_extent(w, t, (uint64_t)storage->whole, member, err);
}

static mdla_status describe_all(weights *w, const zip_member *pickle_member, mdla_error *err)
{
    const torch_file *const f = w->container;
    const pickle_value *const root = &f->values.values[f->values.root];
    size_t i;

    for (i = 0; i < root->count; i += 2) {
        const pickle_value *const key = pickle_item(&f->values, root, i);
        const pickle_value *const value = pickle_item(&f->values, root, i + 1);
        weight *const t = &w->items[w->count++];

        t->dtype = -1;
        t->dtype_name = "of no number type";
        t->name = alloc_text(w->al, key->type == PICKLE_TEXT ? key->text : "");
        if (t->name == NULL)
            return error_memory(err, w->name);
        if (key->type != PICKLE_TEXT || key->text_nbytes != strlen(key->text))
            return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: a key that is no text", w->name);
        if (weights_find(w, t->name) != t)
            return error_set(err, MDLA_ERR_CORRUPT, "%s: two entries are named %.80s", w->name,
                             t->name);
        if (value->type == PICKLE_TENSOR)
            MDLA_TRY(describe(w, pickle_member, value, t, err));
    }
    return MDLA_OK;
}

static mdla_status open_storage(weights *w, const weight *t, mdla_source *out, mdla_error *err)
{
    const torch_file *const f = w->container;

    return zip_member_open(f->zip, t->storage, out, err);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static mdla_status read_values(torch_file *f, const zip_member **pickle_member, mdla_error *err)
{
    const char *const name = f->zip->in.name;
    uint8_t *bytes = NULL;
    mdla_status status;

    MDLA_TRY(find_pickle(f->zip, pickle_member, err));
    status = read_member(f->zip, *pickle_member, &bytes, err);
    if (status == MDLA_OK)
        status = pickle_read(f->zip->in.al, bytes, (size_t)(*pickle_member)->nbytes, name,
                             &f->values, err);
    alloc_free(f->zip->in.al, bytes);
    MDLA_TRY(status);
    if (f->values.values[f->values.root].type != PICKLE_DICT)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: holds no dictionary of tensors", name);
    if (f->values.values[f->values.root].count / 2 > ENTRIES_MAX)
        return error_set(err, MDLA_ERR_LIMIT, "%s: a dictionary of more than %d entries: no SAE",
                         name, ENTRIES_MAX);
    return read_byte_order(f, *pickle_member, err);
}

mdla_status weights_open_torch(const mdla_allocator *al, mdla_source source, const char *name,
                               weights **out, mdla_error *err)
{
    const zip_member *pickle_member;
    zip_archive *zip;
    mdla_status status;
    torch_file *f;
    weights *w = NULL;

    *out = NULL;
    MDLA_TRY(open_archive(al, source, name, &zip, err));
    f = alloc_zeroed(al, 1, sizeof *f);
    if (f == NULL) {
        zip_close(zip);
        return error_memory(err, name);
    }
    f->zip = zip;
    status = read_values(f, &pickle_member, err);
    if (status == MDLA_OK) {
        w = weights_new(al, name, f->values.values[f->values.root].count / 2);
        if (w == NULL)
            status = error_memory(err, name);
    }
    if (w == NULL) {
        close_torch(f);
        return status;
    }
    w->container = f;
    w->close = close_torch;
    w->open = open_storage;
    status = describe_all(w, pickle_member, err);
    if (status != MDLA_OK) {
        weights_close(w);
        return status;
    }
    *out = w;
    return MDLA_OK;
}

const pickle_value *torch_entry(weights *w, const char *key)
{
    const torch_file *const f = w->container;
    const pickle_value *const value =
        pickle_get(&f->values, &f->values.values[f->values.root], key);

    if (value == NULL || value->type == PICKLE_TENSOR)
        return NULL;
    weights_ignore(w, key);
    return value;
}

const pickle_value *torch_entry_of(const weights *w, const pickle_value *dict, const char *key)
{
    const torch_file *const f = w->container;

    return pickle_get(&f->values, dict, key);
}
