/* Rows to a .mdla file with a codebook that exists. */
#include "arrays/rows.h"
#include "base/alloc.h"
#include "base/matmul.h"
#include "base/sha256.h"
#include "block/block_encoder.h"
#include "container/file_writer.h"
#include "encode/beside.h"
#include "encode/passes.h"
#include "encode/posting_builder.h"
#include "handles.h"
#include "saes/sae_handle.h"
#include "synthesis/synthesis.h"

#include <math.h>
#include <string.h>

#define TRIALS_MAX 24
#define LAMBDA_SPAN                                                                                \
    1e-4 /* of the codebook's own lambda: a hundredth of its step, below which nothing is gained   \
          */
#define FULL_TRIALS_MAX 8
#define NEAR_ENOUGH 0.02      /* of the target on the sample, for passes over all rows */
#define STEP_KEPT_WITHIN 0.01 /* of the target */
#define FVU_OF_FEW 0.5        /* above it a larger FVU hardly helps: fewer atoms are kept */
#define SAMPLE_MISS 0.02      /* by how much all rows may differ from the sample */

/* Everything of one encode. */
typedef struct encode_job {
    const mdla_allocator *al;
    const mdla_encode_options *options;
    mdla_error *err;
    mdla_rows *rows;
    const codebook *cb;
    uint32_t block_rows;
    float *atom_values; /* [width][dims] the decoder's atoms as floats */
    search_atoms *atoms;
    choice_atoms *choices;
    search_engine engine;
    row_survey survey; /* where a target needs one */
    bool surveyed;
    double step_lambda; /* the lambda whose step is kept, once near the target; 0: each its own */

    /* writing */
    file_writer writer;
    posting_builder *postings; /* NULL: not wanted */
    uint64_t postings_nbytes;
    range_encoder coder;
    code_rows pending;       /* codes of the block under way */
    uint8_t *pending_starts; /* [block_rows] */
    row_norm *pending_norms; /* likewise */
    row_code row;
    int32_t *accumulator;
    float *decoded; /* [dims] */
    deviation_sums deviation;
    sha256 hash;
    double error_sum;
    uint64_t active;
} encode_job;

static mdla_status no_memory(encode_job *j)
{
    return error_set(j->err, MDLA_ERR_MEMORY, "no memory to encode %u features x %u dims",
                     j->cb->width, j->cb->dims);
}

