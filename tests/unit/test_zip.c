#include "support.h"

#include "base/alloc.h"
#include "zip_source.h"
#include "zip_writer.h"

#include <zlib.h>

typedef struct made {
    uint8_t *data;
    size_t nbytes;
} made;

static void put_le(bytes *b, uint64_t value, unsigned count)
{
    while (count-- != 0) {
        put_byte(b, value & 0xff);
        value >>= 8;
    }
}

static uint32_t crc_of(const void *src, size_t nbytes)
{
    return (uint32_t)crc32(crc32(0, NULL, 0), src, (uInt)nbytes);
}

static const char *const pair_names[] = {"one.npy", "two"};
static const char *const pair_texts[] = {"0123456789", "abc"};

/* Two stored members, as the writer makes them. */
static made make_archive(void)
{
    void *data;
    made m;
    mdla_sink sink;
    zip_writer zip;
    int i;

    assert_int_equal(mdla_sink_memory(&data, &m.nbytes, &sink), MDLA_OK);
    zip_writer_start(&zip, alloc_of(NULL), &sink);
    for (i = 0; i < 2; i++) {
        const size_t half = strlen(pair_texts[i]) / 2;

        assert_int_equal(zip_writer_member(&zip, pair_names[i], false), MDLA_OK);
        assert_int_equal(zip_writer_write(&zip, pair_texts[i], half), MDLA_OK);
        assert_int_equal(zip_writer_write(&zip, pair_texts[i] + half, strlen(pair_texts[i]) - half),
                         MDLA_OK);
    }
    assert_int_equal(zip_writer_finish(&zip), MDLA_OK);
    zip_writer_free(&zip);
    assert_int_equal(sink.close(sink.ctx, 1), MDLA_OK);
    m.data = data;
    return m;
}

/* The same two with every size and offset in zip64 fields alone, as some write them however small.
 */
static made make_archive64(void)
{
    bytes b = {.count = 0};
    size_t offset[2], directory, end;
    made m;
    int central, i;

    for (central = 0, directory = 0; central < 2; central++) {
        directory = b.count;
        for (i = 0; i < 2; i++) {
            const size_t nbytes = strlen(pair_texts[i]);

            if (!central)
                offset[i] = b.count;
            put_text(&b, central ? "PK\1\2" : "PK\3\4");
            if (central)
                put_le(&b, 45, 2);
            put_le(&b, 45, 2);
            put_le(&b, 0, 8); /* flags, method, time, date */
            put_le(&b, crc_of(pair_texts[i], nbytes), 4);
            put_le(&b, UINT64_MAX, 8);
            put_le(&b, strlen(pair_names[i]), 2);
            put_le(&b, central ? 28 : 20, 2);
            if (central) {
                put_le(&b, 0, 10); /* comment, disk, attributes */
                put_le(&b, UINT32_MAX, 4);
            }
            put_text(&b, pair_names[i]);
            put_le(&b, 1, 2);
            put_le(&b, central ? 24 : 16, 2);
            put_le(&b, nbytes, 8);
            put_le(&b, nbytes, 8);
            if (central)
                put_le(&b, offset[i], 8);
            else
                put_text(&b, pair_texts[i]);
        }
    }
    end = b.count;
    put_text(&b, "PK\6\6");
    put_le(&b, 44, 8);
    put_le(&b, 45, 2);
    put_le(&b, 45, 2);
    put_le(&b, 0, 8);
    put_le(&b, 2, 8);
    put_le(&b, 2, 8);
    put_le(&b, end - directory, 8);
    put_le(&b, directory, 8);
    put_text(&b, "PK\6\7");
    put_le(&b, 0, 4);
    put_le(&b, end, 8);
    put_le(&b, 1, 4);
    put_text(&b, "PK\5\6");
    put_le(&b, 0, 4);
    put_le(&b, UINT32_MAX, 4);
    put_le(&b, UINT64_MAX, 8);
    put_le(&b, 0, 2);
    m.nbytes = b.count;
    m.data = malloc(b.count);
    assert_non_null(m.data);
    memcpy(m.data, b.data, b.count);
    return m;
}

