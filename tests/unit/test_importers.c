/* Importers of safetensors and .npz, on SAEs of two features and two values whose formulas can be
 * followed by hand. */
#include "member_folder.h"

#include "base/alloc.h"
#include "saes/sae_handle.h"
#include "zip_writer.h"

#include <math.h>

/* A safetensors file of F32 tensors: one "NAME SHAPE" after the other, and all values in turn. */
static void put_tensors(bytes *b, const char *const *tensors, size_t count, const float *values)
{
    char header[2048] = "{";
    size_t used = 1, offset = 0, i;

    for (i = 0; i < count; i++) {
        const char *const shape = strchr(tensors[i], ' ') + 1;
        unsigned first = 1, second = 1;
        const int axes = sscanf(shape, "[%u,%u]", &first, &second);
        const size_t nbytes = 4 * (size_t)(axes >= 1 ? first : 1) * (axes == 2 ? second : 1);

        used += (size_t)snprintf(header + used, sizeof header - used,
                                 "%s\"%.*s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%zu,"
                                 "%zu]}",
                                 i != 0 ? "," : "", (int)(shape - 1 - tensors[i]), tensors[i],
                                 shape, offset, offset + nbytes);
        offset += nbytes;
    }
    header[used++] = '}';
    b->count = 0;
    for (i = 0; i < 8; i++)
        put_byte(b, (unsigned)((uint64_t)used >> 8 * i & 0xff));
    put(b, header, used);
    for (i = 0; i < offset / 4; i++)
        put_f32_le(b, values[i]);
}

static mdla_status load_pair(const char *config_name, const char *config, const char *weights_name,
                             const bytes *weights, mdla_sae **out, mdla_error *err)
{
    member_folder f = {.count = 0};

    if (config != NULL)
        member_add_text(&f, config_name, config);
    member_add(&f, weights_name, weights->data, weights->count);
    return member_folder_load(&f, NULL, 0.0, out, err);
}

/* Strengths of one row of two values, dense over two features, and the reconstruction. */
static void run_row(const mdla_sae *handle, float x, float y, float strengths[2], float decoded[2])
{
    parallel_pool *const pool = parallel_open(alloc_of(NULL), 1);
    const float row[2] = {x, y};
    sae_codes codes = {0};
    size_t i;

    strengths[0] = strengths[1] = 0.0f;
    assert_int_equal(sae_forward(handle->model, pool, row, 1, &codes), MDLA_OK);
    for (i = 0; i < codes.start[1]; i++)
        strengths[codes.feature[i]] = codes.strength[i];
    sae_decode_row(handle->model, &codes, 0, decoded);
    sae_codes_free(alloc_of(NULL), &codes);
    parallel_close(pool);
}

static int near_to(float got, double want)
{
    return fabs((double)got - want) < 1e-5 * fmax(1.0, fabs(want));
}

/* encoder.weight [2][2] rows 1 0, 0 2; bias 1 -1; W_dec rows 1 0, 0 3; b_dec 1 1. */
static const float sparsify_values[] = {1, 0, 0, 2, 1, -1, 1, 0, 0, 3, 1, 1};
static const char *const sparsify_tensors[] = {"encoder.weight [2,2]", "encoder.bias [2]",
                                               "W_dec [2,2]", "b_dec [2]", "W_skip [1]"};

static void test_importers_sparsify(void **state)
{
    float f[2], x[2];
    mdla_sae *handle;
    mdla_error err;
    bytes b;

    (void)state;
    put_tensors(&b, sparsify_tensors, 4, sparsify_values);
    assert_int_equal(load_pair("cfg.json",
                               "{\"d_in\":2,\"num_latents\":0,\"expansion_factor\":1,\"k\":1}",
                               "sae.safetensors", &b, &handle, &err),
                     MDLA_OK);
    run_row(handle, 2, 3, f, x); /* a = 2, 3 */
    assert_true(f[0] == 0.0f && f[1] == 3.0f && x[0] == 1.0f && x[1] == 10.0f);
    mdla_sae_free(handle);
    assert_int_equal(load_pair("cfg.json", "{\"d_in\":2,\"num_latents\":2,\"k\":1,\"signed\":true}",
                               "sae.safetensors", &b, &handle, &err),
                     MDLA_OK);
    run_row(handle, 0, -1, f, x); /* a = 0, -5 */
    assert_true(f[0] == 0.0f && f[1] == -5.0f && x[1] == -14.0f);
    mdla_sae_free(handle);
    assert_int_equal(load_pair("cfg.json",
                               "{\"d_in\":2,\"num_latents\":2,\"k\":2,\"activation\":\"groupmax\"}",
                               "sae.safetensors", &b, &handle, &err),
                     MDLA_OK);
    run_row(handle, 2, 3, f, x);
    assert_true(f[0] == 2.0f && f[1] == 3.0f);
    mdla_sae_free(handle);
}

