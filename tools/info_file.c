/* mdla-info on a .mdla file: what it says of itself, and what each class of bits takes. */
#include "info.h"

#include "common/classes.h"
#include "common/json.h"
#include "common/numbers.h"
#include "common/tool.h"

#include <math.h>
#include <stdio.h>

static double rows_or_one(const mdla_account *account)
{
    return account->rows ? (double)account->rows : 1.0;
}

/* How many bytes the rows took in their own type. */
static double source_nbytes(const mdla_file_info *f, const mdla_account *account)
{
    return (double)account->rows * f->dims * (double)mdla_dtype_nbytes(f->dtype);
}

static void print_size(const info_subject *s, const mdla_account *account)
{
    const double bits = 8.0 * (double)account->file_nbytes / rows_or_one(account);
    char count[NUMBER_TEXT_MAX];

    printf("  size      %s bytes", number_grouped(account->file_nbytes, count));
    if (account->rows == 0) {
        putchar('\n');
        return;
    }
    if (!s->file.cache)
        printf("; the rows took %.3g times as many",
               source_nbytes(&s->file, account) / (double)account->file_nbytes);
    printf("\n  bits      %.2f a row", bits);
    if (account->marginal_nbytes != account->file_nbytes)
        printf(", %.2f marginal", class_marginal_bits(account));
    if (s->file.cache && account->active > 0)
        printf("; %.3f bits a strength", bits * (double)account->rows / (double)account->active);
    putchar('\n');
}

static void print_model(const info_subject *s, const mdla_account *account)
{
    const double indices = account->bits[MDLA_BITS_INDICES];
    const mdla_file_info *f = &s->file;
    mdla_codebook_info book;

    if (!mdla_decoder_codebook(s->decoder)) {
        printf("  model     %s\n", f->model == MDLA_MODEL_JOINT
                                       ? "joint: features given each other"
                                       : "additive: every feature by itself");
        return;
    }
    mdla_codebook_query(mdla_decoder_codebook(s->decoder), &book);
    if (book.basis != MDLA_BASIS_SAE) {
        printf("  basis     %s in an SAE's place, stages: %u\n", mdla_basis_name(book.basis),
               book.stages);
        return;
    }
    if (f->model == MDLA_MODEL_ADDITIVE) {
        printf("  model     additive: every feature by itself\n");
        return;
    }
    printf("  model     joint: features given each other");
    if (account->additive_indices > 0)
        printf(", indices %.1f %% below what they cost one by one",
               100.0 * (1.0 - indices / account->additive_indices));
    putchar('\n');
}

static void print_head(const info_subject *s, const mdla_account *account)
{
    const mdla_file_info *f = &s->file;
    char count[NUMBER_TEXT_MAX], width[NUMBER_TEXT_MAX], text[SHA256_TEXT_MAX];

    printf("%s: mdla %u.%u, ", s->name, f->version_major, f->version_minor);
    if (f->cache)
        printf("latent cache of %s rows, %s features, strengths of %s\n",
               number_grouped(account->rows, count), number_grouped(f->width, width),
               mdla_dtype_name(f->dtype));
    else
        printf("%s rows x %u dims of %s, %s features\n", number_grouped(account->rows, count),
               f->dims, mdla_dtype_name(f->dtype), number_grouped(f->width, width));
    print_size(s, account);
    if (isfinite(f->fvu))
        printf("  loss      FVU %.6f, as the encoder recorded it\n", f->fvu);
    if (account->rows && mdla_decoder_codebook(s->decoder))
        printf("  L0        %.2f features a row\n",
               (double)account->active / (double)account->rows);
    print_model(s, account);
    if (f->cache && f->step == 0)
        printf("  step      none: strengths are exact\n");
    else
        printf("  step      %g\n", f->step);
    if (f->context)
        printf("  sequences of %u rows\n", f->context);
    printf("  blocks    %s of at most %u rows%s%s%s\n", number_grouped(f->blocks, count),
           f->block_rows, f->passages ? "; starts of passages are coded" : "",
           f->passage_numbers ? ", passage numbers beside them" : "",
           f->tokens ? "; token ids beside the rows" : "");
    printf("  codebook  %s, SHA-256 %s\n", f->embedded ? "embedded" : "named",
           number_sha256(f->codebook_sha256, text));
    if (f->postings)
        printf("  index     posting lists: --feature decodes only the blocks that it must\n");
    if (f->has_decoded_sha256)
        printf("  decoded   SHA-256 %s\n", number_sha256(f->decoded_sha256, text));
    if (f->hook)
        printf("  hook      %s\n", f->hook);
    if (f->note && f->note[0])
        printf("  note      %s\n", f->note);
}