/* One member "x" without zip64: method, its packed bytes, and what the directory claims. */
static void put_archive(bytes *b, unsigned flags, unsigned method, const void *packed,
                        size_t packed_nbytes, uint32_t nbytes, uint32_t crc, const char *comment)
{
    size_t directory;
    int central;

    b->count = 0;
    for (central = 0; central < 2; central++) {
        directory = b->count;
        put_text(b, central ? "PK\1\2" : "PK\3\4");
        if (central)
            put_le(b, 20, 2);
        put_le(b, 20, 2);
        put_le(b, flags, 2);
        put_le(b, method, 2);
        put_le(b, 0, 4);
        put_le(b, crc, 4);
        put_le(b, packed_nbytes, 4);
        put_le(b, nbytes, 4);
        put_le(b, 1, 2);
        put_le(b, 0, 2);
        if (central)
            put_le(b, 0, 14); /* comment, disk, attributes, offset 0 */
        put_text(b, "x");
        if (!central)
            put(b, packed, packed_nbytes);
    }
    put_text(b, "PK\5\6");
    put_le(b, 0, 4);
    put_le(b, 1, 2);
    put_le(b, 1, 2);
    put_le(b, b->count - 12 - directory, 4);
    put_le(b, directory, 4);
    put_le(b, strlen(comment), 2);
    put_text(b, comment);
}

static mdla_status read_all(const uint8_t *data, size_t nbytes, const char *member, char *text,
                            size_t text_nbytes, mdla_error *err)
{
    mdla_source source, content;
    zip_archive *zip;
    mdla_status status;
    size_t got = 0;

    mdla_source_memory(data, nbytes, &source);
    status = zip_open(alloc_of(NULL), source, "z", false, &zip, err);
    if (status != MDLA_OK)
        return status;
    if (zip_find(zip, member) == NULL) {
        zip_close(zip);
        return MDLA_ERR_ARGUMENT;
    }
    status = zip_member_open(zip, zip_find(zip, member), &content, err);
    if (status == MDLA_OK) {
        status = content.read(content.ctx, text, text_nbytes - 1, &got);
        text[got] = '\0';
        content.close(content.ctx);
    }
    zip_close(zip);
    return status;
}

static size_t deflated(const void *src, size_t nbytes, uint8_t *dst, size_t room)
{
    z_stream z = {0};
    size_t packed;

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)src;
    z.avail_in = (uInt)nbytes;
    z.next_out = dst;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    packed = room - z.avail_out;
    deflateEnd(&z);
    return packed;
}

static void check_pair(made m)
{
    mdla_source source, one, two;
    zip_archive *zip;
    char text[32] = "";
    size_t got;

    assert_int_equal(read_all(m.data, m.nbytes, "one.npy", text, sizeof text, NULL), MDLA_OK);
    assert_string_equal(text, "0123456789");
    mdla_source_memory(m.data, m.nbytes, &source);
    assert_int_equal(zip_open(alloc_of(NULL), source, "z", false, &zip, NULL), MDLA_OK);
    assert_int_equal(zip->count, 2);
    assert_int_equal(zip_member_open(zip, &zip->members[0], &one, NULL), MDLA_OK);
    assert_int_equal(zip_member_open(zip, &zip->members[1], &two, NULL), MDLA_OK);
    assert_int_equal(one.nbytes, 10);
    assert_int_equal(one.read(one.ctx, text, 2, &got), MDLA_OK);
    assert_int_equal(two.read(two.ctx, text + 8, 9, &got), MDLA_OK); /* in turn */
    assert_int_equal(got, 3);
    assert_int_equal(one.seek(one.ctx, 7), MDLA_OK);
    assert_int_equal(one.read(one.ctx, text + 2, 9, &got), MDLA_OK);
    assert_int_equal(got, 3);
    assert_memory_equal(text, "01789", 5);
    assert_int_equal(one.read(one.ctx, text, 9, &got), MDLA_OK);
    assert_int_equal(got, 0);
    one.close(one.ctx);
    two.close(two.ctx);
    zip_close(zip);
    free(m.data);
}

static void test_zip_written_reads_back_and_seeks(void **state)
{
    (void)state;
    check_pair(make_archive());
    check_pair(make_archive64());
}

static void test_zip_deflated_member_is_inflated_and_checked(void **state)
{
    char content[3000], text[3100];
    uint8_t packed[3000];
    size_t nbytes, got, i;
    mdla_source source, member;
    zip_archive *zip;
    bytes b;

    (void)state;
    for (i = 0; i < sizeof content; i++)
        content[i] = (char)('a' + i * i % 23);
    nbytes = deflated(content, sizeof content, packed, sizeof packed);
    put_archive(&b, 0, 8, packed, nbytes, sizeof content, crc_of(content, sizeof content),
                "a tail");
    assert_int_equal(read_all(b.data, b.count, "x", text, sizeof text, NULL), MDLA_OK);
    assert_memory_equal(text, content, sizeof content);
    mdla_source_memory(b.data, b.count, &source);
    assert_int_equal(zip_open(alloc_of(NULL), source, "z", false, &zip, NULL), MDLA_OK);
    assert_int_equal(zip_member_open(zip, &zip->members[0], &member, NULL), MDLA_OK);
    assert_int_equal(member.seek(member.ctx, 2000), MDLA_OK);
    assert_int_equal(member.read(member.ctx, text, 10, &got), MDLA_OK);
    assert_memory_equal(text, content + 2000, 10);
    assert_int_equal(member.seek(member.ctx, 5), MDLA_OK);
    assert_int_equal(member.read(member.ctx, text, 10, &got), MDLA_OK);
    assert_memory_equal(text, content + 5, 10);
    member.close(member.ctx);
    zip_close(zip);

    put_archive(&b, 0, 8, packed, nbytes, sizeof content, 1, "");
    assert_int_equal(read_all(b.data, b.count, "x", text, sizeof text, NULL), MDLA_ERR_CORRUPT);
    for (i = 1; i < 3; i++) { /* the size promised is too small, too large */
        put_archive(&b, 0, 8, packed, nbytes, (uint32_t)(sizeof content - 5 + 6 * (i - 1)),
                    crc_of(content, sizeof content), "");
        assert_int_equal(read_all(b.data, b.count, "x", text, sizeof text, NULL), MDLA_ERR_CORRUPT);
    }
    put_archive(&b, 0, 8, packed, nbytes, 200000000, 1, ""); /* more than deflate can make */
    assert_int_equal(read_all(b.data, b.count, "x", text, sizeof text, NULL), MDLA_ERR_CORRUPT);
}