static void test_importers_sparsify_refusals(void **state)
{
    static const struct {
        const char *config, *why;
    } cases[] = {
        {"{\"d_in\":2,\"num_latents\":2,\"k\":1,\"transcode\":true}", "transcode"},
        {"{\"d_in\":2,\"num_latents\":2,\"k\":1,\"skip_connection\":true}", "skip_connection"},
        {"{\"d_in\":2,\"num_latents\":2,\"k\":0}", "k must be"},
        {"{\"d_in\":2,\"num_latents\":2,\"k\":3}", "k is 3"},
        {"{\"d_in\":2,\"num_latents\":2,\"k\":1,\"activation\":\"batchtopk\"}", "batchtopk"},
        {"{\"d_in\":2,\"num_latents\":2,\"k\":1,\"activation\":\"groupmax\",\"signed\":true}",
         "signed"},
        {"{\"d_in\":2,\"num_latents\":0,\"k\":1}", "neither num_latents"},
        {"{\"d_in\":2,\"num_latents\":3,\"k\":2,\"activation\":\"groupmax\"}", "groups"},
        {"{\"d_in\":2,\"num_latents\":3,\"k\":2}", "encoder.weight"},
        {"{\"num_latents\":2,\"k\":1}", "d_in is missing"},
    };
    mdla_sae *handle;
    mdla_error err;
    bytes b;
    size_t i;

    (void)state;
    put_tensors(&b, sparsify_tensors, 4, sparsify_values);
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_not_equal(
            load_pair("cfg.json", cases[i].config, "sae.safetensors", &b, &handle, &err), MDLA_OK);
        if (strstr(err.text, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].config, err.text);
    }
}

/* w_enc [2][2] (dims first) 1 2, 0 1; b_enc 0 -1; threshold 1 1; w_dec 1 0, 0 1; b_dec 5 0. */
static const float gemma_values[] = {1, 2, 0, 1, 0, -1, 1, 1, 1, 0, 0, 1, 5, 0};
static const char *const gemma_tensors[] = {"w_enc [2,2]", "b_enc [2]", "threshold [2]",
                                            "w_dec [2,2]", "b_dec [2]"};
#define GEMMA "\"architecture\":\"jump_relu\",\"type\":\"sae\",\"width\":2"

static void test_importers_gemma_scope_2(void **state)
{
    static const char *const refused[] = {
        "{\"architecture\":\"jump_relu\",\"type\":\"transcoder\"}",
        "{" GEMMA ",\"affine_connection\":true}",
        "{" GEMMA ",\"hf_hook_point_in\":\"a\",\"hf_hook_point_out\":\"b\"}",
        "{\"architecture\":\"topk\",\"type\":\"sae\"}",
        "{\"architecture\":\"jump_relu\",\"type\":\"sae\",\"width\":3}",
    };
    float f[2], x[2];
    mdla_sae *handle;
    mdla_sae_info info;
    mdla_error err;
    bytes b;
    size_t i;

    (void)state;
    put_tensors(&b, gemma_tensors, 5, gemma_values);
    assert_int_equal(
        load_pair("config.json", "{" GEMMA "}", "params.safetensors", &b, &handle, &err), MDLA_OK);
    run_row(handle, 1, 1, f, x); /* a = 1, 2: a pre-activation at the threshold is off */
    assert_true(f[0] == 0.0f && f[1] == 2.0f && x[0] == 5.0f && x[1] == 2.0f);
    mdla_sae_query(handle, &info);
    assert_string_equal(info.kind, "gemma-scope-2");
    assert_string_equal(info.activation, "jumprelu");
    assert_false(info.pre_bias);
    mdla_sae_free(handle);
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_not_equal(
            load_pair("config.json", refused[i], "params.safetensors", &b, &handle, &err), MDLA_OK);
}

