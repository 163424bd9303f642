/* Owns the two forms in which weights stand in memory. */
#include "base/alloc.h"
#include "joint/joint_model.h"

#include <string.h>

mdla_status joint_weights_new(const mdla_allocator *al, uint32_t width, joint_weights *w)
{
    *w = (joint_weights){.width = width};
    w->start = alloc_zeroed(al, (size_t)width + 1, sizeof *w->start);
    w->row = alloc_array(al, width, sizeof *w->row);
    if (w->start == NULL || w->row == NULL) {
        joint_weights_free(al, w);
        return MDLA_ERR_MEMORY;
    }
    for (uint32_t s = 0; s < width; s++)
        w->row[s] = JOINT_NO_ROW;
    return MDLA_OK;
}

void joint_weights_free(const mdla_allocator *al, joint_weights *w)
{
    alloc_free(al, w->start);
    alloc_free(al, w->entry);
    alloc_free(al, w->row);
    alloc_free(al, w->dense);
    *w = (joint_weights){0};
}

static bool has_row(uint32_t width, uint64_t count)
{
    return count >= (uint64_t)width / JOINT_DENSE_SHARE + 1;
}

uint64_t joint_weights_memory(uint32_t width, uint64_t count)
{
    /* A dense row of width bytes has width / 8 weights at least; arrays double as they grow. */
    return (uint64_t)width * 12 + 2 * JOINT_DENSE_SHARE * count;
}

static mdla_status append_row(const mdla_allocator *al, joint_weights *w, const uint32_t *entry,
                              uint32_t count)
{
    int8_t *row;

    if (w->row_count == w->row_capacity) {
        const uint32_t capacity = w->row_capacity < 8 ? 8 : w->row_capacity + w->row_capacity / 2;
        int8_t *grown = alloc_grown(al, w->dense, (size_t)w->row_count * w->width,
                                    (size_t)capacity * w->width, 1);

        if (grown == NULL)
            return MDLA_ERR_MEMORY;
        w->dense = grown;
        w->row_capacity = capacity;
    }
    row = w->dense + (size_t)w->row_count * w->width;
    memset(row, 0, w->width);
    for (uint32_t i = 0; i < count; i++)
        row[joint_target(entry[i])] = (int8_t)joint_weight(entry[i]);
    w->row[w->done] = w->row_count++;
    return MDLA_OK;
}

mdla_status joint_weights_append(const mdla_allocator *al, joint_weights *w, const uint32_t *entry,
                                 uint32_t count)
{
    if (has_row(w->width, count)) {
        MDLA_TRY(append_row(al, w, entry, count));
    } else if (count != 0) {
        if (w->entry_count + count > w->entry_capacity) {
            const uint64_t capacity = w->entry_count + count + w->entry_count / 2;
            uint32_t *grown =
                alloc_grown(al, w->entry, (size_t)w->entry_count, (size_t)capacity, sizeof *grown);

            if (grown == NULL)
                return MDLA_ERR_MEMORY;
            w->entry = grown;
            w->entry_capacity = capacity;
        }
        memcpy(w->entry + w->entry_count, entry, count * sizeof *entry);
        w->entry_count += count;
    }
    w->count += count;
    w->start[++w->done] = w->entry_count;
    return MDLA_OK;
}

uint32_t joint_weights_list(const joint_weights *w, uint32_t source, uint32_t *entry)
{
    const int8_t *row = joint_weights_row(w, source);
    const uint32_t listed = (uint32_t)(w->start[source + 1] - w->start[source]);
    uint32_t count = 0;

    if (row == NULL) {
        if (listed != 0)
            memcpy(entry, w->entry + w->start[source], listed * sizeof *entry);
        return listed;
    }
    for (uint32_t k = 0; k < w->width; k++)
        if (row[k] != 0)
            entry[count++] = joint_entry(k, row[k]);
    return count;
}