static void test_zip_what_is_not_read_is_refused_by_name(void **state)
{
    mdla_error err;
    char text[16];
    bytes b;

    (void)state;
    put_archive(&b, 1, 0, "abc", 3, 3, crc_of("abc", 3), "");
    assert_int_equal(read_all(b.data, b.count, "x", text, sizeof text, &err), MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "encrypted"));
    put_archive(&b, 0, 12, "abc", 3, 3, crc_of("abc", 3), "");
    assert_int_equal(read_all(b.data, b.count, "x", text, sizeof text, &err), MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "method 12"));
    put_archive(&b, 0, 0, "abc", 3, 4, crc_of("abc", 3), "");
    assert_int_equal(read_all(b.data, b.count, "x", text, sizeof text, &err), MDLA_ERR_CORRUPT);
    put_archive(&b, 0, 0, "abc", 3, 3, 7, "");
    assert_int_equal(read_all(b.data, b.count, "x", text, sizeof text, &err), MDLA_ERR_CORRUPT);
    assert_int_equal(read_all((const uint8_t *)"PK", 2, "x", text, sizeof text, &err),
                     MDLA_ERR_TRUNCATED);
}

/* Any byte changed, any byte missing: an error or the content, nothing else (a sanitizer sees the
 * rest). */
static void check_damaged(made m)
{
    uint8_t *copy = malloc(m.nbytes);
    char text[32];
    size_t i;
    int bit;

    for (i = 0; i < m.nbytes; i++)
        for (bit = 0; bit < 8; bit++) {
            memcpy(copy, m.data, m.nbytes);
            copy[i] ^= (uint8_t)(1 << bit);
            if (read_all(copy, m.nbytes, "one.npy", text, sizeof text, NULL) == MDLA_OK)
                assert_string_equal(text, "0123456789");
        }
    for (i = 0; i < m.nbytes; i++) {
        uint8_t *const part = malloc(i + 1);

        memcpy(part, m.data, i);
        assert_int_not_equal(read_all(part, i, "one.npy", text, sizeof text, NULL), MDLA_OK);
        free(part);
    }
    free(copy);
    free(m.data);
}

static void test_zip_damaged_anywhere_never_misleads(void **state)
{
    (void)state;
    check_damaged(make_archive());
    check_damaged(make_archive64());
}

static void test_zip_repeated_names_are_refused(void **state)
{
    void *data;
    size_t nbytes;
    mdla_error err;
    mdla_sink sink;
    zip_writer zip;
    char text[8];

    (void)state;
    assert_int_equal(mdla_sink_memory(&data, &nbytes, &sink), MDLA_OK);
    zip_writer_start(&zip, alloc_of(NULL), &sink);
    assert_int_equal(zip_writer_member(&zip, "x", false), MDLA_OK);
    assert_int_equal(zip_writer_member(&zip, "x", false), MDLA_OK);
    assert_int_equal(zip_writer_finish(&zip), MDLA_OK);
    zip_writer_free(&zip);
    assert_int_equal(sink.close(sink.ctx, 1), MDLA_OK);
    assert_int_equal(read_all(data, nbytes, "x", text, sizeof text, &err), MDLA_ERR_CORRUPT);
    assert_string_equal(err.text, "z: two members are named x");
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zip_written_reads_back_and_seeks),
        cmocka_unit_test(test_zip_deflated_member_is_inflated_and_checked),
        cmocka_unit_test(test_zip_what_is_not_read_is_refused_by_name),
        cmocka_unit_test(test_zip_damaged_anywhere_never_misleads),
        cmocka_unit_test(test_zip_repeated_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
