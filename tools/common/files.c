/* Opening inputs and outputs by path, with every failure reported here. */
#include "common/files.h"

#include "common/options.h"
#include "common/spool.h"
#include "common/suggest.h"
#include "common/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *files_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

const char *files_data_name(char **paths, size_t count, char *text)
{
    if (count == 1)
        snprintf(text, MDLA_MESSAGE_MAX, "%s", files_name(paths[0]));
    else
        snprintf(text, MDLA_MESSAGE_MAX, "%s and %zu more", files_name(paths[0]), count - 1);
    return text;
}

char *files_join(const char *folder, const char *sub, const char *member)
{
    const size_t nbytes = strlen(folder) + (sub ? strlen(sub) : 0) + strlen(member) + 3;
    char *path = malloc(nbytes);

    if (path)
        snprintf(path, nbytes, "%s/%s%s%s", folder, sub ? sub : "", sub ? "/" : "", member);
    else
        tool_fail("out of memory");
    return path;
}

int files_fail(const char *path, const char *patterns, mdla_status status, const mdla_error *err)
{
    suggestion s = {.word = path};
    char guess[SUGGEST_MAX];
    struct stat st;

    if (strcmp(patterns, FILES_CODEBOOK) == 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        tool_fail("%s: a folder and no codebook; mdla-enc --sae takes an SAE's folder", path);
        return -1;
    }
    if (access(path, F_OK) == 0 || errno != ENOENT) {
        tool_fail_status(status, err);
        return -1;
    }
    suggest_files(&s, path, patterns);
    tool_fail("%s%s", err->text, suggest_phrase(&s, "", guess));
    return -1;
}

/* The files that this run reads and those that it replaces: none may be both. */
typedef struct file_set {
    struct file_id {
        dev_t device;
        ino_t number;
    } * files;
    size_t count, room;
} file_set;

static file_set files_read, files_replaced;

/* Returns 0 or -1: no memory, or it is in the other set, reported. A path where nothing is, a pipe
 * and a device are none's. */
static int note_file(const char *path, file_set *set, const file_set *other)
{
    struct stat st;

    if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    for (size_t i = 0; i < other->count; i++)
        if (other->files[i].device == st.st_dev && other->files[i].number == st.st_ino) {
            tool_fail("%s: would be read and overwritten; give the output another name", path);
            return -1;
        }
    if (set->count == set->room) {
        const size_t room = set->room ? 2 * set->room : 16;
        struct file_id *files = realloc(set->files, room * sizeof *files);

        if (!files) {
            tool_fail("out of memory");
            return -1;
        }
        set->files = files;
        set->room = room;
    }
    set->files[set->count++] = (struct file_id){st.st_dev, st.st_ino};
    return 0;
}

int files_note_read(const char *path)
{
    return note_file(path, &files_read, &files_replaced);
}

static int open_source(const char *path, const char *patterns, int seekable, mdla_source *out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    if (strcmp(path, "-") == 0 && isatty(STDIN_FILENO)) {
        tool_fail("standard input is a terminal; name a file or pipe one in");
        return -1;
    }
    status = mdla_source_file(path, out, &err);
    if (status != MDLA_OK)
        return files_fail(path, patterns, status, &err);
    if (files_note_read(path) != 0) {
        out->close(out->ctx);
        return -1;
    }
    if (seekable && !out->seek)
        return spool_source(out, files_name(path));
    return 0;
}

int files_source(const char *path, int seekable, mdla_source *out)
{
    return open_source(path, FILES_DATA, seekable, out);
}

int files_codebook(const mdla_config *config, const char *path, mdla_codebook **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_source source;
    mdla_status status;

    *out = NULL;
    if (open_source(path, FILES_CODEBOOK, 0, &source) != 0)
        return -1;
    status = mdla_codebook_read(config, source, files_name(path), out, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

int files_decoder(const mdla_config *config, const char *path, int seekable,
                  const mdla_codebook *codebook, mdla_decoder **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_source source;
    mdla_status status;

    *out = NULL;
    if (open_source(path, FILES_MDLA, seekable, &source) != 0)
        return -1;
    status = mdla_decoder_open(config, source, files_name(path), codebook, out, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

int files_outline(const mdla_config *config, const char *path, mdla_decoder **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_source source;
    mdla_status status;

    *out = NULL;
    if (open_source(path, FILES_MDLA, 1, &source) != 0)
        return -1;
    status = mdla_decoder_open_outline(config, source, files_name(path), out, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

/* A sink that remembers which output failed and why, for the message. */
typedef struct named_sink {
    mdla_sink inner;
    const char *path;
} named_sink;

static mdla_status named_write(void *ctx, const void *src, size_t nbytes)
{
    named_sink *s = ctx;
    mdla_status status;

    errno = 0;
    status = s->inner.write(s->inner.ctx, src, nbytes);
    if (status != MDLA_OK)
        tool_output_failed(s->path, errno);
    return status;
}

static mdla_status named_close(void *ctx, int keep)
{
    named_sink *s = ctx;
    mdla_status status;

    errno = 0;
    status = s->inner.close(s->inner.ctx, keep);
    if (status != MDLA_OK && keep)
        tool_output_failed(s->path, errno);
    free(s);
    return status;
}

int files_sink(const char *path, int force, int binary, mdla_sink *out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;
    named_sink *named;

    if (binary && strcmp(path, "-") == 0 && isatty(STDOUT_FILENO)) {
        tool_fail("standard output is a terminal and this is binary; give -o FILE or pipe it on");
        return -1;
    }
    /* The library would refuse it too, but doesn't know what the option is called. */
    if (!force && strcmp(path, "-") != 0 && access(path, F_OK) == 0) {
        tool_fail("%s: exists already; give -f to overwrite it, or another name", path);
        return -1;
    }
    if (note_file(path, &files_replaced, &files_read) != 0)
        return -1;
    named = malloc(sizeof *named);
    if (!named) {
        tool_fail("out of memory");
        return -1;
    }
    status = mdla_sink_file(path, force, &named->inner, &err);
    if (status != MDLA_OK) {
        tool_fail_status(status, &err);
        free(named);
        return -1;
    }
    named->path = strcmp(path, "-") == 0 ? "standard output" : path;
    *out = (mdla_sink){named, named_write, named_close};
    return 0;
}
