#include "support.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of its own for each test; what a test leaves there is counted. */
static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "test_sources.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static const char *path_of(const char *name)
{
    static char path[2][192];
    static int turn;

    turn = !turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int file_count(void)
{
    DIR *const dir = opendir(folder);
    int count = 0;

    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"a", "link", "fifo"};
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++)
        unlink(path_of(names[i]));
    return rmdir(folder); /* fails where a temporary is left */
}

static void write_file(const char *path, const char *text, int overwrite, int keep)
{
    mdla_sink sink;

    assert_int_equal(mdla_sink_file(path, overwrite, &sink, NULL), MDLA_OK);
    assert_int_equal(sink.write(sink.ctx, text, strlen(text)), MDLA_OK);
    assert_int_equal(sink.close(sink.ctx, keep), MDLA_OK);
}

static void check_file(const char *path, const char *text)
{
    mdla_source source;
    char got[64];
    size_t count;

    assert_int_equal(mdla_source_file(path, &source, NULL), MDLA_OK);
    assert_int_equal(source.nbytes, strlen(text));
    assert_int_equal(source.read(source.ctx, got, sizeof got, &count), MDLA_OK);
    assert_int_equal(count, strlen(text));
    assert_memory_equal(got, text, count);
    assert_int_equal(source.seek(source.ctx, 1), MDLA_OK);
    assert_int_equal(source.read(source.ctx, got, 1, &count), MDLA_OK);
    assert_int_equal(got[0], text[1]);
    source.close(source.ctx);
}

static void test_sources_missing_file_is_named_with_reason(void **state)
{
    mdla_source source;
    mdla_error err;

    (void)state;
    assert_int_equal(mdla_source_file("no/acts.npy", &source, &err), MDLA_ERR_IO);
    assert_string_equal(err.text, "no/acts.npy: cannot open: No such file or directory");
    assert_int_equal(mdla_source_file(folder, &source, &err), MDLA_ERR_IO);
    assert_non_null(strstr(err.text, "is a folder"));
}

static void test_sources_sink_writes_and_replaces_only_when_asked(void **state)
{
    mdla_sink sink;
    mdla_error err;

    (void)state;
    write_file(path_of("a"), "first", 0, 1);
    check_file(path_of("a"), "first");
    assert_int_equal(mdla_sink_file(path_of("a"), 0, &sink, &err), MDLA_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "exists already"));
    write_file(path_of("a"), "second", 1, 1);
    check_file(path_of("a"), "second");
    assert_int_equal(file_count(), 1);
}

static void test_sources_sink_discarded_leaves_no_trace(void **state)
{
    (void)state;
    write_file(path_of("a"), "kept", 0, 1);
    write_file(path_of("a"), "discarded", 1, 0);
    check_file(path_of("a"), "kept");
    assert_int_equal(file_count(), 1);
}

/* A file that appears while ours is being written isn't replaced either. */
static void test_sources_sink_does_not_replace_a_late_file(void **state)
{
    mdla_sink sink;

    (void)state;
    assert_int_equal(mdla_sink_file(path_of("a"), 0, &sink, NULL), MDLA_OK);
    write_file(path_of("a"), "theirs", 0, 1);
    assert_int_equal(sink.close(sink.ctx, 1), MDLA_ERR_IO);
    check_file(path_of("a"), "theirs");
    assert_int_equal(file_count(), 1);
}

