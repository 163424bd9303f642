/* Sources, sinks and folders on disk: the one file of the library that knows paths.
 *
 * Reading: regular files can be sought in and know their size; pipes and devices can't and don't.
 * Writing: to a new file beside the target, which takes the target's name when all is written, so
 * that a failure never leaves half a file under a good name. What is no regular file (/dev/null, a
 * FIFO) is written directly.
 *
 * Callbacks report MDLA_ERR_IO and leave the reason in errno, where error_io finds it.
 */
#define _XOPEN_SOURCE 700 /* realpath */

#include "mdla/mdla.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "io_error.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One read or write call; more is undefined beyond SSIZE_MAX and no faster beyond this. */
#define CALL_MAX ((size_t)1 << 30)

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct file_source {
    int fd;
    off_t base; /* standard input may come with its first bytes read by someone else */
} file_source;

static mdla_status file_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    const file_source *const f = ctx;

    *got = 0;
    while (*got < nbytes) {
        const size_t want = nbytes - *got < CALL_MAX ? nbytes - *got : CALL_MAX;
        const ssize_t n = read(f->fd, (char *)dst + *got, want);

        if (n == 0)
            break;
        if (n > 0)
            *got += (size_t)n;
        else if (errno != EINTR)
            return MDLA_ERR_IO;
    }
    return MDLA_OK;
}

static mdla_status file_seek(void *ctx, uint64_t offset)
{
    const file_source *const f = ctx;

    if (offset > (uint64_t)(INT64_MAX - f->base)) {
        errno = EOVERFLOW;
        return MDLA_ERR_IO;
    }
    return lseek(f->fd, f->base + (off_t)offset, SEEK_SET) < 0 ? MDLA_ERR_IO : MDLA_OK;
}

static void file_source_close(void *ctx)
{
    file_source *const f = ctx;

    if (f->fd != STDIN_FILENO)
        close(f->fd);
    free(f);
}

mdla_status mdla_source_file(const char *path, mdla_source *out, mdla_error *err)
{
    const int is_stdin = strcmp(path, "-") == 0;
    const char *const name = is_stdin ? "standard input" : path;
    file_source *f;
    struct stat st;

    memset(out, 0, sizeof *out);
    f = calloc(1, sizeof *f);
    if (f == NULL)
        return error_memory(err, name);
    f->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st) != 0) {
        const mdla_status status = error_io(err, name, "open");

        if (f->fd > STDIN_FILENO)
            close(f->fd);
        free(f);
        return status;
    }
    if (S_ISDIR(st.st_mode)) {
        file_source_close(f);
        return error_set(err, MDLA_ERR_IO, "%s: is a folder, not a file", name);
    }
    out->ctx = f;
    out->read = file_read;
    out->nbytes = MDLA_UNKNOWN;
    out->close = file_source_close;
    if (S_ISREG(st.st_mode)) {
        f->base = lseek(f->fd, 0, SEEK_CUR);
        if (f->base >= 0) {
            out->seek = file_seek;
            out->nbytes = st.st_size > f->base ? (uint64_t)(st.st_size - f->base) : 0;
        }
    }
    return MDLA_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct file_sink {
    int fd;
    int overwrite;
    char *target; /* NULL: written directly, nothing to rename */
    char *temporary;
} file_sink;

static void file_sink_free(file_sink *f)
{
    free(f->target);
    free(f->temporary);
    free(f);
}

static mdla_status file_write(void *ctx, const void *src, size_t nbytes)
{
    const file_sink *const f = ctx;
    size_t done = 0;

    while (done < nbytes) {
        const size_t want = nbytes - done < CALL_MAX ? nbytes - done : CALL_MAX;
        const ssize_t n = write(f->fd, (const char *)src + done, want);

        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0) {
            errno = ENOSPC; /* no progress and no reason: never loop on it */
            return MDLA_ERR_IO;
        } else if (errno != EINTR) {
            return MDLA_ERR_IO;
        }
    }
    return MDLA_OK;
}

/* Gives the finished file its name. Without overwrite a file that has appeared under it meanwhile
 * is not replaced: link refuses where rename wouldn't. File systems without links get the weaker
 * check. */
static int take_name(const file_sink *f)
{
    struct stat st;

    if (!f->overwrite) {
        if (link(f->temporary, f->target) == 0) {
            unlink(f->temporary);
            return 0;
        }
        if (errno == EEXIST)
            return -1;
        if (lstat(f->target, &st) == 0) {
            errno = EEXIST;
            return -1;
        }
    }
    return rename(f->temporary, f->target);
}

