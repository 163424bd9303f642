#include "base/matmul.h"

#include "base/alloc.h"

#include <cblas.h>

void matmul_init(void)
{
    openblas_set_num_threads(1);
}

void matmul_nt(size_t m, size_t n, size_t k, const float *a, const float *b, float *c)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f,
                a, (blasint)k, b, (blasint)k, 0.0f, c, (blasint)n);
}

void matmul_nn(size_t m, size_t n, size_t k, const float *a, const float *b, float *c)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f,
                a, (blasint)k, b, (blasint)n, 0.0f, c, (blasint)n);
}

void matmul_subtract_nn(size_t m, size_t n, size_t k, const float *a, const float *b, float *c)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)k,
                -1.0f, a, (blasint)k, b, (blasint)n, 1.0f, c, (blasint)n);
}

float matmul_dot(size_t n, const float *a, const float *b)
{
    return cblas_sdot((blasint)n, a, 1, b, 1);
}

void matmul_axpy(size_t n, float alpha, const float *x, float *y)
{
    cblas_saxpy((blasint)n, alpha, x, 1, y, 1);
}

void matmul_add_products(size_t m, size_t n, size_t rows, size_t stride, const double *a,
                         const double *b, double *c)
{
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)rows, 1.0,
                a, (blasint)stride, b, (blasint)stride, 1.0, c, (blasint)stride);
}

/* LAPACK's, which OpenBLAS brings along without a header of its own on some systems. */
void dsyevd_(const char *job, const char *triangle, const blasint *n, double *a,
             const blasint *stride, double *values, double *work, const blasint *work_count,
             blasint *whole_work, const blasint *whole_work_count, blasint *info);

mdla_status matmul_eigenvectors(const mdla_allocator *al, uint32_t n, double *a)
{
    const blasint order = (blasint)n, ask = -1;
    double *values = alloc_array(al, n, sizeof *values), *work, wanted = 0.0;
    blasint *whole_work, whole_wanted = 0, info = 0;
    mdla_status status = MDLA_ERR_MEMORY;

    /* By LAPACK's columns the lower triangle of rows is an upper one, and its columns are our rows.
     */
    dsyevd_("V", "U", &order, a, &order, values, &wanted, &ask, &whole_wanted, &ask, &info);
    const blasint work_count = (blasint)wanted;

    work = alloc_array(al, (size_t)work_count, sizeof *work);
    whole_work = alloc_array(al, (size_t)whole_wanted, sizeof *whole_work);
    if (values != NULL && work != NULL && whole_work != NULL) {
        dsyevd_("V", "U", &order, a, &order, values, work, &work_count, whole_work, &whole_wanted,
                &info);
        status = info == 0 ? MDLA_OK : MDLA_ERR_DATA;
    }
    alloc_free(al, values);
    alloc_free(al, work);
    alloc_free(al, whole_work);
    return status;
}
