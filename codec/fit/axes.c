#include "fit/axes.h"

#include "base/alloc.h"
#include "base/matmul.h"

#define AXES_ROWS 512 /* added at a time */
#define STRIPE 64     /* columns that a task takes */

mdla_status axes_start(axes_sums *s, const mdla_allocator *al, uint32_t dims, const double *mean)
{
    *s = (axes_sums){.al = al, .dims = dims, .mean = mean};
    s->product = alloc_zeroed(al, (size_t)dims * dims, sizeof *s->product);
    s->tile = alloc_array(al, (size_t)AXES_ROWS * dims, sizeof *s->tile);
    if (s->product != NULL && s->tile != NULL)
        return MDLA_OK;
    axes_free(s);
    return MDLA_ERR_MEMORY;
}

void axes_free(axes_sums *s)
{
    if (s->al == NULL)
        return;
    alloc_free(s->al, s->product);
    alloc_free(s->al, s->tile);
    s->product = s->tile = NULL;
}

typedef struct stripes {
    axes_sums *sums;
    size_t row_count;
} stripes;

static void add_stripe(void *ctx, size_t task, size_t worker)
{
    const stripes *j = ctx;
    const axes_sums *s = j->sums;
    const size_t first = task * STRIPE, left = s->dims - first;
    const size_t count = left < STRIPE ? left : STRIPE;

    (void)worker;
    matmul_add_products(count, first + count, j->row_count, s->dims, s->tile + first, s->tile,
                        s->product + first * s->dims);
}

void axes_add(axes_sums *s, parallel_pool *pool, const float *rows, size_t row_count)
{
    while (row_count != 0) {
        const size_t count = row_count < AXES_ROWS ? row_count : AXES_ROWS;
        stripes j = {s, count};

        for (size_t i = 0; i < count * s->dims; i++)
            s->tile[i] = (double)rows[i] - s->mean[i % s->dims];
        parallel_run(pool, (s->dims + STRIPE - 1) / STRIPE, add_stripe, &j);
        rows += count * s->dims;
        row_count -= count;
    }
}

mdla_status axes_finish(axes_sums *s, float *axes)
{
    const size_t dims = s->dims;

    MDLA_TRY(matmul_eigenvectors(s->al, s->dims, s->product));
    for (size_t k = 0; k < dims; k++)
        for (size_t d = 0; d < dims; d++)
            axes[k * dims + d] = (float)s->product[(dims - 1 - k) * dims + d];
    return MDLA_OK;
}
