#include "sae_open.h"

#include "common/distortion.h"
#include "common/files.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_ROWS = 1000 };

int sae_choose_scale(sae_choice *choice, const char *text)
{
    if (number_parse_double(text, 0, 1e30, &choice->options.act_scale) == 0)
        return 0;
    return tool_usage("--act-scale %s: give the number above 0 that rows are to be multiplied by",
                      text);
}

static void explain(const sae_choice *choice, const mdla_sae *sae)
{
    mdla_sae_info info;
    char k[32] = "";
    static const char doubtful[] = "expected_average_only_in";
    const char *line;

    mdla_sae_query(sae, &info);
    if (info.k != 0)
        snprintf(k, sizeof k, " %u", info.k);
    tool_explain("%s: %s: %u features x %u dims, %s%s, the decoder's bias %s before encoding, "
                 "normalisation of rows: %s",
                 choice->path, info.kind, info.width, info.dims, info.activation, k,
                 info.pre_bias ? "taken off" : "not taken off", info.normalisation);
    for (line = info.notes; *line; line += strcspn(line, "\n") + 1) {
        const int length = (int)strcspn(line, "\n");

        /* Whether these weights expect scaled rows can't be seen from the files. */
        if (strncmp(line, doubtful, strlen(doubtful)) == 0)
            tool_say("%s: note: %.*s", choice->path, length, line);
        else
            tool_explain("%s: note: %.*s", choice->path, length, line);
    }
}

int sae_open(const mdla_config *config, const sae_choice *choice, mdla_sae **out)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_folder folder;
    mdla_status status = mdla_folder_path(choice->path, 0, &folder, &err);

    *out = NULL;
    if (status == MDLA_OK)
        status = mdla_sae_load(config, folder, choice->path, &choice->options, out, &err);
    if (status != MDLA_OK)
        return files_fail(choice->path, FILES_SAE, status, &err);
    explain(choice, *out);
    return 0;
}

/* L0 and FVU of some rows; FVU is NaN where rows are too few, constant or not finite. */
static mdla_status measure(const mdla_config *config, const mdla_sae *sae, mdla_rows *rows,
                           size_t *got, double *l0, double *fvu, mdla_error *err)
{
    const uint32_t dims = mdla_sae_dims(sae);
    float *values = malloc(2 * (size_t)CHECK_ROWS * dims * sizeof *values);
    uint32_t active[CHECK_ROWS];
    distortion lost = {0};
    mdla_status status = MDLA_ERR_MEMORY;
    uint64_t sum = 0;

    if (values && distortion_start(&lost, dims) == 0)
        status = mdla_rows_read(rows, values, CHECK_ROWS, got, err);
    if (status == MDLA_OK)
        status = mdla_sae_forward(config, sae, values, *got, values + (size_t)CHECK_ROWS * dims,
                                  active, err);
    if (status == MDLA_OK) {
        distortion_add(&lost, values, values + (size_t)CHECK_ROWS * dims, *got);
        for (size_t i = 0; i < *got; i++)
            sum += active[i];
        *l0 = *got ? (double)sum / (double)*got : (double)NAN;
        *fvu = distortion_fvu(&lost);
    }
    distortion_end(&lost);
    free(values);
    return status;
}

int sae_check(const mdla_config *config, const sae_choice *choice, const mdla_sae *sae,
              mdla_rows *rows)
{
    mdla_error err = {MDLA_OK, ""};
    double l0 = 0, fvu = 0;
    size_t got = 0;
    mdla_status status;

    if (!mdla_rows_can_rewind(rows) || mdla_rows_dims(rows) != mdla_sae_dims(sae))
        return 0;
    status = measure(config, sae, rows, &got, &l0, &fvu, &err);
    if (status == MDLA_OK)
        status = mdla_rows_rewind(rows, &err);
    if (status != MDLA_OK) {
        tool_fail_status(status, &err);
        return -1;
    }
    tool_explain("%s: on the first %zu rows: L0 %.2f, FVU %.4f", choice->path, got, l0, fvu);
    if (fvu > 1)
        tool_say("warning: %s: FVU is %.3g on the first %zu rows, worse than their mean: are the "
                 "rows those it was trained on? If so, see -v, --sae-kind and --act-scale",
                 choice->path, fvu, got);
    return 0;
}
