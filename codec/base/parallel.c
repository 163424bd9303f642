/* A fixed pool of threads that take task numbers from a counter. */
#include "base/parallel.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

struct parallel_pool {
    const mdla_allocator *al;
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    pthread_t *threads;
    struct worker *workers;
    size_t thread_count; /* started, without the caller */
    parallel_task task;
    void *ctx;
    size_t next, count, busy;
    size_t limit;   /* workers from this number on stand by */
    uint64_t round; /* grows by one a run: wakes the workers */
    bool quit;
};

struct worker {
    parallel_pool *pool;
    size_t number;
};

static void take_tasks(parallel_pool *pool, size_t worker)
{
    while (pool->next < pool->count) {
        const size_t task = pool->next++;

        pthread_mutex_unlock(&pool->lock);
        pool->task(pool->ctx, task, worker);
        pthread_mutex_lock(&pool->lock);
    }
}

static void *worker_main(void *arg)
{
    const struct worker *worker = arg;
    parallel_pool *pool = worker->pool;
    uint64_t seen = 0;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == seen && !pool->quit)
            pthread_cond_wait(&pool->start, &pool->lock);
        if (pool->quit)
            break;
        seen = pool->round;
        pool->busy++;
        if (worker->number < pool->limit)
            take_tasks(pool, worker->number);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

parallel_pool *parallel_open(const mdla_allocator *al, uint32_t threads)
{
    parallel_pool *pool = alloc_zeroed(al, 1, sizeof *pool);
    size_t wanted = threads;

    if (pool == NULL)
        return NULL;
    if (wanted == 0) {
        const long cores = sysconf(_SC_NPROCESSORS_ONLN);
        wanted = cores > 0 ? (size_t)cores : 1;
    }
    pool->al = al;
    pool->threads = alloc_zeroed(al, wanted, sizeof *pool->threads);
    pool->workers = alloc_zeroed(al, wanted, sizeof *pool->workers);
    if (pool->threads == NULL || pool->workers == NULL) {
        alloc_free(al, pool->threads);
        alloc_free(al, pool->workers);
        alloc_free(al, pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (size_t i = 0; i + 1 < wanted; i++) {
        pool->workers[i] = (struct worker){pool, i + 1};
        if (pthread_create(&pool->threads[i], NULL, worker_main, &pool->workers[i]) != 0)
            break;
        pool->thread_count++;
    }
    return pool;
}

size_t parallel_workers(const parallel_pool *pool)
{
    return pool->thread_count + 1;
}

void parallel_run(parallel_pool *pool, size_t count, parallel_task task, void *ctx)
{
    parallel_run_few(pool, parallel_workers(pool), count, task, ctx);
}

void parallel_run_few(parallel_pool *pool, size_t workers, size_t count, parallel_task task,
                      void *ctx)
{
    pthread_mutex_lock(&pool->lock);
    pool->task = task;
    pool->ctx = ctx;
    pool->limit = workers;
    pool->next = 0;
    pool->count = count;
    pool->round++;
    pthread_cond_broadcast(&pool->start);
    take_tasks(pool, 0);
    while (pool->busy != 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void parallel_close(parallel_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->quit = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    alloc_free(pool->al, pool->threads);
    alloc_free(pool->al, pool->workers);
    alloc_free(pool->al, pool);
}
