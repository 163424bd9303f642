#include "train/codes.h"

#include "base/alloc.h"

#include <string.h>

mdla_status codes_open(const mdla_allocator *al, size_t batch, size_t width, code_lists *codes)
{
    const size_t row_tiles = (batch + TILE_ROWS - 1) / TILE_ROWS;
    const size_t feature_tiles = (width + TILE_FEATURES - 1) / TILE_FEATURES;

    memset(codes, 0, sizeof *codes);
    codes->row_count = 2 * batch;
    codes->tiles = alloc_zeroed(al, row_tiles * feature_tiles, sizeof *codes->tiles);
    codes->row_start = alloc_zeroed(al, codes->row_count + 1, sizeof *codes->row_start);
    codes->active = alloc_zeroed(al, width, sizeof *codes->active);
    codes->active_start = alloc_zeroed(al, width + 1, sizeof *codes->active_start);
    codes->tally = alloc_zeroed(al, width, sizeof *codes->tally);
    if (codes->tiles == NULL || codes->row_start == NULL || codes->active == NULL ||
        codes->active_start == NULL || codes->tally == NULL)
        return MDLA_ERR_MEMORY;
    for (size_t r = 0; r < row_tiles; r++)
        for (size_t f = 0; f < feature_tiles; f++) {
            code_tile *tile = &codes->tiles[codes->tile_count++];
            tile->first_row = r * TILE_ROWS;
            tile->row_count =
                batch - tile->first_row < TILE_ROWS ? batch - tile->first_row : TILE_ROWS;
            tile->first_feature = f * TILE_FEATURES;
            tile->feature_count = width - tile->first_feature < TILE_FEATURES
                                      ? width - tile->first_feature
                                      : TILE_FEATURES;
            tile->entries =
                alloc_array(al, tile->row_count * tile->feature_count, sizeof *tile->entries);
            tile->dead = alloc_array(al, tile->row_count * tile->feature_count, sizeof *tile->dead);
            if (tile->entries == NULL || tile->dead == NULL)
                return MDLA_ERR_MEMORY;
        }
    return MDLA_OK;
}

void codes_close(const mdla_allocator *al, code_lists *codes)
{
    for (size_t i = 0; i < codes->tile_count; i++) {
        alloc_free(al, codes->tiles[i].entries);
        alloc_free(al, codes->tiles[i].dead);
    }
    alloc_free(al, codes->tiles);
    alloc_free(al, codes->row_start);
    alloc_free(al, codes->feature);
    alloc_free(al, codes->row);
    alloc_free(al, codes->strength);
    alloc_free(al, codes->gradient);
    alloc_free(al, codes->by_feature);
    alloc_free(al, codes->active);
    alloc_free(al, codes->active_start);
    alloc_free(al, codes->tally);
    alloc_free(al, codes->values);
    memset(codes, 0, sizeof *codes);
}

float codes_kth_largest(float *values, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;
    const size_t wanted = k - 1;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const float a = values[low], b = values[middle], c = values[high];
        const float pivot = a > b ? (b > c ? b : (a > c ? c : a)) : (a > c ? a : (b > c ? c : b));
        size_t i = low, j = high;

        for (;;) {
            while (values[i] > pivot)
                i++;
            while (values[j] < pivot)
                j--;
            if (i >= j)
                break;
            const float swapped = values[i];
            values[i++] = values[j];
            values[j--] = swapped;
        }
        /* values[low .. i-1] >= pivot >= values[j+1 .. high]; where i = j, that one is the pivot.
         */
        if (i == j) {
            if (wanted == i)
                return values[i];
            if (wanted < i)
                high = i - 1;
            else
                low = i + 1;
        } else if (wanted <= j) {
            high = j;
        } else {
            low = i;
        }
    }
    return values[low];
}

size_t codes_candidates(const code_lists *codes)
{
    size_t count = 0;

    for (size_t i = 0; i < codes->tile_count; i++)
        count += codes->tiles[i].count;
    return count;
}

size_t codes_values(const code_lists *codes, float *values)
{
    size_t count = 0;

    for (size_t i = 0; i < codes->tile_count; i++)
        for (size_t j = 0; j < codes->tiles[i].count; j++)
            values[count++] = codes->tiles[i].entries[j].value;
    return count;
}

static mdla_status values_reserve(const mdla_allocator *al, code_lists *codes, size_t count)
{
    if (count <= codes->value_capacity)
        return MDLA_OK;
    alloc_free(al, codes->values);
    codes->value_capacity = 0;
    codes->values = alloc_array(al, count, sizeof *codes->values);
    if (codes->values == NULL)
        return MDLA_ERR_MEMORY;
    codes->value_capacity = count;
    return MDLA_OK;
}

mdla_status codes_threshold(const mdla_allocator *al, code_lists *codes, size_t k, float *out)
{
    const size_t count = codes_candidates(codes);

    *out = 0;
    if (k == 0 || count < k)
        return MDLA_OK;
    MDLA_TRY(values_reserve(al, codes, count));
    *out = codes_kth_largest(codes->values, codes_values(codes, codes->values), k);
    return MDLA_OK;
}