static void test_importers_what_a_path_says(void **state)
{
    member_folder f = {.origin = "/models/mlp_out/layer_5"};
    mdla_sae *handle;
    mdla_error err;
    bytes b;

    (void)state;
    put_tensors(&b, gemma_tensors, 5, gemma_values);
    member_add(&f, "params.safetensors", b.data, b.count);
    assert_int_equal(member_folder_load(&f, NULL, 0, &handle, &err), MDLA_OK);
    mdla_sae_free(handle);
    f.origin = "/models/layer_5";
    assert_int_equal(member_folder_load(&f, NULL, 0, &handle, &err), MDLA_ERR_UNSUPPORTED);
    f.origin = "/models/Transcoders/mlp_out";
    assert_int_equal(member_folder_load(&f, NULL, 0, &handle, &err), MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "transcoder"));
    assert_int_equal(member_folder_load(&f, "gemma-scope-2", 0, &handle, &err), MDLA_OK);
    mdla_sae_free(handle);
    assert_int_equal(member_folder_load(&f, "gemma", 0, &handle, &err), MDLA_ERR_ARGUMENT);
    assert_int_equal(member_folder_load(&f, "gemma-scope-2:x", 0, &handle, &err),
                     MDLA_ERR_ARGUMENT);
}

static void put_npy(zip_writer *zip, const char *name, const char *shape, int fortran,
                    const float *values, size_t count)
{
    char header[128];
    bytes b = {.count = 0};
    const int n = snprintf(header + 10, sizeof header - 10,
                           "{'descr': '<f4', 'fortran_order': %s, 'shape': (%s), }\n",
                           fortran ? "True" : "False", shape);
    size_t i;

    memcpy(header, "\x93NUMPY\x01\0", 8);
    header[8] = (char)n;
    header[9] = 0;
    put(&b, header, 10 + (size_t)n);
    for (i = 0; i < count; i++)
        put_f32_le(&b, values[i]);
    assert_int_equal(zip_writer_member(zip, name, false), MDLA_OK);
    assert_int_equal(zip_writer_write(zip, b.data, b.count), MDLA_OK);
}

static void test_importers_gemma_scope_npz_in_both_orders(void **state)
{
    member_folder f = {.chosen = "params.npz"};
    float strengths[2], x[2];
    mdla_sae *handle;
    mdla_error err;
    mdla_sink sink;
    zip_writer zip;
    size_t nbytes;
    void *data;

    (void)state;
    assert_int_equal(mdla_sink_memory(&data, &nbytes, &sink), MDLA_OK);
    zip_writer_start(&zip, alloc_of(NULL), &sink);
    put_npy(&zip, "W_enc.npy", "2, 2", 1, (const float[]){1, 0, 2, 1}, 4);
    put_npy(&zip, "W_dec.npy", "2, 2", 0, gemma_values + 8, 4);
    put_npy(&zip, "b_enc.npy", "2,", 0, gemma_values + 4, 2);
    put_npy(&zip, "b_dec.npy", "2,", 0, gemma_values + 12, 2);
    put_npy(&zip, "threshold.npy", "2,", 0, gemma_values + 6, 2);
    assert_int_equal(zip_writer_finish(&zip), MDLA_OK);
    zip_writer_free(&zip);
    assert_int_equal(sink.close(sink.ctx, 1), MDLA_OK);
    member_add(&f, "params.npz", data, nbytes);
    assert_int_equal(member_folder_load(&f, NULL, 0, &handle, &err), MDLA_OK);
    run_row(handle, 1, 1, strengths, x);
    assert_true(strengths[0] == 0.0f && strengths[1] == 2.0f && x[0] == 5.0f);
    mdla_sae_free(handle);
    f.origin = "/x/gemma-scope-2b-pt-transcoders/layer_1";
    assert_int_equal(member_folder_load(&f, NULL, 0, &handle, &err), MDLA_ERR_UNSUPPORTED);
    free(data);
}

/* encoder [width][dims] 1 0, 0 1; bias 0 0; decoder [dims][width] 2 0, 0 1; bias 0 4. */
static const float llama_values[] = {1, 0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 4};
static const char *const llama_tensors[] = {"encoder.weight [2,2]", "encoder.bias [2]",
                                            "decoder.weight [2,2]", "decoder.bias [2]"};

