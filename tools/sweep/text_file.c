#include "text_file.h"

#include "common/files.h"
#include "common/tool.h"

#include <stdlib.h>

int text_file_open(text_file *file)
{
    *file = (text_file){0};
    file->stream = open_memstream(&file->text, &file->nbytes);
    if (file->stream)
        return 0;
    tool_fail("out of memory");
    return -1;
}

int text_file_write(text_file *file, const char *path)
{
    mdla_status status = fclose(file->stream) == 0 ? MDLA_OK : MDLA_ERR_MEMORY, closed;
    mdla_sink sink;
    int opened = 0;

    if (status == MDLA_OK) {
        opened = files_sink(path, 1, 0, &sink) == 0;
        if (opened) {
            status = sink.write(sink.ctx, file->text, file->nbytes);
            closed = sink.close(sink.ctx, status == MDLA_OK);
            status = status == MDLA_OK ? closed : status;
        }
    }
    free(file->text);
    if (status != MDLA_OK)
        tool_fail_status(status, NULL);
    return status == MDLA_OK && opened ? 0 : -1;
}

void text_file_drop(text_file *file)
{
    fclose(file->stream);
    free(file->text);
}
