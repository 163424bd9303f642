#include "fit/priors_fit.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_WANTED 32
#define ROUNDS 8
#define ACTIVE_PER_CLASS 400 /* a class stands for at least so many levels on average */

uint8_t rate_index_of(double p)
{
    const double index = RATE_INDEX_EVEN + 8.0 * log2((1.0 - p) / p);

    if (p <= 0.0 || index >= RATE_INDEX_MAX)
        return RATE_INDEX_MAX;
    return p >= 1.0 || index <= 0.0 ? 0 : (uint8_t)lround(index);
}

static void fit_rates(codebook *cb, const code_counts *counts)
{
    const double rows = (double)counts->rows;

    /* Half an occurrence more in one row more: a feature never seen isn't impossible. */
    for (uint32_t j = 0; j < cb->width; j++) {
        const double above = (double)counts->fired[(size_t)j * cb->signs];
        const double below = cb->signs == 2 ? (double)counts->fired[2 * (size_t)j + 1] : 0.0;

        cb->rate_index[j] = rate_index_of((above + below + 0.3) / (rows + 0.6));
        if (cb->signs == 2)
            cb->negative[j] = rate_index_of((below + 0.5) / (above + below + 1.0));
    }
}

/* A codeword's rate is that among itself and those behind it in its stage; the last's counts for
 * nothing. */
static void fit_choice_rates(codebook *cb, const code_counts *counts)
{
    const uint32_t codewords = cb->width / cb->basis.stages;

    for (uint32_t end = cb->width; end > 0; end -= codewords) {
        double behind = (double)counts->fired[end - 1] + 0.5;

        for (uint32_t j = end - 1; j > end - codewords; j--) {
            const double own = (double)counts->fired[j - 1] + 0.5;

            behind += own;
            cb->rate_index[j - 1] = rate_index_of(own / behind);
        }
        cb->rate_index[end - 1] = codewords > 1 ? cb->rate_index[end - 2] : 0;
    }
}

/* Hazards of a class from its level counts, level 1 first. */
static void fit_hazards(const double *count, unsigned hazards, uint8_t *hazard)
{
    double above[COUNT_LEVELS + 1] = {0.0};

    for (unsigned l = COUNT_LEVELS; l-- > 0;)
        above[l] = above[l + 1] + count[l];
    for (unsigned l = 0; l + 1 < hazards; l++) {
        /* Where little is known a level is as likely to stop as the one before it. */
        const double before =
            l == 0 ? 0.5 : 1.0 / (1.0 + exp2((hazard[l - 1] - RATE_INDEX_EVEN) / 8.0));

        hazard[l] = rate_index_of((count[l] + 2.0 * before) / (above[l] + 2.0));
    }
    {
        /* The tail is geometric: stops over chances. */
        const unsigned first = hazards - 1;
        double chances = 0.0;

        for (unsigned l = first; l < COUNT_LEVELS; l++)
            chances += above[l];
        hazard[first] = rate_index_of((above[first] + 0.5) / (chances + 4.0));
    }
}

/* Bits of levels 1 .. COUNT_LEVELS under hazards. */
static void level_costs(const uint8_t *hazard, unsigned hazards, double *bits)
{
    double survived = 0.0;

    for (unsigned l = 0; l < COUNT_LEVELS; l++) {
        const uint8_t index = hazard[l < hazards ? l : hazards - 1];
        const double odds = (index - RATE_INDEX_EVEN) / 8.0; /* log2 of going on : stopping */

        bits[l] = survived + log2(1.0 + exp2(odds));
        survived += log2(1.0 + exp2(-odds));
    }
}

/* Features with levels, one sign of them, by their mean level. */
typedef struct mean_level {
    double mean;
    size_t feature;
} mean_level;

static int compare_means(const void *a, const void *b)
{
    const mean_level *left = a, *right = b;

    if (left->mean != right->mean)
        return left->mean < right->mean ? -1 : 1;
    return left->feature < right->feature ? -1 : left->feature > right->feature;
}