static void test_importers_llama_scope_1_folds_before_the_threshold(void **state)
{
    /* The average norm is sqrt(2) / 2: s = 2. b_d becomes 2, the decoder stays, norms are 2 and 1:
     * the first feature's strength is twice its pre-activation, and compares so. */
    static const char config[] =
        "{\"d_model\":2,\"d_sae\":2,\"act_fn\":\"topk\",\"top_k\":1,\"jump_relu_threshold\":3,"
        "\"norm_activation\":\"dataset-wise\",\"sparsity_include_decoder_norm\":true,"
        "\"dataset_average_activation_norm\":{\"in\":0.70710678,\"out\":0.70710678}}";
    float f[2], x[2];
    mdla_sae *handle;
    mdla_error err;
    bytes b;

    (void)state;
    put_tensors(&b, llama_tensors, 4, llama_values);
    assert_int_equal(
        load_pair("hyperparams.json", config, "checkpoints/final.safetensors", &b, &handle, &err),
        MDLA_OK);
    run_row(handle, 2, 2, f, x);
    assert_true(near_to(f[0], 4) && f[1] == 0.0f && near_to(x[0], 4) && near_to(x[1], 2));
    mdla_sae_free(handle);
}

static void test_importers_llama_scope_3_strengths_are_of_the_stored_atoms(void **state)
{
    /* s = 2; a = 2 x; a' = a n with n = 2, 1; thresholds e^1 = 2.718; strengths a' / n = a. */
    static const char *const tensors[] = {"W_E [2,2]",
                                          "b_E [2]",
                                          "W_D [2,2]",
                                          "b_D [2]",
                                          "activation_function.log_jumprelu_threshold [2]",
                                          "dataset_average_activation_norm.h []"};
    static const float values[] = {1, 0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 4, 1, 1, 0.70710678f};
    static const char config[] =
        "{\"sae_type\":\"sae\",\"d_model\":2,\"act_fn\":\"jumprelu\",\"hook_point_in\":\"h\","
        "\"hook_point_out\":\"h\",\"expansion_factor\":1,\"norm_activation\":\"dataset-wise\","
        "\"sparsity_include_decoder_norm\":true}";
    float f[2], x[2];
    mdla_sae *handle;
    mdla_error err;
    bytes b;

    (void)state;
    put_tensors(&b, tensors, 6, values);
    assert_int_equal(load_pair("config.json", config, "sae_weights.safetensors", &b, &handle, &err),
                     MDLA_OK);
    run_row(handle, 0.75f, 1.25f, f, x); /* a = 1.5, 2.5; a' = 3, 2.5 */
    assert_true(near_to(f[0], 1.5) && f[1] == 0.0f && near_to(x[0], 1.5) && near_to(x[1], 2));
    mdla_sae_free(handle);
}

static void test_importers_llama_scope_refusals(void **state)
{
#define LLAMA "\"d_model\":2,\"d_sae\":2,\"sparsity_include_decoder_norm\":false"
    static const struct {
        const char *config, *why;
    } cases[] = {
        {"{" LLAMA ",\"act_fn\":\"batchtopk\",\"norm_activation\":\"none\"}", "batch"},
        {"{" LLAMA ",\"act_fn\":\"relu\",\"norm_activation\":\"batch-wise\"}", "batch"},
        {"{" LLAMA ",\"act_fn\":\"gelu\",\"norm_activation\":\"none\"}", "gelu"},
        {"{" LLAMA ",\"act_fn\":\"relu\",\"norm_activation\":\"dataset-wise\"}", "average"},
        {"{" LLAMA ",\"act_fn\":\"relu\",\"norm_activation\":\"none\",\"sae_type\":\"clt\"}",
         "clt"},
        {"{" LLAMA ",\"act_fn\":\"relu\",\"norm_activation\":\"none\",\"use_glu_encoder\":true}",
         "GLU"},
        {"{" LLAMA ",\"act_fn\":\"relu\",\"norm_activation\":\"none\",\"hook_point_in\":\"a\","
         "\"hook_point_out\":\"b\"}",
         "transcoder"},
        {"{" LLAMA ",\"act_fn\":\"topk\",\"norm_activation\":\"none\",\"top_k\":5}", "k is 5"},
        {"{\"d_model\":2,\"act_fn\":\"relu\",\"norm_activation\":\"none\"}",
         "sparsity_include_decoder_norm"},
    };
    mdla_sae *handle;
    mdla_error err;
    bytes b;
    size_t i;

    (void)state;
    put_tensors(&b, llama_tensors, 4, llama_values);
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_not_equal(load_pair("hyperparams.json", cases[i].config,
                                       "checkpoints/final.safetensors", &b, &handle, &err),
                             MDLA_OK);
        if (strstr(err.text, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].config, err.text);
    }
}

