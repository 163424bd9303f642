/* The folder that datasets' save_to_disk makes: state.json says which files hold the records, and
 * in which order. */
#include "base/alloc.h"
#include "input.h"
#include "io_error.h"
#include "mdla/mdla.h"
#include "saes/json_text.h"

#include <string.h>

static mdla_status show_files(const json_t *state, const char *name, mdla_file_visitor visitor,
                              void *ctx, mdla_error *err)
{
    const json_t *const files = json_object_get(state, "_data_files");
    const json_t *const indices = json_object_get(state, "_indices_data_files");
    size_t i;

    if (indices != NULL && !json_is_null(indices) && json_array_size(indices) == 0 &&
        !json_is_array(indices))
        return error_set(err, MDLA_ERR_CORRUPT, "%s: state.json: _indices_data_files is no list",
                         name);
    if (json_array_size(indices) != 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: state.json: the rows are permuted by an index; write them out first "
                         "(flatten_indices)",
                         name);
    if (!json_is_array(files))
        return error_set(err, MDLA_ERR_CORRUPT, "%s: state.json lists no _data_files", name);
    for (i = 0; i < json_array_size(files); i++) {
        const char *const file =
            json_string_value(json_object_get(json_array_get(files, i), "filename"));

        if (file == NULL || *file == '\0' || strchr(file, '/') != NULL || strcmp(file, "..") == 0)
            return error_set(err, MDLA_ERR_CORRUPT,
                             "%s: state.json: a data file without a plain name", name);
        if (visitor(ctx, file) != 0)
            return error_set(err, MDLA_ERR_INTERRUPTED, "%s: stopped", name);
    }
    return MDLA_OK;
}

mdla_status mdla_dataset_list(const mdla_config *config, mdla_folder folder, const char *name,
                              mdla_file_visitor visitor, void *ctx, mdla_error *err)
{
    json_t *state = NULL;
    mdla_source source;
    mdla_status status;
    input in = {0};

    status = folder.open(folder.ctx, "state.json", &source, err);
    if (status == MDLA_OK)
        status = input_open(alloc_of(config), source, "state.json", &in, err);
    if (status == MDLA_OK)
        status = json_text_load(&in, &state, err);
    input_close(&in);
    if (status == MDLA_OK)
        status = show_files(state, name, visitor, ctx, err);
    json_decref(state);
    if (folder.close != NULL)
        folder.close(folder.ctx);
    return status;
}