static void print_class(const char *name, double bits, const mdla_account *account,
                        const char *meaning)
{
    enum { BAR = 20 };
    const double share = bits / (8.0 * (double)account->file_nbytes);
    const int filled = (int)(share * BAR + 0.5);

    printf("%-15s %13.1f %13.3f %8.2f %%", name, bits, bits / rows_or_one(account), 100.0 * share);
    if (*meaning)
        printf("  %.*s%*s  %s", filled, "####################", BAR - filled, "", meaning);
    putchar('\n');
}

/* What only decoding tells apart is one line. */
static void print_classes(const mdla_account *account)
{
    double sum = 0;

    printf("\n%-15s %13s %13s %10s\n", "class", "bits", "bits a row", "share");
    for (int c = 0; c < MDLA_BITS_CLASSES; c++) {
        if (c == MDLA_BITS_INDICES && isnan(account->bits[c])) {
            print_class("codes", account->charged, account, "which features, how strongly");
            sum += account->charged;
        }
        if (account->bits[c] == 0 || isnan(account->bits[c]))
            continue;
        print_class(mdla_bit_class_name((mdla_bit_class)c), account->bits[c], account,
                    class_meaning((mdla_bit_class)c));
        sum += account->bits[c];
    }
    print_class("file", sum, account, "");
}

static void print_json(const info_subject *s, const mdla_account *account)
{
    const mdla_file_info *f = &s->file;
    json_writer json = {.stream = stdout};
    const mdla_codebook *codebook = mdla_decoder_codebook(s->decoder);
    mdla_codebook_info book;
    char text[SHA256_TEXT_MAX];

    if (codebook)
        mdla_codebook_query(codebook, &book);
    json_begin_object(&json, NULL);
    json_text(&json, "file", s->name);
    json_text(&json, "kind", "mdla");
    json_count(&json, "version_major", f->version_major);
    json_count(&json, "version_minor", f->version_minor);
    json_count(&json, "rows", account->rows);
    json_count(&json, "dims", f->dims);
    json_text(&json, "dtype", mdla_dtype_name(f->dtype));
    json_count(&json, "width", f->width);
    json_bool(&json, "cache", f->cache);
    json_count(&json, "context", f->context);
    json_count(&json, "file_nbytes", account->file_nbytes);
    json_number(&json, "marginal_bits_per_row", class_marginal_bits(account));
    json_count(&json, "blocks", f->blocks);
    json_count(&json, "block_rows", f->block_rows);
    json_bool(&json, "passages", f->passages);
    json_bool(&json, "passage_numbers", f->passage_numbers);
    json_bool(&json, "tokens", f->tokens);
    json_bool(&json, "embedded", f->embedded);
    json_bool(&json, "postings", f->postings);
    json_text(&json, "codebook_sha256", number_sha256(f->codebook_sha256, text));
    json_number(&json, "joint_weights", codebook ? (double)book.weights : (double)NAN);
    json_number(&json, "step", f->step);
    json_number(&json, "active", codebook ? (double)account->active : (double)NAN);
    json_number(&json, "l0",
                codebook && account->rows ? (double)account->active / rows_or_one(account)
                                          : (double)NAN);
    json_number(&json, "fvu", f->fvu);
    json_text(&json, "decoded_sha256",
              f->has_decoded_sha256 ? number_sha256(f->decoded_sha256, text) : NULL);
    json_text(&json, "hook", f->hook);
    json_text(&json, "note", f->note);
    class_put_json(&json, account);
    json_number(&json, "charged_bits", account->charged);
    json_end_object(&json);
}

int info_file(const info_subject *s)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_account account;
    const int outline = !mdla_decoder_codebook(s->decoder);
    const mdla_status status = outline ? mdla_decoder_account_outline(s->decoder, &account, &err)
                                       : mdla_decoder_account(s->decoder, &account, &err);

    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    if (s->form == LISTING_JSON) {
        print_json(s, &account);
        return TOOL_DONE;
    }
    print_head(s, &account);
    print_classes(&account);
    if (outline)
        printf("\n--codebook CB, the one of this SHA-256, adds L0, the bits of indices and of "
               "levels,\n"
               "and answers about rows and features.\n");
    return TOOL_DONE;
}