/* ---- SAELens beyond standard ----------------------------------------------------------------- */

static void test_importers_saelens_gated(void **state)
{
    /* W_enc (dims first) 1 0, 0 1; b_dec 0; W_dec 1 0, 0 1; b_gate 0 -3; r_mag 0 ln 2; b_mag 1 0.
     */
    static const char *const tensors[] = {"W_enc [2,2]", "b_dec [2]", "W_dec [2,2]",
                                          "b_gate [2]",  "r_mag [2]", "b_mag [2]"};
    static const float values[] = {1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, -3, 0, 0.69314718f, 1, 0};
    float f[2], x[2];
    mdla_sae *handle;
    mdla_error err;
    bytes b;

    (void)state;
    put_tensors(&b, tensors, 6, values);
    assert_int_equal(load_pair("cfg.json", "{\"d_in\":2,\"d_sae\":2,\"architecture\":\"gated\"}",
                               "sae_weights.safetensors", &b, &handle, &err),
                     MDLA_OK);
    run_row(handle, 2, 4, f, x);
    assert_true(near_to(f[0], 3) && near_to(f[1], 8));
    run_row(handle, -1, 2, f, x); /* gates closed */
    assert_true(f[0] == 0.0f && f[1] == 0.0f);
    mdla_sae_free(handle);
}

static void test_importers_saelens_batch_threshold_and_scale(void **state)
{
    static const char *const tensors[] = {"W_enc [2,2]", "b_dec [2]", "W_dec [2,2]", "b_enc [2]",
                                          "topk_threshold []"};
    float values[] = {1, 0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 3};
    static const char config[] = "{\"d_in\":2,\"d_sae\":2,\"architecture\":\"batchtopk\",\"k\":1.0,"
                                 "\"rescale_acts_by_decoder_norm\":true,"
                                 "\"normalize_activations\":\"expected_average_only_in\"}";
    member_folder folder = {.origin = "/x/20480"};
    float f[2], x[2];
    mdla_sae *handle;
    mdla_error err;
    bytes b;

    (void)state;
    put_tensors(&b, tensors, 5, values);
    member_add_text(&folder, "cfg.json", config);
    member_add(&folder, "sae_weights.safetensors", b.data, b.count);
    assert_int_equal(member_folder_load(&folder, NULL, 0, &handle, &err), MDLA_OK);
    run_row(handle, 2, 2, f, x); /* a n = 4, 2 */
    assert_true(near_to(f[0], 4) && f[1] == 0.0f && near_to(x[0], 4));
    mdla_sae_free(handle);
    member_add_text(&folder, "activation_scaler.json", "{\"scaling_factor\": 0.5}");
    assert_int_equal(member_folder_load(&folder, NULL, 0, &handle, &err), MDLA_OK);
    run_row(handle, 4, 2, f, x); /* as 2, 1 */
    assert_true(near_to(f[0], 4) && f[1] == 0.0f && near_to(x[0], 8));
    mdla_sae_free(handle);
    folder.origin = "/x/final_20480/";
    assert_int_equal(member_folder_load(&folder, NULL, 0, &handle, &err), MDLA_OK);
    run_row(handle, 1, 4, f, x);
    assert_true(f[0] == 0.0f && near_to(f[1], 4));
    mdla_sae_free(handle);
    assert_int_equal(member_folder_load(&folder, NULL, 0.5, &handle, &err), MDLA_OK);
    run_row(handle, 1, 8, f, x); /* told so */
    assert_true(near_to(f[1], 4) && near_to(x[1], 8));
    mdla_sae_free(handle);
    values[12] = -1;
    put_tensors(&b, tensors, 5, values);
    assert_int_equal(member_folder_load(&folder, NULL, 0, &handle, &err), MDLA_ERR_DATA);
}

