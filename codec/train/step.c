/* One step of training: codes, reconstruction, gradients, Adam. After the product of find.c all
 * work is proportional to the active features: a feature's gradient is summed, applied and
 * forgotten in one go. Moments of features that didn't fire stand still. */
#include "train/state.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

/* Tasks are of fixed size, so that sums don't depend on the number of threads. */
#define ROWS_A_TASK 8
#define FEATURES_A_TASK 16

/* The learning rate rises over the first steps and falls to 0 over the last part. */
#define WARM_UP_STEPS 200.0f
#define DECAY_PART 0.5f

/* A feature counts as dead when this many times the mean gap between firings, width / l0 rows, has
 * passed. */
#define DEAD_GAPS 40

/* How fast the penalty follows a wrong L0, a step. */
#define PENALTY_GAIN 0.01

static float rate_now(const trainer *t)
{
    const float step = (float)(t->now.step + 1), steps = (float)t->p.steps;
    const float up = step / WARM_UP_STEPS, down = (steps - step + 1.0f) / (DECAY_PART * steps);

    return t->p.rate * (up < 1.0f ? up : 1.0f) * (down < 1.0f ? down : 1.0f);
}

static kernel_adam adam_now(const trainer *t)
{
    const double n = (double)(t->now.step + 1);
    kernel_adam adam;

    adam.rate = (float)((double)rate_now(t) / (1.0 - pow((double)KERNEL_BETA1, n)));
    adam.root = (float)(1.0 / sqrt(1.0 - pow((double)KERNEL_BETA2, n)));
    return adam;
}

static void mark_dead(trainer *t)
{
    const uint64_t rows = (uint64_t)DEAD_GAPS * t->p.width / t->p.l0;

    for (size_t f = 0; f < t->p.width; f++)
        t->dead[f] = (t->now.step - t->fired[f]) * t->p.batch > rows;
}

/* ---- Rows: reconstruction, error, gradients of the strengths ----------------------------------
 */

/* y += strengths . atoms of one list. */
static void add_atoms(const trainer *t, size_t list, float *y)
{
    const code_lists *c = &t->codes;
    const size_t dims = t->p.dims, end = c->row_start[list + 1];
    size_t i = c->row_start[list];

    for (; i + 2 <= end; i += 2)
        kernel_axpy2(dims, c->strength[i], t->dec.w + c->feature[i] * dims, c->strength[i + 1],
                     t->dec.w + c->feature[i + 1] * dims, y);
    if (i < end)
        kernel_axpy(dims, c->strength[i], t->dec.w + c->feature[i] * dims, y);
}

/* Gradients of one list's strengths: error [dims] along each atom, plus what the penalty adds. */
static void strength_gradients(trainer *t, size_t list, const float *error, float penalty)
{
    code_lists *c = &t->codes;
    const size_t dims = t->p.dims;

    for (size_t i = c->row_start[list]; i < c->row_start[list + 1]; i++)
        c->gradient[i] = 2.0f * kernel_dot(dims, error, t->dec.w + c->feature[i] * dims) + penalty;
}

static void row_step(trainer *t, size_t r)
{
    const code_lists *c = &t->codes;
    const size_t dims = t->p.dims, batch = t->p.batch;
    float *error = t->error + r * dims, *aux = t->error + (batch + r) * dims;

    memcpy(error, t->b_dec.w, dims * sizeof *error);
    add_atoms(t, r, error);
    kernel_axpy(dims, -1.0f, t->x + r * dims, error);
    strength_gradients(t, r, error, t->now.penalty);
    t->row_error[r] = (double)kernel_dot(dims, error, error);
    t->row_loss[r] = t->row_error[r];
    if (t->now.penalty > 0.0f)
        for (size_t i = c->row_start[r]; i < c->row_start[r + 1]; i++)
            t->row_loss[r] += (double)(t->now.penalty * c->strength[i]);
    if (c->row_start[batch + r] == c->row_start[batch + r + 1])
        return;
    /* The auxiliary code rebuilds x - reconstruction = -error. */
    memcpy(aux, error, dims * sizeof *aux);
    add_atoms(t, batch + r, aux);
    strength_gradients(t, batch + r, aux, 0.0f);
}

