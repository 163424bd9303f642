#include "fit/counts.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

code_counts *code_counts_new(const mdla_allocator *al, uint32_t width, uint32_t signs)
{
    code_counts *c = alloc_zeroed(al, 1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->al = al;
    c->width = width;
    c->signs = signs;
    c->fired = alloc_zeroed(al, (size_t)width * signs, sizeof *c->fired);
    c->level = alloc_zeroed(al, (size_t)width * signs * COUNT_LEVELS, sizeof *c->level);
    if (c->fired == NULL || c->level == NULL) {
        code_counts_free(c);
        return NULL;
    }
    return c;
}

void code_counts_free(code_counts *c)
{
    if (c == NULL)
        return;
    alloc_free(c->al, c->fired);
    alloc_free(c->al, c->level);
    alloc_free(c->al, c);
}

void code_counts_clear(code_counts *c)
{
    c->rows = c->active = 0;
    memset(c->fired, 0, (size_t)c->width * c->signs * sizeof *c->fired);
    memset(c->level, 0, (size_t)c->width * c->signs * COUNT_LEVELS * sizeof *c->level);
}

void code_counts_add(code_counts *c, const code_rows *codes)
{
    const size_t count = codes->row_count != 0 ? codes->start[codes->row_count] : 0;

    for (size_t i = 0; i < count; i++) {
        const size_t at = (size_t)codes->feature[i] * c->signs + (codes->level[i] < 0);
        const uint32_t level = (uint32_t)abs(codes->level[i]);

        c->fired[at]++;
        c->level[at * COUNT_LEVELS + (level < COUNT_LEVELS ? level : COUNT_LEVELS) - 1]++;
    }
    c->rows += codes->row_count;
    c->active += count;
}
