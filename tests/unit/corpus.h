/* The seeds of the fuzz targets as test data: tests/fuzz/make_corpus.py says what they hold. */
#ifndef MDLA_TEST_CORPUS_H
#define MDLA_TEST_CORPUS_H

#include "support.h"

static inline void corpus_bytes(const char *name, bytes *b)
{
    char path[1024];
    FILE *file;

    snprintf(path, sizeof path, "%s/fuzz_arrays/%s", MDLA_CORPUS, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    b->count = fread(b->data, 1, sizeof b->data, file);
    fclose(file);
}

/* Opens and reads all of an array; the status that this comes to. */
static inline mdla_status corpus_read(const bytes *b, int pipe, const char *array, float *values,
                                      size_t *rows, uint32_t *dims, mdla_error *err)
{
    const mdla_array_options options = {.bf16 = -1, .array = array};

    return read_array(b, pipe, &options, values, rows, dims, err);
}

/* Every byte changed, every cut: an error with a sentence or rows, never more than that. The
 * sanitizers see the rest. */
static inline void corpus_damage(const bytes *good, const char *array)
{
    static const uint8_t changes[] = {0xff, 0x01, 0x80, 0x10};
    size_t rows, i, k;
    uint32_t dims;
    mdla_error err;
    bytes b;

    for (i = 0; i < good->count; i++) {
        for (k = 0; k <= sizeof changes; k++) {
            mdla_status status;

            b = *good;
            if (k == sizeof changes)
                b.count = i;
            else
                b.data[i] ^= changes[k];
            err.text[0] = '\0';
            status = corpus_read(&b, (int)(i & 1), array, NULL, &rows, &dims, &err);
            assert_true(status == MDLA_OK || err.text[0] != '\0');
        }
    }
}

#endif
