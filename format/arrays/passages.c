#include "arrays/passages.h"

#include "arrays/npy_header.h"
#include "base/alloc.h"
#include "io_error.h"

#include <inttypes.h>
#include <string.h>

#define READ_VALUES 512 /* at a time */

struct passages {
    input in;
    uint64_t count, next;
    uint64_t values_offset; /* of the first number in the source */
    size_t value_nbytes;
    uint8_t last[8]; /* the number of the row before next, as it stands in the file */
};

static mdla_status open_array(passages *p, mdla_error *err)
{
    npy_header header;
    const uint8_t *first;
    size_t count;

    MDLA_TRY(input_peek(&p->in, 6, &first, &count, err));
    if (count != 6 || memcmp(first, "\x93NUMPY", 6) != 0)
        return error_set(err, MDLA_ERR_FORMAT,
                         "%s: is no .npy file; passage numbers are a 1-D array of integers",
                         p->in.name);
    MDLA_TRY(npy_header_read(&p->in, -1, &header, err));
    if (header.dtype < MDLA_U8 || header.dtype == MDLA_BOOL)
        return error_set(err, MDLA_ERR_DATA, "%s: passage numbers must be integers, not %s",
                         p->in.name, mdla_dtype_name(header.dtype));
    if (header.axes != 1)
        return error_set(err, MDLA_ERR_DATA,
                         "%s: passage numbers are a 1-D array; this has %u axes", p->in.name,
                         header.axes);
    p->count = header.shape[0];
    p->value_nbytes = mdla_dtype_nbytes(header.dtype);
    p->values_offset = p->in.position;
    return MDLA_OK;
}

mdla_status passages_open(const mdla_config *config, mdla_source source, const char *name,
                          passages **out, mdla_error *err)
{
    const mdla_allocator *al = alloc_of(config);
    passages *p = alloc_zeroed(al, 1, sizeof *p);
    mdla_status status;

    *out = NULL;
    if (p == NULL) {
        if (source.close != NULL)
            source.close(source.ctx);
        return error_memory(err, name);
    }
    status = input_open(al, source, name, &p->in, err);
    if (status == MDLA_OK)
        status = open_array(p, err);
    if (status != MDLA_OK) {
        input_close(&p->in);
        alloc_free(al, p);
        return status;
    }
    *out = p;
    return MDLA_OK;
}

void passages_close(passages *p)
{
    if (p == NULL)
        return;
    const mdla_allocator *al = p->in.al;

    input_close(&p->in);
    alloc_free(al, p);
}

uint64_t passages_count(const passages *p)
{
    return p->count;
}

mdla_status passages_read(passages *p, uint8_t *starts, size_t row_count, mdla_error *err)
{
    uint8_t values[READ_VALUES * 8];

    if (p->count - p->next < row_count)
        return error_set(err, MDLA_ERR_DATA,
                         "%s: has %" PRIu64 " passage numbers, fewer than there are rows",
                         p->in.name, p->count);
    for (size_t done = 0; done < row_count;) {
        const size_t left = row_count - done, take = left < READ_VALUES ? left : READ_VALUES;

        MDLA_TRY(input_read(&p->in, values, take * p->value_nbytes, "a passage number", err));
        for (size_t i = 0; i < take; i++, p->next++) {
            const uint8_t *value = values + i * p->value_nbytes;

            starts[done + i] = p->next == 0 || memcmp(value, p->last, p->value_nbytes) != 0;
            memcpy(p->last, value, p->value_nbytes);
        }
        done += take;
    }
    return MDLA_OK;
}

mdla_status passages_seek(passages *p, uint64_t row, mdla_error *err)
{
    uint8_t unused[1];

    if (row == p->next)
        return MDLA_OK;
    p->next = row != 0 ? row - 1 : 0;
    MDLA_TRY(input_seek(&p->in, p->values_offset + p->next * p->value_nbytes, err));
    return row != 0 ? passages_read(p, unused, 1, err) : MDLA_OK;
}
