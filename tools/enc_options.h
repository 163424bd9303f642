/* mdla-enc's command line. */
#ifndef MDLA_ENC_OPTIONS_H
#define MDLA_ENC_OPTIONS_H

#include "sae_open.h"

#include "common/options.h"

#include "mdla/mdla.h"

typedef struct enc_options {
    tool_options common;
    sae_choice sae;
    const char *codebook, *codebook_out, *note, *files_from, *docs, *tokens, *hook;
    const char *codes_in; /* a latent cache instead of rows */
    mdla_codes_shape shape;
    mdla_target target;
    mdla_code code;
    mdla_model model;
    mdla_basis basis;
    int effort;
    mdla_array_options array;
    uint64_t expected_rows;
    uint32_t block_rows, codewords, stages;
    int prune, adapt_atoms, index;
    int raw, embed, reference, verify;
    char **data; /* names_free */
    size_t data_count;
} enc_options;

/** Reads and checks the command line. Returns -1 to go on, else the exit code. */
int enc_parse(int argc, char **argv, enc_options *o);

int enc_has_target(const enc_options *o);

#endif