static void rows_task(void *ctx, size_t task, size_t worker)
{
    trainer *t = ctx;
    const size_t end = (task + 1) * ROWS_A_TASK;

    (void)worker;
    for (size_t r = task * ROWS_A_TASK; r < end && r < t->p.batch; r++)
        row_step(t, r);
}

/* ---- Features: gradients of the weights, and Adam ---------------------------------------------
 */

static void apply(const kernel_adam *adam, const float *g, train_weights *weights, size_t at,
                  size_t count)
{
    kernel_adam_run(count, adam, g, weights->w + at, weights->m + at, weights->v + at);
}

static void feature_step(trainer *t, size_t n, const kernel_adam *adam, float *g_dec, float *g_enc)
{
    const code_lists *c = &t->codes;
    const size_t dims = t->p.dims, batch = t->p.batch, f = c->active[n];
    const float mean = 1.0f / (float)batch;
    float g_bias = 0.0f;

    memset(g_dec, 0, dims * sizeof *g_dec);
    memset(g_enc, 0, dims * sizeof *g_enc);
    for (size_t i = c->active_start[n]; i < c->active_start[n + 1]; i++) {
        const size_t at = c->by_feature[i], list = c->row[at];
        const size_t r = list < batch ? list : list - batch;

        kernel_axpy(dims, 2.0f * mean * c->strength[at], t->error + list * dims, g_dec);
        kernel_axpy(dims, mean * c->gradient[at], t->x + r * dims, g_enc);
        g_bias += mean * c->gradient[at];
        if (list < batch)
            t->fired[f] = t->now.step + 1;
    }
    kernel_project(dims, t->dec.w + f * dims, g_dec);
    apply(adam, g_dec, &t->dec, f * dims, dims);
    kernel_normalise(dims, t->dec.w + f * dims);
    apply(adam, g_enc, &t->enc, f * dims, dims);
    apply(adam, &g_bias, &t->b_enc, f, 1);
}

static void features_task(void *ctx, size_t task, size_t worker)
{
    trainer *t = ctx;
    float *g = t->gradient + worker * 2 * t->p.dims;
    const kernel_adam adam = adam_now(t);
    const size_t end = (task + 1) * FEATURES_A_TASK;

    for (size_t n = task * FEATURES_A_TASK; n < end && n < t->codes.active_count; n++)
        feature_step(t, n, &adam, g, g + t->p.dims);
}

static void bias_step(trainer *t)
{
    const kernel_adam adam = adam_now(t);
    const float scale = 2.0f / (float)t->p.batch;
    float *g = t->gradient;

    memset(g, 0, t->p.dims * sizeof *g);
    for (size_t r = 0; r < t->p.batch; r++)
        kernel_axpy(t->p.dims, scale, t->error + r * t->p.dims, g);
    apply(&adam, g, &t->b_dec, 0, t->p.dims);
}

static void steer_penalty(trainer *t, double l0)
{
    const double wanted = (double)train_l0_now(t), off = (l0 - wanted) / wanted;

    t->now.penalty *= (float)exp(PENALTY_GAIN * (off > 1.0 ? 1.0 : off));
}

mdla_status trainer_step(trainer *t, const float *rows, trainer_report *report)
{
    const size_t dims = t->p.dims, batch = t->p.batch;
    double error = 0.0, loss = 0.0;

    for (size_t r = 0; r < batch; r++)
        kernel_centre(dims, rows + r * dims, t->mean, 1.0f / t->now.scale, t->x + r * dims);
    mark_dead(t);
    MDLA_TRY(train_find_codes(t));
    parallel_run(t->pool, (batch + ROWS_A_TASK - 1) / ROWS_A_TASK, rows_task, t);
    parallel_run(t->pool, (t->codes.active_count + FEATURES_A_TASK - 1) / FEATURES_A_TASK,
                 features_task, t);
    bias_step(t);
    for (size_t r = 0; r < batch; r++) {
        error += t->row_error[r];
        loss += t->row_loss[r];
    }
    report->loss = loss / (double)batch;
    report->fvu = error / ((double)batch * (double)dims);
    report->l0 = (double)t->codes.row_start[batch] / (double)batch;
    report->dead = 0;
    for (size_t f = 0; f < t->p.width; f++)
        report->dead += t->dead[f];
    if (t->p.arch == TRAINER_RELU)
        steer_penalty(t, report->l0);
    t->now.step++;
    return MDLA_OK;
}
