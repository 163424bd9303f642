/* mdla-eval: the rows that everything is measured against, in tiles, as often as needed. */
#include "eval.h"

#include "common/files.h"
#include "common/numbers.h"
#include "common/progress.h"
#include "common/text_sink.h"
#include "common/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

int eval_pass_again(eval_pass *p)
{
    mdla_error err = {MDLA_OK, ""};
    const mdla_status status = mdla_rows_rewind(p->data->rows, &err);

    p->done = 0;
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, &err);
    return -1;
}

int eval_pass_rows(eval_pass *p, size_t *got)
{
    const uint32_t dims = mdla_rows_dims(p->data->rows);
    mdla_error err = {MDLA_OK, ""};
    const mdla_status status =
        mdla_rows_read_passages(p->data->rows, p->values, p->starts, EVAL_TILE_ROWS, got, &err);

    if (status != MDLA_OK) {
        tool_fail_status(status, &err);
        return -1;
    }
    if (number_check_finite(p->data->name, p->values, *got, dims, p->done) != 0)
        return -1;
    for (size_t i = 0; p->passage_rows && i < *got; i++)
        p->starts[i] = (p->done + i) % p->passage_rows == 0;
    if (progress_show(NULL, "evaluate", p->done, mdla_rows_count(p->data->rows)) != 0) {
        tool_fail_status(MDLA_ERR_INTERRUPTED, NULL);
        return -1;
    }
    p->done += *got;
    return 0;
}

static int take_first(eval_pass *p)
{
    size_t got = 1;

    if (eval_pass_again(p) != 0)
        return -1;
    while (got > 0) {
        if (eval_pass_rows(p, &got) != 0)
            return -1;
        metrics_see(&p->metrics, p->values, got);
    }
    return eval_pass_again(p);
}

int eval_pass_start(eval_pass *p, const char *name, const eval_data *data, uint32_t width,
                    uint64_t passage_rows)
{
    const uint32_t dims = mdla_rows_dims(data->rows);
    const size_t tile = (size_t)EVAL_TILE_ROWS * dims;

    *p = (eval_pass){.name = name, .data = data, .passage_rows = passage_rows};
    p->values = malloc(2 * tile * sizeof *p->values);
    if (!p->values || metrics_start(&p->metrics, dims, width,
                                    passage_rows || mdla_rows_has_passages(data->rows)) != 0) {
        tool_fail("%s: out of memory", name);
        eval_pass_end(p, NULL);
        return -1;
    }
    p->decoded = p->values + tile;
    if (take_first(p) == 0)
        return 0;
    eval_pass_end(p, NULL);
    return -1;
}

void eval_pass_end(eval_pass *p, eval_result *result)
{
    if (result) {
        result->rows = p->metrics.rows;
        metrics_finish(&p->metrics, result->metric);
        metrics_histogram(&p->metrics, result->density_bins);
    }
    metrics_end(&p->metrics);
    free(p->values);
    p->values = NULL;
}

/* What a feature is worth, behind its densities. */
static void put_worth(text_sink *text, const eval_worth *worth, uint32_t f)
{
    const double rows = worth_payback_rows(worth, f);

    text_sink_format(text, ",%.9g,%.9g,%.9g,%.9g", worth->bits[f], worth->saved[f], worth->worth[f],
                     worth->atom_bits[f]);
    if (isfinite(rows))
        text_sink_format(text, ",%.9g", rows);
    else
        text_sink_format(text, ",n/a");
}

int eval_write_features(const eval_settings *s, const eval_metrics *m, const eval_worth *worth)
{
    mdla_status status;
    mdla_sink sink;
    text_sink *text;

    if (!s->features_out)
        return 0;
    if (files_sink(s->features_out, s->force, 0, &sink) != 0)
        return -1;
    text = malloc(sizeof *text);
    if (!text) {
        sink.close(sink.ctx, 0);
        tool_fail("out of memory");
        return -1;
    }
    text_sink_start(text, sink);
    text_sink_format(text, "feature,rows,feature_density,log10_feature_density%s%s\n",
                     m->by_passage ? ",consistent_activation_heuristic" : "",
                     worth ? ",bits,error_saved,worth_bits,atom_bits,payback_rows" : "");
    for (uint32_t f = 0; f < m->width; f++) {
        text_sink_format(text, "%" PRIu32 ",%" PRIu64 ",%.9g,%.9g", f, m->fired[f],
                         metrics_density(m, f), metrics_log10_density(m, f));
        if (m->by_passage && m->passages[f])
            text_sink_format(text, ",%.9g", metrics_consistency(m, f));
        else if (m->by_passage)
            text_sink_format(text, ",");
        if (worth)
            put_worth(text, worth, f);
        text_sink_format(text, "\n");
    }
    status = text_sink_close(text, 1);
    free(text);
    if (status == MDLA_OK)
        return 0;
    tool_fail_status(status, NULL);
    return -1;
}
