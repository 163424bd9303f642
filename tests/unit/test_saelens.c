#include "memory_folder.h"

#include "base/alloc.h"
#include "saes/sae_handle.h"

#include <math.h>

/* dims 2, width 3: 2 x 6 + 3 + 2 floats, 0, 1, 2 ... in the order of the header. */
#define WEIGHTS                                                                                    \
    "{\"W_dec\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]},"                      \
    "\"W_enc\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[24,48]},"                      \
    "\"b_dec\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[48,56]},"                        \
    "\"b_enc\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[56,68]}"
#define FACTOR(name) ",\"" name "\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[68,80]}"
#define SIZES "\"d_in\":2,\"d_sae\":3"

static mdla_status load(const char *config, const char *header, size_t nbytes, mdla_sae **out,
                        mdla_error *err)
{
    memory_folder f = {.config = config};

    safetensors_bytes(&f.weights, header, nbytes);
    return mdla_sae_load(NULL, folder_of(&f), "s", NULL, out, err);
}

static void test_saelens_defaults_are_those_of_saelens(void **state)
{
    static const float turned[6] = {6, 9, 7, 10, 8, 11};
    mdla_sae *handle;
    mdla_error err;
    int i;

    (void)state;
    assert_int_equal(load("{" SIZES "}", WEIGHTS "}", 68, &handle, &err), MDLA_OK);
    assert_int_equal(handle->model->activation, SAE_RELU);
    assert_true(handle->model->subtract_b_dec);
    assert_int_equal(mdla_sae_dims(handle), 2);
    assert_int_equal(mdla_sae_width(handle), 3);
    assert_true(mdla_sae_atom(handle, 2)[1] == 5.0f);
    assert_null(mdla_sae_atom(handle, 3));
    for (i = 0; i < 6; i++)
        assert_true(handle->model->w_enc[i] == turned[i]);
    assert_true(handle->model->b_dec[0] == 12.0f && handle->model->b_enc[0] == 14.0f);
    mdla_sae_free(handle);
}

static void test_saelens_configs_that_change_the_numbers_are_refused(void **state)
{
    static const struct {
        const char *config;
        mdla_status want;
    } cases[] = {
        {"{" SIZES ",\"architecture\":null,\"normalize_activations\":\"none\"}", MDLA_OK},
        {"{" SIZES ",\"architecture\":\"topk\",\"k\":3}", MDLA_OK},
        {"{" SIZES ",\"activation_fn_str\":\"topk\",\"activation_fn_kwargs\":{\"k\":2}}", MDLA_OK},
        {"{" SIZES ",\"activation_fn\":\"topk\",\"activation_fn_kwargs\":{\"k\":2},\"k\":2}",
         MDLA_OK},
        {"{" SIZES ",\"activation_fn\":\"topk\",\"activation_fn_kwargs\":{\"k\":2},\"k\":3}",
         MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"reshape_activations\":\"hook_z\",\"d_out\":2,\"noise_scale\":1}", MDLA_OK},
        {"{" SIZES ",\"architecture\":\"topk\"}", MDLA_ERR_CORRUPT},
        {"{" SIZES ",\"architecture\":\"topk\",\"k\":0}", MDLA_ERR_CORRUPT},
        {"{" SIZES ",\"architecture\":\"topk\",\"k\":4}", MDLA_ERR_CORRUPT},
        {"{" SIZES ",\"architecture\":\"topk\",\"k\":2.5}", MDLA_ERR_CORRUPT},
        {"{" SIZES ",\"architecture\":\"gated\"}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"architecture\":\"batchtopk\"}", MDLA_ERR_CORRUPT}, /* no topk_threshold */
        {"{" SIZES ",\"architecture\":\"temporal\"}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"architecture\":7}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"architecture\":\"jumprelu\",\"activation_fn_str\":\"topk\"}",
         MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"architecture\":\"jumprelu\"}", MDLA_ERR_CORRUPT}, /* no threshold */
        {"{" SIZES ",\"activation_fn_str\":\"tanh-relu\"}", MDLA_OK},
        {"{" SIZES ",\"activation_fn_str\":\"gelu\"}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES
         ",\"architecture\":\"topk\",\"k\":2,\"activation_fn_kwargs\":{\"postact_fn\":\"ReLU\"}}",
         MDLA_OK},
        {"{" SIZES ",\"activation_fn_kwargs\":{\"postact_fn\":\"x\"}}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"activation_fn_kwargs\":[]}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"normalize_activations\":\"layer_norm\"}", MDLA_OK},
        {"{" SIZES ",\"normalize_activations\":true}", MDLA_OK},
        {"{" SIZES ",\"normalize_activations\":\"batch_norm\"}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"apply_b_dec_to_input\":1}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"rescale_acts_by_decoder_norm\":true}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"reshape_activations\":\"x\"}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"d_out\":3}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"residual_threshold\":0.1}", MDLA_ERR_UNSUPPORTED},
        {"{" SIZES ",\"finetuning_scaling_factor\":true}", MDLA_ERR_CORRUPT}, /* no tensor */
        {"{" SIZES
         ",\"finetuning_scaling_factor\":true,\"metadata\":{\"sae_lens_version\":\"6.0.0-rc.0\"}}",
         MDLA_ERR_UNSUPPORTED},
        {"{\"d_in\":2,\"d_sae\":4}", MDLA_ERR_CORRUPT},
        {"{\"d_in\":3,\"d_sae\":2}", MDLA_ERR_CORRUPT},
        {"{\"d_in\":2}", MDLA_ERR_CORRUPT},
        {"{\"d_in\":2,\"d_sae\":9999999}", MDLA_ERR_LIMIT},
        {"{\"d_in\":65536,\"d_sae\":1048576}", MDLA_ERR_CORRUPT}, /* no memory taken for it */
        {"{" SIZES "," SIZES "}", MDLA_ERR_CORRUPT},
        {"[]", MDLA_ERR_CORRUPT},
        {"", MDLA_ERR_CORRUPT},
    };
    mdla_sae *handle;
    mdla_error err;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (load(cases[i].config, WEIGHTS "}", 68, &handle, &err) != cases[i].want)
            fail_msg("%s: not %s", cases[i].config, mdla_status_text(cases[i].want));
        assert_true((handle != NULL) == (cases[i].want == MDLA_OK));
        mdla_sae_free(handle);
    }
    assert_int_equal(
        mdla_sae_load(NULL, folder_of(&(memory_folder){.config = NULL}), "s", NULL, &handle, &err),
        MDLA_ERR_UNSUPPORTED);
}

