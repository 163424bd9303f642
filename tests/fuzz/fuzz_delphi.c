/* A delphi cache from bytes: config.json up to the first NUL, then the file of features 0 to 49.
 * What it makes of config.json goes into another cache's config.json by its note, and the same text
 * as a note too; that must be JSON that is read again. */
#include "base/alloc.h"
#include "mdla/mdla.h"
#include "saes/json_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

typedef struct fuzz_folder {
    const void *bytes[2]; /* config.json, features */
    size_t nbytes[2];
    void *written[2];
    size_t written_nbytes[2];
} fuzz_folder;

static int member_of(const char *name)
{
    return strcmp(name, "config.json") != 0;
}

static mdla_status open_member(void *ctx, const char *member, mdla_source *out, mdla_error *err)
{
    const fuzz_folder *const f = ctx;

    (void)err;
    mdla_source_memory(f->bytes[member_of(member)], f->nbytes[member_of(member)], out);
    return MDLA_OK;
}

static mdla_status create_member(void *ctx, const char *member, mdla_sink *out, mdla_error *err)
{
    fuzz_folder *const f = ctx;

    (void)err;
    return mdla_sink_memory(&f->written[member_of(member)], &f->written_nbytes[member_of(member)],
                            out);
}

static void check_written(const char *note)
{
    const mdla_codes_options options = {.kind = MDLA_CODES_DELPHI,
                                        .width = 3,
                                        .strengths = MDLA_F16,
                                        .context = 2,
                                        .splits = 1,
                                        .note = note};
    const uint32_t feature = 1;
    const float strength = 1.0f;
    fuzz_folder f = {.nbytes = {0}};
    const mdla_folder folder = {.ctx = &f, .create = create_member};
    mdla_codes_writer *w;
    json_t *config;
    mdla_error err;

    if (mdla_codes_writer_open_folder(NULL, folder, &options, &w, &err) != MDLA_OK)
        abort();
    if (mdla_codes_writer_row(w, &feature, &strength, 1, &err) != MDLA_OK ||
        mdla_codes_writer_close(w, 1, &err) != MDLA_OK)
        abort();
    if (json_text_parse(f.written[0], f.written_nbytes[0], "config.json", "it", &config, &err) !=
        MDLA_OK)
        abort();
    assert(json_is_integer(json_object_get(config, "batch_size")));
    assert(json_is_string(json_object_get(config, "dataset_repo")));
    json_decref(config);
    free(f.written[0]);
    free(f.written[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    static const char *const members[] = {"config.json", "0_49.safetensors"};
    const uint8_t *const end = nbytes != 0 ? memchr(data, 0, nbytes) : NULL;
    const size_t config_nbytes = end != NULL ? (size_t)(end - data) : nbytes,
                 rest = end != NULL ? config_nbytes + 1 : nbytes;
    fuzz_folder f = {.bytes = {data, data + rest}, .nbytes = {config_nbytes, nbytes - rest}};
    const mdla_folder folder = {.ctx = &f, .open = open_member};
    char *const note = malloc(config_nbytes + sizeof "delphi ");
    mdla_codes *codes;
    mdla_error err;

    if (note == NULL)
        return 0;
    memcpy(note, "delphi ", 7);
    if (config_nbytes != 0)
        memcpy(note + 7, data, config_nbytes);
    note[7 + config_nbytes] = '\0';
    check_written(note);
    free(note);
    if (mdla_codes_read_folder(NULL, folder, members, 2, "fuzz", NULL, &codes, &err) != MDLA_OK)
        return 0;
    if (mdla_codes_note(codes) != NULL)
        check_written(mdla_codes_note(codes));
    mdla_codes_free(codes);
    return 0;
}
