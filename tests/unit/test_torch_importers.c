/* Importers of .pt files: dictionary_learning, OpenAI and others. Two features, two values. */
#include "member_folder.h"
#include "torch_bytes.h"

#include "base/alloc.h"
#include "saes/sae_handle.h"

static const float linear[4] = {1, 0, 0, 2}, zeros[2] = {0, 0}, threshold[1] = {1.5f};
static const float turned[4] = {1, 2, 3, 4};

/* encoder.weight, encoder.bias, decoder.weight, a bias under its name, perhaps a threshold. */
static void *make_linear(const char *bias, int with_threshold, size_t *nbytes)
{
    const float *const storages[] = {linear, zeros, turned, zeros, threshold};
    const size_t counts[] = {4, 2, 4, 2, 1};
    bytes b;

    pickle_start(&b);
    pickle_tensor(&b, "encoder.weight", "0", 4, 0, 2, 2, 2, 2, 1);
    pickle_tensor(&b, "encoder.bias", "1", 2, 0, 1, 2, 0, 1, 0);
    pickle_tensor(&b, "decoder.weight", "2", 4, 0, 2, 2, 2, 1, 2); /* stored by columns */
    pickle_tensor(&b, bias, "3", 2, 0, 1, 2, 0, 1, 0);
    if (with_threshold)
        pickle_tensor(&b, "threshold", "4", 1, 0, 0, 0, 0, 0, 0);
    pickle_end(&b);
    return torch_archive(&b, storages, counts, with_threshold ? 5 : 4, nbytes);
}

static mdla_status load_ae(void *data, size_t nbytes, const char *config, const char *kind,
                           mdla_sae **out, mdla_error *err)
{
    member_folder f = {.count = 0};

    if (config != NULL)
        member_add_text(&f, "config.json", config);
    member_add(&f, "ae.pt", data, nbytes);
    return member_folder_load(&f, kind, 0, out, err);
}

static void test_torch_classes_are_what_the_configuration_says(void **state)
{
    static const struct {
        const char *config, *kind, *activation;
    } cases[] = {
        {"{\"trainer\":{\"dict_class\":\"AutoEncoderTopK\",\"k\":1}}", NULL, "topk"},
        {"{\"trainer\":{\"dict_class\":\"BatchTopKSAE\",\"k\":1}}", NULL, "jumprelu"},
        {NULL, "dictionary-learning:BatchTopKSAE", "jumprelu"},
    };
    size_t nbytes, i;
    void *const data = make_linear("b_dec", 1, &nbytes);
    mdla_sae_info info;
    mdla_sae *handle;
    mdla_error err;

    (void)state;
    for (i = 0; i < 3; i++) {
        assert_int_equal(load_ae(data, nbytes, cases[i].config, cases[i].kind, &handle, &err),
                         MDLA_OK);
        mdla_sae_query(handle, &info);
        assert_string_equal(info.activation, cases[i].activation);
        assert_true(info.pre_bias);
        assert_true(handle->model->w_enc[3] == 2.0f);
        assert_true(mdla_sae_atom(handle, 0)[1] == 2.0f); /* decoder [dims][width] 1 3, 2 4 */
        assert_true(mdla_sae_atom(handle, 1)[0] == 3.0f);
        mdla_sae_free(handle);
    }
    assert_int_equal(load_ae(data, nbytes, NULL, NULL, &handle, &err), MDLA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "dictionary-learning:CLASS"));
    assert_int_equal(
        load_ae(data, nbytes, "{\"trainer\":{\"dict_class\":\"CrossCoder\"}}", NULL, &handle, &err),
        MDLA_ERR_UNSUPPORTED);
    assert_int_equal(load_ae(data, nbytes,
                             "{\"trainer\":{\"dict_class\":\"BatchTopKSAE\",\"dict_size\":3}}",
                             NULL, &handle, &err),
                     MDLA_ERR_CORRUPT);
    free(data);
}

static void test_torch_keys_that_one_class_has_are_enough(void **state)
{
    size_t nbytes;
    void *data = make_linear("bias", 0, &nbytes);
    member_folder f = {.chosen = "mine.pt"};
    mdla_sae_info info;
    mdla_sae *handle;
    mdla_error err;

    (void)state;
    assert_int_equal(load_ae(data, nbytes, NULL, NULL, &handle, &err), MDLA_OK);
    mdla_sae_query(handle, &info);
    assert_string_equal(info.activation, "relu");
    assert_true(info.pre_bias);
    mdla_sae_free(handle);
    free(data);
    data = make_linear("decoder.bias", 0, &nbytes);
    member_add(&f, "mine.pt", data, nbytes);
    assert_int_equal(member_folder_load(&f, NULL, 0, &handle, &err), MDLA_OK);
    mdla_sae_query(handle, &info);
    assert_string_equal(info.kind, "torch");
    assert_false(info.pre_bias);
    mdla_sae_free(handle);
    free(data);
}