static mdla_status file_sink_close(void *ctx, int keep)
{
    file_sink *const f = ctx;
    int failed = 0, reason = 0;

    /* A late write error, as on NFS, shows here. */
    if (f->fd != STDOUT_FILENO)
        failed = close(f->fd) != 0 && errno != EINTR;
    if (f->target != NULL && keep && !failed)
        failed = take_name(f) != 0;
    reason = errno;
    if (f->target != NULL && (!keep || failed))
        unlink(f->temporary);
    file_sink_free(f);
    errno = reason;
    return failed && keep ? MDLA_ERR_IO : MDLA_OK;
}

/* A new file in the target's folder. The name is short, so that any target's name leaves room for
 * it. */
static int open_temporary(file_sink *f)
{
    const char *const slash = strrchr(f->target, '/');
    const size_t folder_length = slash != NULL ? (size_t)(slash - f->target) + 1 : 0;
    const size_t room = folder_length + 64;
    unsigned attempt;

    f->temporary = malloc(room);
    if (f->temporary == NULL) {
        errno = ENOMEM;
        return -1;
    }
    memcpy(f->temporary, f->target, folder_length);
    for (attempt = 0; attempt < 1000; attempt++) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        (void)snprintf(f->temporary + folder_length, room - folder_length, ".mdla-%ld-%ld-%u.tmp",
                       (long)getpid(), now.tv_nsec, attempt);
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd >= 0 || errno != EEXIST)
            break;
    }
    return f->fd < 0 ? -1 : 0;
}

/* Sets f->fd, and f->target where the file is written under another name first. */
static mdla_status open_target(file_sink *f, const char *path, mdla_error *err)
{
    struct stat st;
    const int named = lstat(path, &st) == 0;
    const int is_link = named && S_ISLNK(st.st_mode);
    const int dangling = is_link && stat(path, &st) != 0;

    if (named && !dangling && S_ISDIR(st.st_mode))
        return error_set(err, MDLA_ERR_IO, "%s: is a folder, not a file", path);
    if (named && !dangling && !S_ISREG(st.st_mode)) {
        f->fd = open(path, O_WRONLY | O_CLOEXEC);
        return f->fd < 0 ? error_io(err, path, "open for writing") : MDLA_OK;
    }
    if (named && !f->overwrite)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "%s: exists already; choose another name or allow overwriting", path);
    /* A link stays, and the file that it leads to is replaced. */
    f->target = is_link && !dangling ? realpath(path, NULL) : strdup(path);
    if (f->target == NULL || open_temporary(f) != 0)
        return error_io(err, path,
                        errno == ENOENT ? "create a file in a folder that isn't there" : "create");
    return MDLA_OK;
}

mdla_status mdla_sink_file(const char *path, int overwrite, mdla_sink *out, mdla_error *err)
{
    mdla_status status = MDLA_OK;
    file_sink *f;

    memset(out, 0, sizeof *out);
    f = calloc(1, sizeof *f);
    if (f == NULL)
        return error_memory(err, path);
    f->fd = STDOUT_FILENO;
    f->overwrite = overwrite;
    if (strcmp(path, "-") != 0)
        status = open_target(f, path, err);
    if (status != MDLA_OK) {
        file_sink_free(f);
        return status;
    }
    out->ctx = f;
    out->write = file_write;
    out->close = file_sink_close;
    return MDLA_OK;
}

/* ---- Scratch --------------------------------------------------------------------------------- */

/* One file without a name: written through the sink, then read through the source. */
static void scratch_close(void *ctx)
{
    file_source *const f = ctx;

    close(f->fd);
    free(f);
}

static mdla_status scratch_write(void *ctx, const void *src, size_t nbytes)
{
    const file_source *const f = ctx;
    const file_sink sink = {.fd = f->fd};

    return file_write((void *)(uintptr_t)&sink, src, nbytes);
}

static mdla_status scratch_keep(void *ctx, int keep)
{
    (void)ctx;
    (void)keep;
    return MDLA_OK;
}

