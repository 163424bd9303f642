/* The one place that knows OpenBLAS. Products run on the calling thread alone: our threads take
 * row tiles instead, so that a result's bits don't depend on how many there are. */
#ifndef MDLA_MATMUL_H
#define MDLA_MATMUL_H

#include "mdla/base.h"

#include <stddef.h>

/* Call once before the first product of a handle; safe to repeat. Keeps OpenBLAS on one thread. */
void matmul_init(void);

/* c [m][n] = a [m][k] . b [n][k] transposed: every entry a dot product of two runs. */
void matmul_nt(size_t m, size_t n, size_t k, const float *a, const float *b, float *c);

/* c [m][n] = a [m][k] . b [k][n]. */
void matmul_nn(size_t m, size_t n, size_t k, const float *a, const float *b, float *c);

/* c [m][n] -= a [m][k] . b [k][n]. */
void matmul_subtract_nn(size_t m, size_t n, size_t k, const float *a, const float *b, float *c);

/* sum of a[i] b[i], i < n; any order. */
float matmul_dot(size_t n, const float *a, const float *b);

/* y[i] += alpha x[i]. */
void matmul_axpy(size_t n, float alpha, const float *x, float *y);

/* c [m][n] += a . b transposed in place: sum over r < rows of a[r][i] b[r][j]; rows of a, b and c
 * lie stride apart. */
void matmul_add_products(size_t m, size_t n, size_t rows, size_t stride, const double *a,
                         const double *b, double *c);

/* Eigenvectors of a symmetric matrix, of whose a [n][n] the lower triangle is read: they take its
 * place, a row each, by rising eigenvalue. MDLA_ERR_MEMORY; MDLA_ERR_DATA where they aren't found.
 */
mdla_status matmul_eigenvectors(const mdla_allocator *al, uint32_t n, double *a);

#endif
