/* One tensor of a safetensors file as rows. The header is checked whole (saes/safetensors.c); of
 * the values only the tensor's are read. */
#include "arrays/array_list.h"
#include "arrays/choose.h"
#include "arrays/dense.h"
#include "saes/safetensors.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"

#include <string.h>

static bool is_float(const safetensor *t)
{
    return t->dtype == MDLA_F32 || t->dtype == MDLA_F16 || t->dtype == MDLA_BF16 ||
           t->dtype == MDLA_F64;
}

static mdla_status fill_list(const safetensors *st, array_list *list)
{
    size_t i;

    for (i = 0; i < st->count; i++) {
        const safetensor *const t = &st->tensors[i];
        const mdla_array_entry entry = {t->name, t->dtype_name, is_float(t), t->axes, t->shape};

        MDLA_TRY(array_list_add(list, &entry));
    }
    return MDLA_OK;
}

mdla_status array_list_safetensors(input *in, array_list *list, mdla_error *err)
{
    const mdla_allocator *const al = in->al;
    char *const name = alloc_text(al, in->name);
    safetensors *st = NULL;
    mdla_source source;
    mdla_status status = MDLA_ERR_MEMORY;

    if (name != NULL)
        status = input_to_source(in, &source);
    if (status == MDLA_OK)
        status = safetensors_open(al, source, name, &st, err);
    if (status == MDLA_OK)
        status = fill_list(st, list);
    safetensors_close(st);
    alloc_free(al, name);
    return status;
}

static mdla_status choose_tensor(const safetensors *st, const char *wanted,
                                 const safetensor **tensor, mdla_error *err)
{
    array_list list;
    mdla_status status;
    size_t index = 0;

    array_list_start(&list, st->in.al);
    status = fill_list(st, &list);
    if (status == MDLA_OK)
        status = choose_array(list.entries, list.count, wanted, st->in.name, &index, err);
    else
        status = error_memory(err, st->in.name);
    array_list_free(&list);
    if (status == MDLA_OK)
        *tensor = &st->tensors[index];
    return status;
}

/* What the values are. 16-bit integers must be told, as in .npy. */
static mdla_status dtype_of(const safetensors *st, const safetensor *t, int bf16, mdla_dtype *dtype,
                            mdla_error *err)
{
    if (t->dtype < 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: tensor %.80s: dtype %s is not supported",
                         st->in.name, t->name, t->dtype_name);
    *dtype = (mdla_dtype)t->dtype;
    if (*dtype != MDLA_U16 && *dtype != MDLA_I16)
        return MDLA_OK;
    if (bf16 == 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: tensor %.80s: 16-bit integers are often bfloat16 bit patterns; say "
                         "bf16 or integers",
                         st->in.name, t->name);
    if (bf16 > 0)
        *dtype = MDLA_BF16;
    return MDLA_OK;
}

static mdla_status set_shape(mdla_rows *rows, const safetensor *t, mdla_error *err)
{
    uint64_t row_count = 1;
    unsigned axis;

    if (t->axes < 2 && !(rows->numbers && t->axes == 1))
        return error_set(err, MDLA_ERR_DATA,
                         "%s: tensor %.80s is %u-D; rows need two axes: reshape to (rows, dims)",
                         rows->in.name, t->name, t->axes);
    for (axis = 0; axis + 1 < t->axes; axis++) {
        if (!checked_mul_u64(row_count, t->shape[axis], &row_count))
            return error_set(err, MDLA_ERR_CORRUPT, "%s: sizes overflow", rows->in.name);
    }
    return rows_set_shape(rows, row_count, t->shape[t->axes - 1], err);
}

static mdla_status open_tensor(mdla_rows *rows, safetensors *st, const mdla_array_options *options,
                               mdla_error *err)
{
    const uint64_t end = st->count != 0 ? st->tensors[st->count - 1].end : 0;
    const safetensor *t = NULL;
    mdla_dtype dtype = MDLA_F32;

    MDLA_TRY(choose_tensor(st, options->array, &t, err));
    MDLA_TRY(dtype_of(st, t, options->bf16, &dtype, err));
    rows->in = st->in;
    memset(&st->in, 0, sizeof st->in);
    st->in.al = rows->al; /* what closing st needs */
    MDLA_TRY(set_shape(rows, t, err));
    MDLA_TRY(input_seek(&rows->in, st->data_offset + t->begin, err));
    return dense_open_among(rows, dtype, end - t->end, err);
}

mdla_status rows_open_safetensors(mdla_rows *rows, const mdla_array_options *options,
                                  mdla_error *err)
{
    safetensors *st;
    mdla_source source;
    mdla_status status;
    char *name;

    MDLA_TRY(rows_take_input(rows, &source, &name, err));
    status = safetensors_open(rows->al, source, name, &st, err);
    if (status == MDLA_OK)
        status = open_tensor(rows, st, options, err);
    safetensors_close(st);
    alloc_free(rows->al, name);
    return status;
}
