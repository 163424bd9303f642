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
    c->energy = alloc_zeroed(al, width, sizeof *c->energy);
    if (c->fired == NULL || c->level == NULL || c->energy == NULL) {
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
    alloc_free(c->al, c->energy);
    alloc_free(c->al, c);
}

void code_counts_clear(code_counts *c)
{
    c->rows = c->active = 0;
    memset(c->fired, 0, c->width * sizeof *c->fired);
    memset(c->level, 0, (size_t)c->width * COUNT_LEVELS * sizeof *c->level);
    memset(c->energy, 0, c->width * sizeof *c->energy);
}

void code_counts_add(code_counts *c, const code_model *m, const code_rows *codes)
{
    const double unit = quant_step_value(m->params.step) * 256.0 / m->params.step.mantissa;
    const size_t count = codes->row_count != 0 ? codes->start[codes->row_count] : 0;

    for (size_t i = 0; i < count; i++) {
        const uint32_t feature = codes->feature[i], level = codes->level[i];
        const double strength = unit * m->coefficient[level];

        c->fired[feature]++;
        c->level[(size_t)feature * COUNT_LEVELS + (level < COUNT_LEVELS ? level : COUNT_LEVELS) - 1]++;
        c->energy[feature] += strength * strength;
    }
    c->rows += codes->row_count;
    c->active += count;
}
