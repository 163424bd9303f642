#include "arrays/passages.h"

#include "base/alloc.h"

#define READ_VALUES 512 /* at a time */

mdla_status passages_read(row_numbers *numbers, uint64_t first, uint8_t *starts, size_t row_count,
                          mdla_error *err)
{
    int64_t value[READ_VALUES + 1]; /* the row before's, then those read */

    MDLA_TRY(row_numbers_before(numbers, first, value, err));
    for (size_t done = 0; done < row_count;) {
        const size_t left = row_count - done, take = left < READ_VALUES ? left : READ_VALUES;

        MDLA_TRY(row_numbers_read(numbers, value + 1, take, err));
        for (size_t i = 0; i < take; i++)
            starts[done + i] = first + done + i == 0 || value[i + 1] != value[i];
        value[0] = value[take];
        done += take;
    }
    return MDLA_OK;
}