static mdla_status prepare(encode_job *j, const mdla_sae *given)
{
    const codebook_kind kind = j->cb->basis.kind;
    const size_t values = kind == CODEBOOK_IDENTITY ? 0 : (size_t)j->cb->width * j->cb->dims;
    const size_t most = kind == CODEBOOK_SPARSE ? SEARCH_MAX_ACTIVE : j->cb->width;
    mdla_error *err = j->err;

    if (j->cb->cache)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "the codebook was made from codes and has no atoms; rows need one made "
                         "with an SAE");
    if (mdla_rows_dims(j->rows) != j->cb->dims)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "rows of %u values don't fit a codebook of %u dims",
                         mdla_rows_dims(j->rows), j->cb->dims);
    if (j->options->code == MDLA_CODE_SAE && given == NULL)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "the SAE's own code is asked for, but no SAE is given");
    if (given != NULL && kind != CODEBOOK_SPARSE)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "an SAE is given, but the codebook wasn't made from one");
    if (given != NULL)
        MDLA_TRY(sae_handle_check_codable(given->model, j->options->code, err));
    if (given != NULL &&
        (mdla_sae_dims(given) != j->cb->dims || mdla_sae_width(given) != j->cb->width))
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "the SAE has %u features x %u dims, the codebook %u x %u",
                         mdla_sae_width(given), mdla_sae_dims(given), j->cb->width, j->cb->dims);
    if (given != NULL && sae_handle_norm(given->model) != j->cb->norm)
        return error_set(err, MDLA_ERR_ARGUMENT,
                         "the SAE and the codebook don't normalise rows alike: give the SAE that "
                         "the codebook was made from");
    if (j->block_rows > BLOCK_ROWS_MAX)
        return error_set(err, MDLA_ERR_ARGUMENT, "blocks have at most %d rows", BLOCK_ROWS_MAX);
    MDLA_TRY(file_writer_check_texts(j->options->note, j->options->hook, err));
    if (j->options->passage_numbers != 0 && j->rows->passages != NULL)
        MDLA_TRY(row_numbers_check_rewindable(j->rows->passages, err));
    j->atom_values = alloc_array(j->al, values, sizeof *j->atom_values);
    if (j->atom_values == NULL)
        return no_memory(j);
    for (size_t i = 0; i < values; i++)
        j->atom_values[i] = (float)j->cb->atoms[i] / (float)(1 << ATOM_SCALE_BITS);
    if (kind == CODEBOOK_SPARSE) {
        j->atoms =
            search_atoms_new(j->al, j->engine.pool, j->atom_values, j->cb->width, j->cb->dims);
        if (j->atoms == NULL)
            return no_memory(j);
    }
    if (kind == CODEBOOK_CHOICES) {
        j->choices = choice_atoms_new(j->al, j->engine.pool, j->atom_values, j->cb->width,
                                      j->cb->dims, j->cb->basis.stages);
        if (j->choices == NULL)
            return no_memory(j);
    }
    j->pending_starts = alloc_zeroed(j->al, j->block_rows, 1);
    j->pending_norms = alloc_zeroed(j->al, j->block_rows, sizeof *j->pending_norms);
    j->accumulator = alloc_array(j->al, j->cb->dims, sizeof *j->accumulator);
    j->decoded = alloc_array(j->al, j->cb->dims, sizeof *j->decoded);
    j->row.feature = alloc_array(j->al, most, sizeof *j->row.feature);
    j->row.level = alloc_array(j->al, most, sizeof *j->row.level);
    if (j->pending_starts == NULL || j->pending_norms == NULL || j->accumulator == NULL ||
        j->decoded == NULL || j->row.feature == NULL || j->row.level == NULL ||
        deviation_sums_new(j->al, j->cb->dims, &j->deviation) != MDLA_OK)
        return no_memory(j);
    if (j->options->postings != 0 &&
        (j->postings = posting_builder_new(j->al, j->cb->width)) == NULL)
        return no_memory(j);
    j->engine.atoms = j->atoms;
    j->engine.choices = j->choices;
    j->engine.directions = kind == CODEBOOK_IDENTITY ? NULL : j->atom_values;
    j->engine.dims = j->cb->dims;
    j->engine.start = given != NULL ? given->model : NULL;
    j->engine.fixed = j->options->code == MDLA_CODE_SAE;
    j->engine.code =
        (code_options){.joint = j->options->model == MDLA_MODEL_JOINT && j->cb->joint != NULL,
                       .passages = mdla_rows_has_passages(j->rows) != 0,
                       .codes = codebook_codes(j->cb)};
    j->engine.span = j->block_rows;
    search_engine_effort(&j->engine, j->options->effort);
    return MDLA_OK;
}

static mdla_status set_lambda(encode_job *j, double lambda)
{
    const double step =
        search_engine_step(&j->engine, j->cb, j->step_lambda > 0.0 ? j->step_lambda : lambda);
    code_params params = j->cb->fit;

    params.step = quant_step_of(step, quant_step_bits(j->cb->fit.step));
    const mdla_status status = search_engine_set(&j->engine, j->cb, &params, lambda);

    if (status == MDLA_ERR_MEMORY)
        return no_memory(j);
    if (status != MDLA_OK)
        return error_set(j->err, MDLA_ERR_TARGET,
                         "step %g is out of the codebook's range: it was made at step %g", step,
                         quant_step_value(j->cb->fit.step));
    return MDLA_OK;
}

/* A pass over all rows that writes nothing: what lambda comes to. */
static mdla_status try_all(encode_job *j, const file_shape *shape, rate_trial *out)
{
    const mdla_encode_options *o = j->options;
    const pass_progress progress = {o->progress, o->progress_ctx, "rate control", j->survey.rows};
    pass_sums sums = {.charge = o->target.bits_per_row > 0.0};

    MDLA_TRY(mdla_rows_rewind(j->rows, j->err));
    MDLA_TRY(pass_over_rows(&j->engine, j->rows, &progress, pass_sum_tile, &sums, j->err));
    out->fvu = sums.distortion / j->survey.deviation_sum;
    out->bits_per_row = pass_file_bits(sums.charged, sums.rows, shape);
    return MDLA_OK;
}

