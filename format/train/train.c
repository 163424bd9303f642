/* mdla_train: the rows' feed, the trainer and its checkpoints put together. */
#include "mdla/train.h"

#include "base/alloc.h"
#include "encode/survey.h"
#include "saes/sae_handle.h"
#include "train/checkpoint.h"
#include "train/feed.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

/* A checkpoint is as large as six copies of the weights: short trainings write none on their way.
 */
#define CHECKPOINTS 10
#define CHECKPOINT_MIN_STEPS 1000

/* Measured on hold-outs. The penalty keeps strengths small until the encoder's weights have grown
 * against it. */
#define RATE 0.001
#define RATE_RELU 0.004

void mdla_train_options_init(mdla_train_options *options)
{
    memset(options, 0, sizeof *options);
    options->passes = 3;
    options->batch = 64;
    options->holdout = 0.03;
    options->buffer_nbytes = (uint64_t)512 << 20;
}

typedef struct training {
    const mdla_config *config;
    const mdla_train_options *options;
    trainer_params params;
    parallel_pool *pool;
    feed feed;
    trainer *trainer;
    float *batch; /* [batch][dims] */
    mdla_train_state state;
} training;

/* ---- Checks -----------------------------------------------------------------------------------
 */

static mdla_status check_options(const mdla_train_options *o, mdla_error *err)
{
    const char *bad = NULL;

    if (o->width < 1)
        bad = "width: at least 1";
    else if (o->l0 < 1 || o->l0 > o->width)
        bad = "l0: 1 to width";
    else if (o->passes < 1 || o->passes > 1000000)
        bad = "passes: 1 to 1,000,000";
    else if (o->batch < 1 || o->batch > TRAINER_MAX_BATCH)
        bad = "batch: 1 to 65,536";
    else if (!(o->rate >= 0.0 && o->rate <= 1.0))
        bad = "rate: 0 to 1";
    else if (!(o->holdout >= 0.0 && o->holdout <= 0.5))
        bad = "holdout: 0 to 0.5";
    else if ((unsigned)o->arch > MDLA_TRAIN_RELU)
        bad = "arch: no such kind";
    else if (o->resume && o->checkpoint == NULL)
        bad = "resume: needs a checkpoint folder";
    return bad == NULL ? MDLA_OK : error_set(err, MDLA_ERR_ARGUMENT, "%s", bad);
}

static mdla_status check_rows(mdla_rows *rows, mdla_error *err)
{
    if (!mdla_rows_can_rewind(rows) || mdla_rows_count(rows) == MDLA_UNKNOWN)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "training reads the rows several times: give rows that can be rewound");
    if (mdla_rows_count(rows) == 0)
        return error_set(err, MDLA_ERR_ARGUMENT, "there are no rows to train on");
    return MDLA_OK;
}

static mdla_status check_limits(const training *g, mdla_error *err)
{
    mdla_config defaults;
    const mdla_limits *limits;
    uint64_t nbytes = trainer_nbytes(&g->params, parallel_workers(g->pool));

    mdla_config_init(&defaults);
    limits = g->config != NULL ? &g->config->limits : &defaults.limits;
    if (g->params.width > limits->max_width)
        return error_set(err, MDLA_ERR_LIMIT, "width %u is above the limit of %u", g->params.width,
                         limits->max_width);
    if (nbytes > limits->max_memory)
        return error_set(err, MDLA_ERR_LIMIT, "training takes %llu MiB, above the limit of %llu",
                         (unsigned long long)(nbytes >> 20),
                         (unsigned long long)(limits->max_memory >> 20));
    return MDLA_OK;
}

/* ---- The training -----------------------------------------------------------------------------
 */

