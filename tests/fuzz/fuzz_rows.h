/* What the fuzz targets for arrays have in common. */
#ifndef MDLA_FUZZ_ROWS_H
#define MDLA_FUZZ_ROWS_H

#include "arrays/rows.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

/* Reads what can be read, at most 1,000 rows, then goes to the middle and reads one again. */
static inline void fuzz_rows(const uint8_t *data, size_t nbytes, const mdla_array_options *options,
                             int pipe)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;
    mdla_source source;
    mdla_config config;
    mdla_rows *rows;
    void *values;
    size_t got = 1, total = 0;

    mdla_config_init(&config);
    config.limits.max_dims = 4096;
    mdla_source_memory(data, nbytes, &source);
    if (pipe) {
        source.seek = NULL;
        source.nbytes = MDLA_UNKNOWN;
    }
    status = mdla_rows_open(&config, source, "fuzz", options, &rows, &err);
    assert((status == MDLA_OK) == (rows != NULL));
    assert(status == MDLA_OK || (err.status == status && err.text[0] != '\0'));
    if (rows == NULL)
        return;
    values = malloc(3 * (size_t)mdla_rows_dims(rows) *
                    (rows->numbers ? sizeof(int64_t) : sizeof(float)));
    while (status == MDLA_OK && got != 0 && total < 1000) {
        status = rows_read(rows, values, 3, &got, &err);
        total += got;
    }
    if (mdla_rows_seek(rows, total / 2, &err) == MDLA_OK)
        (void)!rows_read(rows, values, 1, &got, &err);
    free(values);
    mdla_rows_close(rows);
}

#endif
