/* Opening inputs and outputs by path, with every failure reported here. */
#include "common/files.h"

#include "common/spool.h"
#include "common/tool.h"

#include <string.h>
#include <unistd.h>

const char *files_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

int files_source(const char *path, int seekable, mdla_source *out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    if (strcmp(path, "-") == 0 && isatty(STDIN_FILENO)) {
        tool_fail("standard input is a terminal; name a file or pipe one in");
        return -1;
    }
    status = mdla_source_file(path, out, &err);
    if (status != MDLA_OK) {
        tool_fail_status(status, &err);
        return -1;
    }
    if (seekable && !out->seek)
        return spool_source(out, files_name(path));
    return 0;
}

int files_codebook(const mdla_config *config, const char *path, mdla_codebook **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_source source;
    mdla_status status;

    *out = NULL;
    if (files_source(path, 0, &source) != 0)
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
    if (files_source(path, seekable, &source) != 0)
        return -1;
    status = mdla_decoder_open(config, source, files_name(path), codebook, out, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

int files_sink(const char *path, int force, int binary, mdla_sink *out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    if (binary && strcmp(path, "-") == 0 && isatty(STDOUT_FILENO)) {
        tool_fail("standard output is a terminal and this is binary; give -o FILE or pipe it on");
        return -1;
    }
    /* The library would refuse it too, but doesn't know what the option is called. */
    if (!force && strcmp(path, "-") != 0 && access(path, F_OK) == 0) {
        tool_fail("%s: exists already; give -f to overwrite it, or another name", path);
        return -1;
    }
    status = mdla_sink_file(path, force, out, &err);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}
