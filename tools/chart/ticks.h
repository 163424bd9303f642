/* Scales of axes and colours, and the round numbers that are written beside them. */
#ifndef MDLA_CHART_TICKS_H
#define MDLA_CHART_TICKS_H

#include <stddef.h>

typedef enum chart_scale { CHART_LINEAR, CHART_LOG10, CHART_LOG2 } chart_scale;

enum { TICKS_MAX = 40, TICK_TEXT_MAX = 32 };

/** Where a value stands on a scale: its logarithm, or itself; and back. */
double scale_apply(chart_scale scale, double value);
double scale_undo(chart_scale scale, double place);

/** Values for ticks between two places of a scale, rising; of a linear one some `steps` of them.
 * Returns how many. */
size_t ticks_find(chart_scale scale, double low, double high, int steps, double out[TICKS_MAX]);

/** "0.25", "2048", "16,384", "1e6". */
void tick_format(double value, char text[TICK_TEXT_MAX]);

#endif
