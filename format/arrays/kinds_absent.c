/* In the decoder library, which has no JSON and no PNG reader: the kinds that need them, refused by
 * name. The full library has safetensors_rows.c, png.c and dataset.c in this file's place. */
#include "arrays/array_list.h"
#include "arrays/rows.h"

#include "base/alloc.h"

static mdla_status absent(const char *name, const char *kind, mdla_error *err)
{
    return error_set(err, MDLA_ERR_UNSUPPORTED,
                     "%s: %s, which this build of mdla (the decoder alone) doesn't read", name,
                     kind);
}

mdla_status rows_open_safetensors(mdla_rows *rows, const mdla_array_options *options,
                                  mdla_error *err)
{
    (void)options;
    return absent(rows->in.name, "a safetensors file", err);
}

mdla_status rows_open_png(mdla_rows *rows, mdla_error *err)
{
    return absent(rows->in.name, "a PNG image", err);
}

mdla_status array_list_safetensors(input *in, array_list *list, mdla_error *err)
{
    (void)list;
    return absent(in->name, "a safetensors file", err);
}

mdla_status mdla_dataset_list(const mdla_config *config, mdla_folder folder, const char *name,
                              mdla_file_visitor visitor, void *ctx, mdla_error *err)
{
    (void)config;
    (void)visitor;
    (void)ctx;
    if (folder.close != NULL)
        folder.close(folder.ctx);
    return absent(name, "a data set's folder", err);
}
