/* The codes of a file held in memory both ways, by row and by feature: what questions about sets of
 * features count in. */
#ifndef MDLA_INFO_FLAGS_H
#define MDLA_INFO_FLAGS_H

#include "info.h"

/** Flags (active features of all rows) that are held at most, at 12 bytes each. */
#define HELD_FLAGS_MAX ((size_t)1 << 25)

typedef struct held_flags {
    uint32_t width;
    uint64_t rows;      /* counted, empty ones too */
    uint64_t stride;    /* of the file's rows every stride-th is counted: 1, 2, 4 ... */
    size_t count;       /* flags */
    size_t lines;       /* counted rows that have a flag, numbered anew in order */
    size_t *start;      /* [lines + 1] where a line's flags begin */
    uint32_t *feature;  /* [count] by line, then as coded */
    float *strength;    /* [count] beside feature */
    double *level_bits; /* [width] that the counted rows' levels take */
    size_t *first;      /* [width + 1] where a feature's lines begin */
    uint32_t *line;     /* [count] by feature, then line */
} held_flags;

/** Decodes all codes. Returns an exit code and has reported what went wrong; of features that
 * aren't an SAE's it is refused. What is held is freed by held_free in any case. */
int held_read(const info_subject *subject, held_flags *out);
void held_free(held_flags *held);

/** Rows where the feature is active. */
static inline size_t held_uses(const held_flags *held, uint32_t feature)
{
    return held->first[feature + 1] - held->first[feature];
}

/** In how many rows each feature is active together with another. */
typedef struct together {
    uint32_t *rows; /* [width] 0 but for those met */
    uint32_t *met;  /* [met_count] features, in no order */
    size_t met_count;
} together;

/** Returns 0, or -1: no memory. */
int together_new(together *t, uint32_t width);
void together_free(together *t);
/** Counts anew, beside the feature, which isn't met itself. */
void together_count(together *t, const held_flags *held, uint32_t feature);

/** Bits that say in which n of all rows a feature is active, by a coder that knows nothing and
 * learns as it goes (Krichevsky and Trofimov's: half a row of each kind are taken as seen). */
double flag_bits(double n, double all);

#endif
