/* mdla-info on codebooks. */
#include "info.h"

#include "common/json.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <stdio.h>

int info_codebook(const char *name, const mdla_codebook *codebook, int as_json)
{
    mdla_codebook_info info;
    char text[SHA256_TEXT_MAX], count[NUMBER_TEXT_MAX];

    mdla_codebook_query(codebook, &info);
    if (as_json) {
        json_writer json = {.stream = stdout};

        json_begin_object(&json, NULL);
        json_text(&json, "file", name);
        json_text(&json, "kind", "codebook");
        json_text(&json, "basis", mdla_basis_name(info.basis));
        json_count(&json, "stages", info.stages);
        json_count(&json, "width", info.width);
        json_count(&json, "dims", info.dims);
        json_bool(&json, "cache", info.cache);
        json_text(&json, "sha256", number_sha256(info.sha256, text));
        json_number(&json, "step", info.step);
        json_count(&json, "nbytes", info.nbytes);
        json_number(&json, "atom_bits", info.atom_bits);
        json_number(&json, "bias_bits", info.bias_bits);
        json_number(&json, "prior_bits", info.prior_bits);
        json_count(&json, "joint_weights", info.weights);
        json_number(&json, "joint_bits", info.weight_bits);
        json_end_object(&json);
        return TOOL_DONE;
    }
    if (info.cache)
        printf("%s: codebook of latent caches, %s features\n", name,
               number_grouped(info.width, count));
    else
        printf("%s: codebook, %s features x %u dims\n", name, number_grouped(info.width, count),
               info.dims);
    if (info.basis != MDLA_BASIS_SAE)
        printf("  basis     %s, stages: %u\n", mdla_basis_name(info.basis), info.stages);
    printf("  SHA-256   %s\n", number_sha256(info.sha256, text));
    printf("  size      %s bytes\n", number_grouped(info.nbytes, count));
    if (!info.cache) {
        printf("  atoms     %.0f bits, %.3f a value\n", info.atom_bits,
               info.atom_bits / ((double)info.width * (double)info.dims));
        printf("  bias      %.0f bits\n", info.bias_bits);
    }
    printf("  priors    %.0f bits, %.1f a feature\n", info.prior_bits,
           info.prior_bits / (double)info.width);
    if (info.weights != 0)
        printf("  joint     %.0f bits, %llu weights, %.1f a feature\n", info.weight_bits,
               (unsigned long long)info.weights, (double)info.weights / (double)info.width);
    else
        printf("  joint     none: features are coded as if independent\n");
    if (!info.cache)
        printf("  step      %g (it was made at this one, and serves any)\n", info.step);
    return TOOL_DONE;
}
