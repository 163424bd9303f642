#include "chart/ticks.h"

#include <math.h>
#include <stdio.h>

double scale_apply(chart_scale scale, double value)
{
    return scale == CHART_LINEAR ? value : scale == CHART_LOG10 ? log10(value) : log2(value);
}

double scale_undo(chart_scale scale, double place)
{
    return scale == CHART_LINEAR ? place : scale == CHART_LOG10 ? pow(10, place) : exp2(place);
}

/* 1, 2 or 5 times a power of ten, so that some `steps` of it fill the extent. */
static double round_step(double extent, int steps)
{
    const double power = pow(10, floor(log10(extent / steps)));
    const double times = extent / steps / power;

    return power * (times > 5 ? 10 : times > 2 ? 5 : times > 1 ? 2 : 1);
}

static size_t even_ticks(double low, double high, int steps, double *out)
{
    const double step = round_step(high - low, steps);
    size_t count = 0;

    for (double tick = ceil(low / step); tick * step <= high && count < TICKS_MAX; tick++)
        out[count++] = tick * step + 0.0; /* 0 without a sign */
    return count;
}

size_t ticks_find(chart_scale scale, double from, double to, int steps, double out[TICKS_MAX])
{
    const double low = scale_undo(scale, from), high = scale_undo(scale, to);
    static const double times[] = {1, 2, 5};
    const int decades = (int)(to - from);
    size_t count = 0;

    if (scale == CHART_LINEAR || (scale == CHART_LOG10 && decades < 1))
        return even_ticks(low, high, steps, out);
    if (scale == CHART_LOG2) {
        for (double power = ceil(from); power <= to && count < TICKS_MAX; power++)
            out[count++] = exp2(power);
        return count;
    }
    for (double power = floor(from); power <= to; power += 1 + decades / (2 * steps))
        for (int i = 0; i < (3 * decades > 2 * steps - 2 ? 1 : 3) && count < TICKS_MAX; i++) {
            const double tick = times[i] * pow(10, power);

            if (tick >= low && tick <= high)
                out[count++] = tick;
        }
    return count;
}

void tick_format(double value, char text[TICK_TEXT_MAX])
{
    if (value >= 1e6) {
        const int power = (int)floor(log10(value) + 1e-9);

        snprintf(text, TICK_TEXT_MAX, "%.3ge%d", value / pow(10, power), power);
    } else if (value >= 1e4)
        snprintf(text, TICK_TEXT_MAX, "%ld,%03ld", lround(value) / 1000, lround(value) % 1000);
    else
        snprintf(text, TICK_TEXT_MAX, "%.4g", value);
}
