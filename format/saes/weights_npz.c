/* Weights from .npz: a ZIP archive of .npy arrays. */
#include "saes/weights.h"

#include "arrays/npy_header.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"
#include "zip_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NPY_SUFFIX ".npy"

static mdla_status open_member(weights *w, const zip_member *member, input *in, npy_header *header,
                               mdla_error *err)
{
    zip_archive *const zip = w->container;
    mdla_source source;
    mdla_status status;
    char name[512];

    (void)snprintf(name, sizeof name, "%s: %.80s", w->name, member->name);
    MDLA_TRY(zip_member_open(zip, member, &source, err));
    MDLA_TRY(input_open(w->al, source, name, in, err));
    status = npy_header_read(in, 0, header, err);
    if (status != MDLA_OK)
        input_close(in);
    return status;
}

/* The array's bytes behind its header: the header is read again and the source handed on. */
static mdla_status open_array(weights *w, const weight *t, mdla_source *out, mdla_error *err)
{
    npy_header header;
    input in;

    MDLA_TRY(open_member(w, t->storage, &in, &header, err));
    *out = in.source;
    in.source.close = NULL;
    input_close(&in);
    return MDLA_OK;
}

static mdla_status describe(weights *w, const zip_member *member, weight *t, mdla_error *err)
{
    uint64_t count = 1, nbytes;
    npy_header header;
    unsigned axis;
    input in;

    MDLA_TRY(open_member(w, member, &in, &header, err));
    t->dtype = (int)header.dtype;
    t->dtype_name = mdla_dtype_name(header.dtype);
    t->big_endian = header.big_endian;
    t->axes = header.axes;
    t->storage = member;
    nbytes = in.source.nbytes - in.position;
    input_close(&in);
    if (header.axes > WEIGHT_AXES_MAX)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: array %.80s has more than %d axes",
                         w->name, t->name, WEIGHT_AXES_MAX);
    for (axis = 0; axis < header.axes; axis++) {
        t->shape[axis] = header.shape[axis];
        if (!checked_mul_u64(count, header.shape[axis], &count))
            count = UINT64_MAX;
    }
    if (count > nbytes || count * mdla_dtype_nbytes(header.dtype) != nbytes)
        return error_set(err, MDLA_ERR_CORRUPT,
                         "%s: array %.80s: its shape and type don't make its %" PRIu64 " bytes",
                         w->name, t->name, nbytes);
    weights_set_strides(t, header.fortran_order);
    return MDLA_OK;
}

static mdla_status describe_all(weights *w, mdla_error *err)
{
    const zip_archive *const zip = w->container;
    size_t i;

    for (i = 0; i < zip->count; i++) {
        const zip_member *const member = &zip->members[i];
        const size_t length = strlen(member->name), suffix = strlen(NPY_SUFFIX);
        weight *const t = &w->items[w->count++];

        t->name = alloc_text(w->al, member->name);
        if (t->name == NULL)
            return error_memory(err, w->name);
        if (length <= suffix || strcmp(member->name + length - suffix, NPY_SUFFIX) != 0)
            return error_set(err, MDLA_ERR_FORMAT, "%s: member %.80s is no .npy array", w->name,
                             member->name);
        t->name[length - suffix] = '\0';
        MDLA_TRY(describe(w, member, t, err));
    }
    return MDLA_OK;
}

static void close_archive(void *container)
{
    zip_close(container);
}

mdla_status weights_open_npz(const mdla_allocator *al, mdla_source source, const char *name,
                             weights **out, mdla_error *err)
{
    mdla_status status;
    zip_archive *zip;
    weights *w;

    *out = NULL;
    MDLA_TRY(zip_open(al, source, name, false, &zip, err));
    w = weights_new(al, name, zip->count);
    if (w == NULL) {
        zip_close(zip);
        return error_memory(err, name);
    }
    w->container = zip;
    w->close = close_archive;
    w->open = open_array;
    status = describe_all(w, err);
    if (status != MDLA_OK) {
        weights_close(w);
        return status;
    }
    *out = w;
    return MDLA_OK;
}
