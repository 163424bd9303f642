/* mdla-info on the pairs of features that carry the independence gap. */
#include "feature_pairs.h"
#include "info.h"

#include "common/tool.h"

static void put_pairs(const info_subject *s, feature_pairs *l, uint64_t wanted)
{
    static const listing_column columns[] = {{"from", LISTING_COUNT},
                                             {"to", LISTING_COUNT},
                                             {"log2_odds", 2},
                                             {"rows_from", LISTING_COUNT},
                                             {"rows_to", LISTING_COUNT},
                                             {"rows_both", LISTING_COUNT},
                                             {"bits", 1},
                                             {"bits_per_row", LISTING_DIGITS}};
    const double rows = (double)s->file.rows;
    listing out;

    feature_pairs_rank(l);
    listing_begin(&out, s->form, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < l->count && i < wanted; i++) {
        const feature_pair *p = &l->pairs[i];

        listing_count(&out, p->from);
        listing_count(&out, p->to);
        listing_number(&out, p->octaves);
        listing_count(&out, l->rows[p->from]);
        listing_count(&out, l->rows[p->to]);
        listing_count(&out, p->both);
        listing_number(&out, p->bits);
        listing_number(&out, p->bits / rows);
    }
    listing_end(&out);
}

static int count_pairs(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                       const mdla_symbol_bits *bits)
{
    (void)row;
    (void)bits;
    feature_pairs_add(ctx, code, count);
    return tool_stopped();
}

int info_pairs(const info_subject *s, uint64_t wanted)
{
    feature_pairs l;
    mdla_error err = {MDLA_OK, ""};
    mdla_status status = feature_pairs_open(s->decoder, &l, &err);
    int result = TOOL_DONE;

    if (status == MDLA_OK)
        status = mdla_decoder_visit_rows(s->decoder, 0, MDLA_UNKNOWN, count_pairs, &l, &err);
    if (status != MDLA_OK || tool_stopped())
        result = tool_fail_status(status, &err);
    else if (l.count == 0)
        result = tool_fail("%s: its codebook has no joint model, so no pairs are known", s->name);
    else
        put_pairs(s, &l, wanted);
    feature_pairs_free(&l);
    return result;
}
