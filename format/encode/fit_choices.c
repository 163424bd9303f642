/* Owns the rate of codewords: how finely they are kept, and at which lambda rows choose among them.
 * One lambda for both: where a bit buys as little in the one as in the other, there are fewest. */
#include "base/alloc.h"
#include "encode/fit_job.h"
#include "fit/priors_fit.h"

#include <math.h>

#define TRIAL_ROWS 8192
#define ROUNDS_MAX 24
#define TOLERANCE 0.005
#define BRACKET 1.02   /* two lambdas so near on either side of an FVU: it jumps between them */
#define AIM 0.992      /* of an FVU, for codewords in integers are the nearest still */
#define AIM_ALONE 0.98 /* with one stage, where no other makes up for what integers add */
#define NARROW 0.98    /* what is left to aim at where the nearest codewords come closer */
#define ROUNDING 0.01  /* of the error: what integers may add where no FVU is asked */
#define ROUNDING_LEAST 1e-4 /* of the deviation, likewise */
#define ROUNDING_TRIALS 8

/* A trial on the sample; fvu without what integers add. */
static mdla_status try_lambda(fit_job *j, double lambda, rate_trial *out)
{
    const file_shape shape = {j->survey.rows, (uint32_t)j->engine.span, 0};
    const mdla_fit_options *o = j->options;
    const size_t stride = j->survey.sample_rows / TRIAL_ROWS;
    pass_sums sums = {.charge = o->target.bits_per_row > 0.0};

    j->lambda = lambda;
    MDLA_TRY(fit_set_lambda(j));
    MDLA_TRY(pass_try_sample(&j->engine, &j->survey, stride > 1 ? stride : 1, &sums, &shape, out,
                             j->err));
    if (o->progress != NULL &&
        o->progress(o->progress_ctx, "fit prices", sums.rows, MDLA_UNKNOWN) != 0)
        return error_set(j->err, MDLA_ERR_INTERRUPTED, "interrupted");
    return MDLA_OK;
}

/* Lambda for the codewords alone, at which integers add so much FVU. */
static mdla_status settle_rounding(fit_job *j, double fvu)
{
    const double deviation = j->survey.deviation_sum / (double)j->survey.rows;

    j->atom_lambda = CHOICE_LAMBDA * deviation;
    for (unsigned trial = 0; trial < ROUNDING_TRIALS; trial++) {
        double error;

        MDLA_TRY(fit_atoms_error(j, &error));
        const double ratio = fvu * deviation / fmax(error, 1e-9 * deviation);

        if (fabs(log(ratio)) < 0.05)
            break;
        j->atom_lambda *= fmin(fmax(ratio, 1e-3), 1e3);
    }
    return MDLA_OK;
}

static mdla_status settle_bits(fit_job *j, const rate_trial *nearest)
{
    rate_control control;
    rate_trial trial = *nearest;

    if (nearest->bits_per_row <= j->options->target.bits_per_row)
        return MDLA_OK; /* there is nothing to spend more on */
    rate_control_start_choices(&control, &j->options->target,
                               j->survey.deviation_sum / (double)j->survey.rows);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        MDLA_TRY(try_lambda(j, control.lambda, &trial));
        if (rate_control_step(&control, &trial, TOLERANCE))
            break;
    }
    return MDLA_OK;
}

static mdla_status settle_fvu(fit_job *j, const rate_trial *nearest)
{
    const double asked = j->options->target.fvu;
    const double deviation = j->survey.deviation_sum / (double)j->survey.rows;
    const mdla_target aim = {.fvu = nearest->fvu < NARROW * asked
                                        ? (j->basis->stages > 1 ? AIM : AIM_ALONE) * asked
                                        : 0.5 * (nearest->fvu + asked)};
    rate_control control;
    rate_trial trial;

    if (nearest->fvu > asked)
        return error_set(j->err, MDLA_ERR_TARGET,
                         "FVU %g can't be reached: %u codewords a stage, %u stages, come to %.4g; "
                         "give more codewords%s, or a larger FVU",
                         asked, j->cb->width / j->basis->stages, j->basis->stages, nearest->fvu,
                         j->basis->stages > 1 ? " or stages" : ", take rvq, which has stages");
    rate_control_start_choices(&control, &aim, deviation);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        double error;

        MDLA_TRY(try_lambda(j, control.lambda, &trial));
        MDLA_TRY(fit_atoms_error(j, &error));
        trial.fvu += error / deviation;
        if (rate_control_step(&control, &trial, TOLERANCE))
            return MDLA_OK;
        if (control.low > 0.0 && control.high > 0.0 && control.high < BRACKET * control.low)
            break;
    }
    /* Codewords used alike get coarser all at once, so that no lambda may come to the aim. */
    if (control.low > 0.0)
        j->lambda = control.low;
    return fit_set_lambda(j);
}

mdla_status fit_choices(fit_job *j)
{
    const mdla_target *target = &j->options->target;
    rate_trial nearest;

    for (uint32_t k = 0; k < j->cb->width; k++)
        j->counts->fired[k] = j->word_rows[k];
    j->counts->rows = j->trained_rows;
    j->counts->active = j->trained_rows * j->basis->stages;
    if (priors_fit(j->cb, j->counts) != MDLA_OK)
        return fit_no_memory(j);
    MDLA_TRY(try_lambda(j, 0.0, &nearest));
    if (target->fvu > 0.0)
        return settle_fvu(j, &nearest);
    MDLA_TRY(settle_rounding(j, fmax(ROUNDING * nearest.fvu, ROUNDING_LEAST)));
    return target->bits_per_row > 0.0 ? settle_bits(j, &nearest) : MDLA_OK;
}
