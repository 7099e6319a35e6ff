#include "loop/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sys/resource.h>

#include "base/mem.h"

enum { POOL_THREADS_MAX = 16, NICE = 10 };

struct pool {
    const char *name;
    pthread_mutex_t mutex; /* guards everything below but `threads` */
    pthread_cond_t has_work;
    struct pool_job *first;
    struct pool_job **end;
    size_t queued;
    size_t queue_max;
    bool is_closing;
    bool is_nice;
    unsigned thread_count;
    pthread_t threads[POOL_THREADS_MAX];
};

static void run_done(struct loop_msg *msg)
{
    struct pool_job *job = CONTAINER_OF(msg, struct pool_job, msg);

    job->done(job);
}

/* Waits for a job; NULL when the pool is closing and the queue is empty. */
static struct pool_job *take_job(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    while (!pool->first && !pool->is_closing)
        (void)pthread_cond_wait(&pool->has_work, &pool->mutex);

    struct pool_job *job = pool->first;
    if (job) {
        pool->first = job->next;
        if (!pool->first)
            pool->end = &pool->first;
        pool->queued--;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return job;
}

static void *thread_main(void *arg)
{
    struct pool *pool = arg;

    (void)pthread_setname_np(pthread_self(), pool->name);
    if (pool->is_nice && getpriority(PRIO_PROCESS, 0) < NICE)
        (void)setpriority(PRIO_PROCESS, 0, NICE); /* Linux: of this thread alone; only a favour */
    for (struct pool_job *job; (job = take_job(pool));) {
        job->work(job);
        job->msg.run = run_done;
        job->msg.drop = run_done; /* the loop is gone: done() still releases the job */
        loop_post(job->loop, &job->msg);
    }
    return NULL;
}

static enum err create(const char *name, unsigned thread_count, size_t queue_max, bool is_nice,
                       struct pool **ret_pool)
{
    assert(thread_count > 0 && thread_count <= POOL_THREADS_MAX);
    struct pool *pool = mem_zalloc(sizeof(*pool));

    pool->name = name;
    pool->queue_max = queue_max;
    pool->is_nice = is_nice;
    pool->end = &pool->first;
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->has_work, NULL);
    for (; pool->thread_count < thread_count; pool->thread_count++) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, thread_main, pool) != 0) {
            pool_destroy(pool);
            return ERR_IO;
        }
    }
    *ret_pool = pool;
    return OK;
}

enum err pool_create(const char *name, unsigned thread_count, size_t queue_max,
                     struct pool **ret_pool)
{
    return create(name, thread_count, queue_max, false, ret_pool);
}

enum err pool_create_nice(const char *name, unsigned thread_count, size_t queue_max,
                          struct pool **ret_pool)
{
    return create(name, thread_count, queue_max, true, ret_pool);
}

enum err pool_submit(struct pool *pool, struct loop *loop, struct pool_job *job)
{
    (void)pthread_mutex_lock(&pool->mutex);
    bool is_full = pool->is_closing || pool->queued >= pool->queue_max;
    if (!is_full) {
        job->next = NULL;
        job->loop = loop;
        *pool->end = job;
        pool->end = &job->next;
        pool->queued++;
        (void)pthread_cond_signal(&pool->has_work);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return is_full ? ERR_LIMIT : OK;
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;

    (void)pthread_mutex_lock(&pool->mutex);
    pool->is_closing = true;
    (void)pthread_cond_broadcast(&pool->has_work);
    (void)pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    (void)pthread_mutex_destroy(&pool->mutex);
    (void)pthread_cond_destroy(&pool->has_work);
    mem_free(pool);
}
