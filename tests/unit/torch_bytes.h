/* Small .pt files: a pickle put together by hand, and the archive that torch.save makes of it. */
#ifndef MDLA_TEST_TORCH_BYTES_H
#define MDLA_TEST_TORCH_BYTES_H

#include "support.h"

#include "base/alloc.h"
#include "zip_writer.h"

static inline void pickle_start(bytes *b)
{
    b->count = 0;
    put(b, "\x80\x02}(", 4);
}

static inline void pickle_text(bytes *b, const char *text)
{
    put_byte(b, 'X');
    put_byte(b, (unsigned)strlen(text));
    put(b, "\0\0\0", 3);
    put_text(b, text);
}

static inline void pickle_sizes(bytes *b, unsigned axes, unsigned first, unsigned second)
{
    if (axes == 0) {
        put_byte(b, ')');
        return;
    }
    put_byte(b, 'K');
    put_byte(b, first);
    if (axes == 2) {
        put_byte(b, 'K');
        put_byte(b, second);
    }
    put_byte(b, axes == 1 ? 0x85 : 0x86);
}

/* One entry: storage data/KEY of count floats; sizes and strides of axes axes. */
static inline void pickle_tensor(bytes *b, const char *name, const char *key, unsigned count,
                                 unsigned offset, unsigned axes, unsigned first, unsigned second,
                                 unsigned stride, unsigned inner)
{
    pickle_text(b, name);
    put_text(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    pickle_text(b, "storage");
    put_text(b, "ctorch\nFloatStorage\n");
    pickle_text(b, key);
    pickle_text(b, "cpu");
    put_byte(b, 'K');
    put_byte(b, count);
    put_text(b, "tQ");
    put_byte(b, 'K');
    put_byte(b, offset);
    pickle_sizes(b, axes, first, second);
    pickle_sizes(b, axes, stride, inner);
    put_byte(b, 0x89);
    put_text(b, "ccollections\nOrderedDict\n)RtR");
}

static inline void pickle_end(bytes *b)
{
    put_text(b, "u.");
}

/* The archive: data.pkl, then storages data/0, data/1 ... of floats. Release with free(). */
static inline void *torch_archive(const bytes *pickle, const float *const *storages,
                                  const size_t *counts, size_t storage_count, size_t *nbytes)
{
    void *out;
    mdla_sink sink;
    zip_writer zip;
    char name[32];
    bytes values;
    size_t i, j;

    assert_int_equal(mdla_sink_memory(&out, nbytes, &sink), MDLA_OK);
    zip_writer_start(&zip, alloc_of(NULL), &sink);
    assert_int_equal(zip_writer_member(&zip, "any/data.pkl", false), MDLA_OK);
    assert_int_equal(zip_writer_write(&zip, pickle->data, pickle->count), MDLA_OK);
    for (i = 0; i < storage_count; i++) {
        (void)snprintf(name, sizeof name, "any/data/%zu", i);
        assert_int_equal(zip_writer_member(&zip, name, false), MDLA_OK);
        values.count = 0;
        for (j = 0; j < counts[i]; j++)
            put_f32_le(&values, storages[i][j]);
        assert_int_equal(zip_writer_write(&zip, values.data, values.count), MDLA_OK);
    }
    assert_int_equal(zip_writer_finish(&zip), MDLA_OK);
    zip_writer_free(&zip);
    assert_int_equal(sink.close(sink.ctx, 1), MDLA_OK);
    return out;
}

#endif