static file_shape shape_of(const encode_job *j)
{
    const char *note = j->options->note;
    file_shape shape = {j->survey.rows, j->block_rows, 0};

    shape.other_nbytes += j->options->reference ? CHUNK_FRAME_NBYTES + REFERENCE_NBYTES : 0;
    shape.other_nbytes += note != NULL ? CHUNK_FRAME_NBYTES + (uint32_t)strlen(note) : 0;
    return shape;
}

static mdla_status out_of_reach(encode_job *j, const rate_trial *trial)
{
    if (j->options->target.fvu > 0.0 && j->choices != NULL)
        return error_set(j->err, MDLA_ERR_TARGET,
                         "FVU %g can't be reached: the nearest codewords come to %.4g; give a "
                         "larger FVU, or a codebook of more codewords or stages",
                         j->options->target.fvu, trial->fvu);
    if (j->options->target.fvu > FVU_OF_FEW)
        return error_set(
            j->err, MDLA_ERR_TARGET,
            "FVU %g can't be reached: these atoms came to %.4g; features are used so rarely at "
            "this "
            "FVU that the codebook keeps their atoms coarsely or not at all: give a smaller FVU, "
            "more expected rows, or a codebook that was made at a smaller FVU",
            j->options->target.fvu, trial->fvu);
    if (j->options->target.fvu > 0.0)
        return error_set(j->err, MDLA_ERR_TARGET,
                         "FVU %g can't be reached: these atoms came to %.4g; "
                         "give a larger FVU, another SAE, or more expected rows for finer atoms",
                         j->options->target.fvu, trial->fvu);
    return error_set(j->err, MDLA_ERR_TARGET,
                     "%g bits a row can't be reached: %.4g came nearest; give more, or another SAE",
                     j->options->target.bits_per_row, trial->bits_per_row);
}

/* What keeps the promise over all rows, if not closely. */
typedef struct kept_trial {
    bool any;
    double lambda, step_lambda;
    rate_trial trial;
} kept_trial;

/* Keeps what lambda came to where it keeps the promise and uses more of it up. */
static void keep_nearer(const encode_job *j, kept_trial *kept, double lambda,
                        const rate_trial *trial)
{
    const mdla_target *target = &j->options->target;
    const bool nearer = target->fvu > 0.0 ? trial->fvu > kept->trial.fvu
                                          : trial->bits_per_row > kept->trial.bits_per_row;

    if (rate_control_kept_or_better(target, trial) && (!kept->any || nearer))
        *kept = (kept_trial){true, lambda, j->step_lambda > 0.0 ? j->step_lambda : lambda, *trial};
}

static mdla_status settle_for(encode_job *j, const kept_trial *kept, const rate_trial *last)
{
    if (!kept->any)
        return out_of_reach(j, last);
    j->step_lambda = kept->step_lambda;
    return set_lambda(j, kept->lambda);
}

/* The nearest codewords, at lambda 0: whether they meet the target, as far as the sample tells, or
 * nothing can. */
static mdla_status try_nearest(encode_job *j, const file_shape *shape, bool whole, bool *done)
{
    const mdla_target *target = &j->options->target;
    pass_sums sums = {.charge = target->bits_per_row > 0.0};
    rate_trial trial;

    MDLA_TRY(set_lambda(j, 0.0));
    MDLA_TRY(pass_try_sample(&j->engine, &j->survey, 1, &sums, shape, &trial, j->err));
    if (target->fvu > 0.0 && trial.fvu > (whole ? 1.0 : 1.0 + SAMPLE_MISS) * target->fvu)
        return out_of_reach(j, &trial);
    *done = target->fvu > 0.0 ? whole && rate_control_kept(target, &trial)
                              : trial.bits_per_row < (1.0 - SAMPLE_MISS) * target->bits_per_row;
    return MDLA_OK;
}