static mdla_status set_params(training *g, mdla_error *err)
{
    static const trainer_arch kinds[] = {TRAINER_BATCHTOPK, TRAINER_TOPK, TRAINER_RELU};
    const mdla_train_options *o = g->options;
    const double rate = o->rate > 0.0 ? o->rate : o->arch == MDLA_TRAIN_RELU ? RATE_RELU : RATE;

    if (g->feed.train_rows < o->batch)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "%llu rows to train on are fewer than a batch of %u",
                         (unsigned long long)g->feed.train_rows, o->batch);
    g->params = (trainer_params){.dims = g->feed.dims,
                                 .width = o->width,
                                 .l0 = o->l0,
                                 .arch = kinds[o->arch],
                                 .batch = o->batch,
                                 .seed = o->seed,
                                 .rate = (float)rate};
    g->params.steps = g->feed.train_rows / o->batch * o->passes;
    return MDLA_OK;
}

static mdla_status begin(training *g, mdla_error *err)
{
    mdla_status status;

    if (g->options->resume)
        return checkpoint_load(g->options->checkpoint, &g->params, g->trainer, &g->feed, err);
    MDLA_TRY(feed_begin(&g->feed, err));
    status = trainer_begin(g->trainer, g->feed.buffer.values, g->feed.buffer.live);
    if (status == MDLA_ERR_DATA)
        return error_set(err, status, "the first %zu rows are all the same", g->feed.buffer.live);
    return status == MDLA_OK ? status : error_set(err, status, "out of memory");
}

static mdla_status open_training(training *g, mdla_rows *rows, mdla_error *err)
{
    const mdla_allocator *al = alloc_of(g->config);
    const mdla_train_options *o = g->options;

    MDLA_TRY(feed_open(g->config, rows, o->holdout, o->buffer_nbytes, o->seed, &g->feed, err));
    MDLA_TRY(set_params(g, err));
    g->pool = parallel_open(al, g->config != NULL ? g->config->threads : 0);
    if (g->pool == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "out of memory");
    MDLA_TRY(check_limits(g, err));
    g->batch = alloc_array(al, o->batch, g->params.dims * sizeof *g->batch);
    if (g->batch == NULL || trainer_open(al, &g->params, g->pool, &g->trainer) != MDLA_OK)
        return error_set(err, MDLA_ERR_MEMORY, "out of memory for %u features of %u values",
                         g->params.width, g->params.dims);
    return begin(g, err);
}

static void close_training(training *g)
{
    trainer_close(g->trainer);
    feed_close(&g->feed);
    parallel_close(g->pool);
    alloc_free(alloc_of(g->config), g->batch);
}

static void update_state(training *g, const trainer_report *r)
{
    mdla_train_state *s = &g->state;
    const double keep = s->rows == 0 ? 0.0 : 0.98;

    s->step = trainer_steps_done(g->trainer);
    s->steps = g->params.steps;
    s->rows = s->step * g->params.batch;
    s->loss = keep * s->loss + (1.0 - keep) * r->loss;
    s->fvu = keep * s->fvu + (1.0 - keep) * r->fvu;
    s->l0 = keep * s->l0 + (1.0 - keep) * r->l0;
    s->dead = r->dead;
}

static mdla_status save(training *g, mdla_error *err)
{
    if (g->options->checkpoint == NULL)
        return MDLA_OK;
    return checkpoint_save(g->options->checkpoint, &g->params, g->trainer, &g->feed, err);
}

static uint64_t steps_between_checkpoints(const training *g)
{
    const uint64_t part = (g->params.steps + CHECKPOINTS - 1) / CHECKPOINTS;

    if (g->options->checkpoint_steps != 0)
        return g->options->checkpoint_steps;
    return part > CHECKPOINT_MIN_STEPS ? part : CHECKPOINT_MIN_STEPS;
}

