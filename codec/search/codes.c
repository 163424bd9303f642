/* Owns the growth of code_rows. */
#include "search/search.h"

#include "base/alloc.h"

static mdla_status reserve_starts(const mdla_allocator *al, code_rows *codes, size_t rows)
{
    size_t *start;

    if (codes->start != NULL && rows <= codes->row_capacity)
        return MDLA_OK;
    if (rows == SIZE_MAX)
        return MDLA_ERR_MEMORY;
    start = codes->start != NULL
                ? alloc_grown(al, codes->start, codes->row_count + 1, rows + 1, sizeof *start)
                : alloc_zeroed(al, rows + 1, sizeof *start);
    if (start == NULL)
        return MDLA_ERR_MEMORY;
    codes->start = start;
    codes->row_capacity = rows;
    return MDLA_OK;
}

mdla_status code_rows_reserve(const mdla_allocator *al, code_rows *codes, size_t rows, size_t pairs)
{
    const size_t used = codes->start != NULL ? codes->start[codes->row_count] : 0;
    size_t capacity = codes->capacity;
    uint32_t *feature;
    int32_t *level;

    MDLA_TRY(reserve_starts(al, codes, rows));
    if (pairs <= capacity && codes->feature != NULL)
        return MDLA_OK;
    /* Doubling keeps the copying linear where codes are appended to. */
    capacity = capacity < SIZE_MAX / 2 && 2 * capacity > pairs ? 2 * capacity : pairs;
    feature = alloc_array(al, capacity, sizeof *feature);
    level = alloc_array(al, capacity, sizeof *level);
    if (feature == NULL || level == NULL) {
        alloc_free(al, feature);
        alloc_free(al, level);
        return MDLA_ERR_MEMORY;
    }
    for (size_t i = 0; i < used; i++) {
        feature[i] = codes->feature[i];
        level[i] = codes->level[i];
    }
    alloc_free(al, codes->feature);
    alloc_free(al, codes->level);
    codes->feature = feature;
    codes->level = level;
    codes->capacity = capacity;
    return MDLA_OK;
}

void code_rows_free(const mdla_allocator *al, code_rows *codes)
{
    alloc_free(al, codes->start);
    alloc_free(al, codes->feature);
    alloc_free(al, codes->level);
    *codes = (code_rows){0};
}
