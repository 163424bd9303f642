/* Threads over numbered tasks. Results must not depend on which thread runs a task or when. */
#ifndef MDLA_PARALLEL_H
#define MDLA_PARALLEL_H

#include "mdla/base.h"

typedef struct parallel_pool parallel_pool;

/* task: 0 .. count-1, each run once; worker: 0 .. workers-1, for scratch memory of its own. */
typedef void (*parallel_task)(void *ctx, size_t task, size_t worker);

/* Starts threads - 1 threads (the caller is the last worker); 0 means one a core. NULL: no memory.
 * Where a thread can't be started the pool goes on with fewer. */
parallel_pool *parallel_open(const mdla_allocator *al, uint32_t threads);

size_t parallel_workers(const parallel_pool *pool);

/* Runs every task and returns when all are done. One call at a time. */
void parallel_run(parallel_pool *pool, size_t count, parallel_task task, void *ctx);

/* The same by the first workers of the pool alone, where each takes much memory. */
void parallel_run_few(parallel_pool *pool, size_t workers, size_t count, parallel_task task,
                      void *ctx);

void parallel_close(parallel_pool *pool); /* accepts NULL */

#endif
