/* What a sweep's measurements come to, for tables, report and pictures alike. */
#ifndef MDLA_SWEEP_ANSWERS_H
#define MDLA_SWEEP_ANSWERS_H

#include "curves.h"
#include "sweep.h"

#include <stdio.h>

/** An explanation's codebooks at an FVU into lines[rows_count]; returns how many reached it. */
size_t answers_lines(const sweep *s, size_t explanation, size_t fvu, rate_line *lines);

/** Total bits a row when rows share the cheapest of its codebooks; NaN where none reaches it, and
 * of an explanation of the train rows for any other number. */
double answers_total(const sweep *s, size_t explanation, size_t fvu, double rows);

/** The measurement of fewest marginal bits; NULL where the FVU isn't reached. */
const measurement *answers_marginal(const sweep *s, size_t explanation, size_t fvu);

/** The explanation of fewest total bits; explanation_count where none reaches the FVU. */
size_t answers_shortest(const sweep *s, size_t fvu, double rows);

/** Which is shortest between SWEEP_ROWS_LOW and _HIGH. Returns how many stretches, or -1: no
 * memory, reported. */
int answers_optima(const sweep *s, size_t fvu, optimum out[SWEEP_OPTIMA_MAX]);

/** The rate-distortion curve of marginal bits into points[fvu_count], falling in FVU; returns how
 * many points it has. */
size_t answers_curve(const sweep *s, size_t explanation, rd_point *points);

/** Two curves of marginal bits that cross. Above that FVU the first is shorter. */
typedef struct crossing {
    size_t above, below; /* explanations */
    rd_point at;
} crossing;

/** The shortest of each kind of explanation, and what that says of the paper's ordering; nothing
 * where there are SAEs alone. Returns 0, or -1: no memory, reported. */
int ordering_put(FILE *out, const sweep *s, size_t fvu);

/** All of them, FVU falling; to be freed. Returns 0, or -1: no memory, reported. */
int answers_crossings(const sweep *s, crossing **out, size_t *count);

#endif