/* On the sample first: few rows, then all of it; then on all rows, where they are more. */
static mdla_status find_lambda(encode_job *j)
{
    const bool charge = j->options->target.bits_per_row > 0.0;
    const bool whole = j->survey.sample_rows == j->survey.rows;
    size_t stride = j->survey.sample_rows >= 8192 ? 4 : 1;
    const file_shape shape = shape_of(j);
    const double lambda =
        search_engine_lambda(&j->engine, j->cb, quant_step_value(j->cb->fit.step));
    rate_control control;
    rate_trial trial = {0};
    kept_trial kept = {0};
    bool done = false;
    mdla_status status;

    if (j->choices != NULL)
        MDLA_TRY(try_nearest(j, &shape, whole, &done));
    if (done)
        return MDLA_OK;
    rate_control_start(&control, &j->options->target, lambda, false);
    if (j->choices != NULL)
        rate_control_start_choices(&control, &j->options->target,
                                   j->survey.deviation_sum / (double)j->survey.rows);
    for (;;) {
        const bool last = stride == 1;

        if (control.trials >= TRIALS_MAX || control.lambda < LAMBDA_SPAN * lambda) {
            if (last && !whole && rate_control_near(&j->options->target, &trial, NEAR_ENOUGH))
                break; /* no nearer on the sample: few features go up and down by jumps */
            return settle_for(j, &kept, &trial);
        }
        status = set_lambda(j, control.lambda);
        if (status == MDLA_ERR_TARGET && control.trials > 0)
            return settle_for(j, &kept, &trial);
        MDLA_TRY(status);
        pass_sums sums = {.charge = charge};
        MDLA_TRY(pass_try_sample(&j->engine, &j->survey, stride, &sums, &shape, &trial, j->err));
        if (last && whole)
            keep_nearer(j, &kept, control.lambda, &trial);
        /* Reconstruction points move by jumps with the step, so the last bit is lambda's alone. */
        if (last && j->step_lambda == 0.0 &&
            rate_control_near(&j->options->target, &trial, STEP_KEPT_WITHIN))
            j->step_lambda = control.lambda;
        if (rate_control_step(&control, &trial, last ? 0.001 : 0.02)) {
            if (last)
                break;
            stride = 1;
            rate_control_restart(&control);
        }
    }
    if (whole)
        return MDLA_OK;
    rate_control_restart(&control);
    control.trials = 0;
    while (control.trials < FULL_TRIALS_MAX) {
        MDLA_TRY(set_lambda(j, control.lambda));
        MDLA_TRY(try_all(j, &shape, &trial));
        keep_nearer(j, &kept, control.lambda, &trial);
        if (rate_control_kept(&j->options->target, &trial) ||
            rate_control_step(&control, &trial, 0.001))
            return MDLA_OK;
    }
    return settle_for(j, &kept, &trial);
}

/* One coded row as the decoder will see it: adds to the hash and to the error. */
static mdla_status decode_row(encode_job *j, const search_engine *e, size_t r, const float *row,
                              uint64_t number)
{
    const code_rows *codes = &e->codes;
    const size_t begin = codes->start[r];
    double error = 0.0;

    j->row.count = (uint32_t)(codes->start[r + 1] - begin);
    for (uint32_t i = 0; i < j->row.count; i++) {
        j->row.feature[i] = codes->feature[begin + i];
        j->row.level[i] = (int16_t)codes->level[begin + i];
    }
    if (e->model->norm.coded)
        j->row.norm = e->norms[r];
    if (!synthesis_fits(j->engine.model, &j->row))
        return error_set(
            j->err, MDLA_ERR_DATA,
            "row %llu is out of range of the decoder's integers at this step: give a larger step, "
            "or remove the row",
            (unsigned long long)number);
    synthesis_row(j->engine.model, &j->row, j->accumulator, j->decoded);
    for (uint32_t d = 0; d < j->cb->dims; d++) {
        const double miss = (double)row[d] - j->decoded[d];
        error += miss * miss;
    }
    j->error_sum += error;
    sha256_update_f32(&j->hash, j->decoded, j->cb->dims);
    return MDLA_OK;
}

