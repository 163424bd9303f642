/* Names and meanings of classes, for people and for JSON members and CSV columns. */
#include "common/classes.h"

#include <math.h>

const char *class_key(mdla_bit_class bit_class, char *text)
{
    snprintf(text, CLASS_KEY_MAX, "%s", mdla_bit_class_name(bit_class));
    for (char *p = text; *p; p++)
        if (*p == ' ')
            *p = '_';
    return text;
}

const char *class_meaning(mdla_bit_class bit_class)
{
    switch (bit_class) {
    case MDLA_BITS_CONTAINER: return "the file's frame";
    case MDLA_BITS_ATOMS: return "codebook: the features' directions";
    case MDLA_BITS_BIAS: return "codebook: what every row starts from";
    case MDLA_BITS_PRIORS: return "codebook: what is expected of codes";
    case MDLA_BITS_ROW_HEADERS: return "row counts and rates of blocks";
    case MDLA_BITS_PASSAGES: return "where passages start";
    case MDLA_BITS_ROW_NORMS: return "scales and offsets of rows";
    case MDLA_BITS_INDICES: return "which features are active";
    case MDLA_BITS_LEVELS: return "how strongly";
    case MDLA_BITS_INDEX: return "where the blocks are";
    case MDLA_BITS_TOKENS: return "token ids beside the rows";
    case MDLA_BITS_PASSAGE_NUMBERS: return "how passages are numbered";
    case MDLA_BITS_HOOK: return "where the rows stood, by name";
    case MDLA_BITS_ANCILLARY: return "provenance, hashes, sums";
    case MDLA_BITS_POSTINGS: return "which blocks hold a feature";
    case MDLA_BITS_CODER: return "the coder's own overhead";
    default: return "";
    }
}

void class_put_json(json_writer *json, const mdla_account *account)
{
    char key[CLASS_KEY_MAX];

    json_begin_object(json, "bits");
    for (int c = 0; c < MDLA_BITS_CLASSES; c++)
        json_number(json, class_key((mdla_bit_class)c, key), account->bits[c]);
    json_end_object(json);
}

double class_marginal_bits(const mdla_account *account)
{
    return account->rows ? 8.0 * (double)account->marginal_nbytes / (double)account->rows
                         : (double)NAN;
}