static void test_sources_sink_follows_umask_and_links(void **state)
{
    const mode_t before = umask(027);
    struct stat st;

    (void)state;
    write_file(path_of("a"), "first", 0, 1);
    umask(before);
    assert_int_equal(stat(path_of("a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(symlink("a", path_of("link")), 0);
    write_file(path_of("link"), "second", 1, 1);
    check_file(path_of("a"), "second");
    assert_int_equal(lstat(path_of("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static void test_sources_sink_writes_devices_directly(void **state)
{
    struct stat st;
    mdla_sink sink;
    mdla_error err;

    (void)state;
    write_file("/dev/null", "gone", 0, 1);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    assert_int_equal(mdla_sink_file(folder, 1, &sink, &err), MDLA_ERR_IO);
    if (mdla_sink_file("/dev/full", 0, &sink, &err) == MDLA_OK) {
        assert_int_equal(sink.write(sink.ctx, "x", 1), MDLA_ERR_IO);
        assert_int_equal(sink.close(sink.ctx, 0), MDLA_OK);
    }
}

static void test_sources_folder_keeps_to_its_members(void **state)
{
    static const char *const outside[] = {"",       ".",    "..", "../a",  "/etc/passwd",
                                          "b/../c", "b//c", "b/", "b/./c", "./a"};
    mdla_folder f;
    mdla_source source;
    mdla_sink sink;
    mdla_error err;
    size_t i;

    (void)state;
    assert_int_equal(mdla_folder_path(path_of("none"), 0, &f, &err), MDLA_ERR_IO);
    assert_int_equal(mdla_folder_path(folder, 0, &f, &err), MDLA_OK);
    assert_null(f.create);
    for (i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_int_equal(f.open(f.ctx, outside[i], &source, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(f.open(f.ctx, "a", &source, &err), MDLA_ERR_IO);
    f.close(f.ctx);
    assert_int_equal(mdla_folder_path(folder, 1, &f, &err), MDLA_OK);
    assert_int_equal(f.create(f.ctx, "a", &sink, &err), MDLA_OK);
    assert_int_equal(sink.write(sink.ctx, "ab", 2), MDLA_OK);
    assert_int_equal(sink.close(sink.ctx, 1), MDLA_OK);
    check_file(path_of("a"), "ab");
    assert_null(f.chosen);
    f.close(f.ctx);
    assert_int_equal(mdla_folder_path(path_of("a"), 1, &f, &err), MDLA_ERR_IO);
    assert_int_equal(mdla_folder_path(path_of("a"), 0, &f, &err), MDLA_OK);
    assert_string_equal(f.chosen, "a");
    assert_true(f.origin != NULL && f.origin[0] == '/');
    assert_int_equal(f.open(f.ctx, f.chosen, &source, &err), MDLA_OK);
    source.close(source.ctx);
    f.close(f.ctx);
}

static void test_sources_memory_grows_and_reads_back(void **state)
{
    const char text[] = "0123456789";
    mdla_source source;
    mdla_sink sink;
    void *written;
    size_t nbytes, got, i;
    char tail[4];

    (void)state;
    assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
    for (i = 0; i < 100; i++)
        assert_int_equal(sink.write(sink.ctx, text, 10), MDLA_OK);
    assert_int_equal(sink.close(sink.ctx, 1), MDLA_OK);
    assert_int_equal(nbytes, 1000);
    mdla_source_memory(written, nbytes, &source);
    assert_int_equal(source.seek(source.ctx, 998), MDLA_OK);
    assert_int_equal(source.read(source.ctx, tail, 4, &got), MDLA_OK);
    assert_int_equal(got, 2);
    assert_memory_equal(tail, "89", 2);
    source.close(source.ctx);
    free(written);
    assert_int_equal(mdla_sink_memory(&written, &nbytes, &sink), MDLA_OK);
    assert_int_equal(sink.close(sink.ctx, 0), MDLA_OK);
    assert_null(written);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_sources_missing_file_is_named_with_reason),
        IN_FOLDER(test_sources_sink_writes_and_replaces_only_when_asked),
        IN_FOLDER(test_sources_sink_discarded_leaves_no_trace),
        IN_FOLDER(test_sources_sink_does_not_replace_a_late_file),
        IN_FOLDER(test_sources_sink_follows_umask_and_links),
        IN_FOLDER(test_sources_sink_writes_devices_directly),
        IN_FOLDER(test_sources_folder_keeps_to_its_members),
        cmocka_unit_test(test_sources_memory_grows_and_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