static mdla_status flush_block(encode_job *j)
{
    uint8_t header[BLOCK_HEADER_NBYTES];
    const size_t rows = j->pending.row_count;
    block_charge charge;
    mdla_status status;

    if (rows == 0)
        return MDLA_OK;
    if (block_encode(j->engine.model, &j->pending, 0, rows, j->pending_starts, j->pending_norms,
                     header, &j->coder, &charge) != MDLA_OK)
        return no_memory(j);
    if (j->postings != NULL)
        MDLA_TRY(posting_builder_block(j->postings, &j->pending, j->err));
    status =
        file_writer_block(&j->writer, (uint32_t)rows, header, j->coder.payload, j->coder.nbytes);
    j->pending.row_count = 0;
    return status == MDLA_OK ? MDLA_OK : error_set(j->err, status, "the output can't be written");
}

/* Moves row r of the engine's codes to the block under way. */
static mdla_status append_row(encode_job *j, const search_engine *e, size_t r)
{
    const code_rows *codes = &e->codes;
    code_rows *to = &j->pending;
    const size_t count = codes->start[r + 1] - codes->start[r];
    const size_t have = to->row_count != 0 ? to->start[to->row_count] : 0;

    if (code_rows_reserve(j->al, to, to->row_count + 1, have + count) != MDLA_OK)
        return no_memory(j);
    j->pending_starts[to->row_count] = e->starts[r];
    j->pending_norms[to->row_count] = e->norms[r];
    to->start[to->row_count] = have;
    memcpy(to->feature + have, codes->feature + codes->start[r], count * sizeof *to->feature);
    memcpy(to->level + have, codes->level + codes->start[r], count * sizeof *to->level);
    to->start[++to->row_count] = have + count;
    j->active += count;
    return to->row_count == j->block_rows ? flush_block(j) : MDLA_OK;
}

static mdla_status write_tile(void *ctx, search_engine *e, const float *rows, size_t row_count,
                              uint64_t first, mdla_error *err)
{
    encode_job *j = ctx;

    MDLA_TRY(pass_check_levels(e, first, err));
    deviation_sums_add(&j->deviation, rows, row_count);
    for (size_t r = 0; r < row_count; r++) {
        MDLA_TRY(decode_row(j, e, r, rows + r * e->dims, first + r));
        MDLA_TRY(append_row(j, e, r));
    }
    return MDLA_OK;
}

static mdla_status write_failed(encode_job *j, mdla_status status)
{
    return status == MDLA_OK ? MDLA_OK : error_set(j->err, status, "the output can't be written");
}

/* Token ids and passage numbers. */
static mdla_status write_beside(encode_job *j)
{
    if (j->rows->tokens != NULL)
        MDLA_TRY(beside_write_tokens(&j->writer, j->rows->tokens, j->err));
    if (j->rows->passages == NULL || j->options->passage_numbers == 0)
        return MDLA_OK;
    return beside_write_passages(&j->writer, j->rows->passages, j->err);
}

static mdla_status write_file(encode_job *j, mdla_sink sink)
{
    const mdla_encode_options *o = j->options;
    const file_header header = {.dims = j->cb->dims,
                                .width = j->cb->width,
                                .block_rows = j->block_rows,
                                .dtype = mdla_rows_dtype(j->rows),
                                .embedded = !o->reference,
                                .code = j->engine.code,
                                .params = j->engine.model->params};
    const pass_progress progress = {o->progress, o->progress_ctx, "encode",
                                    mdla_rows_count(j->rows)};
    file_stats stats;
    mdla_status status;

    if (j->surveyed)
        MDLA_TRY(mdla_rows_rewind(j->rows, j->err));
    sha256_init(&j->hash);
    status = file_writer_start(&j->writer, j->al, sink, &header, j->cb);
    if (status == MDLA_OK) {
        MDLA_TRY(pass_over_rows(&j->engine, j->rows, &progress, write_tile, j, j->err));
        MDLA_TRY(flush_block(j));
        stats.error_sum = j->error_sum;
        stats.deviation_sum = deviation_sums_total(&j->deviation);
        sha256_finish(&j->hash, stats.decoded_sha256);
        MDLA_TRY(write_failed(j, file_writer_index(&j->writer, &stats, o->note, o->hook)));
        MDLA_TRY(write_beside(j));
    }
    if (status == MDLA_OK && j->postings != NULL) {
        const uint64_t before = j->writer.out.offset;

        MDLA_TRY(posting_builder_write(j->postings, &j->writer.out, j->err));
        j->postings_nbytes = j->writer.out.offset - before;
    }
    if (status == MDLA_OK)
        status = file_writer_finish(&j->writer);
    return write_failed(j, status);
}