/* act_size files, and what the same keys are without their configuration. */
static void test_torch_pre_bias_must_be_told(void **state)
{
    const float *const storages[] = {linear, zeros, linear, zeros};
    const size_t counts[] = {4, 2, 4, 2};
    member_folder f = {.chosen = "a.pt"};
    mdla_sae *handle;
    mdla_error err;
    size_t nbytes;
    void *data;
    bytes b;

    (void)state;
    pickle_start(&b);
    pickle_tensor(&b, "W_enc", "0", 4, 0, 2, 2, 2, 2, 1);
    pickle_tensor(&b, "b_enc", "1", 2, 0, 1, 2, 0, 1, 0);
    pickle_tensor(&b, "W_dec", "2", 4, 0, 2, 2, 2, 2, 1);
    pickle_tensor(&b, "b_dec", "3", 2, 0, 1, 2, 0, 1, 0);
    pickle_end(&b);
    data = torch_archive(&b, storages, counts, 4, &nbytes);
    member_add(&f, "a.pt", data, nbytes);
    assert_int_equal(member_folder_load(&f, NULL, 0, &handle, &err), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(member_folder_load(&f, "torch:no-pre-bias", 0, &handle, &err), MDLA_OK);
    assert_false(handle->model->subtract_b_dec);
    mdla_sae_free(handle);
    member_add_text(&f, "a_cfg.json", "{\"act_size\":2,\"dict_size\":2}");
    assert_int_equal(member_folder_load(&f, NULL, 0, &handle, &err), MDLA_OK);
    assert_true(handle->model->subtract_b_dec);
    mdla_sae_free(handle);
    free(data);
}

static mdla_status load_openai(const char *activation, const char *after, mdla_sae **out,
                               mdla_error *err)
{
    const float *const storages[] = {zeros, linear, zeros, linear};
    const size_t counts[] = {2, 4, 2, 4};
    member_folder f = {.chosen = "5.pt"};
    mdla_status status;
    size_t nbytes;
    void *data;
    bytes b;

    pickle_start(&b);
    pickle_tensor(&b, "pre_bias", "0", 2, 0, 1, 2, 0, 1, 0);
    pickle_tensor(&b, "encoder.weight", "1", 4, 0, 2, 2, 2, 2, 1);
    pickle_tensor(&b, "latent_bias", "2", 2, 0, 1, 2, 0, 1, 0);
    pickle_tensor(&b, "decoder.weight", "3", 4, 0, 2, 2, 2, 2, 1);
    pickle_text(&b, "activation");
    pickle_text(&b, activation);
    pickle_text(&b, "activation_state_dict");
    put_text(&b, "}(");
    pickle_text(&b, "k");
    put(&b, "K\1", 2);
    pickle_text(&b, "postact_fn");
    pickle_text(&b, after);
    put_text(&b, "u");
    pickle_end(&b);
    data = torch_archive(&b, storages, counts, 4, &nbytes);
    member_add(&f, "5.pt", data, nbytes);
    status = member_folder_load(&f, NULL, 0, out, err);
    free(data);
    return status;
}

static void test_torch_openai_says_its_activation(void **state)
{
    mdla_sae_info info;
    mdla_sae *handle;
    mdla_error err;

    (void)state;
    assert_int_equal(load_openai("TopK", "ReLU", &handle, &err), MDLA_OK);
    mdla_sae_query(handle, &info);
    assert_string_equal(info.kind, "openai");
    assert_string_equal(info.normalisation, "layer norm");
    assert_int_equal(info.k, 1);
    mdla_sae_free(handle);
    assert_int_equal(load_openai("ReLU", "ReLU", &handle, &err), MDLA_OK);
    mdla_sae_query(handle, &info);
    assert_string_equal(info.normalisation, "none");
    mdla_sae_free(handle);
    assert_int_equal(load_openai("TopK", "Sigmoid", &handle, &err), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(load_openai("JumpReLU", "ReLU", &handle, &err), MDLA_ERR_UNSUPPORTED);
    assert_int_equal(load_openai("Identity", "ReLU", &handle, &err), MDLA_ERR_UNSUPPORTED);
}

/* Windows that reach outside their storage, and storages that aren't there. */
static void test_torch_windows_stay_in_their_storage(void **state)
{
    static const struct {
        unsigned count, offset, first, stride;
        const char *key;
    } bad[] = {{2, 1, 2, 1, "0"}, {2, 0, 2, 2, "0"}, {2, 0, 3, 1, "0"},
               {3, 0, 2, 1, "0"}, {2, 2, 1, 1, "0"}, {2, 0, 2, 1, "9"}};
    const float *const storages[] = {zeros};
    const size_t counts[] = {2};
    mdla_sae *handle;
    mdla_error err;
    size_t nbytes, i;
    void *data;
    bytes b;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pickle_start(&b);
        pickle_tensor(&b, "bias", bad[i].key, bad[i].count, bad[i].offset, 1, bad[i].first, 0,
                      bad[i].stride, 0);
        pickle_end(&b);
        data = torch_archive(&b, storages, counts, 1, &nbytes);
        assert_int_equal(load_ae(data, nbytes, NULL, NULL, &handle, &err), MDLA_ERR_CORRUPT);
        if (strstr(err.text, "storage") == NULL)
            fail_msg("case %zu: %s", i, err.text);
        free(data);
    }
}

static void test_torch_other_files_are_named(void **state)
{
    static const uint8_t old[] = {0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a};
    static const struct {
        const void *data;
        size_t nbytes;
        const char *why;
    } cases[] = {{old, sizeof old, "before version 1.6"},
                 {"\x80\x04}.", 4, "plain pickle"},
                 {"hello, world", 12, "no file that torch.save wrote"},
                 {"PK\3\4", 4, "no ZIP directory"},
                 {"", 0, "no file that torch.save wrote"}};
    mdla_sae *handle;
    mdla_error err;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        member_folder f = {.count = 0};

        member_add(&f, "ae.pt", cases[i].data, cases[i].nbytes);
        assert_int_not_equal(member_folder_load(&f, NULL, 0, &handle, &err), MDLA_OK);
        if (strstr(err.text, cases[i].why) == NULL)
            fail_msg("%s, not '%s'", err.text, cases[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torch_classes_are_what_the_configuration_says),
        cmocka_unit_test(test_torch_keys_that_one_class_has_are_enough),
        cmocka_unit_test(test_torch_pre_bias_must_be_told),
        cmocka_unit_test(test_torch_openai_says_its_activation),
        cmocka_unit_test(test_torch_windows_stay_in_their_storage),
        cmocka_unit_test(test_torch_other_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