static mdla_status run(training *g, mdla_error *err)
{
    const mdla_train_options *o = g->options;
    const uint64_t each = steps_between_checkpoints(g);

    while (trainer_steps_done(g->trainer) < g->params.steps) {
        trainer_report report;
        mdla_status status;

        MDLA_TRY(feed_take(&g->feed, g->batch, g->params.batch, err));
        status = trainer_step(g->trainer, g->batch, &report);
        if (status != MDLA_OK)
            return error_set(err, status, "%s", mdla_status_text(status));
        if (!isfinite(report.loss))
            return error_set(err, MDLA_ERR_DATA,
                             "training diverged at step %llu; give a lower learning rate",
                             (unsigned long long)trainer_steps_done(g->trainer));
        update_state(g, &report);
        if (o->progress != NULL && o->progress(o->progress_ctx, &g->state) != 0) {
            MDLA_TRY(save(g, err));
            return error_set(err, MDLA_ERR_INTERRUPTED, "stopped at step %llu of %llu",
                             (unsigned long long)g->state.step, (unsigned long long)g->state.steps);
        }
        if (g->state.step % each == 0 && g->state.step < g->state.steps)
            MDLA_TRY(save(g, err));
    }
    return MDLA_OK;
}

/* ---- The result -------------------------------------------------------------------------------
 */

static mdla_status measure(const training *g, const mdla_sae *handle, mdla_train_report *report,
                           mdla_error *err)
{
    const mdla_allocator *al = alloc_of(g->config);
    const size_t rows = g->feed.holdout_rows, dims = g->params.dims;
    float *decoded = alloc_array(al, rows, dims * sizeof *decoded);
    uint32_t *active = alloc_array(al, rows, sizeof *active);
    deviation_sums sums = {0};
    mdla_status status = MDLA_ERR_MEMORY;
    double error = 0.0, l0 = 0.0;

    if (decoded != NULL && active != NULL &&
        deviation_sums_new(al, g->params.dims, &sums) == MDLA_OK)
        status = mdla_sae_forward(g->config, handle, g->feed.holdout, rows, decoded, active, err);
    if (status == MDLA_OK) {
        deviation_sums_add(&sums, g->feed.holdout, rows);
        for (size_t i = 0; i < rows * dims; i++) {
            const double off = (double)decoded[i] - (double)g->feed.holdout[i];
            error += off * off;
        }
        for (size_t r = 0; r < rows; r++)
            l0 += active[r];
        report->fvu = error / deviation_sums_total(&sums);
        report->l0 = l0 / (double)rows;
    }
    deviation_sums_free(&sums);
    alloc_free(al, decoded);
    alloc_free(al, active);
    return status == MDLA_OK ? status
                             : error_set(err, status, "the held-out rows can't be measured");
}

static mdla_status finish(training *g, mdla_sae **out, mdla_train_report *report, mdla_error *err)
{
    mdla_train_report r = {.steps = g->params.steps,
                           .train_rows = g->feed.train_rows,
                           .holdout_rows = g->feed.holdout_rows,
                           .fvu = (double)NAN,
                           .l0 = (double)NAN,
                           .dead = g->state.dead};
    mdla_status status = trainer_calibrate(g->trainer, g->feed.holdout, g->feed.holdout_rows);
    sae *model = NULL;

    if (status == MDLA_OK)
        status = trainer_export(g->trainer, &model);
    if (status == MDLA_OK)
        *out = sae_handle_new(model);
    if (*out == NULL)
        return error_set(err, MDLA_ERR_MEMORY, "out of memory");
    if (report == NULL)
        return MDLA_OK;
    if (r.holdout_rows != 0)
        MDLA_TRY(measure(g, *out, &r, err));
    *report = r;
    return MDLA_OK;
}

mdla_status mdla_train(const mdla_config *config, mdla_rows *rows,
                       const mdla_train_options *options, mdla_sae **out, mdla_train_report *report,
                       mdla_error *err)
{
    training g = {.config = config, .options = options};
    mdla_status status;

    *out = NULL;
    MDLA_TRY(check_options(options, err));
    MDLA_TRY(check_rows(rows, err));
    status = open_training(&g, rows, err);
    if (status == MDLA_OK)
        status = run(&g, err);
    if (status == MDLA_OK)
        status = finish(&g, out, report, err);
    close_training(&g);
    if (status != MDLA_OK) {
        mdla_sae_free(*out);
        *out = NULL;
    }
    return status;
}