mdla_status scratch_file(mdla_sink *sink, mdla_source *source, mdla_error *err)
{
    const char *const set = getenv("TMPDIR");
    const char *const folder = set != NULL && *set != '\0' ? set : "/var/tmp";
    const size_t nbytes = strlen(folder) + sizeof "/mdla-XXXXXX";
    file_source *const f = calloc(1, sizeof *f);
    char *const path = malloc(nbytes);
    mdla_status status = MDLA_OK;

    if (f == NULL || path == NULL) {
        status = error_memory(err, NULL);
    } else {
        (void)snprintf(path, nbytes, "%s/mdla-XXXXXX", folder);
        f->fd = mkstemp(path);
        if (f->fd < 0)
            status = error_io(err, folder, "create a temporary file (TMPDIR names another folder)");
        else
            unlink(path);
    }
    free(path);
    if (status != MDLA_OK) {
        free(f);
        return status;
    }
    *sink = (mdla_sink){f, scratch_write, scratch_keep};
    *source = (mdla_source){f, file_read, file_seek, MDLA_UNKNOWN, scratch_close};
    return MDLA_OK;
}

/* ---- Folders --------------------------------------------------------------------------------- */

typedef struct path_folder {
    char *path;   /* of the folder */
    char *origin; /* the same in full; NULL where that can't be had */
    char *chosen; /* NULL: the folder itself was named */
} path_folder;

/* A member is a name, or names of folders and then its own: no path leaves the folder. */
static int is_member(const char *member)
{
    while (*member != '\0') {
        const size_t length = strcspn(member, "/");

        if (length == 0 || strncmp(member, ".", length) == 0 ||
            (length == 2 && strncmp(member, "..", 2) == 0))
            return 0;
        member += length;
        if (*member == '/' && *++member == '\0')
            return 0;
    }
    return 1;
}

/* PATH/MEMBER, to be freed; NULL with err filled. */
static char *member_path(const path_folder *folder, const char *member, mdla_status *status,
                         mdla_error *err)
{
    const size_t nbytes = strlen(folder->path) + strlen(member) + 2;
    char *path;

    if (member[0] == '\0' || !is_member(member)) {
        *status =
            error_set(err, MDLA_ERR_ARGUMENT, "%s: '%s' is no member's name", folder->path, member);
        return NULL;
    }
    path = malloc(nbytes);
    if (path == NULL) {
        *status = error_memory(err, folder->path);
        return NULL;
    }
    (void)snprintf(path, nbytes, "%s/%s", folder->path, member);
    return path;
}

static mdla_status folder_open(void *ctx, const char *member, mdla_source *out, mdla_error *err)
{
    mdla_status status = MDLA_OK;
    char *const path = member_path(ctx, member, &status, err);

    memset(out, 0, sizeof *out);
    if (path == NULL)
        return status;
    status = mdla_source_file(path, out, err);
    free(path);
    return status;
}

static mdla_status folder_create(void *ctx, const char *member, mdla_sink *out, mdla_error *err)
{
    mdla_status status = MDLA_OK;
    char *const path = member_path(ctx, member, &status, err);

    memset(out, 0, sizeof *out);
    if (path == NULL)
        return status;
    status = mdla_sink_file(path, 1, out, err);
    free(path);
    return status;
}

static void folder_close(void *ctx)
{
    path_folder *const f = ctx;

    free(f->path);
    free(f->origin);
    free(f->chosen);
    free(f);
}

/* Splits FOLDER/FILE; a file without a folder lies in ".". */
static int set_paths(path_folder *f, const char *path, int is_folder)
{
    const char *const slash = is_folder ? NULL : strrchr(path, '/');

    f->path = strdup(is_folder ? path : slash == NULL ? "." : path);
    if (f->path == NULL)
        return -1;
    if (slash != NULL)
        f->path[slash == path ? 1 : slash - path] = '\0';
    f->origin = realpath(f->path, NULL);
    f->chosen = is_folder ? NULL : strdup(slash == NULL ? path : slash + 1);
    return is_folder || f->chosen != NULL ? 0 : -1;
}

mdla_status mdla_folder_path(const char *path, int create, mdla_folder *out, mdla_error *err)
{
    path_folder *f;
    struct stat st;

    memset(out, 0, sizeof *out);
    if (create && mkdir(path, 0777) != 0 && errno != EEXIST)
        return error_io(err, path, "create the folder");
    if (stat(path, &st) != 0)
        return error_io(err, path, "open");
    if (create && !S_ISDIR(st.st_mode))
        return error_set(err, MDLA_ERR_IO, "%s: is a file, not a folder", path);
    f = calloc(1, sizeof *f);
    if (f == NULL || set_paths(f, path, S_ISDIR(st.st_mode)) != 0) {
        if (f != NULL)
            folder_close(f);
        return error_memory(err, path);
    }
    out->ctx = f;
    out->open = folder_open;
    out->create = create ? folder_create : NULL;
    out->close = folder_close;
    out->chosen = f->chosen;
    out->origin = f->origin;
    return MDLA_OK;
}