static void test_saelens_tensors_unexpected_or_not_finite_are_refused(void **state)
{
    memory_folder f = {.config = "{" SIZES "}"};
    mdla_sae *handle;
    mdla_error err;

    (void)state;
    assert_int_equal(load(f.config, WEIGHTS FACTOR("b_gate") "}", 80, &handle, &err),
                     MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "unexpected tensor b_gate"));
    assert_int_equal(load(f.config, WEIGHTS FACTOR("threshold") "}", 80, &handle, &err),
                     MDLA_ERR_UNSUPPORTED);
    safetensors_bytes(&f.weights, WEIGHTS "}", 68);
    memcpy(f.weights.data + f.weights.count - 4, "\x00\x00\x80\x7f", 4);
    assert_int_equal(mdla_sae_load(NULL, folder_of(&f), "s", NULL, &handle, &err), MDLA_ERR_DATA);
    assert_string_equal(err.text, "s/sae_weights.safetensors: tensor b_enc: value 2 is infinite");
}

static void test_saelens_scaling_factor_goes_into_the_atoms(void **state)
{
    static const char with[] = "{" SIZES ",\"finetuning_scaling_factor\":true}";
    mdla_sae *handle;
    mdla_error err;

    (void)state;
    assert_int_equal(load(with, WEIGHTS FACTOR("finetuning_scaling_factor") "}", 80, &handle, &err),
                     MDLA_OK);
    assert_true(mdla_sae_atom(handle, 1)[0] == 2.0f * 18.0f);
    assert_true(handle->model->b_enc[1] == 15.0f);
    mdla_sae_free(handle);
    assert_int_equal(load("{" SIZES "}", WEIGHTS FACTOR("scaling_factor") "}", 80, &handle, &err),
                     MDLA_ERR_UNSUPPORTED);
}

