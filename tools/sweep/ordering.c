/* The paper's ordering, SAE < dense < one-hot in bits at equal loss, from what was measured. */
#include "answers.h"

#include "common/table.h"
#include "common/tool.h"

#include <math.h>

enum { BASES = MDLA_BASIS_RVQ + 1 };

/* The shortest explanation of a kind; explanation_count where none reaches the loss. rows INFINITY:
 * in marginal bits. */
static size_t shortest_of(const sweep *s, mdla_basis basis, size_t fvu, double rows)
{
    size_t best = s->options->explanation_count;
    double least = INFINITY;

    for (size_t e = 0; e < s->options->explanation_count; e++) {
        const double bits = answers_total(s, e, fvu, rows);

        if (s->options->explanations[e].basis == basis && bits < least) {
            least = bits;
            best = e;
        }
    }
    return best;
}

static int has_basis(const sweep *s, mdla_basis basis)
{
    for (size_t e = 0; e < s->options->explanation_count; e++)
        if (s->options->explanations[e].basis == basis)
            return 1;
    return 0;
}

/* 1 yes, 0 no, -1 it can't be said. */
static int is_ordered(const double bits[BASES])
{
    const double sae = bits[MDLA_BASIS_SAE], dense = bits[MDLA_BASIS_DENSE];
    const double onehot = bits[MDLA_BASIS_ONEHOT];

    if (isnan(sae) || isnan(dense) || isnan(onehot))
        return -1;
    return sae < dense && dense < onehot;
}

/* One line: the shortest of each kind. */
static void put_line(table *t, const sweep *s, size_t fvu, double rows, int found[3])
{
    double bits[BASES];
    int ordered;

    if (isinf(rows))
        table_text(t, "marginal");
    else
        table_count(t, (uint64_t)rows);
    for (int b = 0; b < BASES; b++) {
        const size_t e = shortest_of(s, (mdla_basis)b, fvu, rows);

        bits[b] = (double)NAN;
        if (e < s->options->explanation_count)
            bits[b] = answers_total(s, e, fvu, rows);
        if (!has_basis(s, (mdla_basis)b))
            continue;
        if (isnan(bits[b]))
            table_text(t, "n/a");
        else
            table_format(t, "%.2f (%s)", bits[b], s->options->explanations[e].name);
    }
    ordered = is_ordered(bits);
    found[ordered + 1]++;
    table_text(t, ordered < 0 ? "n/a" : ordered ? "yes" : "no");
}

int ordering_put(FILE *out, const sweep *s, size_t fvu)
{
    static const char *const names[BASES] = {"SAE", "dense", "PCA", "one-hot", "RVQ"};
    int found[3] = {0, 0, 0}, bases = 0, result;
    size_t columns = 2;
    table *t;

    for (int b = 0; b < BASES; b++) {
        columns += has_basis(s, (mdla_basis)b) != 0;
        bases += b != MDLA_BASIS_SAE && has_basis(s, (mdla_basis)b);
    }
    if (bases == 0)
        return 0;
    t = table_new(columns);
    if (t)
        table_text(t, "rows sharing");
    for (int b = 0; t && b < BASES; b++)
        if (has_basis(s, (mdla_basis)b))
            table_text(t, names[b]);
    if (t) {
        table_text(t, "SAE < dense < one-hot?");
        put_line(t, s, fvu, INFINITY, found);
    }
    for (size_t n = 0; t && n < s->options->rows_count; n++)
        put_line(t, s, fvu, (double)s->options->rows[n], found);
    fprintf(out, "\nThe shortest of each kind, marginal and total bits a row:\n\n");
    result = t ? table_print_markdown(t, out) : -1;
    table_free(t);
    if (result != 0) {
        tool_fail("out of memory");
        return -1;
    }
    fprintf(out, "\nThe paper's ordering, SAE < dense < one-hot in bits at equal loss, ");
    if (found[1] + found[2] == 0)
        fprintf(out, "can't be judged: not all three reach this loss.\n");
    else if (found[1] == 0)
        fprintf(out, "holds in every line%s.\n",
                found[0] ? " where all three reach this loss" : "");
    else
        fprintf(out, "holds in %d of %d lines.\n", found[2], found[1] + found[2]);
    return 0;
}
