#include "eval_cache.h"

#include "common/cache_files.h"
#include "common/classes.h"
#include "common/files.h"
#include "common/json.h"
#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Of what one strength takes. */
static double per_strength(const mdla_account *a, double bits)
{
    return a->active ? bits / (double)a->active : 0.0;
}

static void print_sheet(const char *name, const mdla_account *a, const cache_difference *d)
{
    printf("%s\n", name);
    printf("%-24s %14" PRIu64 "\n", "rows", a->rows);
    printf("%-24s %14" PRIu64 "\n", "strengths", a->active);
    printf("%-24s %14.4f\n", "bits_per_strength", per_strength(a, 8.0 * (double)a->file_nbytes));
    for (int c = 0; c < MDLA_BITS_CLASSES; c++)
        if (a->bits[c] != 0)
            printf("  %-22s %14.4f\n", mdla_bit_class_name((mdla_bit_class)c),
                   per_strength(a, a->bits[c]));
    printf("%-24s %14" PRIu64 "\n", "places_that_differ", d->misplaced);
    printf("%-24s %14" PRIu64 "\n", "strengths_that_differ", d->changed);
    printf("%-24s %14.6g\n", "largest_difference", d->largest);
    printf("%-24s %14.6g\n", "relative_squared_error", d->energy > 0 ? d->error / d->energy : 0.0);
}

static void print_json(json_writer *json, const char *name, const mdla_account *a,
                       const cache_difference *d)
{
    json_begin_object(json, NULL);
    json_text(json, "file", name);
    json_count(json, "rows", a->rows);
    json_count(json, "strengths", a->active);
    json_number(json, "bits_per_strength", per_strength(a, 8.0 * (double)a->file_nbytes));
    class_put_json(json, a);
    json_count(json, "places_that_differ", d->misplaced);
    json_count(json, "strengths_that_differ", d->changed);
    json_number(json, "largest_difference", d->largest);
    json_number(json, "relative_squared_error", d->energy > 0 ? d->error / d->energy : 0.0);
    json_end_object(json);
}

static int measure(const mdla_config *config, const char *path, const mdla_codebook *codebook,
                   mdla_codes *codes, json_writer *json)
{
    const char *name = files_name(path);
    mdla_error err = {MDLA_OK, ""};
    cache_difference difference;
    mdla_decoder *decoder = NULL;
    mdla_file_info info;
    mdla_account account;
    int result = TOOL_FAILED;

    if (files_decoder(config, path, 1, codebook, &decoder) != 0)
        return TOOL_FAILED;
    mdla_decoder_query(decoder, &info);
    if (!info.cache) {
        result = tool_fail("%s: no latent cache: it holds rows; compare them with DATA", name);
    } else if (cache_files_compare(name, decoder, codes, &difference) == 0) {
        const mdla_status status = mdla_decoder_account(decoder, &account, &err);

        result = status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
    }
    mdla_decoder_close(decoder);
    if (result != TOOL_DONE)
        return result;
    if (json)
        print_json(json, name, &account, &difference);
    else
        print_sheet(name, &account, &difference);
    return TOOL_DONE;
}

int eval_cache(const mdla_config *config, const char *cache, char **files, size_t count,
               const mdla_codebook *codebook, int as_json)
{
    json_writer json = {.stream = stdout};
    mdla_codes *codes = NULL;
    int result = TOOL_DONE;

    if (cache_files_read(config, cache, NULL, &codes) != 0)
        return TOOL_FAILED;
    if (as_json)
        json_begin_array(&json, NULL);
    for (size_t i = 0; i < count && result == TOOL_DONE; i++)
        result = measure(config, files[i], codebook, codes, as_json ? &json : NULL);
    if (as_json)
        json_end_array(&json);
    mdla_codes_free(codes);
    return result;
}
