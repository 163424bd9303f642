/* A file's flags in memory, and how often features are active together. Pairs are never held: a
 * feature's are counted when its turn comes, along the rows where it is active, so that memory
 * grows with flags alone and not with pairs that occur. */
#include "info_flags.h"

#include "common/tool.h"

#include <math.h>
#include <stdlib.h>

typedef struct flag_taker {
    held_flags *held;
    size_t room, line_room;
    int full, out_of_memory;
} flag_taker;

#define PI 3.14159265358979323846

static int grow(flag_taker *t, size_t flags)
{
    held_flags *h = t->held;

    if (h->lines + 2 > t->line_room) {
        const size_t room = 2 * t->line_room + 1024;
        size_t *start = realloc(h->start, room * sizeof *start);

        if (!start)
            return -1;
        h->start = start;
        t->line_room = room;
    }
    if (h->count + flags > t->room) {
        const size_t room = 2 * (h->count + flags);
        uint32_t *feature = realloc(h->feature, room * sizeof *feature);
        float *strength;

        if (!feature)
            return -1;
        h->feature = feature;
        strength = realloc(h->strength, room * sizeof *strength);
        if (!strength)
            return -1;
        h->strength = strength;
        t->room = room;
    }
    h->start[h->lines] = h->count;
    return 0;
}

static int take_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                    const mdla_symbol_bits *bits)
{
    flag_taker *t = ctx;
    held_flags *h = t->held;

    (void)bits;
    if (row % h->stride != 0)
        return tool_stopped();
    h->rows++;
    if (count == 0)
        return tool_stopped();
    t->full = h->count + count > HELD_FLAGS_MAX;
    t->out_of_memory = !t->full && grow(t, count) != 0;
    if (t->full || t->out_of_memory)
        return 1;
    for (size_t i = 0; i < count; i++) {
        h->feature[h->count] = code[i].feature;
        h->strength[h->count++] = (float)code[i].strength;
        h->level_bits[code[i].feature] += code[i].level_bits;
    }
    h->start[++h->lines] = h->count;
    return tool_stopped();
}

static int start_over(flag_taker *t)
{
    held_flags *h = t->held;

    h->rows = h->count = h->lines = 0;
    free(h->level_bits);
    h->level_bits = calloc(h->width, sizeof *h->level_bits);
    return h->level_bits ? grow(t, 0) : -1;
}

/* By feature: the same flags sorted by counting. */
static mdla_status index_features(held_flags *h)
{
    h->first = calloc((size_t)h->width + 2, sizeof *h->first);
    h->line = malloc((h->count + 1) * sizeof *h->line);
    if (!h->first || !h->line || !h->start)
        return MDLA_ERR_MEMORY;
    for (size_t i = 0; i < h->count; i++)
        h->first[h->feature[i] + 2]++;
    for (uint32_t f = 1; f <= h->width; f++)
        h->first[f + 1] += h->first[f];
    /* first[f + 1] is where the next line of f goes, and ends as where f + 1 begins. */
    for (size_t l = 0; l < h->lines; l++)
        for (size_t i = h->start[l]; i < h->start[l + 1]; i++)
            h->line[h->first[h->feature[i] + 1]++] = (uint32_t)l;
    return MDLA_OK;
}

int held_read(const info_subject *s, held_flags *h)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_codebook_info info;
    flag_taker t = {.held = h};
    mdla_status status = MDLA_OK;

    *h = (held_flags){.width = s->file.width, .stride = 1};
    mdla_codebook_query(mdla_decoder_codebook(s->decoder), &info);
    if (info.basis != MDLA_BASIS_SAE)
        return tool_fail("%s: its features are of the basis %s, which has no structure to look for",
                         s->name, mdla_basis_name(info.basis));
    while (status == MDLA_OK) {
        status = start_over(&t) == 0
                     ? mdla_decoder_visit_rows(s->decoder, 0, MDLA_UNKNOWN, take_row, &t, &err)
                     : MDLA_ERR_MEMORY;
        if (!t.full)
            break;
        h->stride *= 2;
    }
    if (t.out_of_memory)
        status = MDLA_ERR_MEMORY;
    if (status == MDLA_OK && !tool_stopped())
        status = index_features(h);
    if (status != MDLA_OK || tool_stopped())
        return tool_fail_status(status, &err);
    if (h->stride > 1)
        tool_say("%s: one row in %llu is counted, as there are more than %zu active features",
                 s->name, (unsigned long long)h->stride, HELD_FLAGS_MAX);
    return TOOL_DONE;
}

void held_free(held_flags *h)
{
    free(h->start);
    free(h->feature);
    free(h->strength);
    free(h->level_bits);
    free(h->first);
    free(h->line);
}

int together_new(together *t, uint32_t width)
{
    *t = (together){.rows = calloc(width, sizeof *t->rows), .met = malloc(width * sizeof *t->met)};
    return t->rows && t->met ? 0 : -1;
}

void together_free(together *t)
{
    free(t->rows);
    free(t->met);
}

void together_count(together *t, const held_flags *h, uint32_t feature)
{
    for (size_t i = 0; i < t->met_count; i++)
        t->rows[t->met[i]] = 0;
    t->met_count = 0;
    for (size_t l = h->first[feature]; l < h->first[feature + 1]; l++)
        for (size_t i = h->start[h->line[l]]; i < h->start[h->line[l] + 1]; i++) {
            const uint32_t other = h->feature[i];

            if (other != feature && t->rows[other]++ == 0)
                t->met[t->met_count++] = other;
        }
}

double flag_bits(double n, double all)
{
    return log2(PI) + (lgamma(all + 1) - lgamma(n + 0.5) - lgamma(all - n + 0.5)) / log(2.0);
}