static mdla_status lists_reserve(const mdla_allocator *al, code_lists *codes, size_t count)
{
    if (count <= codes->capacity)
        return MDLA_OK;
    count += count / 4;
    alloc_free(al, codes->feature);
    alloc_free(al, codes->row);
    alloc_free(al, codes->strength);
    alloc_free(al, codes->gradient);
    alloc_free(al, codes->by_feature);
    codes->feature = alloc_array(al, count, sizeof *codes->feature);
    codes->row = alloc_array(al, count, sizeof *codes->row);
    codes->strength = alloc_array(al, count, sizeof *codes->strength);
    codes->gradient = alloc_array(al, count, sizeof *codes->gradient);
    codes->by_feature = alloc_array(al, count, sizeof *codes->by_feature);
    codes->capacity = 0;
    if (codes->feature == NULL || codes->row == NULL || codes->strength == NULL ||
        codes->gradient == NULL || codes->by_feature == NULL)
        return MDLA_ERR_MEMORY;
    codes->capacity = count;
    return MDLA_OK;
}

/* Keeps of one row's list (positions first .. end-1) the limit largest, in order; ties go to the
 * first. Returns the new end. */
static size_t keep_largest(code_lists *codes, size_t first, size_t end, size_t limit)
{
    size_t kept = first, equal;
    float threshold;

    if (end - first <= limit)
        return end;
    if (limit == 0)
        return first;
    memcpy(codes->values, codes->strength + first, (end - first) * sizeof(float));
    threshold = codes_kth_largest(codes->values, end - first, limit);
    equal = limit;
    for (size_t i = first; i < end; i++)
        equal -= codes->strength[i] > threshold;
    for (size_t i = first; i < end; i++) {
        const float strength = codes->strength[i];
        if (strength < threshold || (strength == threshold && equal == 0))
            continue;
        equal -= strength == threshold;
        codes->feature[kept] = codes->feature[i];
        codes->strength[kept++] = strength;
    }
    return kept;
}

/* Sets row_start[r] to where row r's candidates begin; returns how many there are. */
static size_t count_rows(code_lists *codes, float threshold, size_t *longest)
{
    const size_t batch = codes->row_count / 2;
    size_t *start = codes->row_start;
    size_t total = 0;

    memset(start, 0, (codes->row_count + 1) * sizeof *start);
    for (size_t t = 0; t < codes->tile_count; t++) {
        const code_tile *tile = &codes->tiles[t];
        for (size_t i = 0; i < tile->count; i++)
            start[tile->first_row + tile->entries[i].row] += tile->entries[i].value >= threshold;
        for (size_t i = 0; i < tile->dead_count; i++)
            start[batch + tile->first_row + tile->dead[i].row]++;
    }
    *longest = 0;
    for (size_t r = 0; r < codes->row_count; r++) {
        const size_t count = start[r];
        start[r] = total;
        total += count;
        *longest = count > *longest ? count : *longest;
    }
    return total;
}

/* Puts entries of at least threshold at their rows' starts, which move to the rows' ends. */
static void place(code_lists *codes, const code_tile *tile, const code_entry *entries, size_t count,
                  size_t first_row, float threshold)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].value < threshold)
            continue;
        const size_t at = codes->row_start[first_row + entries[i].row]++;
        codes->feature[at] = (uint32_t)(tile->first_feature + entries[i].feature);
        codes->strength[at] = entries[i].value;
    }
}

mdla_status codes_list_rows(const mdla_allocator *al, code_lists *codes, float threshold,
                            size_t per_row, size_t dead_per_row)
{
    const size_t batch = codes->row_count / 2;
    size_t *start = codes->row_start;
    size_t longest, kept = 0;
    const size_t total = count_rows(codes, threshold, &longest);

    MDLA_TRY(lists_reserve(al, codes, total));
    MDLA_TRY(values_reserve(al, codes, longest));
    for (size_t t = 0; t < codes->tile_count; t++) {
        const code_tile *tile = &codes->tiles[t];
        place(codes, tile, tile->entries, tile->count, tile->first_row, threshold);
        place(codes, tile, tile->dead, tile->dead_count, batch + tile->first_row, 0.0f);
    }
    /* Trim each list to its limit and close the gaps. */
    for (size_t r = 0, first = 0; r < codes->row_count; r++) {
        const size_t end = start[r];
        const size_t count =
            keep_largest(codes, first, end, r < batch ? per_row : dead_per_row) - first;

        start[r] = kept;
        memmove(codes->feature + kept, codes->feature + first, count * sizeof *codes->feature);
        memmove(codes->strength + kept, codes->strength + first, count * sizeof *codes->strength);
        for (size_t i = 0; i < count; i++)
            codes->row[kept + i] = (uint32_t)r;
        kept += count;
        first = end;
    }
    start[codes->row_count] = kept;
    return MDLA_OK;
}

void codes_list_features(code_lists *codes, size_t width)
{
    const size_t total = codes->row_start[codes->row_count];
    size_t sum = 0;

    memset(codes->tally, 0, width * sizeof *codes->tally);
    for (size_t i = 0; i < total; i++)
        codes->tally[codes->feature[i]]++;
    codes->active_count = 0;
    for (size_t f = 0; f < width; f++) {
        const size_t count = codes->tally[f];
        codes->tally[f] = sum;
        if (count == 0)
            continue;
        codes->active[codes->active_count] = (uint32_t)f;
        codes->active_start[codes->active_count++] = sum;
        sum += count;
    }
    codes->active_start[codes->active_count] = sum;
    for (size_t i = 0; i < total; i++)
        codes->by_feature[codes->tally[codes->feature[i]]++] = (uint32_t)i;
}
