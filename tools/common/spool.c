/* The temporary file behind a pipe: private, unlinked at once, so nothing stays behind whatever happens. */
#include "common/spool.h"

#include "common/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPOOL_BUFFER = 1 << 18 };

typedef struct spool {
    int fd;
} spool;

static mdla_status spool_read(void *ctx, void *dst, size_t nbytes, size_t *got)
{
    const spool *s = ctx;
    char *at = dst;

    *got = 0;
    while (*got < nbytes) {
        const ssize_t n = read(s->fd, at + *got, nbytes - *got);

        if (n < 0 && errno == EINTR && !tool_stopped())
            continue;
        if (n < 0)
            return MDLA_ERR_IO;
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return MDLA_OK;
}

static mdla_status spool_seek(void *ctx, uint64_t offset)
{
    const spool *s = ctx;

    if (offset > INT64_MAX)
        return MDLA_ERR_IO;
    return lseek(s->fd, (off_t)offset, SEEK_SET) < 0 ? MDLA_ERR_IO : MDLA_OK;
}

static void spool_close(void *ctx)
{
    spool *s = ctx;

    close(s->fd);
    free(s);
}

static int open_unlinked(const char *folder)
{
    char path[4096];
    int fd;

    if (snprintf(path, sizeof path, "%s/mdla-XXXXXX", folder) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkstemp(path);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static int write_all(int fd, const char *bytes, size_t nbytes)
{
    while (nbytes > 0) {
        const ssize_t n = write(fd, bytes, nbytes);

        if (n < 0 && errno == EINTR && !tool_stopped())
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        nbytes -= (size_t)n;
    }
    return 0;
}

/* Copies the source to fd; sets *nbytes. Reports failures. */
static int copy_to(mdla_source *source, int fd, char *buffer, const char *folder, const char *name,
                   uint64_t *nbytes)
{
    size_t got = SPOOL_BUFFER;

    *nbytes = 0;
    while (got == SPOOL_BUFFER) {
        if (tool_stopped() || source->read(source->ctx, buffer, SPOOL_BUFFER, &got) != MDLA_OK) {
            tool_fail("%s: %s", name, tool_stopped() ? "stopped" : "read error");
            return -1;
        }
        if (write_all(fd, buffer, got) != 0) {
            tool_fail("%s: the temporary copy in %s: %s; set TMPDIR to a folder with more room", name,
                      folder, strerror(errno));
            return -1;
        }
        *nbytes += got;
    }
    if (lseek(fd, 0, SEEK_SET) < 0) {
        tool_fail("%s: the temporary copy in %s: %s", name, folder, strerror(errno));
        return -1;
    }
    return 0;
}

int spool_source(mdla_source *source, const char *name)
{
    const char *folder = getenv("TMPDIR");
    spool *s = malloc(sizeof *s);
    char *buffer = malloc(SPOOL_BUFFER);
    uint64_t nbytes = 0;
    int result = -1;

    if (!folder || !*folder)
        folder = "/var/tmp";
    if (s)
        s->fd = open_unlinked(folder);
    if (!s || !buffer)
        tool_fail("%s: out of memory", name);
    else if (s->fd < 0)
        tool_fail("%s: can't make a temporary copy in %s: %s; set TMPDIR", name, folder,
                  strerror(errno));
    else
        result = copy_to(source, s->fd, buffer, folder, name, &nbytes);
    if (source->close)
        source->close(source->ctx);
    free(buffer);
    if (result == 0) {
        *source = (mdla_source){s, spool_read, spool_seek, nbytes, spool_close};
        return 0;
    }
    if (s && s->fd >= 0)
        close(s->fd);
    free(s);
    return -1;
}
