/* One array of a .npz file as rows: a ZIP archive (zip_source.c) whose members are .npy files. Of
 * the other members at most the headers are read. */
#include "arrays/array_list.h"
#include "arrays/choose.h"
#include "arrays/npy_header.h"
#include "arrays/rows.h"
#include "zip_source.h"

#include "base/alloc.h"
#include "io_error.h"

#include <stdio.h>
#include <string.h>

#define NAME_ROOM 700 /* of an archive and its member */

/* ---- The members ------------------------------------------------------------------------------
 */

/* The array's name: the member's without .npy; 0 for a member of another kind. */
static size_t key_length(const zip_member *m)
{
    const size_t length = strlen(m->name);

    return length > 4 && strcmp(m->name + length - 4, ".npy") == 0 ? length - 4 : 0;
}

static mdla_status open_member(zip_archive *zip, const zip_member *member, input *out,
                               mdla_error *err)
{
    char name[NAME_ROOM];
    mdla_source source;

    MDLA_TRY(zip_member_open(zip, member, &source, err));
    (void)snprintf(name, sizeof name, "%.500s:%.*s", zip->in.name, (int)key_length(member),
                   member->name);
    return input_open(zip->in.al, source, name, out, err);
}

/* What a member holds, as far as it can be told: one that can't be read is listed as such. */
static mdla_status list_member(zip_archive *zip, const zip_member *member, array_list *list)
{
    mdla_array_entry entry = {NULL, "not numbers", 0, 0, NULL};
    char *const key = alloc_zeroed(list->al, key_length(member) + 1, 1);
    npy_header header = {0};
    mdla_status status;
    mdla_error ignored;
    input in = {0};

    if (key == NULL)
        return MDLA_ERR_MEMORY;
    memcpy(key, member->name, key_length(member));
    entry.name = key;
    status = open_member(zip, member, &in, &ignored);
    if (status == MDLA_OK)
        status = npy_header_read(&in, -1, &header, &ignored);
    if (status == MDLA_OK) {
        entry.dtype = mdla_dtype_name(header.dtype);
        entry.is_float =
            header.dtype == MDLA_F32 || header.dtype == MDLA_F16 || header.dtype == MDLA_F64;
        entry.axes = header.axes;
        entry.shape = header.shape;
    }
    input_close(&in);
    status = status == MDLA_ERR_MEMORY ? status : array_list_add(list, &entry);
    alloc_free(list->al, key);
    return status;
}

static mdla_status fill_list(zip_archive *zip, array_list *list)
{
    size_t i;

    for (i = 0; i < zip->count; i++) {
        if (key_length(&zip->members[i]) != 0)
            MDLA_TRY(list_member(zip, &zip->members[i], list));
    }
    return MDLA_OK;
}

/* The i-th member that is an array. */
static const zip_member *nth_array(const zip_archive *zip, size_t i)
{
    size_t k;

    for (k = 0; k < zip->count; k++) {
        if (key_length(&zip->members[k]) != 0 && i-- == 0)
            return &zip->members[k];
    }
    return NULL;
}

/* By name without looking into the members; otherwise by what they hold. */
static mdla_status choose_member(zip_archive *zip, const char *wanted, const zip_member **member,
                                 mdla_error *err)
{
    const size_t length = wanted != NULL ? strlen(wanted) : 0;
    array_list list;
    mdla_status status;
    size_t index = 0, k;

    for (k = 0; wanted != NULL && k < zip->count; k++) {
        *member = &zip->members[k];
        if (strcmp((*member)->name, wanted) == 0 ||
            (key_length(*member) == length && strncmp((*member)->name, wanted, length) == 0))
            return MDLA_OK;
    }
    if (wanted == NULL && nth_array(zip, 0) != NULL && nth_array(zip, 1) == NULL) {
        *member = nth_array(zip, 0);
        return MDLA_OK;
    }
    array_list_start(&list, zip->in.al);
    status = fill_list(zip, &list);
    status = status != MDLA_OK
                 ? error_memory(err, zip->in.name)
                 : choose_array(list.entries, list.count, wanted, zip->in.name, &index, err);
    array_list_free(&list);
    if (status == MDLA_OK)
        *member = nth_array(zip, index);
    return status;
}

mdla_status array_list_npz(input *in, array_list *list, mdla_error *err)
{
    const mdla_allocator *const al = in->al;
    char *const name = alloc_text(al, in->name);
    zip_archive *zip = NULL;
    mdla_source source;
    mdla_status status = MDLA_ERR_MEMORY;

    if (name != NULL)
        status = input_to_source(in, &source);
    if (status == MDLA_OK)
        status = zip_open(al, source, name, false, &zip, err);
    if (status == MDLA_OK)
        status = fill_list(zip, list);
    zip_close(zip);
    alloc_free(al, name);
    return status;
}

/* ---- A member that owns its archive ------------------------------------------------------------
 */

typedef struct owner {
    zip_archive *zip;
    mdla_source member;
} owner;

static mdla_status owner_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    owner *const o = ctx;

    return o->member.read(o->member.ctx, dst, nbytes, got);
}

static mdla_status owner_seek(void *ctx, uint64_t offset)
{
    owner *const o = ctx;

    return o->member.seek(o->member.ctx, offset);
}

static void owner_close(void *ctx)
{
    owner *const o = ctx;
    const mdla_allocator *const al = o->zip->in.al;

    o->member.close(o->member.ctx);
    zip_close(o->zip);
    alloc_free(al, o);
}

/* Takes the member's source out of its input, and the archive with it. */
static mdla_status own(zip_archive *zip, input *member, mdla_error *err)
{
    owner *const o = alloc_array(zip->in.al, 1, sizeof *o);

    if (o == NULL)
        return error_memory(err, zip->in.name);
    o->zip = zip;
    o->member = member->source;
    member->source = (mdla_source){o, owner_read, owner_seek, member->source.nbytes, owner_close};
    return MDLA_OK;
}

/* A column-major array is read here and there, which leaves its CRC-32 unchecked: all of it is read
 * once before. */
static mdla_status check_column_major(input *in, int bf16, mdla_error *err)
{
    uint8_t scratch[4096];
    npy_header header;
    size_t got = 1;

    MDLA_TRY(npy_header_read(in, bf16, &header, err));
    while (header.fortran_order && got != 0)
        MDLA_TRY(input_read_some(in, scratch, sizeof scratch, &got, err));
    return input_seek(in, 0, err);
}

mdla_status npz_open(mdla_rows *rows, const mdla_array_options *options, mdla_error *err)
{
    const zip_member *member = NULL;
    zip_archive *zip;
    mdla_source source;
    mdla_status status;
    input in = {0};
    char *name;

    MDLA_TRY(rows_take_input(rows, &source, &name, err));
    status = zip_open(rows->al, source, name, false, &zip, err);
    alloc_free(rows->al, name);
    if (status == MDLA_OK)
        status = choose_member(zip, options->array, &member, err);
    if (status == MDLA_OK)
        status = open_member(zip, member, &in, err);
    if (status == MDLA_OK)
        status = check_column_major(&in, options->bf16, err);
    if (status == MDLA_OK)
        status = own(zip, &in, err);
    if (status != MDLA_OK) {
        input_close(&in);
        zip_close(zip);
        return status;
    }
    rows->in = in;
    return npy_open(rows, options, err);
}
