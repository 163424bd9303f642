/* The description lengths of the MDL-SAE paper (arXiv 2410.11179) by its own arithmetic, in bits a
 * row. */
#ifndef MDLA_TOOL_PAPER_H
#define MDLA_TOOL_PAPER_H

/** L0 (B + log2 width): l0 features a row, each named by index_bits = log2 width and given a
 * strength of strength_bits = B. */
double paper_bound(double l0, double strength_bits, double index_bits);

/** Dense: every one of dims values takes strength_bits. */
double paper_dense(double dims, double strength_bits);

/** One of the paper's figures for GPT-2 small, made from the inputs that it gives. */
typedef struct paper_figure {
    const char *code;   /* "dense" ... */
    const char *inputs; /* the arithmetic in words */
    double bits;
    double published; /* NaN: not in the paper */
} paper_figure;

enum { PAPER_FIGURES = 5 };
void paper_gpt2(paper_figure out[PAPER_FIGURES]);

#endif