static mdla_status run(encode_job *j, const mdla_config *config, const mdla_sae *given,
                       mdla_sink sink)
{
    const mdla_target *t = &j->options->target;

    if ((t->fvu > 0.0) + (t->bits_per_row > 0.0) + (t->step > 0.0) != 1)
        return error_set(j->err, MDLA_ERR_ARGUMENT, "give exactly one of FVU, bits a row and step");
    MDLA_TRY(prepare(j, given));
    if (t->step > 0.0) {
        MDLA_TRY(set_lambda(j, search_engine_lambda(&j->engine, j->cb, t->step)));
    } else if (mdla_rows_count(j->rows) == 0) {
        MDLA_TRY(set_lambda(
            j, search_engine_lambda(&j->engine, j->cb,
                                    quant_step_value(j->cb->fit.step)))); /* nothing to aim at */
    } else {
        MDLA_TRY(row_survey_take(config, j->rows, &j->survey, j->err));
        j->surveyed = true;
        if (j->survey.deviation_sum > 0.0)
            MDLA_TRY(find_lambda(j));
        else
            MDLA_TRY(set_lambda(
                j, search_engine_lambda(&j->engine, j->cb, quant_step_value(j->cb->fit.step))));
    }
    return write_file(j, sink);
}

static void report_to(const encode_job *j, mdla_encode_report *report)
{
    const double deviation = deviation_sums_total(&j->deviation);
    const uint64_t rows = j->writer.rows;

    *report = (mdla_encode_report){.rows = rows,
                                   .file_nbytes = j->writer.out.offset,
                                   .codebook_nbytes = j->writer.codebook_nbytes,
                                   .postings_nbytes = j->postings_nbytes,
                                   .tokens_nbytes = j->writer.tokens_nbytes,
                                   .passages_nbytes = j->writer.passages_nbytes,
                                   .hook_nbytes = j->writer.hook_nbytes,
                                   .marginal_nbytes =
                                       file_writer_marginal_nbytes(&j->writer, j->postings_nbytes),
                                   .fvu = deviation > 0.0 ? j->error_sum / deviation : (double)NAN,
                                   .step = quant_step_value(j->engine.model->params.step),
                                   .l0 = rows != 0 ? (double)j->active / (double)rows : 0.0};
}

mdla_status mdla_encode(const mdla_config *config, const mdla_codebook *book, const mdla_sae *given,
                        mdla_rows *rows, const mdla_encode_options *options, mdla_sink sink,
                        mdla_encode_report *report, mdla_error *err)
{
    const mdla_allocator *al = alloc_of(config);
    encode_job j = {.al = al, .options = options, .err = err, .rows = rows, .cb = book->cb};
    mdla_status status = MDLA_OK, closed;

    matmul_init();
    j.block_rows = options->block_rows != 0 ? options->block_rows : BLOCK_ROWS_DEFAULT;
    j.engine.al = al;
    j.engine.pool = parallel_open(al, config != NULL ? config->threads : 0);
    if (j.engine.pool == NULL)
        status = no_memory(&j);
    if (status == MDLA_OK)
        status = run(&j, config, given, sink);
    closed = sink.close(sink.ctx, status == MDLA_OK);
    if (status == MDLA_OK && closed != MDLA_OK)
        status = error_set(err, closed, "the output can't be written");
    if (status == MDLA_OK && report != NULL)
        report_to(&j, report);
    search_engine_free(&j.engine);
    search_atoms_free(j.atoms);
    choice_atoms_free(j.choices);
    parallel_close(j.engine.pool);
    row_survey_free(&j.survey);
    file_writer_free(&j.writer);
    posting_builder_free(j.postings);
    range_encoder_free(&j.coder);
    code_rows_free(al, &j.pending);
    alloc_free(al, j.pending_starts);
    alloc_free(al, j.pending_norms);
    deviation_sums_free(&j.deviation);
    alloc_free(al, j.row.feature);
    alloc_free(al, j.row.level);
    alloc_free(al, j.accumulator);
    alloc_free(al, j.decoded);
    alloc_free(al, j.atom_values);
    return status;
}
