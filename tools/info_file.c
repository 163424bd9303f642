/* mdla-info on a .mdla file: what it says of itself, and what each class of bits takes. */
#include "info.h"

#include "common/classes.h"
#include "common/json.h"
#include "common/numbers.h"
#include "common/table.h"
#include "common/tool.h"

#include <math.h>

static double rows_or_one(const mdla_account *account)
{
    return account->rows ? (double)account->rows : 1.0;
}

static void print_head(const info_subject *s, const mdla_account *account)
{
    const mdla_file_info *f = &s->file;
    char count[NUMBER_TEXT_MAX], text[SHA256_TEXT_MAX];

    printf("%s: mdla %u.%u, %s rows x %u dims of %s, %u features\n", s->name, f->version_major,
           f->version_minor, number_grouped(account->rows, count), f->dims, mdla_dtype_name(f->dtype),
           f->width);
    printf("  size      %s bytes\n", number_grouped(account->file_nbytes, count));
    printf("  blocks    %s of at most %u rows\n", number_grouped(f->blocks, count), f->block_rows);
    printf("  codebook  %s, SHA-256 %s\n", f->embedded ? "embedded" : "named",
           number_sha256(f->codebook_sha256, text));
    printf("  step      %g\n", f->step);
    if (account->rows)
        printf("  L0        %.2f\n", (double)account->active / (double)account->rows);
    if (isfinite(f->fvu))
        printf("  FVU       %.6f (recorded)\n", f->fvu);
    if (f->has_decoded_sha256)
        printf("  decoded   SHA-256 %s\n", number_sha256(f->decoded_sha256, text));
    if (f->note && f->note[0])
        printf("  note      %s\n", f->note);
}

static int print_classes(const mdla_account *account)
{
    const double all = 8.0 * (double)account->file_nbytes;
    table *t = table_new(4);
    double sum = 0;
    int result;

    if (!t)
        return tool_fail("out of memory");
    table_text(t, "class");
    table_text(t, "bits");
    table_text(t, "share");
    table_text(t, "bits a row");
    for (int c = 0; c < MDLA_BITS_CLASSES; c++) {
        if (account->bits[c] == 0)
            continue;
        table_text(t, mdla_bit_class_name((mdla_bit_class)c));
        table_number(t, account->bits[c], 1);
        table_format(t, "%.2f %%", 100.0 * account->bits[c] / all);
        table_number(t, account->bits[c] / rows_or_one(account), 3);
        sum += account->bits[c];
    }
    table_text(t, "all: 8 x the file's bytes");
    table_number(t, sum, 1);
    table_format(t, "%.2f %%", 100.0 * sum / all);
    table_number(t, sum / rows_or_one(account), 3);
    putchar('\n');
    result = table_print_aligned(t, stdout) == 0 ? TOOL_DONE : tool_fail("out of memory");
    table_free(t);
    return result;
}

static void print_json(const info_subject *s, const mdla_account *account)
{
    const mdla_file_info *f = &s->file;
    json_writer json = {.stream = stdout};
    char text[SHA256_TEXT_MAX];

    json_begin_object(&json, NULL);
    json_text(&json, "file", s->name);
    json_text(&json, "kind", "mdla");
    json_count(&json, "version_major", f->version_major);
    json_count(&json, "version_minor", f->version_minor);
    json_count(&json, "rows", account->rows);
    json_count(&json, "dims", f->dims);
    json_text(&json, "dtype", mdla_dtype_name(f->dtype));
    json_count(&json, "width", f->width);
    json_count(&json, "file_nbytes", account->file_nbytes);
    json_count(&json, "blocks", f->blocks);
    json_count(&json, "block_rows", f->block_rows);
    json_bool(&json, "embedded", f->embedded);
    json_text(&json, "codebook_sha256", number_sha256(f->codebook_sha256, text));
    json_number(&json, "step", f->step);
    json_count(&json, "active", account->active);
    json_number(&json, "l0", account->rows ? (double)account->active / rows_or_one(account) : (double)NAN);
    json_number(&json, "fvu", f->fvu);
    json_text(&json, "decoded_sha256",
              f->has_decoded_sha256 ? number_sha256(f->decoded_sha256, text) : NULL);
    json_text(&json, "note", f->note);
    class_put_json(&json, account);
    json_number(&json, "charged_bits", account->charged);
    json_end_object(&json);
}

int info_file(const info_subject *s)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_account account;
    const mdla_status status = mdla_decoder_account(s->decoder, &account, &err);

    if (status != MDLA_OK)
        return tool_fail_status(status, &err);
    if (s->json) {
        print_json(s, &account);
        return TOOL_DONE;
    }
    print_head(s, &account);
    return print_classes(&account);
}