static void test_importers_find_the_hook(void **state)
{
    static const char *const saelens[] = {"W_enc [1,1]", "W_dec [1,1]", "b_enc [1]", "b_dec [1]"};
    static const char *const sparsify[] = {"encoder.weight [1,1]", "W_dec [1,1]",
                                           "encoder.bias [1]", "b_dec [1]"};
    static const char *const gemma[] = {"w_enc [1,1]", "w_dec [1,1]", "b_enc [1]", "b_dec [1]",
                                        "threshold [1]"};
    static const char *const llama[] = {"W_E [1,1]", "W_D [1,1]", "b_E [1]", "b_D [1]"};
    static const float values[] = {1, 1, 1, 1, 1};
    static const char lens[] = "sae_weights.safetensors", sparse[] = "sae.safetensors";
    static const struct {
        const char *const *tensors;
        const char *member, *config_member, *config, *origin, *hook;
    } cases[] = {
        {saelens, lens, "cfg.json",
         "{\"d_in\":1,\"d_sae\":1,\"metadata\":{\"hook_name\":\"blocks.6\"}}", "/x/layers.9",
         "blocks.6"},
        {saelens, lens, "cfg.json", "{\"d_in\":1,\"d_sae\":1,\"hook_name\":\"h.5\"}", NULL, "h.5"},
        {saelens, lens, "cfg.json", "{\"d_in\":1,\"d_sae\":1,\"hook_point\":\"h.1\"}", NULL, "h.1"},
        {saelens, lens, "cfg.json", "{\"d_in\":1,\"d_sae\":1,\"hook_name\":\"a\\nb\"}", NULL, NULL},
        {saelens, lens, "cfg.json", "{\"d_in\":1,\"d_sae\":1,\"hook_name\":7}", "/layers.3", NULL},
        {sparsify, sparse, "cfg.json", "{\"d_in\":1,\"k\":1,\"num_latents\":1}", "/x/layers.5.mlp",
         "layers.5.mlp"},
        {sparsify, sparse, "cfg.json", "{\"d_in\":1,\"k\":1,\"num_latents\":1}", "/layers.5/mine",
         NULL},
        {sparsify, sparse, "cfg.json",
         "{\"d_in\":1,\"k\":1,\"num_latents\":1,\"hookpoint\":\"h.3\"}", "/x/layers.5", "h.3"},
        {gemma, "params.safetensors", "config.json",
         "{\"architecture\":\"jump_relu\",\"type\":\"sae\",\"hf_hook_point_in\":\"model.layers."
         "5\"}",
         NULL, "model.layers.5"},
        {llama, lens, "config.json",
         "{\"sae_type\":\"sae\",\"act_fn\":\"relu\",\"norm_activation\":\"none\",\"hook_point_in\":"
         "\"blocks.5\",\"sparsity_include_decoder_norm\":false,\"d_model\":1,\"d_sae\":1}",
         NULL, "blocks.5"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        member_folder f = {.origin = cases[i].origin};
        mdla_sae_info info;
        mdla_sae *handle;
        mdla_error err;
        bytes b;

        put_tensors(&b, cases[i].tensors, cases[i].tensors == gemma ? 5 : 4, values);
        member_add_text(&f, cases[i].config_member, cases[i].config);
        member_add(&f, cases[i].member, b.data, b.count);
        if (member_folder_load(&f, NULL, 0.0, &handle, &err) != MDLA_OK)
            fail_msg("case %zu: %s", i, err.text);
        mdla_sae_query(handle, &info);
        if (cases[i].hook != NULL)
            assert_string_equal(info.hook, cases[i].hook);
        else
            assert_null(info.hook);
        mdla_sae_free(handle);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_importers_find_the_hook),
        cmocka_unit_test(test_importers_sparsify),
        cmocka_unit_test(test_importers_sparsify_refusals),
        cmocka_unit_test(test_importers_gemma_scope_2),
        cmocka_unit_test(test_importers_what_a_path_says),
        cmocka_unit_test(test_importers_gemma_scope_npz_in_both_orders),
        cmocka_unit_test(test_importers_llama_scope_1_folds_before_the_threshold),
        cmocka_unit_test(test_importers_llama_scope_3_strengths_are_of_the_stored_atoms),
        cmocka_unit_test(test_importers_llama_scope_refusals),
        cmocka_unit_test(test_importers_saelens_gated),
        cmocka_unit_test(test_importers_saelens_batch_threshold_and_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
