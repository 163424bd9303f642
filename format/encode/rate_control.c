#include "encode/rate_control.h"

#include <math.h>

#define RATIO_LEAST                                                                                \
    0.996 /* of a target: what falls short of it by more spends bits for nothing                   \
           */
#define AIM 0.9985
#define SLOPE_FIRST                                                                                \
    0.5 /* of ln FVU over ln lambda: 0.3 to 0.6 on real data, above 1 on planted dictionaries */
#define SLOPE_LEAST 0.25
#define SLOPE_MOST 4.0
#define CHOICE_SLOPE_LEAST 0.01
#define ONE_SIDED_TRIALS 4 /* after which a slope below SLOPE_LEAST is believed */

void rate_control_start(rate_control *c, const mdla_target *target, double lambda, bool moving)
{
    *c = (rate_control){.target = *target,
                        .lambda = lambda,
                        .moving = moving,
                        .slope = SLOPE_FIRST,
                        .slope_least = SLOPE_LEAST};
}

void rate_control_start_choices(rate_control *c, const mdla_target *target, double deviation)
{
    rate_control_start(c, target, CHOICE_LAMBDA * deviation, false);
    c->slope_least = CHOICE_SLOPE_LEAST;
}

void rate_control_restart(rate_control *c)
{
    c->low = c->high = c->last = 0.0;
}

/* ln(reached / aim), falling bits turned round, so that it rises with lambda. */
static double miss_of(const mdla_target *target, const rate_trial *trial)
{
    if (target->fvu > 0.0)
        return log(fmax(trial->fvu, 1e-30) / (AIM * target->fvu));
    return -log(fmax(trial->bits_per_row, 1e-30) / (AIM * target->bits_per_row));
}

bool rate_control_kept(const mdla_target *target, const rate_trial *trial)
{
    const double ratio =
        target->fvu > 0.0 ? trial->fvu / target->fvu : trial->bits_per_row / target->bits_per_row;

    return ratio >= RATIO_LEAST && ratio <= 1.0;
}

bool rate_control_near(const mdla_target *target, const rate_trial *trial, double share)
{
    return fabs(miss_of(target, trial)) <= share;
}

bool rate_control_kept_or_better(const mdla_target *target, const rate_trial *trial)
{
    return target->fvu > 0.0 ? trial->fvu <= target->fvu
                             : trial->bits_per_row <= target->bits_per_row;
}

static void learn_slope(rate_control *c, double miss)
{
    if (c->last > 0.0 && fabs(log(c->lambda / c->last)) > 1e-3)
        c->slope = fmin(fmax((miss - c->last_miss) / log(c->lambda / c->last), c->slope_least),
                        SLOPE_MOST);
    c->last = c->lambda;
    c->last_miss = miss;
}

bool rate_control_step(rate_control *c, const rate_trial *trial, double tolerance)
{
    const double miss = miss_of(&c->target, trial);

    c->trials++;
    if (fabs(miss) <= tolerance)
        return true;
    learn_slope(c, miss);
    if (!c->moving && miss < 0.0) {
        c->low = c->lambda;
        c->low_miss = miss;
    } else if (!c->moving) {
        c->high = c->lambda;
        c->high_miss = miss;
    }
    if (c->low > 0.0 && c->high > 0.0) {
        /* Between the two by the secant, but never so near an end that the bracket hardly shrinks.
         */
        const double share = fmin(fmax(-c->low_miss / (c->high_miss - c->low_miss), 0.1), 0.9);

        c->lambda = c->low * pow(c->high / c->low, share);
    } else {
        if (!c->moving && ++c->one_sided > ONE_SIDED_TRIALS)
            c->slope_least = CHOICE_SLOPE_LEAST;
        c->lambda *= exp(fmin(fmax(-miss / c->slope, -3.0), 3.0));
    }
    return false;
}