/* Classes to begin with: equal shares of all levels, along the mean level. */
static void split_by_mean(codebook *cb, const code_counts *counts, mean_level *means)
{
    const size_t lines = (size_t)cb->width * cb->signs;
    double seen = 0.0;

    for (size_t j = 0; j < lines; j++) {
        double sum = 0.0;

        for (unsigned l = 0; l < COUNT_LEVELS; l++)
            sum += (l + 1.0) * counts->level[j * COUNT_LEVELS + l];
        means[j] = (mean_level){(sum + 2.0) / ((double)counts->fired[j] + 1.0), j};
    }
    qsort(means, lines, sizeof *means, compare_means);
    for (size_t i = 0; i < lines; i++) {
        const uint32_t level_class =
            (uint32_t)(seen * cb->class_count / ((double)counts->active + 1.0));

        cb->level_class[means[i].feature] = (uint8_t)level_class;
        seen += (double)counts->fired[means[i].feature];
    }
}

static void fit_classes(codebook *cb, const code_counts *counts, double (*sums)[COUNT_LEVELS])
{
    memset(sums, 0, cb->class_count * sizeof *sums);
    for (size_t j = 0; j < (size_t)cb->width * cb->signs; j++) {
        double *sum = sums[cb->level_class[j]];

        for (unsigned l = 0; l < COUNT_LEVELS; l++)
            sum[l] += counts->level[j * COUNT_LEVELS + l];
    }
    for (uint32_t k = 0; k < cb->class_count; k++)
        fit_hazards(sums[k], cb->hazard_count, cb->hazard[k]);
}

/* Each feature to the class that codes its levels, and its own number, in the fewest bits. */
static void assign_classes(codebook *cb, const code_counts *counts, double (*costs)[COUNT_LEVELS])
{
    const size_t lines = (size_t)cb->width * cb->signs;
    size_t members[CODEBOOK_CLASSES_MAX] = {0};

    for (size_t j = 0; j < lines; j++)
        members[cb->level_class[j]]++;
    for (uint32_t k = 0; k < cb->class_count; k++)
        level_costs(cb->hazard[k], cb->hazard_count, costs[k]);
    for (size_t j = 0; j < lines; j++) {
        const uint32_t *level = counts->level + j * COUNT_LEVELS;
        double least = INFINITY;

        for (uint32_t k = 0; k < cb->class_count; k++) {
            double bits = log2(((double)lines + 1.0) / ((double)members[k] + 1.0));

            for (unsigned l = 0; l < COUNT_LEVELS; l++)
                bits += level[l] != 0 ? level[l] * costs[k][l] : 0.0;
            if (bits < least) {
                least = bits;
                cb->level_class[j] = (uint8_t)k;
            }
        }
    }
}

static mdla_status fit_sparse(codebook *cb, const code_counts *counts)
{
    double(*table)[COUNT_LEVELS] = alloc_array(cb->al, CODEBOOK_CLASSES_MAX, sizeof *table);
    mean_level *means = alloc_array(cb->al, (size_t)cb->width * cb->signs, sizeof *means);
    const uint64_t classes =
        counts->active / ((uint64_t)ACTIVE_PER_CLASS * cb->hazard_count / CODEBOOK_HAZARDS + 1);

    if (table == NULL || means == NULL) {
        alloc_free(cb->al, table);
        alloc_free(cb->al, means);
        return MDLA_ERR_MEMORY;
    }
    fit_rates(cb, counts);
    cb->class_count = classes < 1                ? 1
                      : classes > CLASSES_WANTED ? CLASSES_WANTED
                                                 : (uint32_t)classes;
    split_by_mean(cb, counts, means);
    fit_classes(cb, counts, table);
    for (unsigned round = 0; round < ROUNDS; round++) {
        assign_classes(cb, counts, table);
        fit_classes(cb, counts, table);
    }
    alloc_free(cb->al, table);
    alloc_free(cb->al, means);
    return codebook_derive_order(cb);
}

mdla_status priors_fit(codebook *cb, const code_counts *counts)
{
    if (cb->basis.kind != CODEBOOK_CHOICES)
        return fit_sparse(cb, counts);
    cb->class_count = 1;
    fit_choice_rates(cb, counts);
    return codebook_derive_order(cb);
}

mdla_status priors_start(codebook *cb, double mean_active)
{
    const uint8_t rate = rate_index_of(mean_active / cb->width);

    memset(cb->rate_index, rate, cb->width);
    memset(cb->negative, RATE_INDEX_EVEN, cb->width);
    memset(cb->level_class, 0, (size_t)cb->width * cb->signs);
    memset(cb->hazard[0], RATE_INDEX_EVEN + 8, CODEBOOK_HAZARDS); /* stops with probability 1/3 */
    cb->class_count = 1;
    return codebook_derive_order(cb);
}
