#include "fit/counts.h"

#include "base/alloc.h"

#include <string.h>

code_counts *code_counts_new(const mdla_allocator *al, uint32_t width)
{
    code_counts *c = alloc_zeroed(al, 1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->al = al;
    c->width = width;
    c->fired = alloc_zeroed(al, width, sizeof *c->fired);
    c->level = alloc_zeroed(al, (size_t)width * COUNT_LEVELS, sizeof *c->level);
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
    memset(c->fired, 0, c->width * sizeof *c->fired);
    memset(c->level, 0, (size_t)c->width * COUNT_LEVELS * sizeof *c->level);
}

void code_counts_add(code_counts *c, const code_rows *codes)
{
    const size_t count = codes->row_count != 0 ? codes->start[codes->row_count] : 0;

    for (size_t i = 0; i < count; i++) {
        const uint32_t feature = codes->feature[i], level = codes->level[i];

        c->fired[feature]++;
        c->level[(size_t)feature * COUNT_LEVELS + (level < COUNT_LEVELS ? level : COUNT_LEVELS) -
                 1]++;
    }
    c->rows += codes->row_count;
    c->active += count;
}