static void test_saelens_rescaled_topk_gets_unit_atoms(void **state)
{
    static const char config[] =
        "{" SIZES ",\"architecture\":\"topk\",\"k\":1,\"rescale_acts_by_decoder_norm\":true}";
    const float norm = sqrtf(13.0f); /* of atom 1, (2, 3) */
    mdla_sae *handle;
    mdla_error err;

    (void)state;
    assert_int_equal(load(config, WEIGHTS "}", 68, &handle, &err), MDLA_OK);
    assert_true(fabsf(mdla_sae_atom(handle, 1)[0] - 2.0f / norm) < 1e-6f);
    assert_true(fabsf(handle->model->w_enc[2] - 7.0f * norm) < 1e-5f);
    assert_true(fabsf(handle->model->b_enc[1] - 15.0f * norm) < 1e-5f);
    mdla_sae_free(handle);
}

static void test_saelens_rescaling_beyond_float32_is_refused(void **state)
{
    memory_folder f = {
        .config =
            "{" SIZES ",\"architecture\":\"topk\",\"k\":1,\"rescale_acts_by_decoder_norm\":true}"};
    size_t start;
    mdla_sae *handle;
    mdla_error err;

    (void)state;
    safetensors_bytes(&f.weights, WEIGHTS "}", 68);
    start = f.weights.count - 68;
    memcpy(f.weights.data + start + 8, "\x00\x00\x00\x7f",
           4); /* 2^127 in atom 1, whose W_enc is 7 and 10 */
    assert_int_equal(mdla_sae_load(NULL, folder_of(&f), "s", NULL, &handle, &err), MDLA_ERR_DATA);
    assert_non_null(strstr(err.text, "feature 1"));
    memset(f.weights.data + start + 8, 0, 8);
    assert_int_equal(mdla_sae_load(NULL, folder_of(&f), "s", NULL, &handle, &err), MDLA_ERR_DATA);
    assert_non_null(strstr(err.text, "the atom of feature 1 is zero"));
}

static void test_saelens_saved_loads_as_it_was(void **state)
{
    static const sae_activation kinds[] = {SAE_RELU, SAE_JUMPRELU, SAE_TOPK};
    size_t kind, i;
    mdla_error err;

    (void)state;
    for (kind = 0; kind < 3; kind++) {
        sae *const s = sae_new(alloc_of(NULL), 5, 9, kinds[kind]);
        mdla_sae *const saved = sae_handle_new(s);
        mdla_sae *loaded;
        memory_folder f = {.config = NULL};

        s->k = kinds[kind] == SAE_TOPK ? 4 : 0;
        s->subtract_b_dec = kind != 0;
        for (i = 0; i < 45; i++) {
            s->w_enc[i] = (float)i + 0.1f;
            s->w_dec[i] = (float)i - 0.7f;
        }
        for (i = 0; i < 9; i++) {
            s->b_enc[i] = -(float)i;
            if (s->threshold != NULL)
                s->threshold[i] = 0.3f * (float)i;
        }
        s->b_dec[4] = 17.0f;
        assert_int_equal(mdla_sae_save(saved, folder_of(&f), &err), MDLA_OK);
        memory_folder_reload(&f);
        assert_int_equal(f.weights.data[0] % 8, 0);
        assert_int_equal(mdla_sae_load(NULL, folder_of(&f), "s", NULL, &loaded, &err), MDLA_OK);
        assert_int_equal(loaded->model->activation, kinds[kind]);
        assert_int_equal(loaded->model->k, s->k);
        assert_int_equal(loaded->model->subtract_b_dec, s->subtract_b_dec);
        assert_memory_equal(loaded->model->w_enc, s->w_enc, 45 * sizeof(float));
        assert_memory_equal(loaded->model->w_dec, s->w_dec, 45 * sizeof(float));
        assert_memory_equal(loaded->model->b_enc, s->b_enc, 9 * sizeof(float));
        assert_memory_equal(loaded->model->b_dec, s->b_dec, 5 * sizeof(float));
        if (s->threshold != NULL)
            assert_memory_equal(loaded->model->threshold, s->threshold, 9 * sizeof(float));
        mdla_sae_free(loaded);
        mdla_sae_free(saved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saelens_defaults_are_those_of_saelens),
        cmocka_unit_test(test_saelens_configs_that_change_the_numbers_are_refused),
        cmocka_unit_test(test_saelens_tensors_unexpected_or_not_finite_are_refused),
        cmocka_unit_test(test_saelens_scaling_factor_goes_into_the_atoms),
        cmocka_unit_test(test_saelens_rescaled_topk_gets_unit_atoms),
        cmocka_unit_test(test_saelens_rescaling_beyond_float32_is_refused),
        cmocka_unit_test(test_saelens_saved_loads_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
